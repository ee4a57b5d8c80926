#ifndef EFI_TEXT_H
#define EFI_TEXT_H

/* Text as people, their editors and their shells write it. */

#include "lib/compiler.h"

/* Stands in decoded text for every character that has no place in it. */
#define TEXT_NOT_ASCII	'\x1a'

/*
 * Turns @bytes bytes into ASCII at @to, at most @size bytes, without a final 0:
 * UTF-8, the 8-bit code page of Windows, UTF-16 and UTF-32 of both byte orders,
 * with and without a byte-order mark. Typographic quotes become plain ones, the
 * no-break space a blank, DOS's end of file a 0. Returns the length, which is at most @bytes.
 */
size_t text_decode(const uint8_t *from, size_t bytes, char *to, size_t size);

/* A search for the word that was meant: try each candidate, then read @nearest. */
struct nearest_word {
	const char *word;		/* what was written, of @bytes */
	size_t bytes;
	const char *nearest;		/* NULL: nothing is near */
	unsigned distance;
};

/*
 * A candidate is near when letters added, left out, changed or exchanged with
 * their neighbour lead to it: one in short words, two in longer ones; or when it
 * begins with the word. Case does not count.
 */
void text_try_word(struct nearest_word *search, const char *candidate);

#endif
