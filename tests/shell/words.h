#ifndef TESTS_SHELL_WORDS_H
#define TESTS_SHELL_WORDS_H

/* A line of the shell as words. */

#include "lib/compiler.h"

#define MAX_WORDS	6u
#define WORD_BYTES	32u

struct words {
	char at[MAX_WORDS][WORD_BYTES];
	unsigned nr;
};

/* Parts @line at its blanks. False: more than MAX_WORDS, or a word does not fit. */
bool words_split(struct words *words, const char *line) MUST_CHECK;

/* Decimal, 0x..., or with K, M, G behind it. False: no number. */
bool words_number(const char *word, uint64_t *value) MUST_CHECK;

/* The number of "key=NUMBER" among the words; @otherwise when there is none. False: no number. */
bool words_pair(const struct words *words, const char *key, uint64_t *value,
		uint64_t otherwise) MUST_CHECK;

#endif
