/*
 * QR code encoder: byte mode, error correction level M, versions 1 to 20.
 *
 * Model (paragraphs of ISO/IEC 18004:2015)
 *   text -> codewords: mode, length, bytes, terminator, padding (7.4)
 *   codewords -> blocks, each with its Reed-Solomon check words over GF(256) (7.5)
 *   blocks interleaved (7.6), placed in a zigzag around the function patterns (7.7)
 *   of eight masks the one with the least penalty (7.8)
 *   format and version information (7.9, 7.10)
 *
 *   Level M repairs 15 % of the codewords: enough for a photograph of a screen.
 *
 * Locking
 *   None; scratch is static: one code at a time.
 */

#include "efi/screen/qr.h"

#include "lib/string.h"

#define MODE_BYTE	     4u
#define MODE_BITS	     4u
#define LONG_COUNT_VERSION   10u /* from here on the length has 16 bits, before it 8 */
#define VERSION_INFO_VERSION 7u
#define PAD_FIRST	     0xecu
#define PAD_SECOND	     0x11u
#define CODEWORDS_MAX	     1085u /* of version 20, checks included */
#define CHECKS_MAX	     30u
#define NR_MASKS	     8u
#define GF_POLYNOMIAL	     0x11du
#define FORMAT_GENERATOR     0x537u
#define FORMAT_MASK	     0x5412u
#define VERSION_GENERATOR    0x1f25u
#define LEVEL_M		     0u /* as format information has it */
#define FINDER_SIZE	     7u
#define TIMING		     6u /* the row and the column of the timing patterns */

/* Table 9, level M: check words of a block, and blocks, by version. */
static const uint8_t nr_block_checks[QR_VERSION_MAX + 1] = {
	0, 10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26,
};
static const uint8_t nr_blocks_of[QR_VERSION_MAX + 1] = {
	0, 1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16,
};

static struct {
	uint8_t data[CODEWORDS_MAX];  /* before interleaving */
	uint8_t words[CODEWORDS_MAX]; /* after */
	uint32_t nr_bits;	      /* of data, while it is filled */
} code;

/* ---- Sizes ---- */

/* Modules that hold codewords: all but function patterns and information. */
static uint32_t nr_codewords(uint32_t version)
{
	uint32_t nr_modules = (16 * version + 128) * version + 64;

	if (version >= 2) {
		uint32_t nr_align = version / 7 + 2;

		nr_modules -= (25 * nr_align - 10) * nr_align - 55;
		if (version >= VERSION_INFO_VERSION)
			nr_modules -= 36;
	}
	return nr_modules / 8;
}

static uint32_t nr_data_words(uint32_t version)
{
	return nr_codewords(version) - (uint32_t)nr_block_checks[version] * nr_blocks_of[version];
}

static uint32_t count_bits(uint32_t version)
{
	return version < LONG_COUNT_VERSION ? 8 : 16;
}

/* 0: no version is large enough. */
static uint32_t smallest_version(size_t nr_bytes)
{
	for (uint32_t version = 1; version <= QR_VERSION_MAX; version++)
		if (MODE_BITS + count_bits(version) + 8 * nr_bytes <= 8 * nr_data_words(version))
			return version;
	return 0;
}

/* ---- Codewords ---- */

static void put_bits(uint32_t value, uint32_t nr_bits)
{
	while (nr_bits-- > 0) {
		if (value >> nr_bits & 1)
			code.data[code.nr_bits / 8] |= (uint8_t)(0x80u >> code.nr_bits % 8);
		code.nr_bits++;
	}
}

static void make_data(uint32_t version, const char *text, size_t nr_bytes)
{
	uint32_t nr_words = nr_data_words(version);
	uint32_t left;

	memset(&code, 0, sizeof(code));
	put_bits(MODE_BYTE, MODE_BITS);
	put_bits((uint32_t)nr_bytes, count_bits(version));
	for (size_t i = 0; i < nr_bytes; i++)
		put_bits((uint8_t)text[i], 8);
	left = 8 * nr_words - code.nr_bits;
	code.nr_bits += left < 4 ? left : 4; /* terminator: zeroes */
	code.nr_bits = (code.nr_bits + 7) / 8 * 8;
	for (uint32_t i = 0; code.nr_bits < 8 * nr_words; i++)
		put_bits(i % 2 ? PAD_SECOND : PAD_FIRST, 8);
}

