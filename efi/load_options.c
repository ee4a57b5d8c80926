/*
 * Text that comes from outside, on its way to the options.
 *
 * Model
 *   Load options are text by custom only: a boot entry may carry a GUID, another
 *   system's command line, UTF-16 or plain bytes; a boot manager may hand over
 *   the whole EFI_LOAD_OPTION (UEFI 2.10, 3.1.3) instead of its optional data. A
 *   shell puts the program's name first.
 *
 *   A boot entry's words that are all another program's were not meant for this
 *   one: they leave a line, but no fault. One word that is ours, or nearly, and
 *   the others must be right, too.
 *
 * Locking
 *   None: boot services, one CPU.
 */

#include "efi/options.h"

#include "efi/acpi.h"
#include "efi/text.h"
#include "log.h"

#define LOAD_TEXT_BYTES		4096u	/* command lines of shells end sooner */

/* EFI_LOAD_OPTION: attributes, length of the device path, description, path, data. */
#define LOAD_OPTION_PATH_BYTES	4u
#define LOAD_OPTION_TEXT	6u
#define LOAD_OPTION_ATTRIBUTES	0x00001F0Bu	/* those that are defined */

/* The node that ends a device path (UEFI 2.10, 10.3.1). */
#define PATH_END_BYTES		4u
#define PATH_END_TYPE		0x7Fu
#define PATH_END_SUBTYPE	0xFFu

/* The offset of the optional data when @bytes are an EFI_LOAD_OPTION, else 0. */
static size_t load_option_data(const uint8_t *bytes, size_t nr_bytes)
{
	size_t at = LOAD_OPTION_TEXT, path_bytes;
	const uint8_t *path_end;

	if (nr_bytes < LOAD_OPTION_TEXT || read_le32(bytes) & ~LOAD_OPTION_ATTRIBUTES)
		return 0;
	path_bytes = read_le16(bytes + LOAD_OPTION_PATH_BYTES);
	while (at + 2 <= nr_bytes && read_le16(bytes + at) != 0)
		at += 2;
	at += 2;
	if (path_bytes < PATH_END_BYTES || at > nr_bytes || path_bytes > nr_bytes - at)
		return 0;
	at += path_bytes;
	path_end = bytes + at - PATH_END_BYTES;
	if (path_end[0] != PATH_END_TYPE || path_end[1] != PATH_END_SUBTYPE)
		return 0;
	return at;
}

static size_t length_within(const char *text, size_t bytes)
{
	size_t length = 0;

	while (length < bytes && text[length] != '\0')
		length++;
	return length;
}

static bool is_ascii(const char *text, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if (text[i] == TEXT_NOT_ASCII)
			return false;
	return true;
}

void options_add_load_options(const uint8_t *bytes, size_t nr_bytes)
{
	char text[LOAD_TEXT_BYTES];
	size_t skipped = load_option_data(bytes, nr_bytes);
	size_t length = text_decode(bytes + skipped, nr_bytes - skipped, text, sizeof(text));
	size_t text_bytes = length_within(text, length);
	struct options_census census;

	if (length == sizeof(text))
		options_add_fault("LoadOptions", "", "longer than 4 KiB, the rest", NULL);
	if (text_bytes == 0)
		return;
	if (!is_ascii(text, text_bytes)) {
		log_line(LOG_INFO, "options: LoadOptions: %zu bytes that are no text: ignored",
			 nr_bytes);
		return;
	}
	census = options_count(text, text_bytes);
	if (census.nr_ours > 0)
		options_add(text + census.name_bytes, text_bytes - census.name_bytes,
			    "LoadOptions");
	else if (census.nr_words > (census.name_bytes > 0))
		log_line(LOG_NOTICE, "options: LoadOptions: %u words, all of them another "
			 "program's: ignored", census.nr_words);
}

/* The last line end of a text that goes on: half a word may mean something else. */
static size_t whole_lines(const char *text, size_t length)
{
	while (length > 0 && text[length - 1] != '\n' && text[length - 1] != '\r')
		length--;
	return length;
}

static bool has_text_behind_zero(const char *text, size_t length)
{
	size_t at = length_within(text, length);

	while (at < length && text[at] == '\0')
		at++;
	return at < length;
}

void options_add_file(uint8_t *bytes, size_t nr_bytes, const char *name)
{
	bool is_cut = nr_bytes > OPTIONS_FILE_BYTES;
	char *text = (char *)bytes;	/* what is written lies before what is still to be read */
	size_t length = text_decode(bytes, nr_bytes, text, nr_bytes);

	if (is_cut) {
		length = whole_lines(text, length);
		options_add_fault(name, "", "longer than 64 KiB, the rest", NULL);
	}
	if (has_text_behind_zero(text, length))
		options_add_fault(name, "", "a zero byte in the text, what is behind it", NULL);
	options_add(text, length, name);
}
