/*
 * The start screen, on the firmware's console: its keyboard works on every machine,
 * and where it has a serial line both show and take the same.
 *
 * Model
 *   Shown only to a person: when nothing said what to do, neither the stick nor the boot
 *   entry, and no emulator handed options over (even empty ones). It says what this is and
 *   what was found, and counts down to the self-test; a key ends the counting. What is
 *   chosen becomes words of options, as if they had been on the stick.
 *
 * Promises
 *   - every wait ends: MENU_SECONDS without a key, IDLE_SECONDS after one
 *   - a machine without console starts at once
 *
 * Locking
 *   None: boot services, one CPU.
 */

#include "efi/firmware_state.h"

#include "efi/capture.h"
#include "efi/firmware.h"
#include "efi/options.h"
#include "lib/string.h"

#define MENU_SECONDS 5u
#define IDLE_SECONDS 600u
#define POLL_US	     50000u
#define POLLS_PER_S  (1000000u / POLL_US)
#define LINE_BYTES   160u

#define KEY_ENTER     '\r'
#define KEY_LINE_FEED '\n'
#define KEY_BACKSPACE '\b'
#define KEY_DELETE    0x7f
#define KEY_NONE      0

struct menu_item {
	char key;
	const char *name;
	const char *about;
	const char *options;
};

static const struct menu_item items[] = {
	{'1', "self-test", "every part of memory management, one to five minutes", "run=selftest"},
	{'2', "stress", "all CPUs use all of it at random, until you switch off",
	 "run=stress stress=315360000"},
	{'3', "lecture", "how it works, slide by slide", "run=lecture pace=key"},
	{'4', "explore", "a prompt for tables and tests", "run=shell"},
	{'5', "firmware report", "what the firmware says of memory, and what is wrong with it",
	 "run=show show=firmware,findings,memmap,numa"},
	{'6', "capture only", "save what the firmware says to the stick, do nothing else",
	 "run=none"},
};

/* ---- Keys ---- */

/* The next key, or KEY_NONE after @seconds, which are counted down on the screen if @is_shown. */
static char wait_for_key(unsigned seconds, bool is_shown)
{
	SIMPLE_INPUT_INTERFACE *input = firmware.system->ConIn;

	for (unsigned i = 0; i < seconds * POLLS_PER_S; i++) {
		EFI_INPUT_KEY key = {0, 0};

		if (is_shown && i % POLLS_PER_S == 0)
			console_say("\rThe self-test starts in %u s; any key stops the clock. ",
				    seconds - i / POLLS_PER_S);
		if (!EFI_ERROR(input->ReadKeyStroke(input, &key)) && key.UnicodeChar != 0)
			return key.UnicodeChar < 0x80 ? (char)key.UnicodeChar : '?';
		firmware.boot->Stall(POLL_US);
	}
	return KEY_NONE;
}

static bool is_end_of_line(char key)
{
	return key == KEY_ENTER || key == KEY_LINE_FEED || key == KEY_NONE;
}

/* Reads a line of options; what is typed too much is not taken. */
static void read_line(char *line, size_t size)
{
	size_t used = 0;

	console_say("\noptions: ");
	for (;;) {
		char key = wait_for_key(IDLE_SECONDS, false);

		if (is_end_of_line(key))
			break;
		if ((key == KEY_BACKSPACE || key == KEY_DELETE) && used > 0) {
			used--;
			console_say("\b \b");
		} else if (key >= ' ' && key <= '~' && used + 1 < size) {
			line[used++] = key;
			console_say("%c", key);
		}
	}
	line[used] = '\0';
	console_say("\n");
}

/* ---- What is shown ---- */

static unsigned count_distinct(const uint32_t *domains, uint32_t nr_domains)
{
	unsigned nr = 0;

	for (uint32_t i = 0; i < nr_domains; i++) {
		bool is_first = true;

		for (uint32_t j = 0; j < i; j++)
			is_first &= domains[j] != domains[i];
		nr += is_first;
	}
	return nr;
}

static uint64_t ram_mib(void)
{
	uint64_t nr_pages = 0;

	for (UINT64 at = 0; at + DESCRIPTOR_MIN_BYTES <= firmware.map.bytes.length;
	     at += firmware.map.descriptor_bytes) {
		EFI_MEMORY_DESCRIPTOR descriptor;

		memcpy(&descriptor, firmware.map.bytes.bytes + at, sizeof(descriptor));
		if (descriptor.Type >= EfiLoaderCode && descriptor.Type <= EfiConventionalMemory &&
		    descriptor.Type != EfiRuntimeServicesCode &&
		    descriptor.Type != EfiRuntimeServicesData)
			nr_pages += descriptor.NumberOfPages;
	}
	return nr_pages >> 8;
}

static void show_menu(const struct boot_info *info)
{
	char cpu[CPU_NAME_BYTES];
	unsigned nr_nodes = count_distinct(info->domains, info->nr_domains);

	read_cpu_name(cpu);
	console_say("\n  Slabstick %s: does memory work on this machine?\n\n"
		    "  It tests memory management from the firmware's tables to allocators, and\n"
		    "  changes nothing but the folder \\slabstick of its own stick.\n\n"
		    "  Found: %s, %u CPUs, %llu MiB of RAM, %u node%s\n  Firmware: %s\n\n",
		    slabstick_version, cpu, info->nr_cpus, (unsigned long long)ram_mib(),
		    nr_nodes ? nr_nodes : 1, nr_nodes > 1 ? "s" : "", info->firmware_vendor);
	for (unsigned i = 0; i < ARRAY_SIZE(items); i++)
		console_say("    %c  %-16s %s\n", items[i].key, items[i].name, items[i].about);
	console_say("    o  %-16s type what the README lists, such as tests=slab seed=1\n\n",
		    "options");
}

/* ---- Choice ---- */

static void take_options(struct boot_info *info, const char *text)
{
	options_add(text, strlen(text), "menu");
	info->movable = options_memory("movablecore");
	set_bad_pages();
	options_line(info->command_line, sizeof(info->command_line));
}

static const struct menu_item *item_of(char key)
{
	for (unsigned i = 0; i < ARRAY_SIZE(items); i++)
		if (items[i].key == key)
			return &items[i];
	return NULL;
}

static void choose(struct boot_info *info)
{
	const struct menu_item *item = NULL;
	char key = wait_for_key(MENU_SECONDS, true);
	char line[LINE_BYTES];

	while (!is_end_of_line(key) && key != 'o' && !(item = item_of(key))) {
		console_say("\rYour choice, or Enter for the self-test:              ");
		key = wait_for_key(IDLE_SECONDS, false);
	}
	if (key == 'o') {
		read_line(line, sizeof(line));
		log_line(LOG_NOTICE, "menu: options %s", line);
		take_options(info, line);
		return;
	}
	item = item ? item : &items[0];
	console_say("\r%-64s\n", item->name);
	log_line(LOG_NOTICE, "menu: %s", item->name);
	take_options(info, item->options);
}

static bool is_told_what_to_do(void)
{
	static const char *const keys[] = {"run", "tests", "bench", "show", "stress"};

	for (unsigned i = 0; i < ARRAY_SIZE(keys); i++)
		if (options_get(keys[i]))
			return true;
	return false;
}

void offer_menu(struct boot_info *info)
{
	if (firmware.has_fw_cfg_options || is_told_what_to_do() || !firmware.system->ConIn ||
	    !firmware.system->ConOut)
		return;
	show_menu(info);
	choose(info);
}
