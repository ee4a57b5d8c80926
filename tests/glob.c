/*
 * Comma-separated globs.
 *
 * Model
 *   A pattern is the text up to the next comma or the end. An empty list
 *   chooses nothing here; what "no list" means is the caller's policy.
 *
 * Cost
 *   Matching backtracks to the last star only: at most length of the pattern
 *   times length of the text.
 */

#include "tests/glob.h"

#include "lib/string.h"

static size_t pattern_bytes(const char *glob)
{
	size_t bytes = 0;

	while (glob[bytes] && glob[bytes] != ',')
		bytes++;
	return bytes;
}

static bool matches_character(char in_pattern, char in_text)
{
	if (in_pattern == '?' || in_pattern == in_text)
		return true;
	return in_pattern == '_' && in_text == ' ';
}

static bool pattern_matches(const char *pattern, size_t bytes, const char *text)
{
	const char *pattern_end = pattern + bytes;
	const char *star = NULL, *star_text = NULL;

	while (*text) {
		if (pattern < pattern_end && *pattern == '*') {
			star = pattern++;
			star_text = text;
		} else if (pattern < pattern_end && matches_character(*pattern, *text)) {
			pattern++;
			text++;
		} else if (star) {	/* let the last star take one character more */
			pattern = star + 1;
			text = ++star_text;
		} else {
			return false;
		}
	}
	while (pattern < pattern_end && *pattern == '*')
		pattern++;
	return pattern == pattern_end;
}

/* Steps to the pattern after the one at @glob; NULL after the last. */
static const char *next_pattern(const char *glob)
{
	glob += pattern_bytes(glob);
	return *glob ? glob + 1 : NULL;
}

bool glob_list_matches(const char *globs, const char *name)
{
	for (const char *glob = globs; glob; glob = next_pattern(glob))
		if (pattern_matches(glob, pattern_bytes(glob), name))
			return true;
	return false;
}

/* Offset of the first dot in a pattern, or @bytes. */
static size_t dot_offset(const char *pattern, size_t bytes)
{
	size_t at = 0;

	while (at < bytes && pattern[at] != '.')
		at++;
	return at;
}

bool glob_list_matches_case(const char *globs, const char *suite, const char *name)
{
	for (const char *glob = globs; glob; glob = next_pattern(glob)) {
		size_t bytes = pattern_bytes(glob);
		size_t dot = dot_offset(glob, bytes);

		if (!pattern_matches(glob, dot, suite))
			continue;
		if (dot == bytes || pattern_matches(glob + dot + 1, bytes - dot - 1, name))
			return true;
	}
	return false;
}

bool glob_list_names_suite(const char *globs, const char *suite)
{
	size_t suite_bytes = strlen(suite);

	for (const char *glob = globs; glob; glob = next_pattern(glob)) {
		size_t dot = dot_offset(glob, pattern_bytes(glob));

		if (dot == suite_bytes && strncmp(glob, suite, dot) == 0)
			return true;
	}
	return false;
}
