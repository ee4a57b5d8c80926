/*
 * The image's own table of function names.
 *
 * Model
 *   tools/symbols.py makes it from the linked image, and the image is linked once more
 *   with it: starts in ascending order, and as many names, one behind the other.
 *   Names are walked, not indexed: a panic has time, the image has no bytes to waste.
 *
 * Locking
 *   None: read-only.
 */

#include "arch/x86_64/symbols.h"

#include "lib/string.h"
#include "log.h"

extern const uint32_t symbol_count HIDDEN;
extern const uint32_t symbol_starts[] HIDDEN;
extern const char symbol_names[] HIDDEN;

void symbol_describe(uint64_t offset, char *text, size_t size)
{
	const char *name = symbol_names;
	uint32_t index = 0;

	text[0] = '\0';
	if (symbol_count == 0 || offset < symbol_starts[0])
		return;
	while (index + 1 < symbol_count && symbol_starts[index + 1] <= offset) {
		name += strlen(name) + 1;
		index++;
	}
	format_text(text, size, "%s+0x%llx", name,
		    (unsigned long long)(offset - symbol_starts[index]));
}
