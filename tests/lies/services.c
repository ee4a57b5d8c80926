/*
 * Lies about boot services: what they do when they are called, and how often
 * they fail first. The memory map's own lies are in map.c.
 */

#include "tests/lies/lie.h"

#include "lib/string.h"

#define LOW_END		0x100000ull

EFI_GET_MEMORY_MAP true_get_memory_map;
EFI_EXIT_BOOT_SERVICES true_exit_boot_services;

static EFI_ALLOCATE_PAGES true_allocate_pages;
static EFI_ALLOCATE_POOL true_allocate_pool;
static EFI_HANDLE_PROTOCOL true_handle_protocol;
static EFI_SET_WATCHDOG_TIMER true_set_watchdog;

/* ---- Leaving ---- */

static uint64_t nr_exits_to_fail, nr_exits;
static bool is_watchdog_on;
static void (*after_exit[4])(void);
static unsigned nr_after_exit;

void lie_after_exit(void (*work)(void))
{
	if (nr_after_exit == ARRAY_SIZE(after_exit))
		lie_give_up("too many lies for the exit");
	after_exit[nr_after_exit++] = work;
}

static EFIAPI EFI_STATUS exit_boot_services(EFI_HANDLE image, UINTN key)
{
	EFI_STATUS status;

	if (nr_exits++ < nr_exits_to_fail)
		return EFI_INVALID_PARAMETER;
	status = true_exit_boot_services(image, key);
	if (EFI_ERROR(status))
		return status;
	if (is_watchdog_on)
		lie_give_up("the watchdog was left on");
	for (unsigned i = 0; i < nr_after_exit; i++)
		after_exit[i]();
	return EFI_SUCCESS;
}

/* ExitBootServices fails so many times. */
static void exit_fails(const char *argument)
{
	nr_exits_to_fail = lie_number(argument, 0);
}

static EFIAPI EFI_STATUS set_watchdog(UINTN seconds, UINT64 code, UINTN bytes, CHAR16 *data)
{
	is_watchdog_on = seconds > 0;
	return true_set_watchdog(seconds, code, bytes, data);
}

/* A boot manager's five minutes are ticking. */
static void watchdog(const char *argument)
{
	true_set_watchdog(lie_number(argument, 300), 0, 0, NULL);
	is_watchdog_on = true;
	lie_boot->SetWatchdogTimer = set_watchdog;
}

/* ---- Memory ---- */

static bool is_low_refused;
static uint64_t page_calls_to_fail_from = UINT64_MAX, nr_page_calls;
static uint64_t pages_max = UINT64_MAX, pool_bytes_max = UINT64_MAX;

static EFIAPI EFI_STATUS allocate_pages(EFI_ALLOCATE_TYPE how, EFI_MEMORY_TYPE type, UINTN nr_pages,
					EFI_PHYSICAL_ADDRESS *pa)
{
	EFI_STATUS status;

	if (is_low_refused && how == AllocateMaxAddress && *pa < LOW_END)
		return EFI_OUT_OF_RESOURCES;
	if (nr_page_calls++ >= page_calls_to_fail_from || nr_pages > pages_max)
		return EFI_OUT_OF_RESOURCES;
	status = true_allocate_pages(how, type, nr_pages, pa);
	if (!EFI_ERROR(status))		/* nobody promised zeroes */
		memset((void *)*pa, 0xA5, nr_pages * 4096);
	return status;
}

/* No page below 1 MiB, as where a legacy BIOS module holds all of it. */
static void low_pages_fail(const char *argument)
{
	(void)argument;
	is_low_refused = true;
	lie_boot->AllocatePages = allocate_pages;
}

/* All calls fail but so many. */
static void pages_fail(const char *argument)
{
	page_calls_to_fail_from = lie_number(argument, 0);
	lie_boot->AllocatePages = allocate_pages;
}

/* AllocatePages refuses more than so many at once. */
static void few_pages(const char *argument)
{
	pages_max = lie_number(argument, 0);
	lie_boot->AllocatePages = allocate_pages;
}

static void pages_are_dirty(const char *argument)
{
	(void)argument;
	lie_boot->AllocatePages = allocate_pages;
}

static EFIAPI EFI_STATUS allocate_pool(EFI_MEMORY_TYPE type, UINTN bytes, void **buffer)
{
	if (bytes > pool_bytes_max)
		return EFI_OUT_OF_RESOURCES;
	return true_allocate_pool(type, bytes, buffer);
}

/* AllocatePool refuses more than so many bytes. */
static void pool_fails(const char *argument)
{
	pool_bytes_max = lie_number(argument, 0);
	lie_boot->AllocatePool = allocate_pool;
}

/* ---- The stick ---- */

static bool is_stick_gone, is_stick_locked;
static uint64_t read_bytes_max = UINT64_MAX;
static EFI_FILE_IO_INTERFACE *true_file_system;
static EFI_FILE_IO_INTERFACE false_file_system;
static EFI_FILE_OPEN true_open;
static EFI_FILE_READ true_read;

static EFIAPI EFI_STATUS read_file(EFI_FILE_HANDLE file, UINTN *bytes, void *buffer)
{
	if (read_bytes_max == 0)
		return EFI_DEVICE_ERROR;
	if (*bytes > read_bytes_max)
		*bytes = read_bytes_max;
	return true_read(file, bytes, buffer);
}

