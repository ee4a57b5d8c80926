/*
 * Decoding text of unknown encoding, and finding the word that was meant.
 *
 * Model
 *   A byte-order mark decides; without one the place of the first zero byte
 *   does, since all that is looked for is ASCII: "r\0" begins UTF-16, "\0r" the
 *   same with the high byte first. Everything else is 8 bits wide: sequences
 *   that are UTF-8 are taken as such, other bytes as Windows' code page 1252.
 *
 *   The distance of two words is that of Damerau and Levenshtein in its
 *   restricted form: no letter takes part in two changes.
 *
 * Locking
 *   None.
 */

#include "efi/text.h"

#include "lib/align.h"
#include "lib/string.h"

#define CODE_POINT_MARK		0xFEFFu
#define CODE_POINT_NO_BREAK	0x00A0u
#define CODE_POINT_DOS_END	0x001Au	/* `copy con` ends a text so */

/* ---- Decoding ---- */

/* How characters are laid out: units of 1, 2 or 4 bytes. */
struct encoding {
	size_t unit_bytes;
	bool is_big_endian;
};

static uint32_t read_unit(const uint8_t *at, struct encoding encoding)
{
	uint32_t unit = 0;

	for (size_t i = 0; i < encoding.unit_bytes; i++)
		unit = unit << 8 | at[encoding.is_big_endian ? i : encoding.unit_bytes - 1 - i];
	return unit;
}

/* True when the text begins with a byte-order mark in @encoding. */
static bool has_mark(const uint8_t *from, size_t bytes, struct encoding encoding)
{
	return bytes >= encoding.unit_bytes && read_unit(from, encoding) == CODE_POINT_MARK;
}

static struct encoding guess_encoding(const uint8_t *from, size_t bytes)
{
	/* The wide ones first: FF FE 00 00 begins with the mark of the narrow one. */
	static const struct encoding wide[] = {
		{ 4, false }, { 4, true }, { 2, false }, { 2, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(wide); i++)
		if (has_mark(from, bytes, wide[i]))
			return wide[i];
	if (bytes >= 2 && from[0] != 0 && from[1] == 0)
		return (struct encoding){ 2, false };
	if (bytes >= 2 && from[0] == 0 && from[1] != 0)
		return (struct encoding){ 2, true };
	return (struct encoding){ 1, false };
}

/* How many bytes behind @lead belong to it in UTF-8; 0: none, or not UTF-8. */
static size_t nr_continuations(uint8_t lead)
{
	if (lead >= 0xC2 && lead < 0xE0)
		return 1;
	if (lead >= 0xE0 && lead < 0xF0)
		return 2;
	return lead >= 0xF0 && lead < 0xF5 ? 3 : 0;
}

/* One character of 8-bit text; *used: how many bytes it has. */
static uint32_t read_narrow(const uint8_t *from, size_t bytes, size_t *used)
{
	size_t nr_more = nr_continuations(from[0]);
	uint32_t value = from[0] & (0x3Fu >> nr_more);

	*used = 1;
	if (nr_more == 0 || nr_more >= bytes)
		return from[0];
	for (size_t i = 1; i <= nr_more; i++) {
		if ((from[i] & 0xC0) != 0x80)
			return from[0];
		value = value << 6 | (from[i] & 0x3Fu);
	}
	*used = 1 + nr_more;
	return value;
}

static char ascii_of(uint32_t code_point)
{
	switch (code_point) {
	case 0: case '\t': case '\n': case '\r':
		return (char)code_point;
	case CODE_POINT_DOS_END:
		return '\0';
	case CODE_POINT_NO_BREAK:
		return ' ';
	case 0x201C: case 0x201D: case 0x201E:	/* Unicode, then code page 1252 */
	case 0x93: case 0x94: case 0x84:
		return '"';
	case 0x2018: case 0x2019: case 0x201A:
	case 0x91: case 0x92: case 0x82:
		return '\'';
	}
	return code_point >= ' ' && code_point <= '~' ? (char)code_point : TEXT_NOT_ASCII;
}

size_t text_decode(const uint8_t *from, size_t bytes, char *to, size_t size)
{
	const struct encoding encoding = guess_encoding(from, bytes);
	size_t at = 0, length = 0;

	while (at + encoding.unit_bytes <= bytes && length < size) {
		size_t used = encoding.unit_bytes;
		uint32_t code_point = used == 1 ? read_narrow(from + at, bytes - at, &used)
						: read_unit(from + at, encoding);

		if (at > 0 || code_point != CODE_POINT_MARK)
			to[length++] = ascii_of(code_point);
		at += used;
	}
	return length;
}

/* ---- Words that were meant ---- */

#define WORD_BYTES_MAX	24u	/* longer words are nobody's slip */
#define PREFIX_BYTES	3u
#define SHORT_BYTES	4u
#define FAR		~0u

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_same(char a, char b)
{
	return lower(a) == lower(b);
}

static unsigned least(unsigned a, unsigned b, unsigned c)
{
	return (unsigned)min_u64(min_u64(a, b), c);
}

/* Changes from @a to @b; both at most WORD_BYTES_MAX long. */
static unsigned distance_of(const char *a, size_t a_bytes, const char *b, size_t b_bytes)
{
	unsigned row[3][WORD_BYTES_MAX + 1];	/* of the letter before last, the last, this one */

	for (unsigned j = 0; j <= b_bytes; j++)
		row[1][j] = j;
	for (size_t i = 1; i <= a_bytes; i++) {
		row[2][0] = (unsigned)i;
		for (size_t j = 1; j <= b_bytes; j++) {
			row[2][j] = least(row[1][j] + 1, row[2][j - 1] + 1,
					  row[1][j - 1] + !is_same(a[i - 1], b[j - 1]));
			if (i > 1 && j > 1 && is_same(a[i - 1], b[j - 2]) &&
			    is_same(a[i - 2], b[j - 1]))
				row[2][j] = least(row[2][j], row[0][j - 2] + 1, FAR);
		}
		memcpy(row[0], row[1], sizeof(row[0]));
		memcpy(row[1], row[2], sizeof(row[1]));
	}
	return row[1][b_bytes];
}

static bool begins_with(const char *candidate, const char *word, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if (!is_same(candidate[i], word[i]))	/* ends at the candidate's 0, too */
			return false;
	return bytes >= PREFIX_BYTES;
}

void text_try_word(struct nearest_word *search, const char *candidate)
{
	size_t length = strlen(candidate);
	/* Half a word is a word cut short; less, as Linux's init= of init_on_free=, is another. */
	bool is_beginning = 2 * search->bytes >= length &&
			    begins_with(candidate, search->word, search->bytes);
	unsigned limit = search->bytes <= SHORT_BYTES ? 1 : 2;
	unsigned distance;

	if (search->bytes == 0 || search->bytes > WORD_BYTES_MAX || length > WORD_BYTES_MAX)
		return;
	distance = distance_of(search->word, search->bytes, candidate, length);
	if (distance > limit && !is_beginning)
		return;
	if (search->nearest && distance >= search->distance)
		return;
	search->nearest = candidate;
	search->distance = distance;
}