static uint8_t gf_multiply(uint8_t a, uint8_t b)
{
	uint32_t product = 0;

	for (int bit = 7; bit >= 0; bit--) {
		product = product << 1 ^ (product >> 7) * GF_POLYNOMIAL;
		if (b >> bit & 1)
			product ^= a;
	}
	return (uint8_t)product;
}

/* The coefficients of (x - 1)(x - a)...(x - a^(n-1)) below the first, highest first. */
static void make_generator(uint8_t *generator, uint32_t degree)
{
	uint8_t root = 1;

	memset(generator, 0, degree);
	generator[degree - 1] = 1;
	for (uint32_t i = 0; i < degree; i++) {
		for (uint32_t j = 0; j < degree; j++) {
			generator[j] = gf_multiply(generator[j], root);
			if (j + 1 < degree)
				generator[j] ^= generator[j + 1];
		}
		root = gf_multiply(root, 2);
	}
}

static void make_checks(const uint8_t *data, uint32_t nr_data, const uint8_t *generator,
			uint32_t nr_checks, uint8_t *checks)
{
	memset(checks, 0, nr_checks);
	for (uint32_t i = 0; i < nr_data; i++) {
		uint8_t factor = data[i] ^ checks[0];

		memmove(checks, checks + 1, nr_checks - 1);
		checks[nr_checks - 1] = 0;
		for (uint32_t j = 0; j < nr_checks; j++)
			checks[j] ^= gf_multiply(generator[j], factor);
	}
}

/* The blocks' words one by one in turn: the longer blocks, by one word, are the last ones. */
static void interleave(uint32_t version)
{
	uint32_t nr_blocks = nr_blocks_of[version], nr_checks = nr_block_checks[version];
	uint32_t nr_data = nr_data_words(version);
	uint32_t nr_short = nr_blocks - nr_data % nr_blocks, short_words = nr_data / nr_blocks;
	uint8_t generator[CHECKS_MAX], checks[CHECKS_MAX];
	uint32_t at = 0;

	make_generator(generator, nr_checks);
	for (uint32_t block = 0; block < nr_blocks; block++) {
		uint32_t nr_words = short_words + (block >= nr_short);

		for (uint32_t i = 0; i < nr_words; i++) {
			uint32_t to = i < short_words ? i * nr_blocks + block
						      : i * nr_blocks + block - nr_short;

			code.words[to] = code.data[at + i];
		}
		make_checks(code.data + at, nr_words, generator, nr_checks, checks);
		for (uint32_t i = 0; i < nr_checks; i++)
			code.words[nr_data + i * nr_blocks + block] = checks[i];
		at += nr_words;
	}
}

/* ---- Function patterns ---- */

static void set_function(struct qr *qr, uint32_t x, uint32_t y, bool is_dark)
{
	if (x >= qr->size || y >= qr->size)
		return;
	qr->is_dark[y][x] = is_dark;
	qr->is_function[y][x] = true;
}

static uint32_t distance(uint32_t a, uint32_t b)
{
	return a > b ? a - b : b - a;
}

/* Rings around (@x, @y): dark where @rings has the bit of the distance to the centre. */
static void draw_rings(struct qr *qr, uint32_t x, uint32_t y, uint32_t radius, uint32_t rings)
{
	for (uint32_t v = 0; v <= 2 * radius; v++)
		for (uint32_t h = 0; h <= 2 * radius; h++) {
			uint32_t dx = distance(h, radius), dy = distance(v, radius);

			/* Beyond an edge the sum wraps to a large number, which is passed over. */
			set_function(qr, x + h - radius, y + v - radius,
				     rings >> (dx > dy ? dx : dy) & 1);
		}
}

