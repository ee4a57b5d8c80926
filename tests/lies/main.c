/*
 * An EFI program that stands between the firmware and ours and lies.
 *
 * Model
 *   \EFI\BOOT\BOOTX64.EFI is this program, \slabstick.efi the one that is lied
 *   to. The lies come as words, name=argument, in QEMU's fw_cfg item
 *   opt/slabstick/lies; each names a row of one of the arrays below and changes
 *   what the firmware has said or will say: services are hooked, tables written
 *   anew, protocols put beside the firmware's own. Then the other program is
 *   started as a boot manager would. This one stays in memory until boot services
 *   end, so hooks may live in it.
 *
 *   tests/lies.toml has a row for each lie that is told in tests, and what must
 *   follow from it.
 *
 * Locking
 *   None: boot services, one CPU.
 */

#include "tests/lies/lie.h"

#include "efi/fw_cfg.h"
#include "lib/string.h"

#define PORT_COM1		0x3F8u
#define PORT_DEBUG_EXIT		0xF4u
#define STATUS_GIVEN_UP		0x7Fu	/* isa-debug-exit: QEMU ends with 255 */
#define WORDS_BYTES		1024u
#define PROGRAM_BYTES_MAX	(16u << 20)

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system_table);

EFI_SYSTEM_TABLE *lie_system;
EFI_BOOT_SERVICES *lie_boot;
EFI_LOADED_IMAGE *lie_child;

/* ---- Helpers ---- */

static void out8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" :: "a"(value), "Nd"(port));
}

void lie_say(const char *text)
{
	for (; *text; text++)
		out8(PORT_COM1, (uint8_t)*text);
}

void lie_say_number(const char *text, uint64_t number)
{
	char digits[21] = { 0 };
	size_t at = sizeof(digits) - 1;

	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	lie_say(text);
	lie_say(digits + at);
	lie_say("\n");
}

void lie_give_up(const char *why)
{
	lie_say("lies: cannot: ");
	lie_say(why);
	lie_say("\n");
	out8(PORT_DEBUG_EXIT, STATUS_GIVEN_UP);
	for (;;)
		__asm__ volatile("cli; hlt");
}

static unsigned digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'A' && c <= 'F')
		return (unsigned)(c - 'A') + 10;
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a') + 10;
	return 16;
}

uint64_t lie_number(const char *argument, uint64_t otherwise)
{
	unsigned base = 10;
	uint64_t number = 0;

	if (!argument[0])
		return otherwise;
	if (argument[0] == '0' && argument[1] == 'x') {
		base = 16;
		argument += 2;
	}
	for (; digit_of(*argument) < base; argument++)
		number = number * base + digit_of(*argument);
	switch (*argument) {
	case 'K': return number << 10;
	case 'M': return number << 20;
	case 'G': return number << 30;
	case 'T': return number << 40;
	case '\0': return number;
	}
	lie_give_up("an argument that is no number");
}

const char *lie_next_word(const char **at, char *word, size_t size)
{
	size_t length = 0;

	while (**at == ',' || **at == ':')
		(*at)++;
	for (; **at && **at != ',' && **at != ':' && length + 1 < size; (*at)++)
		word[length++] = **at;
	word[length] = '\0';
	return length > 0 ? word : NULL;
}

void *lie_pages(EFI_MEMORY_TYPE type, uint64_t bytes, uint64_t highest)
{
	EFI_PHYSICAL_ADDRESS pa = highest;
	uint64_t nr_pages = (bytes + 4095) / 4096;

	if (EFI_ERROR(lie_boot->AllocatePages(AllocateMaxAddress, type, nr_pages, &pa)))
		lie_give_up("no pages");
	memset((void *)pa, 0, nr_pages * 4096);
	return (void *)pa;
}

/* ---- Words ---- */

static const struct lie *find_in(const struct lie *lies, unsigned nr_lies, const char *name)
{
	for (unsigned i = 0; i < nr_lies; i++)
		if (strcmp(lies[i].name, name) == 0)
			return &lies[i];
	return NULL;
}

static const struct lie *find_lie(const char *name)
{
	const struct lie *lie = find_in(map_lies, nr_map_lies, name);

	lie = lie ? lie : find_in(service_lies, nr_service_lies, name);
	lie = lie ? lie : find_in(table_lies, nr_table_lies, name);
	lie = lie ? lie : find_in(screen_lies, nr_screen_lies, name);
	return lie ? lie : find_in(machine_lies, nr_machine_lies, name);
}

static void tell_word(char *word)
{
	char *argument = word + strlen(word);
	const struct lie *lie;

	for (char *at = word; *at; at++)
		if (*at == '=') {
			*at = '\0';
			argument = at + 1;
			break;
		}
	lie = find_lie(word);
	lie_say("lies: ");
	lie_say(word);
	lie_say("\n");
	if (!lie)
		lie_give_up("there is no such lie");
	lie->tell(argument);
}

static void tell_all(void)
{
	static char words[WORDS_BYTES + 1];
	size_t bytes;
	char *at = words;

	if (fw_cfg_read("opt/slabstick/lies", words, WORDS_BYTES, &bytes) != STATUS_OK)
		lie_give_up("no words in fw_cfg");
	while (*at) {
		char *word = at;

		while (*at && *at != ' ')
			at++;
		if (*at)
			*at++ = '\0';
		if (*word)
			tell_word(word);
	}
}

/* ---- The other program ---- */

static EFI_HANDLE load_program(EFI_HANDLE self)
{
	static EFI_GUID loaded_image_guid = LOADED_IMAGE_PROTOCOL;
	static EFI_GUID file_system_guid = SIMPLE_FILE_SYSTEM_PROTOCOL;
	EFI_LOADED_IMAGE *image;
	EFI_FILE_IO_INTERFACE *file_system;
	EFI_FILE_HANDLE root, file;
	EFI_HANDLE program = NULL;
	UINTN bytes = PROGRAM_BYTES_MAX;
	void *buffer;

	if (EFI_ERROR(lie_boot->HandleProtocol(self, &loaded_image_guid, (void **)&image)) ||
	    EFI_ERROR(lie_boot->HandleProtocol(image->DeviceHandle, &file_system_guid,
					       (void **)&file_system)) ||
	    EFI_ERROR(file_system->OpenVolume(file_system, &root)) ||
	    EFI_ERROR(root->Open(root, &file, (CHAR16 *)L"\\slabstick.efi", EFI_FILE_MODE_READ, 0)))
		lie_give_up("no slabstick.efi");
	if (EFI_ERROR(lie_boot->AllocatePool(EfiBootServicesData, bytes, &buffer)) ||
	    EFI_ERROR(file->Read(file, &bytes, buffer)))
		lie_give_up("slabstick.efi cannot be read");
	file->Close(file);
	root->Close(root);
	if (EFI_ERROR(lie_boot->LoadImage(FALSE, self, NULL, buffer, bytes, &program)) ||
	    EFI_ERROR(lie_boot->HandleProtocol(program, &loaded_image_guid, (void **)&lie_child)))
		lie_give_up("slabstick.efi cannot be loaded");
	lie_boot->FreePool(buffer);
	lie_child->DeviceHandle = image->DeviceHandle;
	return program;
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system_table)
{
	EFI_HANDLE program;
	EFI_STATUS status;

	lie_system = system_table;
	lie_boot = system_table->BootServices;
	lie_keep_services();
	program = load_program(image);
	tell_all();
	lie_say("lies: told\n");
	status = lie_boot->StartImage(program, NULL, NULL);
	lie_give_up("slabstick.efi came back");
	return status;
}
