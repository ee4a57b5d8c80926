/* FADT and DSDT: what is accepted is a port and a sleep type. */

#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes fadt = fuzz_table(data, size, "FACP");
	struct bytes dsdt = fuzz_table(data, size, "DSDT");
	struct power_info power;
	uint64_t dsdt_pa;

	if (fadt_read(fadt, &power, &dsdt_pa) != STATUS_OK && dsdt_pa != 0)
		abort();
	if (dsdt_find_s5(dsdt, &power) == STATUS_OK && (power.s5_type_a > 7 || power.s5_type_b > 7))
		abort();
	fuzz_free(fadt);
	fuzz_free(dsdt);
	return 0;
}
