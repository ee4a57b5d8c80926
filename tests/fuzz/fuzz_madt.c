/* MADT: what is read is what was counted, and every id is a CPU's. */

#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes table = fuzz_table(data, size, "APIC");
	struct madt_counts counts;

	if (madt_measure(table, &counts) == STATUS_OK) {
		uint32_t *ids = fuzz_array(counts.nr_cpus, sizeof(*ids));

		madt_read(table, ids);
		for (uint32_t i = 0; i < counts.nr_cpus; i++)
			if (ids[i] == UINT32_MAX)
				abort();
		free(ids);
	}
	fuzz_free(table);
	return 0;
}
