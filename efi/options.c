/*
 * Options: the user's words, kept by key.
 *
 * Model
 *   One slot per known key with a copy of its value. Values are stored in
 *   place, not pointed to: the image moves once in its life, and what boot code
 *   stored must be right afterwards too.
 *
 *   A value is checked when it is taken, as far as its kind tells what is right.
 *   What cannot be understood leaves a line, changes nothing else and is counted:
 *   a run that did not do what its user wrote must not look as if it had.
 *
 * Locking
 *   None: written by one CPU before the others run, read-only then.
 */

#include "efi/options.h"

#include "efi/text.h"
#include "lib/align.h"
#include "lib/string.h"
#include "log.h"
#include "mm/config.h"

#define VALUE_BYTES	2048u	/* 64 ranges of badpages=, a script of forty lines */
#define KEY_BYTES	16u
#define WORD_BYTES	(KEY_BYTES + VALUE_BYTES)	/* with '=' and a final 0 */
#define CHOICES_BYTES	40u
#define DIGITS_BYTES	64u	/* more are no number of 64 bits that anybody writes */

enum option_kind {
	OPTION_TEXT,		/* checked by those who use it */
	OPTION_NUMBER,		/* from .least on, or the word of .choices */
	OPTION_MEMORY,
	OPTION_CHOICE,		/* one word of .choices */
	OPTION_RANGES,		/* addresses of memory, and ranges of it */
};

struct option {
	char key[KEY_BYTES];
	enum option_kind kind;
	uint64_t least;
	char choices[CHOICES_BYTES];
	bool is_given;
};

static struct option options[] = {
	{ .key = "run" }, { .key = "tests" }, { .key = "bench" }, { .key = "show" },
	{ .key = "debug" }, { .key = "lecture" }, { .key = "script" },
	{ .key = "pace", .kind = OPTION_NUMBER, .choices = "key" },
	{ .key = "stress", .kind = OPTION_NUMBER, .least = 1 },
	{ .key = "interrupts", .kind = OPTION_NUMBER, .least = 1 },
	{ .key = "guard", .kind = OPTION_NUMBER },
	{ .key = "cpus", .kind = OPTION_NUMBER, .least = 1 },
	{ .key = "seed", .kind = OPTION_NUMBER }, { .key = "fail_nth", .kind = OPTION_NUMBER },
	{ .key = "capture", .kind = OPTION_CHOICE, .choices = "yes no" },
	{ .key = "loglevel", .kind = OPTION_CHOICE, .choices = "error warn notice info debug" },
	{ .key = "end", .kind = OPTION_CHOICE, .choices = "exit poweroff reboot halt report" },
	{ .key = "page_poison", .kind = OPTION_CHOICE, .choices = "yes no" },
	{ .key = "init_on_alloc", .kind = OPTION_CHOICE, .choices = "yes no" },
	{ .key = "init_on_free", .kind = OPTION_CHOICE, .choices = "yes no" },
	{ .key = "movablecore", .kind = OPTION_MEMORY },
	{ .key = "badpages", .kind = OPTION_RANGES },
};

/* Apart from the table: they are zero in the image, and need no room in its file. */
static char values[ARRAY_SIZE(options)][VALUE_BYTES];

static char *value_of(const struct option *option)
{
	return values[option - options];
}

static unsigned nr_faults;

static struct option *find_option(const char *key, size_t key_bytes)
{
	for (unsigned i = 0; i < ARRAY_SIZE(options); i++)
		if (strlen(options[i].key) == key_bytes &&
		    memcmp(options[i].key, key, key_bytes) == 0)
			return &options[i];
	return NULL;
}

static bool is_line_end(char c)
{
	return c == '\n' || c == '\r';
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || is_line_end(c);
}

static bool is_printable(char c)
{
	return c >= ' ' && c <= '~';
}

/* ---- What cannot be understood ---- */

static void add_fault(const char *source, const char *word, size_t bytes, const char *what,
		      const char *meant)
{
	char shown[64];
	size_t i;

	for (i = 0; i < bytes && i < sizeof(shown) - 1; i++)	/* nothing that upsets a terminal */
		shown[i] = is_printable(word[i]) ? word[i] : '?';
	shown[i] = '\0';
	nr_faults++;
	log_line(LOG_WARN, "options: %s: \"%s\"%s: %s, ignored%s%s%s", source, shown,
		 i < bytes ? "..." : "", what, meant ? "; did you mean \"" : "", meant ? meant : "",
		 meant ? "\"?" : "");
}

void options_add_fault(const char *key, const char *item, const char *what, const char *meant)
{
	add_fault(key, item, strlen(item), what, meant);
}

unsigned options_nr_faults(void)
{
	return nr_faults;
}

