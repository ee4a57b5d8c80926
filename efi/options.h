#ifndef EFI_OPTIONS_H
#define EFI_OPTIONS_H

/*
 * What the user asked for: words "key=value", separated by blanks.
 *
 * Texts are added in the order of their authority; a later value replaces an
 * earlier one. What is asked stays readable in every phase.
 */

#include "boot_info.h"
#include "lib/compiler.h"

/*
 * Takes the words of @text, of @bytes or up to its first 0. A word that is no
 * option, and a value that is too long, leave a message that names @source and
 * change nothing.
 */
void options_add(const char *text, size_t bytes, const char *source);

/* The value of @key, which is a known one; NULL when nobody gave it. */
const char *options_get(const char *key);

/* As a number, decimal or 0x...; @otherwise when not given or no number (message). */
uint64_t options_number(const char *key, uint64_t otherwise);

/*
 * As an amount of memory: "512M" (K, M, G, T, or bytes) or "50%", at most 100 % and
 * 2^64 - 1 bytes. What is not given, or no amount (message), is 0 of both.
 */
struct movable_request options_memory(const char *key);

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
