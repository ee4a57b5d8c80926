#ifndef EFI_OPTIONS_H
#define EFI_OPTIONS_H

/*
 * What the user asked for: words "key=value", separated by blanks and line ends.
 *
 * Texts are added in the order of their authority; a later value replaces an
 * earlier one, an empty one takes it back. What is asked stays readable in every
 * phase. '#' and ';' begin a comment that ends with the line, quotes of either
 * kind make one word of what has blanks.
 */

#include "boot_info.h"
#include "lib/compiler.h"

/*
 * Takes the words of @text, ASCII, of @bytes or up to its first 0. A word that is
 * no option, and a value that is too long or none of its key's, leave a message
 * that names @source and the nearest right word; they change nothing else, but
 * count as faults.
 */
void options_add(const char *text, size_t bytes, const char *source);

/* What a text looks like before it is taken. */
struct options_census {
	unsigned nr_words;
	unsigned nr_ours;		/* pairs whose key is one of ours or near one */
	size_t name_bytes;		/* the first word's, when it is no pair; else 0 */
};

struct options_census options_count(const char *text, size_t bytes);

/*
 * What the firmware hands over as load options: text in any encoding, with or
 * without the program's name, a whole EFI_LOAD_OPTION around it, another system's
 * words, or no text at all. The last two leave one line and are no fault.
 */
void options_add_load_options(const uint8_t *bytes, size_t nr_bytes);

/* Files are read as far as this; a longer one is cut, which is a fault. */
#define OPTIONS_FILE_BYTES	(64u * 1024)

/*
 * A file, in any encoding; of one that may be longer, the first
 * OPTIONS_FILE_BYTES + 1 bytes. @bytes are written over.
 */
void options_add_file(uint8_t *bytes, size_t nr_bytes, const char *name);

/* For those who know what is right: @item of @key's value is @what; @meant may be NULL. */
void options_add_fault(const char *key, const char *item, const char *what, const char *meant);

/* How many words and values could not be used so far. */
unsigned options_nr_faults(void);

/* Takes the count back to @nr: after words that were typed, and for tests. */
void options_set_nr_faults(unsigned nr);

/* The value of @key, which is a known one; NULL when nobody gave it. */
const char *options_get(const char *key);

/* As a number, decimal or 0x...; @otherwise when not given. */
uint64_t options_number(const char *key, uint64_t otherwise);

/*
 * As an amount of memory: "512M" (K, M, G, T, or bytes) or "50%", at most 100 % and
 * 2^64 - 1 bytes. What is not given is 0 of both.
 */
struct movable_request options_memory(const char *key);

/* Pages of memory: [start, end), multiples of the page size. */
struct option_range {
	uint64_t start, end;
};

#define OPTION_RANGES_MAX	64u

/*
 * The comma list of @key as ranges: "ADDRESS" is the page that has it, "START-END" all
 * pages with a byte before END; each with K, M, G, T behind, or none. Returns how many;
 * 0 when not given.
 */
uint32_t options_ranges(const char *key, struct option_range ranges[OPTION_RANGES_MAX]);

/* True when the comma list of @key has @item as an element. */
bool options_has(const char *key, const char *item);

/*
 * Copies the next element of a comma list to @item and moves *at behind it.
 * False at the end. An element that does not fit is cut.
 */
bool options_next_item(const char **at, char *item, size_t size);

/* Forgets everything: for tests. */
void options_clear(void);

/* All options that were given, as one line: for boot_info's command line. */
void options_line(char *to, size_t size);

#endif