/* Annex E: evenly spaced from the last one downwards; version 32 alone differs. */
static uint32_t alignment_at(uint32_t version, uint32_t index)
{
	uint32_t nr = version / 7 + 2;
	uint32_t step = (version * 4 + nr * 2 + 1) / (2 * nr - 2) * 2;

	return index == 0 ? TIMING : 17 + 4 * version - FINDER_SIZE - (nr - 1 - index) * step;
}

static void draw_alignments(struct qr *qr, uint32_t version)
{
	uint32_t nr = version >= 2 ? version / 7 + 2 : 0;

	for (uint32_t i = 0; i < nr; i++)
		for (uint32_t j = 0; j < nr; j++) {
			bool is_finder = (i == 0 && j == 0) || (i == 0 && j == nr - 1) ||
					 (i == nr - 1 && j == 0);

			if (!is_finder)
				draw_rings(qr, alignment_at(version, i), alignment_at(version, j),
					   2, 1u << 0 | 1u << 2);
		}
}

/* @value with the remainder of its division by @generator of @nr_bits bits behind it. */
static uint32_t with_remainder(uint32_t value, uint32_t generator, uint32_t nr_bits)
{
	uint32_t rest = value;

	for (uint32_t i = 0; i < nr_bits; i++)
		rest = rest << 1 ^ (rest >> (nr_bits - 1) & 1) * generator;
	return value << nr_bits | (rest & ((1u << nr_bits) - 1));
}

static void draw_version(struct qr *qr, uint32_t version)
{
	uint32_t bits = with_remainder(version, VERSION_GENERATOR, 12);

	for (uint32_t i = 0; i < 18 && version >= VERSION_INFO_VERSION; i++) {
		uint32_t along = i / 3, across = qr->size - 11 + i % 3;

		set_function(qr, along, across, bits >> i & 1);
		set_function(qr, across, along, bits >> i & 1);
	}
}

static void draw_format(struct qr *qr, uint32_t mask)
{
	uint32_t bits = with_remainder(LEVEL_M << 3 | mask, FORMAT_GENERATOR, 10) ^ FORMAT_MASK;
	uint32_t size = qr->size;

	for (uint32_t i = 0; i < 15; i++) {
		bool is_dark = bits >> i & 1;

		/* Around the first finder, past the timing patterns. */
		if (i < 8)
			set_function(qr, 8, i + (i >= TIMING), is_dark);
		else
			set_function(qr, i == 8 ? 7 : 14 - i, 8, is_dark);
		/* Beside the other two. */
		if (i < 8)
			set_function(qr, size - 1 - i, 8, is_dark);
		else
			set_function(qr, 8, size - 15 + i, is_dark);
	}
	set_function(qr, 8, size - 8, true);
}

static void draw_functions(struct qr *qr, uint32_t version)
{
	uint32_t far = qr->size - 4;

	for (uint32_t i = 0; i < qr->size; i++) {
		set_function(qr, TIMING, i, i % 2 == 0);
		set_function(qr, i, TIMING, i % 2 == 0);
	}
	/* Finders with their light edge: dark but at distances 2 and 4. */
	draw_rings(qr, 3, 3, 4, 1u << 0 | 1u << 1 | 1u << 3);
	draw_rings(qr, far, 3, 4, 1u << 0 | 1u << 1 | 1u << 3);
	draw_rings(qr, 3, far, 4, 1u << 0 | 1u << 1 | 1u << 3);
	draw_alignments(qr, version);
	draw_version(qr, version);
	draw_format(qr, 0);
}

/* ---- Data ---- */

/* Two columns at a time from the right, up and down in turn; the timing column is no column. */
static void draw_data(struct qr *qr, uint32_t nr_bits)
{
	uint32_t bit = 0;

	for (uint32_t pair = 0; pair < (qr->size - 1) / 2; pair++) {
		uint32_t right = qr->size - 1 - 2 * pair;

		right -= right <= TIMING;
		for (uint32_t i = 0; i < 2 * qr->size; i++) {
			uint32_t x = right - i % 2;
			uint32_t y = pair % 2 ? i / 2 : qr->size - 1 - i / 2;

			if (qr->is_function[y][x])
				continue;
			qr->is_dark[y][x] =
				bit < nr_bits && code.words[bit / 8] >> (7 - bit % 8) & 1;
			bit++;
		}
	}
}