static EFIAPI EFI_STATUS open_file(EFI_FILE_HANDLE root, EFI_FILE_HANDLE *file, CHAR16 *name,
				   UINT64 mode, UINT64 attributes)
{
	EFI_STATUS status;

	if (is_stick_locked && (mode & EFI_FILE_MODE_WRITE))
		return EFI_WRITE_PROTECTED;
	status = true_open(root, file, name, mode, attributes);
	if (!EFI_ERROR(status) && (*file)->Read != read_file) {
		true_read = (*file)->Read;
		(*file)->Read = read_file;
	}
	return status;
}

static EFIAPI EFI_STATUS open_volume(EFI_FILE_IO_INTERFACE *file_system, EFI_FILE_HANDLE *root)
{
	EFI_STATUS status = true_file_system->OpenVolume(true_file_system, root);

	(void)file_system;
	if (!EFI_ERROR(status) && (*root)->Open != open_file) {
		true_open = (*root)->Open;
		(*root)->Open = open_file;
	}
	return status;
}

static EFIAPI EFI_STATUS handle_protocol(EFI_HANDLE handle, EFI_GUID *guid, void **interface)
{
	static const EFI_GUID file_system_guid = SIMPLE_FILE_SYSTEM_PROTOCOL;
	EFI_STATUS status = true_handle_protocol(handle, guid, interface);

	if (memcmp(guid, &file_system_guid, sizeof(*guid)) != 0 || EFI_ERROR(status))
		return status;
	if (is_stick_gone)
		return EFI_UNSUPPORTED;
	true_file_system = *interface;
	false_file_system.Revision = true_file_system->Revision;
	false_file_system.OpenVolume = open_volume;
	*interface = &false_file_system;
	return EFI_SUCCESS;
}

/* Started from the network or from a shell's memory: there is no file system. */
static void no_stick(const char *argument)
{
	(void)argument;
	is_stick_gone = true;
	lie_boot->HandleProtocol = handle_protocol;
}

static void stick_is_locked(const char *argument)
{
	(void)argument;
	is_stick_locked = true;
	lie_boot->HandleProtocol = handle_protocol;
}

/* Files give at most so many bytes a call; 0: an error. */
static void short_reads(const char *argument)
{
	read_bytes_max = lie_number(argument, 1);
	lie_boot->HandleProtocol = handle_protocol;
}

/* ---- Load options ---- */

/* "struct", "garbage", "ascii", "linux", "wide": kinds of bytes with the options run=none. */
static void load_options(const char *argument)
{
	static const uint8_t head[] = { 1, 0, 0, 0, 4, 0, 'S', 0, 0, 0, 0x7F, 0xFF, 4, 0 };
	static const uint8_t guid[] = { 0x4E, 0xAC, 0x08, 0x81, 0x11, 0x9F, 0x59, 0x4D,
					0x85, 0x0E, 0xE2, 0x1A, 0x52, 0x2C, 0x59, 0xB2 };
	static const char ascii[] = "run=none";
	static const CHAR16 wide[] = L"slabstick.efi run=none";
	static const CHAR16 words[] = L"root=/dev/sda2 console=ttyS0 quiet splash";
	static uint8_t whole[sizeof(head) + sizeof(wide)];
	const void *bytes = ascii;
	UINTN nr_bytes = sizeof(ascii);

	if (strcmp(argument, "garbage") == 0) {
		bytes = guid;
		nr_bytes = sizeof(guid);
	} else if (strcmp(argument, "linux") == 0) {
		bytes = words;
		nr_bytes = sizeof(words);
	} else if (strcmp(argument, "wide") == 0) {
		bytes = wide;
		nr_bytes = sizeof(wide);
	} else if (strcmp(argument, "struct") == 0) {
		memcpy(whole, head, sizeof(head));
		memcpy(whole + sizeof(head), wide, sizeof(wide));
		bytes = whole;
		nr_bytes = sizeof(whole);
	}
	lie_child->LoadOptions = (void *)(uintptr_t)bytes;
	lie_child->LoadOptionsSize = (UINT32)nr_bytes;
}

/* ---- All of them ---- */

void lie_keep_services(void)
{
	true_get_memory_map = lie_boot->GetMemoryMap;
	true_exit_boot_services = lie_boot->ExitBootServices;
	true_allocate_pages = lie_boot->AllocatePages;
	true_allocate_pool = lie_boot->AllocatePool;
	true_handle_protocol = lie_boot->HandleProtocol;
	true_set_watchdog = lie_boot->SetWatchdogTimer;
	lie_boot->ExitBootServices = exit_boot_services;
}

const struct lie service_lies[] = {
	{ "exit_fails", exit_fails },
	{ "watchdog", watchdog },
	{ "low_pages_fail", low_pages_fail },
	{ "pages_fail", pages_fail },
	{ "few_pages", few_pages },
	{ "pages_are_dirty", pages_are_dirty },
	{ "pool_fails", pool_fails },
	{ "no_stick", no_stick },
	{ "stick_is_locked", stick_is_locked },
	{ "short_reads", short_reads },
	{ "load_options", load_options },
};

const unsigned nr_service_lies = ARRAY_SIZE(service_lies);
