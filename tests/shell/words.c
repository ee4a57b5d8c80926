/* A line of the shell as words. */

#include "tests/shell/words.h"

#include "lib/string.h"

bool words_split(struct words *words, const char *line)
{
	for (words->nr = 0;; words->nr++) {
		size_t bytes = 0;

		while (*line == ' ')
			line++;
		if (!*line)
			return true;
		if (words->nr == MAX_WORDS)
			return false;
		for (; *line && *line != ' '; line++) {
			if (bytes + 1 == WORD_BYTES)
				return false;
			words->at[words->nr][bytes++] = *line;
		}
		words->at[words->nr][bytes] = '\0';
	}
}

static unsigned digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

static unsigned shift_of(char c)
{
	switch (c | 0x20) {
	case 'k':
		return 10;
	case 'm':
		return 20;
	case 'g':
		return 30;
	default:
		return 0;
	}
}

bool words_number(const char *word, uint64_t *value)
{
	const unsigned base = word[0] == '0' && word[1] == 'x' ? 16 : 10;
	const char *first = base == 16 ? word + 2 : word, *at = first;

	*value = 0;
	for (; digit_of(*at) < base; at++)
		if (__builtin_mul_overflow(*value, base, value) ||
		    __builtin_add_overflow(*value, digit_of(*at), value))
			return false;
	if (at == first)
		return false;
	if (base == 10 && shift_of(*at)) {
		if (*value > UINT64_MAX >> shift_of(*at))
			return false;
		*value <<= shift_of(*at++);
	}
	return *at == '\0';
}

bool words_pair(const struct words *words, const char *key, uint64_t *value, uint64_t otherwise)
{
	size_t bytes = strlen(key);

	*value = otherwise;
	for (unsigned i = 1; i < words->nr; i++)
		if (strncmp(words->at[i], key, bytes) == 0 && words->at[i][bytes] == '=')
			return words_number(words->at[i] + bytes + 1, value);
	return true;
}
