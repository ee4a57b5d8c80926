/* SRAT: what is read is what was counted, and no more. */

#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes table = fuzz_table(data, size, "SRAT");
	struct srat_counts counts;

	if (srat_measure(table, &counts) == STATUS_OK) {
		struct srat srat = {
			.cpus = fuzz_array(counts.nr_cpus, sizeof(*srat.cpus)),
			.memory = fuzz_array(counts.nr_memory, sizeof(*srat.memory)),
			.initiators = fuzz_array(counts.nr_initiators, sizeof(*srat.initiators)),
			.domains = fuzz_array(counts.nr_cpus + counts.nr_initiators,
					      sizeof(*srat.domains)),
		};

		srat_read(table, &srat);
		for (uint32_t i = 0; i < counts.nr_memory; i++)
			if (srat.memory[i].start >= srat.memory[i].end)
				abort();
		free(srat.cpus);
		free(srat.memory);
		free(srat.initiators);
		free(srat.domains);
	}
	fuzz_free(table);
	return 0;
}
