/*
 * Options: the user's words, kept by key.
 *
 * Model
 *   One slot per known key with a copy of its value. Values are stored in
 *   place, not pointed to: the image moves once in its life, and what boot code
 *   stored must be right afterwards too.
 *
 * Locking
 *   None: written by one CPU before the others run, read-only then.
 */

#include "efi/options.h"

#include "lib/string.h"
#include "log.h"

#define VALUE_BYTES	256u

struct option {
	char key[12];
	bool is_given;
	char value[VALUE_BYTES];
};

static struct option options[] = {
	{ .key = "run" },     { .key = "tests" }, { .key = "bench" },    { .key = "stress" },
	{ .key = "seed" },    { .key = "cpus" },  { .key = "show" },     { .key = "debug" },
	{ .key = "fail_nth" }, { .key = "capture" }, { .key = "loglevel" }, { .key = "end" },
	{ .key = "movablecore" },
};

static struct option *find_option(const char *key, size_t key_bytes)
{
	for (unsigned i = 0; i < ARRAY_SIZE(options); i++)
		if (strlen(options[i].key) == key_bytes &&
		    memcmp(options[i].key, key, key_bytes) == 0)
			return &options[i];
	return NULL;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_printable(char c)
{
	return c > ' ' && c <= '~';
}

/* A word for a message: what could upset a terminal becomes '?'. */
static void log_bad_word(const char *source, const char *word, size_t bytes, const char *what)
{
	char shown[64];
	size_t i;

	for (i = 0; i < bytes && i < sizeof(shown) - 1; i++)
		shown[i] = is_printable(word[i]) ? word[i] : '?';
	shown[i] = '\0';
	log_line(LOG_WARN, "options: %s: \"%s\"%s: %s, ignored", source, shown,
		 i < bytes ? "..." : "", what);
}

static void take_word(const char *word, size_t bytes, const char *source)
{
	size_t key_bytes = 0;
	size_t value_bytes;
	struct option *option;

	while (key_bytes < bytes && word[key_bytes] != '=')
		key_bytes++;
	option = key_bytes < bytes ? find_option(word, key_bytes) : NULL;
	if (!option) {
		log_bad_word(source, word, bytes, "not an option");
		return;
	}
	value_bytes = bytes - key_bytes - 1;
	if (value_bytes >= VALUE_BYTES) {
		log_bad_word(source, word, bytes, "too long");
		return;
	}
	memcpy(option->value, word + key_bytes + 1, value_bytes);
	option->value[value_bytes] = '\0';
	option->is_given = true;
}

void options_add(const char *text, size_t bytes, const char *source)
{
	size_t at = 0;

	while (at < bytes && text[at] != '\0') {
		size_t start = at;

		while (at < bytes && text[at] != '\0' && !is_blank(text[at]))
			at++;
		if (at > start)
			take_word(text + start, at - start, source);
		while (at < bytes && is_blank(text[at]))
			at++;
	}
}

const char *options_get(const char *key)
{
	const struct option *option = find_option(key, strlen(key));

	return option && option->is_given ? option->value : NULL;
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
	if (read_number(value, &number))
		return number;
	log_bad_word(key, value, strlen(value), "not a number");
	return otherwise;
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
	char digits[VALUE_BYTES];
	size_t length = strlen(text);
	char unit = length > 0 ? text[length - 1] : '\0';
	uint64_t number;

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

	if (!value || read_memory(value, &memory))
		return memory;
	log_bad_word(key, value, strlen(value), "not an amount of memory");
	return (struct movable_request){ 0, 0 };
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
}

void options_line(char *to, size_t size)
{
	size_t used = 0;

	to[0] = '\0';
	for (unsigned i = 0; i < ARRAY_SIZE(options) && used < size; i++)
		if (options[i].is_given)
			used += (size_t)format_text(to + used, size - used, "%s%s=%s",
						    used > 0 ? " " : "", options[i].key,
						    options[i].value);
}
