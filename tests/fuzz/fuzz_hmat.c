/* HMAT: pairs are sorted, each once, and no more than there are values. */

#include "tests/fuzz/input.h"

static void check_pairs(const struct performance *pairs, uint32_t nr_pairs)
{
	for (uint32_t i = 1; i < nr_pairs; i++)
		if (pairs[i].initiator < pairs[i - 1].initiator ||
		    (pairs[i].initiator == pairs[i - 1].initiator &&
		     pairs[i].target <= pairs[i - 1].target))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes table = fuzz_table(data, size, "HMAT");
	struct hmat_counts counts;

	if (hmat_measure(table, &counts) == STATUS_OK) {
		struct hmat_value *values = fuzz_array(counts.nr_values, sizeof(*values));
		struct performance *pairs = fuzz_array(counts.nr_values, sizeof(*pairs));

		hmat_read(table, values);
		check_pairs(pairs, hmat_join(values, counts.nr_values, pairs));
		free(values);
		free(pairs);
	}
	fuzz_free(table);
	return 0;
}
