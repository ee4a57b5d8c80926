/*
 * Options: any bytes as load options and as a file. The line of all that was
 * taken must read back as the same line, without a fault.
 */

#include "tests/fuzz/input.h"

#include "efi/options.h"

#define LINE_BYTES	16384u	/* all keys, their longest values of nothing but quotes */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char line[LINE_BYTES], again[LINE_BYTES];
	uint8_t *file = fuzz_array(size, 1);

	if (size > 0)
		memcpy(file, data, size);
	options_clear();
	options_add_load_options(file, size);
	options_add_file(file, size, "file");
	options_line(line, sizeof(line));
	options_clear();
	options_add(line, strlen(line), "line");
	options_line(again, sizeof(again));
	if (strcmp(line, again) != 0 || options_nr_faults() > 0)
		abort();
	free(file);
	return 0;
}
