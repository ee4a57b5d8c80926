/* SLIT: an accepted matrix keeps its promises. */

#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes table = fuzz_table(data, size, "SLIT");
	uint32_t n;

	(void)slit_is_all_local(table);
	if (slit_measure(table, &n) == STATUS_OK) {
		uint8_t *value = fuzz_array((uint64_t)n * n, 1);

		slit_read(table, value);
		for (uint32_t from = 0; from < n; from++)
			for (uint32_t to = 0; to < n; to++)
				if ((value[(uint64_t)from * n + to] == 10) != (from == to))
					abort();
		free(value);
	}
	fuzz_free(table);
	return 0;
}