void options_set_nr_faults(unsigned nr)
{
	nr_faults = nr;
}

/* ---- Values by kind ---- */

/* Copies the next of the blank-separated @choices; false at the end. */
static bool next_choice(const char **at, char *choice, size_t size)
{
	size_t length = 0;

	while (**at == ' ')
		(*at)++;
	for (; **at != '\0' && **at != ' '; (*at)++)
		if (length + 1 < size)
			choice[length++] = **at;
	choice[length] = '\0';
	return length > 0;
}

static bool is_choice(const char *choices, const char *value)
{
	char choice[CHOICES_BYTES];

	while (next_choice(&choices, choice, sizeof(choice)))
		if (strcmp(choice, value) == 0)
			return true;
	return false;
}

static void add_choice_fault(const char *source, const char *word, const char *value,
			     const char *choices)
{
	struct nearest_word search = { .word = value, .bytes = strlen(value) };
	char choice[CHOICES_BYTES], meant[CHOICES_BYTES], what[80];

	for (const char *at = choices; next_choice(&at, choice, sizeof(choice));) {
		const char *before = search.nearest;

		search.nearest = before ? meant : NULL;
		text_try_word(&search, choice);
		if (search.nearest == choice) {
			memcpy(meant, choice, sizeof(meant));
			search.nearest = meant;
		}
	}
	format_text(what, sizeof(what), "none of %s", choices);
	add_fault(source, word, strlen(word), what, search.nearest);
}

static bool read_number(const char *text, uint64_t *number);
static bool read_memory(const char *text, struct movable_request *memory);
static bool read_ranges(const char *text, struct option_range *ranges, uint32_t *nr_ranges);

static void add_number_fault(const struct option *option, const char *value, const char *word,
			     const char *source)
{
	struct nearest_word search = { .word = value, .bytes = strlen(value) };
	char what[40 + CHOICES_BYTES];

	format_text(what, sizeof(what), "not a number%s%s%s", option->least > 0 ? " above 0" : "",
		    option->choices[0] ? ", and not " : "", option->choices);
	if (option->choices[0])
		text_try_word(&search, option->choices);
	add_fault(source, word, strlen(word), what, search.nearest);
}

/* Leaves a fault, and is false, when @value is none for @option. */
static bool check_value(const struct option *option, const char *value, const char *word,
			const char *source)
{
	struct option_range ranges[OPTION_RANGES_MAX];
	struct movable_request memory = { 0, 0 };
	uint32_t nr_ranges;
	uint64_t number;

	switch (option->kind) {
	case OPTION_TEXT:
		return true;
	case OPTION_NUMBER:
		if ((read_number(value, &number) && number >= option->least) ||
		    is_choice(option->choices, value))
			return true;
		add_number_fault(option, value, word, source);
		return false;
	case OPTION_MEMORY:
		if (read_memory(value, &memory))
			return true;
		add_fault(source, word, strlen(word),
			  "not an amount of memory (512M, 2G, 50%)", NULL);
		return false;
	case OPTION_RANGES:
		if (read_ranges(value, ranges, &nr_ranges))
			return true;
		add_fault(source, word, strlen(word),
			  "not a list of addresses (0x12345000, 4G-4100M)", NULL);
		return false;
	case OPTION_CHOICE:
		if (is_choice(option->choices, value))
			return true;
		add_choice_fault(source, word, value, option->choices);
		return false;
	}
	return true;
}

/* ---- Words ---- */

static const char *nearest_key(const char *key, size_t key_bytes)
{
	struct nearest_word search = { .word = key, .bytes = key_bytes };

	for (unsigned i = 0; i < ARRAY_SIZE(options); i++)
		text_try_word(&search, options[i].key);
	return search.nearest;
}

/* A word as it was written, without its quotes. */
struct word {
	char text[WORD_BYTES];
	size_t bytes;			/* what does not fit is counted all the same */
	size_t key_bytes;		/* up to '=', or all */
	bool is_unclosed;		/* the line ended inside quotes */
};

static void take_word(const struct word *word, const char *source)
{
	struct option *option = find_option(word->text, word->key_bytes);
	const char *value = word->text + word->key_bytes + 1;
	char meant[KEY_BYTES + 1];

	if (word->is_unclosed || word->bytes - word->key_bytes > VALUE_BYTES) {
		add_fault(source, word->text, word->bytes,
			  word->is_unclosed ? "a quote that is not closed" : "too long", NULL);
	} else if (!option || word->key_bytes == word->bytes) {
		const char *key = nearest_key(word->text, word->key_bytes);

		format_text(meant, sizeof(meant), "%s=", key ? key : "");
		add_fault(source, word->text, word->bytes, "not an option", key ? meant : NULL);
	} else if (*value == '\0') {
		log_line(LOG_NOTICE, "options: %s: \"%s\": as if it were not given", source,
			 word->text);
		option->is_given = false;
	} else if (check_value(option, value, word->text, source)) {
		memcpy(value_of(option), value, strlen(value) + 1);
		option->is_given = true;
	}
}