static bool is_masked(uint32_t mask, uint32_t x, uint32_t y)
{
	switch (mask) {
	case 0:
		return (x + y) % 2 == 0;
	case 1:
		return y % 2 == 0;
	case 2:
		return x % 3 == 0;
	case 3:
		return (x + y) % 3 == 0;
	case 4:
		return (x / 3 + y / 2) % 2 == 0;
	case 5:
		return x * y % 2 + x * y % 3 == 0;
	case 6:
		return (x * y % 2 + x * y % 3) % 2 == 0;
	default:
		return ((x + y) % 2 + x * y % 3) % 2 == 0;
	}
}

/* Twice is not at all. */
static void toggle_mask(struct qr *qr, uint32_t mask)
{
	for (uint32_t y = 0; y < qr->size; y++)
		for (uint32_t x = 0; x < qr->size; x++)
			qr->is_dark[y][x] ^= !qr->is_function[y][x] && is_masked(mask, x, y);
}

/* ---- Penalties ---- */

/* Module @i of line @line: a row, or with @is_column a column. */
static bool module_of(const struct qr *qr, bool is_column, uint32_t line, uint32_t i)
{
	return is_column ? qr->is_dark[i][line] : qr->is_dark[line][i];
}

#define FINDER_LIKE 0x5du /* 1011101 */

/* Long runs, and what looks like a finder: its pattern beside four light modules. */
static uint32_t line_penalty(const struct qr *qr, bool is_column, uint32_t line)
{
	uint32_t penalty = 0, run = 0, window = 0;

	for (uint32_t i = 0; i < qr->size; i++) {
		bool is_dark = module_of(qr, is_column, line, i);

		run = i > 0 && is_dark == module_of(qr, is_column, line, i - 1) ? run + 1 : 1;
		if (run >= 5)
			penalty += run == 5 ? 3 : 1;
		window = (window << 1 | is_dark) & 0x7ff;
		if (i >= 10 && (window == FINDER_LIKE || window == FINDER_LIKE << 4))
			penalty += 40;
	}
	return penalty;
}

static uint32_t penalty_of(const struct qr *qr)
{
	uint32_t penalty = 0, nr_dark = 0, nr_all = qr->size * qr->size;

	for (uint32_t y = 0; y < qr->size; y++) {
		penalty += line_penalty(qr, false, y) + line_penalty(qr, true, y);
		for (uint32_t x = 0; x < qr->size; x++) {
			uint8_t module = qr->is_dark[y][x];

			nr_dark += module;
			if (x > 0 && y > 0 && qr->is_dark[y][x - 1] == module &&
			    qr->is_dark[y - 1][x] == module && qr->is_dark[y - 1][x - 1] == module)
				penalty += 3;
		}
	}
	return penalty + distance(nr_dark * 20, nr_all * 10) / nr_all * 10;
}

static void choose_mask(struct qr *qr)
{
	uint32_t best = 0, least = UINT32_MAX;

	for (uint32_t mask = 0; mask < NR_MASKS; mask++) {
		uint32_t penalty;

		toggle_mask(qr, mask);
		draw_format(qr, mask);
		penalty = penalty_of(qr);
		toggle_mask(qr, mask);
		if (penalty < least) {
			least = penalty;
			best = mask;
		}
	}
	toggle_mask(qr, best);
	draw_format(qr, best);
}

enum status qr_encode(struct qr *qr, const char *text, size_t nr_bytes)
{
	uint32_t version = nr_bytes <= QR_TEXT_BYTES ? smallest_version(nr_bytes) : 0;

	if (version == 0)
		return STATUS_BAD_LENGTH;
	memset(qr, 0, sizeof(*qr));
	qr->size = 17 + 4 * version;
	make_data(version, text, nr_bytes);
	interleave(version);
	draw_functions(qr, version);
	draw_data(qr, 8 * nr_codewords(version));
	choose_mask(qr);
	return STATUS_OK;
}
