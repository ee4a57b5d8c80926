/*
 * printf's language, as much of it as the image needs, without floating point.
 *
 * Model
 *   A format is plain text and conversions. A conversion is read into a struct
 *   spec, its argument is fetched by its length, and the result goes out as
 *   three parts: padding and prefix, zeroes, digits or characters.
 *
 *   %p prints 16 hexadecimal digits without "0x", as Linux's kernel does: the
 *   /proc tables that other programs read write the prefix themselves.
 *
 *   A conversion that is not known is printed as it stands, so that a mistake is
 *   seen, and consumes no argument.
 *
 * Locking
 *   None: no state.
 */

#include "efi/format.h"

#include "lib/string.h"
#include "log.h"

enum argument_length { LENGTH_CHAR, LENGTH_SHORT, LENGTH_INT, LENGTH_LONG };

struct spec {
	bool is_left, is_zero_padded, has_plus, has_blank, is_alternate;
	int width;
	int precision;			/* -1: none given */
	enum argument_length length;
	char conversion;
};

struct out {
	format_put *put;
	void *arg;
};

static void put_text(const struct out *out, const char *text, size_t bytes)
{
	if (bytes > 0)
		out->put(out->arg, text, bytes);
}

static void put_fill(const struct out *out, char fill, int count)
{
	for (; count > 0; count--)
		out->put(out->arg, &fill, 1);
}

static bool read_flag(struct spec *spec, char c)
{
	switch (c) {
	case '-': spec->is_left = true; return true;
	case '0': spec->is_zero_padded = true; return true;
	case '+': spec->has_plus = true; return true;
	case ' ': spec->has_blank = true; return true;
	case '#': spec->is_alternate = true; return true;
	default: return false;
	}
}

/* No sensible field is wider: keeps a wrong argument from filling the log. */
#define WIDTH_MAX	4096

static const char *read_number(const char *at, int *value)
{
	for (*value = 0; *at >= '0' && *at <= '9'; at++)
		if (*value < WIDTH_MAX)
			*value = *value * 10 + (*at - '0');
	return at;
}

static const char *read_length(const char *at, struct spec *spec)
{
	spec->length = LENGTH_INT;
	if (at[0] == 'h') {
		spec->length = at[1] == 'h' ? LENGTH_CHAR : LENGTH_SHORT;
		return at + (at[1] == 'h' ? 2 : 1);
	}
	if (at[0] == 'l') {
		spec->length = LENGTH_LONG;
		return at + (at[1] == 'l' ? 2 : 1);
	}
	if (at[0] == 'z' || at[0] == 't' || at[0] == 'j') {
		spec->length = LENGTH_LONG;
		return at + 1;
	}
	return at;
}

/* A va_list in a structure can be handed down by pointer on every ABI. */
struct arguments {
	va_list list;
};

static const char *read_width_and_precision(const char *at, struct spec *spec,
					    struct arguments *args)
{
	if (*at == '*') {
		spec->width = va_arg(args->list, int);
		if (spec->width < 0) {
			spec->is_left = true;
			spec->width = spec->width < -WIDTH_MAX ? WIDTH_MAX : -spec->width;
		}
		at++;
	} else {
		at = read_number(at, &spec->width);
	}
	if (*at != '.')
		return at;
	at++;
	if (*at == '*') {
		spec->precision = va_arg(args->list, int);
		return at + 1;
	}
	return read_number(at, &spec->precision);
}

/* Reads the conversion after '%' at @at. Returns where the text goes on. */
static const char *read_spec(const char *at, struct spec *spec, struct arguments *args)
{
	*spec = (struct spec){ .precision = -1 };
	while (read_flag(spec, *at))
		at++;
	at = read_width_and_precision(at, spec, args);
	at = read_length(at, spec);
	spec->conversion = *at;
	return *at ? at + 1 : at;
}

static int64_t fetch_signed(const struct spec *spec, struct arguments *args)
{
	switch (spec->length) {
	case LENGTH_CHAR: return (signed char)va_arg(args->list, int);
	case LENGTH_SHORT: return (short)va_arg(args->list, int);
	case LENGTH_LONG: return va_arg(args->list, long);
	case LENGTH_INT: break;
	}
	return va_arg(args->list, int);
}

static uint64_t fetch_unsigned(const struct spec *spec, struct arguments *args)
{
	switch (spec->length) {
	case LENGTH_CHAR: return (unsigned char)va_arg(args->list, unsigned);
	case LENGTH_SHORT: return (unsigned short)va_arg(args->list, unsigned);
	case LENGTH_LONG: return va_arg(args->list, unsigned long);
	case LENGTH_INT: break;
	}
	return va_arg(args->list, unsigned);
}

#define DIGITS_MAX	22	/* 64 bits in base 8 */

/* Writes @value to the end of @buffer. Returns the first digit; none for 0. */
static char *write_digits(char buffer[DIGITS_MAX], uint64_t value, unsigned base, char letter_a)
{
	char *first = buffer + DIGITS_MAX;

	for (; value > 0; value /= base) {
		unsigned digit = (unsigned)(value % base);

		*--first = (char)(digit < 10 ? '0' + (char)digit : letter_a + (char)(digit - 10));
	}
	return first;
}