/* Text on its way into words. */
struct reader {
	const char *text;
	size_t at, end;
};

static void skip_line(struct reader *reader)
{
	while (reader->at < reader->end && !is_line_end(reader->text[reader->at]))
		reader->at++;
}

static bool begins_comment(char c)
{
	return c == '#' || c == ';';
}

static void add_letter(struct word *word, char c)
{
	if (c == '=' && word->key_bytes == SIZE_MAX)
		word->key_bytes = word->bytes;
	if (word->bytes + 1 < sizeof(word->text))
		word->text[word->bytes] = c;
	word->bytes++;
}

static void finish_word(struct word *word)
{
	size_t kept_bytes = word->bytes < sizeof(word->text) ? word->bytes
							      : sizeof(word->text) - 1;

	word->text[kept_bytes] = '\0';
	if (word->key_bytes > kept_bytes)
		word->key_bytes = kept_bytes;
}

/* Blanks and quotes make words, '#' and ';' end the line, inside quotes nothing does. */
static bool next_word(struct reader *reader, struct word *word)
{
	char quote = '\0';

	while (reader->at < reader->end && (is_blank(reader->text[reader->at]) ||
					    begins_comment(reader->text[reader->at]))) {
		if (begins_comment(reader->text[reader->at]))
			skip_line(reader);
		else
			reader->at++;
	}
	if (reader->at == reader->end)
		return false;
	word->bytes = 0;
	word->key_bytes = SIZE_MAX;
	for (; reader->at < reader->end; reader->at++) {
		char c = reader->text[reader->at];

		if (quote ? is_line_end(c) : is_blank(c) || begins_comment(c))
			break;
		if (c == quote)
			quote = '\0';
		else if (!quote && (c == '"' || c == '\''))
			quote = c;
		else
			add_letter(word, c);
	}
	word->is_unclosed = quote;
	finish_word(word);
	return true;
}

static struct reader read_from(const char *text, size_t bytes)
{
	struct reader reader = { text, 0, 0 };

	while (reader.end < bytes && text[reader.end] != '\0')
		reader.end++;
	return reader;
}

void options_add(const char *text, size_t bytes, const char *source)
{
	struct reader reader = read_from(text, bytes);
	struct word word;

	while (next_word(&reader, &word))
		if (word.bytes > 0 || word.is_unclosed)
			take_word(&word, source);
}

struct options_census options_count(const char *text, size_t bytes)
{
	struct reader reader = read_from(text, bytes);
	struct options_census census = { 0 };
	struct word word;

	for (; next_word(&reader, &word); census.nr_words++) {
		bool is_pair = word.key_bytes < word.bytes;

		if (census.nr_words == 0 && !is_pair)
			census.name_bytes = reader.at;
		if (is_pair && nearest_key(word.text, word.key_bytes))
			census.nr_ours++;
	}
	return census;
}

const char *options_get(const char *key)
{
	const struct option *option = find_option(key, strlen(key));

	return option && option->is_given ? value_of(option) : NULL;
}

/* The value of a digit in @base, or @base when @c is none. */
static unsigned digit_value(char c, unsigned base)
{
	unsigned value = base;

	if (c >= '0' && c <= '9')
		value = (unsigned)(c - '0');
	else if (c >= 'a' && c <= 'f')
		value = (unsigned)(c - 'a') + 10;
	else if (c >= 'A' && c <= 'F')
		value = (unsigned)(c - 'A') + 10;
	return value < base ? value : base;
}

static bool read_number(const char *text, uint64_t *number)
{
	unsigned base = 10;

	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		base = 16;
		text += 2;
	}
	if (*text == '\0')
		return false;
	for (*number = 0; *text; text++) {
		unsigned digit = digit_value(*text, base);

		if (digit == base || __builtin_mul_overflow(*number, base, number) ||
		    __builtin_add_overflow(*number, digit, number))
			return false;
	}
	return true;
}

uint64_t options_number(const char *key, uint64_t otherwise)
{
	const char *value = options_get(key);
	uint64_t number;

	if (!value)
		return otherwise;
	return read_number(value, &number) ? number : otherwise;
}

/* The factor of a size's unit as a shift; 0 for none. */
static unsigned unit_shift(char unit)
{
	switch (unit) {
	case 'K': case 'k':
		return 10;
	case 'M': case 'm':
		return 20;
	case 'G': case 'g':
		return 30;
	case 'T': case 't':
		return 40;
	}
	return 0;
}

