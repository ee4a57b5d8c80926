/* FADT and DSDT: what is accepted is a port and a sleep type. */

#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes fadt = fuzz_table(data, size, "FACP");
	struct bytes dsdt = fuzz_table(data, size, "DSDT");
	struct power_info power;
	struct fadt_facts facts;

	if (fadt_read(fadt, &power, &facts) != STATUS_OK &&
	    facts.dsdt_pa[0] + facts.dsdt_pa[1] != 0)
		abort();
	if (dsdt_find_s5(dsdt, &power) == STATUS_OK && (power.s5_type_a > 7 || power.s5_type_b > 7))
		abort();
	fuzz_free(fadt);
	fuzz_free(dsdt);
	return 0;
}