static void put_number(const struct out *out, const struct spec *spec, const char *prefix,
		       uint64_t value, unsigned base)
{
	char buffer[DIGITS_MAX];
	const char *first = write_digits(buffer, value, base, spec->conversion == 'X' ? 'A' : 'a');
	int nr_digits = (int)(buffer + DIGITS_MAX - first);
	int nr_prefix = (int)strlen(prefix);
	int nr_zeroes = (spec->precision < 0 ? 1 : spec->precision) - nr_digits;
	int nr_blanks;

	if (base == 8 && spec->is_alternate && nr_zeroes < 1)
		nr_zeroes = 1;
	if (nr_zeroes < 0)
		nr_zeroes = 0;
	if (spec->is_zero_padded && !spec->is_left && spec->precision < 0 &&
	    spec->width > nr_prefix + nr_zeroes + nr_digits)
		nr_zeroes = spec->width - nr_prefix - nr_digits;
	nr_blanks = spec->width - nr_prefix - nr_zeroes - nr_digits;

	if (!spec->is_left)
		put_fill(out, ' ', nr_blanks);
	put_text(out, prefix, (size_t)nr_prefix);
	put_fill(out, '0', nr_zeroes);
	put_text(out, first, (size_t)nr_digits);
	if (spec->is_left)
		put_fill(out, ' ', nr_blanks);
}

static void put_signed(const struct out *out, const struct spec *spec, int64_t value)
{
	const char *prefix = value < 0 ? "-" : spec->has_plus ? "+" : spec->has_blank ? " " : "";
	uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

	put_number(out, spec, prefix, magnitude, 10);
}

static void put_hexadecimal(const struct out *out, const struct spec *spec, uint64_t value)
{
	const char *prefix = spec->conversion == 'X' ? "0X" : "0x";

	put_number(out, spec, spec->is_alternate && value != 0 ? prefix : "", value, 16);
}

static void put_pointer(const struct out *out, const struct spec *spec, uintptr_t value)
{
	struct spec digits = *spec;

	digits.precision = 2 * (int)sizeof(value);
	put_number(out, &digits, "", value, 16);
}

/* The length of @text, looking at no more than @max bytes; @max below 0: all. */
static int bounded_length(const char *text, int max)
{
	int length = 0;

	while (length != max && text[length] != '\0')
		length++;
	return length;
}

static void put_string(const struct out *out, const struct spec *spec, const char *text, int length)
{
	if (!spec->is_left)
		put_fill(out, ' ', spec->width - length);
	put_text(out, text, (size_t)length);
	if (spec->is_left)
		put_fill(out, ' ', spec->width - length);
}

/* False when @spec is no conversion; then no argument was taken. */
static bool put_conversion(const struct out *out, const struct spec *spec, struct arguments *args)
{
	const char *text;
	char c;

	switch (spec->conversion) {
	case 'd':
	case 'i':
		put_signed(out, spec, fetch_signed(spec, args));
		return true;
	case 'u':
		put_number(out, spec, "", fetch_unsigned(spec, args), 10);
		return true;
	case 'o':
		put_number(out, spec, "", fetch_unsigned(spec, args), 8);
		return true;
	case 'x':
	case 'X':
		put_hexadecimal(out, spec, fetch_unsigned(spec, args));
		return true;
	case 'p':
		put_pointer(out, spec, (uintptr_t)va_arg(args->list, void *));
		return true;
	case 'c':
		c = (char)va_arg(args->list, int);
		put_string(out, spec, &c, 1);
		return true;
	case 's':
		text = va_arg(args->list, const char *);
		if (!text)
			text = "(null)";
		put_string(out, spec, text, bounded_length(text, spec->precision));
		return true;
	case '%':
		put_text(out, "%", 1);
		return true;
	default:
		return false;
	}
}

void format_stream(format_put *put, void *arg, const char *format, va_list args)
{
	const struct out out = { put, arg };
	struct arguments arguments;

	va_copy(arguments.list, args);
	while (*format) {
		const char *start = format;
		struct spec spec;

		while (*format && *format != '%')
			format++;
		put_text(&out, start, (size_t)(format - start));
		if (!*format)
			break;
		start = format;
		format = read_spec(format + 1, &spec, &arguments);
		if (!put_conversion(&out, &spec, &arguments))
			put_text(&out, start, (size_t)(format - start));
	}
	va_end(arguments.list);
}

/* A text that is cut where the buffer ends, and counted as if it were not. */
struct bounded_text {
	char *to;
	size_t size;
	size_t length;
};

static void put_bounded(void *arg, const char *text, size_t bytes)
{
	struct bounded_text *bounded = arg;

	for (size_t i = 0; i < bytes; i++, bounded->length++)
		if (bounded->length + 1 < bounded->size)
			bounded->to[bounded->length] = text[i];
}

int format_vtext(char *to, size_t size, const char *format, va_list args)
{
	struct bounded_text bounded = { to, size, 0 };

	format_stream(put_bounded, &bounded, format, args);
	if (size > 0)
		to[bounded.length < size ? bounded.length : size - 1] = '\0';
	return (int)bounded.length;
}

int format_text(char *to, size_t size, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = format_vtext(to, size, format, args);
	va_end(args);
	return length;
}