static bool read_memory(const char *text, struct movable_request *memory)
{
	char digits[DIGITS_BYTES];
	size_t length = strlen(text);
	char unit = length > 0 ? text[length - 1] : '\0';
	uint64_t number;

	if (length >= sizeof(digits))
		return false;
	if (unit == '%' || unit_shift(unit) > 0)
		length--;
	memcpy(digits, text, length);
	digits[length] = '\0';
	if (!read_number(digits, &number))
		return false;
	if (unit == '%') {
		memory->percent = (uint32_t)number;
		return number <= 100;
	}
	memory->bytes = number << unit_shift(unit);
	return memory->bytes >> unit_shift(unit) == number;
}

struct movable_request options_memory(const char *key)
{
	const char *value = options_get(key);
	struct movable_request memory = { 0, 0 };

	if (value && read_memory(value, &memory))
		return memory;
	return (struct movable_request){ 0, 0 };
}

/* "ADDRESS" or "START-END" to the pages they touch. */
static bool read_range(char *text, struct option_range *range)
{
	const uint64_t highest_end = align_down(UINT64_MAX, PAGE_SIZE);
	struct movable_request start = { 0, 0 }, end = { 0, 0 };
	char *dash = text;
	bool has_end;

	while (*dash != '\0' && *dash != '-')
		dash++;
	has_end = *dash == '-';
	*dash = '\0';
	if (!read_memory(text, &start) || start.percent > 0)
		return false;
	end.bytes = start.bytes + (start.bytes < UINT64_MAX);
	if (has_end && (!read_memory(dash + 1, &end) || end.percent > 0))
		return false;
	if (start.bytes >= end.bytes || end.bytes > highest_end)
		return false;
	*range = (struct option_range){ align_down(start.bytes, PAGE_SIZE),
					align_up(end.bytes, PAGE_SIZE) };
	return true;
}

static bool read_ranges(const char *text, struct option_range *ranges, uint32_t *nr_ranges)
{
	char item[VALUE_BYTES];

	*nr_ranges = 0;
	while (options_next_item(&text, item, sizeof(item))) {
		if (*nr_ranges == OPTION_RANGES_MAX || !read_range(item, &ranges[*nr_ranges]))
			return false;
		(*nr_ranges)++;
	}
	return *nr_ranges > 0;
}

uint32_t options_ranges(const char *key, struct option_range ranges[OPTION_RANGES_MAX])
{
	const char *value = options_get(key);
	uint32_t nr_ranges = 0;

	return value && read_ranges(value, ranges, &nr_ranges) ? nr_ranges : 0;
}

bool options_next_item(const char **at, char *item, size_t size)
{
	size_t length = 0;

	while (**at == ',')
		(*at)++;
	if (**at == '\0')
		return false;
	for (; **at != '\0' && **at != ','; (*at)++)
		if (length + 1 < size)
			item[length++] = **at;
	item[length] = '\0';
	return true;
}

bool options_has(const char *key, const char *item)
{
	const char *at = options_get(key);
	char element[VALUE_BYTES];

	while (at && options_next_item(&at, element, sizeof(element)))
		if (strcmp(element, item) == 0)
			return true;
	return false;
}

void options_clear(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(options); i++)
		options[i].is_given = false;
	nr_faults = 0;
}

/* A line being written; what does not fit is left out. */
struct line {
	char *to;
	size_t size, used;
};

static void put(struct line *line, const char *text, size_t bytes)
{
	for (size_t i = 0; i < bytes && line->used + 1 < line->size; i++)
		line->to[line->used++] = text[i];
	line->to[line->used] = '\0';
}

static bool is_plain(const char *value)
{
	for (; *value; value++)
		if (is_blank(*value) || begins_comment(*value) || *value == '"' || *value == '\'')
			return false;
	return true;
}

/* @value so that reading gives it again: in "...", but each " in '...'. */
static void put_value(struct line *line, const char *value)
{
	if (is_plain(value)) {
		put(line, value, strlen(value));
		return;
	}
	put(line, "\"", 1);
	for (; *value; value++) {
		if (*value == '"')
			put(line, "\"'\"'\"", 5);
		else
			put(line, value, 1);
	}
	put(line, "\"", 1);
}

void options_line(char *to, size_t size)
{
	struct line line = { to, size, 0 };

	to[0] = '\0';
	for (unsigned i = 0; i < ARRAY_SIZE(options); i++) {
		if (!options[i].is_given)
			continue;
		put(&line, " ", line.used > 0);
		put(&line, options[i].key, strlen(options[i].key));
		put(&line, "=", 1);
		put_value(&line, value_of(&options[i]));
	}
}
