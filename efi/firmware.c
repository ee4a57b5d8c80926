/*
 * From the firmware's call of efi_main() to the end of boot services.
 *
 * Model
 *   While firmware rules, this file asks it for everything: tables, memory map,
 *   screen, options. What it gives is copied into memory of ours, because tables
 *   have been seen in memory that is free after the exit. Then one piece of
 *   memory is taken for boot_info and its arrays (the arena), one for the first
 *   page tables, one page for starting CPUs; and boot services are left.
 *
 * Leaving
 *   ExitBootServices wants the key of the newest map, and the map may change at
 *   any call, the exit itself included. So: a buffer of twice the size plus 64
 *   descriptors, taken once; then only GetMemoryMap and ExitBootServices, in
 *   turn, at most EXIT_TRIES_MAX times.
 *
 * Rules
 *   F1  no pointer into firmware's memory survives into boot_info
 *   F2  a physical address from a table is read only where the memory map has it
 *   F3  every size that depends on firmware's word is checked before it is used
 *
 * Locking
 *   None: one CPU, no interrupts of ours.
 */

#define GNU_EFI_USE_MS_ABI 1
#include <efi.h>

#include "efi/firmware.h"

#include "arch.h"
#include "efi/acpi.h"
#include "efi/arena.h"
#include "efi/capture.h"
#include "efi/collect.h"
#include "efi/framebuffer.h"
#include "efi/fw_cfg.h"
#include "efi/memory_map.h"
#include "efi/options.h"
#include "lib/align.h"
#include "lib/string.h"
#include "log.h"
#include "mm/types.h"

#define EXIT_TRIES_MAX		128u
#define MAP_TRIES_MAX		16u	/* growing the buffer for the first map */
#define MAP_SLACK_DESCRIPTORS	64u
#define DESCRIPTOR_DEFAULT_BYTES 48u

/* The trampoline's page must lie below the EBDA: some firmware writes to the last 4 KiB. */
#define TRAMPOLINE_HIGHEST	0x9EFFFull

/* For ranges that the last map splits more finely than the one that was measured. */
#define TABLE_SLACK_PAGES	128u

#define OPTIONS_BYTES		1024u
#define REACH_END		(1ull << MAX_PHYS_BITS)
#define STOP_SECONDS		10u

enum held { HELD_IMAGE, HELD_ARENA, HELD_TABLE_POOL, HELD_TRAMPOLINE, NR_HELD };

/* A table to look for: the @index-th of its name, and how the capture calls it. */
struct wanted_table {
	char signature[5];
	char file[12];
	uint32_t index;
	struct bytes copy;
	uint64_t firmware_pa;
};

enum wanted { WANTED_SRAT, WANTED_SRAT2, WANTED_SLIT, WANTED_MADT, WANTED_HMAT, WANTED_SPCR,
	      WANTED_MSCT, WANTED_CEDT, WANTED_FADT, NR_WANTED };

static struct wanted_table wanted_tables[NR_WANTED] = {
	[WANTED_SRAT] = { .signature = "SRAT", .file = "srat.bin" },
	[WANTED_SRAT2] = { .signature = "SRAT", .file = "srat2.bin", .index = 1 },
	[WANTED_SLIT] = { .signature = "SLIT", .file = "slit.bin" },
	[WANTED_MADT] = { .signature = "APIC", .file = "madt.bin" },
	[WANTED_HMAT] = { .signature = "HMAT", .file = "hmat.bin" },
	[WANTED_SPCR] = { .signature = "SPCR", .file = "spcr.bin" },
	[WANTED_MSCT] = { .signature = "MSCT", .file = "msct.bin" },
	[WANTED_CEDT] = { .signature = "CEDT", .file = "cedt.bin" },
	[WANTED_FADT] = { .signature = "FACP", .file = "fadt.bin" },
};

/* What this file needs to remember while firmware rules. */
static struct {
	EFI_HANDLE image;
	EFI_SYSTEM_TABLE *system;
	EFI_BOOT_SERVICES *boot;
	EFI_LOADED_IMAGE *loaded;
	struct memory_map map;
	UINT8 *map_buffer;
	UINTN map_capacity_bytes;
	UINTN map_key;
	UINT32 map_version;
	struct arena arena;
	struct held_range held[NR_HELD];
} firmware;

/* ---- Screen ---- */

static void print_console(const char *text)
{
	SIMPLE_TEXT_OUTPUT_INTERFACE *console = firmware.system->ConOut;
	CHAR16 piece[2] = { 0, 0 };

	if (!console)
		return;
	for (; *text; text++) {
		piece[0] = (CHAR16)*text;
		if (*text == '\n')
			console->OutputString(console, (CHAR16 *)L"\r");
		console->OutputString(console, piece);
	}
}

/* A line for the log and for whoever sits at the screen. */
static void announce(enum log_level level, const char *format, ...) PRINTF(2, 3);
static void announce(enum log_level level, const char *format, ...)
{
	char line[256];
	va_list args;

	va_start(args, format);
	format_vtext(line, sizeof(line) - 1, format, args);
	va_end(args);
	log_line(level, "%s", line);
	print_console(line);
	print_console("\n");
}

/* The log to the serial line, whether or not firmware still rules. */
static void send_log_to_serial(void)
{
	const struct uart_info first_port = { UART_PORT, 0x3F8, 0, 1 };

	if (arch_serial_init(&first_port) == STATUS_OK)
		log_add_sink(arch_serial_write);
}

/* Ends the program while boot services work: tells why, gives time to read it. */
static void stop(const char *format, ...) PRINTF(1, 2) NORETURN;
static void stop(const char *format, ...)
{
	char reason[200];
	va_list args;

	va_start(args, format);
	format_vtext(reason, sizeof(reason), format, args);
	va_end(args);
	announce(LOG_ERROR, "Bail out! %s", reason);
	send_log_to_serial();
	firmware.boot->Stall(STOP_SECONDS * 1000000ull);
	arch_exit_emulator(0x12);
	firmware.boot->Exit(firmware.image, EFI_UNSUPPORTED, 0, NULL);
	arch_halt();
}

/* Ends the program when there is neither firmware nor kernel. */
static void stop_between(const struct boot_info *info, const char *reason) NORETURN;
static void stop_between(const struct boot_info *info, const char *reason)
{
	log_line(LOG_ERROR, "Bail out! %s", reason);
	if (framebuffer_init(&info->framebuffer, (void *)info->framebuffer.base_pa) == STATUS_OK)
		log_add_sink(framebuffer_write);
	send_log_to_serial();
	arch_exit_emulator(0x12);
	arch_halt();
}

static void copy_vendor(char *to, size_t size)
{
	const CHAR16 *from = firmware.system->FirmwareVendor;
	size_t length = 0;

	for (; from && from[length] && length + 1 < size; length++)
		to[length] = from[length] >= ' ' && from[length] <= '~' ? (char)from[length] : '?';
	to[length] = '\0';
}

static void print_banner(const char *vendor)
{
	EFI_TIME now = { 0 };

	announce(LOG_NOTICE, "Slabstick %s", SLABSTICK_VERSION);
	announce(LOG_NOTICE, "efi: EFI v%u.%02u by %s, revision 0x%08x",
		 firmware.system->Hdr.Revision >> 16, firmware.system->Hdr.Revision & 0xFFFF, vendor,
		 firmware.system->FirmwareRevision);
	if (!EFI_ERROR(firmware.system->RuntimeServices->GetTime(&now, NULL)))
		announce(LOG_NOTICE, "time: %04u-%02u-%02u %02u:%02u:%02u", now.Year, now.Month, now.Day,
			 now.Hour, now.Minute, now.Second);
}

static void check_cpu(void)
{
	const char *reason = "";

	if (arch_check_cpu(&reason) != STATUS_OK)
		stop("this CPU cannot run Slabstick: %s", reason);
}

/* ---- Memory ---- */

/* Pages of loader data, zeroed; below or at @highest. 0: none to be had. */
static uint64_t try_take_pages(uint64_t nr_pages, uint64_t highest)
{
	EFI_PHYSICAL_ADDRESS pa = highest;

	if (EFI_ERROR(firmware.boot->AllocatePages(AllocateMaxAddress, EfiLoaderData, nr_pages, &pa)))
		return 0;
	memset((void *)pa, 0, pages_to_bytes(nr_pages));
	return pa;
}

static uint64_t take_pages(uint64_t bytes, const char *what)
{
	uint64_t pa = try_take_pages(bytes_to_pages(bytes), REACH_END - 1);

	if (pa == 0)
		stop("firmware has no %llu KiB of memory for %s", (unsigned long long)bytes >> 10, what);
	return pa;
}

static void *take_pool(uint64_t bytes)
{
	void *taken = NULL;

	if (EFI_ERROR(firmware.boot->AllocatePool(EfiLoaderData, bytes, &taken)))
		return NULL;
	return taken;
}

/* ---- The memory map ---- */

static EFI_STATUS get_map(void)
{
	UINTN map_bytes = firmware.map_capacity_bytes;
	UINTN descriptor_bytes = 0;
	EFI_STATUS status;

	status = firmware.boot->GetMemoryMap(&map_bytes, (EFI_MEMORY_DESCRIPTOR *)firmware.map_buffer,
					     &firmware.map_key, &descriptor_bytes,
					     &firmware.map_version);
	firmware.map.bytes.length = map_bytes;
	/* Some firmware fills the size in only when the call succeeds. */
	if (!EFI_ERROR(status) || descriptor_bytes > 0)
		firmware.map.descriptor_bytes = descriptor_bytes;
	firmware.map.bytes.bytes = EFI_ERROR(status) ? NULL : firmware.map_buffer;
	return status;
}

/* Gets a first map into a buffer that is large enough for the last one, too. */
static void get_first_map(void)
{
	firmware.map.descriptor_bytes = DESCRIPTOR_DEFAULT_BYTES;
	for (unsigned i = 0; i < MAP_TRIES_MAX; i++) {
		EFI_STATUS status = get_map();
		uint64_t wanted_bytes;

		if (!EFI_ERROR(status) &&
		    firmware.map_capacity_bytes >= 2 * firmware.map.bytes.length)
			return;
		if (EFI_ERROR(status) && status != EFI_BUFFER_TOO_SMALL)
			stop("GetMemoryMap failed: 0x%llx", (unsigned long long)status);
		wanted_bytes = 2 * firmware.map.bytes.length +
			       MAP_SLACK_DESCRIPTORS * max_u64(firmware.map.descriptor_bytes,
							       DESCRIPTOR_DEFAULT_BYTES);
		if (wanted_bytes <= firmware.map_capacity_bytes)
			wanted_bytes = 2 * firmware.map_capacity_bytes;
		firmware.map_buffer = (UINT8 *)take_pages(wanted_bytes, "the memory map");
		firmware.map_capacity_bytes = pages_to_bytes(bytes_to_pages(wanted_bytes));
	}
	stop("GetMemoryMap never gave a map that fits the size it asked for");
}

/* As many descriptors as the buffer can ever hold. */
static uint32_t nr_descriptors_max(void)
{
	if (firmware.map.descriptor_bytes < DESCRIPTOR_MIN_BYTES)
		stop("the memory map's descriptors have %llu bytes",
		     (unsigned long long)firmware.map.descriptor_bytes);
	return (uint32_t)(firmware.map_capacity_bytes / firmware.map.descriptor_bytes);
}

/* ---- ACPI tables ---- */

/* The end of the memory-map entry that has @pa, or 0. */
static uint64_t mapped_end(uint64_t pa)
{
	for (uint64_t at = 0; at + DESCRIPTOR_MIN_BYTES <= firmware.map.bytes.length;
	     at += firmware.map.descriptor_bytes) {
		uint64_t start = read_le64(firmware.map_buffer + at + 8);
		uint64_t nr_pages = read_le64(firmware.map_buffer + at + 24);

		if (pa >= start && (pa - start) >> PAGE_SHIFT < nr_pages)
			return start + pages_to_bytes(nr_pages);
	}
	return 0;
}

/* Rule F2. Firmware's page tables map what its memory map has, one to one. */
static const uint8_t *access_physical(void *arg, uint64_t pa, uint64_t bytes)
{
	uint64_t at = pa;

	(void)arg;
	while (at < pa + bytes) {
		uint64_t end = mapped_end(at);

		if (end <= at)
			return NULL;
		at = end;
	}
	return (const uint8_t *)pa;
}

static bool is_same_guid(const EFI_GUID *a, const EFI_GUID *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static uint64_t find_rsdp(void)
{
	static const EFI_GUID acpi20 = ACPI_20_TABLE_GUID;
	static const EFI_GUID acpi10 = ACPI_TABLE_GUID;
	uint64_t rsdp_pa = 0;

	for (UINTN i = 0; i < firmware.system->NumberOfTableEntries; i++) {
		const EFI_CONFIGURATION_TABLE *entry = &firmware.system->ConfigurationTable[i];

		if (is_same_guid(&entry->VendorGuid, &acpi20))
			return (uint64_t)entry->VendorTable;
		if (is_same_guid(&entry->VendorGuid, &acpi10))
			rsdp_pa = (uint64_t)entry->VendorTable;
	}
	return rsdp_pa;
}

/* Copies @wanted if it is there; absent ones are normal. */
static void copy_table(const struct acpi_memory *memory, const struct acpi_root *root,
		       struct wanted_table *wanted)
{
	struct acpi_location found;
	uint8_t *to;

	if (acpi_find_table(memory, root, wanted->signature, wanted->index, &found) != STATUS_OK)
		return;
	to = take_pool(found.length);
	if (!to) {
		announce(LOG_WARN, "ACPI: %s: no memory for a copy of %u bytes", wanted->signature,
			 found.length);
		return;
	}
	memcpy(to, (const void *)found.pa, found.length);
	wanted->copy = (struct bytes){ to, found.length };
	wanted->firmware_pa = found.pa;
	log_line(LOG_INFO, "ACPI: %s 0x%016llX %06X", wanted->signature, (unsigned long long)found.pa,
		 found.length);
}

static void copy_tables(uint64_t rsdp_pa)
{
	const struct acpi_memory memory = { access_physical, NULL };
	struct acpi_root root;
	enum status status = STATUS_ABSENT;

	if (rsdp_pa != 0)
		status = acpi_open_root(&memory, rsdp_pa, &root);
	if (status != STATUS_OK) {
		announce(LOG_WARN, "ACPI: no tables: %s", status_text(status));
		return;
	}
	log_line(LOG_INFO, "ACPI: RSDP 0x%016llX, %s with %u entries", (unsigned long long)rsdp_pa,
		 root.entry_bytes == 8 ? "XSDT" : "RSDT", root.nr_entries);
	for (unsigned i = 0; i < NR_WANTED; i++)
		copy_table(&memory, &root, &wanted_tables[i]);
}

/* The DSDT, where firmware has it: it is read once and not kept. */
static struct bytes find_dsdt(void)
{
	struct power_info power;
	uint64_t pa;
	const uint8_t *header;
	uint32_t table_bytes;

	if (fadt_read(wanted_tables[WANTED_FADT].copy, &power, &pa) != STATUS_OK || pa == 0 ||
	    pa > UINT64_MAX - UINT32_MAX)
		return (struct bytes){ NULL, 0 };
	header = access_physical(NULL, pa, ACPI_HEADER_BYTES);
	table_bytes = header ? read_le32(header + ACPI_LENGTH_OFFSET) : 0;
	if (!table_bytes || !access_physical(NULL, pa, table_bytes))
		return (struct bytes){ NULL, 0 };
	return (struct bytes){ header, table_bytes };
}

static struct firmware_tables found_tables(void)
{
	return (struct firmware_tables){
		.fadt = wanted_tables[WANTED_FADT].copy, .dsdt = find_dsdt(),
		.srat = wanted_tables[WANTED_SRAT].copy, .srat2 = wanted_tables[WANTED_SRAT2].copy,
		.slit = wanted_tables[WANTED_SLIT].copy, .madt = wanted_tables[WANTED_MADT].copy,
		.hmat = wanted_tables[WANTED_HMAT].copy, .spcr = wanted_tables[WANTED_SPCR].copy,
	};
}

/* Bytes of arena that keep_tables() takes. */
static uint64_t kept_tables_bytes(void)
{
	uint64_t bytes = arena_bytes_for(NR_WANTED, sizeof(struct table_copy));

	for (unsigned i = 0; i < NR_WANTED; i++)
		bytes += arena_bytes_for(wanted_tables[i].copy.length, 1);
	return bytes;
}

/* Copies the tables once more, to where they stay readable: for show=acpi. */
static void keep_tables(struct boot_info *info)
{
	info->tables = arena_take(&firmware.arena, NR_WANTED, sizeof(*info->tables));
	for (unsigned i = 0; info->tables && i < NR_WANTED; i++) {
		const struct wanted_table *wanted = &wanted_tables[i];
		struct table_copy *kept = &info->tables[info->nr_tables];
		void *to = arena_take(&firmware.arena, wanted->copy.length, 1);

		if (!wanted->copy.bytes || !to)
			continue;
		memcpy(to, wanted->copy.bytes, wanted->copy.length);
		kept->length = (uint32_t)wanted->copy.length;
		kept->firmware_pa = wanted->firmware_pa;
		kept->copy_pa = (uint64_t)to;
		memcpy(kept->signature, wanted->signature, sizeof(kept->signature));
		info->nr_tables++;
	}
}

/* ---- The stick: options, capture ---- */

static EFI_FILE_HANDLE open_stick(void)
{
	static EFI_GUID file_system_guid = SIMPLE_FILE_SYSTEM_PROTOCOL;
	EFI_FILE_IO_INTERFACE *file_system = NULL;
	EFI_FILE_HANDLE root = NULL;

	if (EFI_ERROR(firmware.boot->HandleProtocol(firmware.loaded->DeviceHandle, &file_system_guid,
						    (void **)&file_system)))
		return NULL;
	if (EFI_ERROR(file_system->OpenVolume(file_system, &root)))
		return NULL;
	return root;
}

static void add_options_of_file(void)
{
	EFI_FILE_HANDLE root = open_stick();
	EFI_FILE_HANDLE file = NULL;
	char text[OPTIONS_BYTES];
	UINTN bytes = sizeof(text);

	if (!root)
		return;
	if (!EFI_ERROR(root->Open(root, &file, (CHAR16 *)L"\\slabstick.cfg", EFI_FILE_MODE_READ, 0))) {
		if (EFI_ERROR(file->Read(file, &bytes, text)))
			announce(LOG_WARN, "slabstick.cfg: cannot be read");
		else
			options_add(text, bytes, "slabstick.cfg");
		file->Close(file);
	}
	root->Close(root);
}

/* LoadOptions may be anything: GUIDs and the like are told from text and passed over. */
static void add_load_options(void)
{
	const CHAR16 *from = firmware.loaded->LoadOptions;
	UINTN length = firmware.loaded->LoadOptionsSize / sizeof(*from);
	char text[OPTIONS_BYTES];
	size_t start = 0;

	if (!from || length >= sizeof(text))
		return;
	for (UINTN i = 0; i < length; i++) {
		if (from[i] == 0) {
			length = i;
			break;
		}
		if (from[i] > '~' || (from[i] < ' ' && from[i] != '\t'))
			return;
		text[i] = (char)from[i];
	}
	/* A shell puts the program's name first. */
	while (start < length && text[start] != ' ' && text[start] != '=')
		start++;
	if (start < length && text[start] == '=')
		start = 0;
	options_add(text + start, length - start, "LoadOptions");
}

static void add_fw_cfg_options(void)
{
	char text[OPTIONS_BYTES];
	size_t bytes;
	enum status status = fw_cfg_read("opt/slabstick/options", text, sizeof(text), &bytes);

	if (status == STATUS_TOO_MANY)
		announce(LOG_WARN, "options: fw_cfg: cut after %u bytes", OPTIONS_BYTES);
	if (bytes > 0)
		options_add(text, bytes, "fw_cfg");
}

static void apply_log_level(void)
{
	static const char names[NR_LOG_LEVELS][8] = { "error", "warn", "notice", "info", "debug" };

	for (unsigned i = 0; i < NR_LOG_LEVELS; i++)
		if (options_has("loglevel", names[i]))
			log_set_level((enum log_level)i);
}

/* ---- Screen, image ---- */

static void find_framebuffer(struct framebuffer_info *framebuffer)
{
	static EFI_GUID graphics_guid = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;
	EFI_GRAPHICS_OUTPUT_PROTOCOL *graphics = NULL;
	const EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *mode;

	if (EFI_ERROR(firmware.boot->LocateProtocol(&graphics_guid, NULL, (void **)&graphics)))
		return;
	if (!graphics->Mode || !graphics->Mode->Info)
		return;
	mode = graphics->Mode->Info;
	if (mode->PixelFormat != PixelRedGreenBlueReserved8BitPerColor &&
	    mode->PixelFormat != PixelBlueGreenRedReserved8BitPerColor)
		return;
	*framebuffer = (struct framebuffer_info){
		.base_pa = graphics->Mode->FrameBufferBase,
		.size_bytes = graphics->Mode->FrameBufferSize,
		.width = mode->HorizontalResolution,
		.height = mode->VerticalResolution,
		.pixels_per_row = mode->PixelsPerScanLine,
		.is_bgr = mode->PixelFormat == PixelBlueGreenRedReserved8BitPerColor,
	};
}

/* gnu-efi's linker script and arch's last object name the sections' edges. */
extern char _text[] __attribute__((visibility("hidden")));
extern char _etext[] __attribute__((visibility("hidden")));
extern char _data[] __attribute__((visibility("hidden")));
extern char _edata[] __attribute__((visibility("hidden")));
extern char image_rodata_end[] __attribute__((visibility("hidden")));

static void describe_image(struct image_info *image)
{
	uint64_t base = (uint64_t)firmware.loaded->ImageBase;

	*image = (struct image_info){
		.start = align_down(base, PAGE_SIZE),
		.end = align_up(base + firmware.loaded->ImageSize, PAGE_SIZE),
		.text_start = (uint64_t)_text, .text_end = (uint64_t)_etext,
		.rodata_start = (uint64_t)_data, .rodata_end = (uint64_t)image_rodata_end,
		.data_start = (uint64_t)image_rodata_end, .data_end = (uint64_t)_edata,
	};
	if (image->text_start < image->start || image->data_end > image->end)
		stop("the image lies outside of where firmware says it loaded it");
	if (!is_aligned(image->rodata_start, PAGE_SIZE) || !is_aligned(image->data_start, PAGE_SIZE))
		stop("firmware loaded the image at an address that is not page-aligned");
	firmware.held[HELD_IMAGE] = (struct held_range){ image->start, image->end };
}

/* ---- Taking memory for the kernel ---- */

static void take_arena(struct boot_info *info)
{
	const struct firmware_tables tables = found_tables();
	uint64_t bytes = collect_arena_bytes(&tables) + arena_bytes_for(1, sizeof(*info)) +
			 kept_tables_bytes() + memory_map_arena_bytes(nr_descriptors_max(), NR_HELD);

	firmware.arena.base = (unsigned char *)take_pages(bytes, "what is known of the machine");
	firmware.arena.size_bytes = pages_to_bytes(bytes_to_pages(bytes));
	info->arena_start = (uint64_t)firmware.arena.base;
	info->arena_end = info->arena_start + firmware.arena.size_bytes;
	firmware.held[HELD_ARENA] = (struct held_range){ info->arena_start, info->arena_end };
}

/* Settles the map as it is now, in memory that is given back, to size the page tables. */
static uint64_t measure_tables(const struct boot_info *info)
{
	uint64_t bytes = memory_map_arena_bytes(nr_descriptors_max(), NR_HELD);
	struct arena arena = { take_pool(bytes), bytes, 0 };
	struct boot_info now = *info;
	struct map_report report;
	uint64_t nr_pages;
	enum status status;

	if (!arena.base)
		stop("firmware has no memory for a copy of its memory map");
	if (EFI_ERROR(get_map()))
		stop("GetMemoryMap failed the second time");
	status = memory_map_settle(&firmware.map, firmware.held, NR_HELD, REACH_END, &arena, &now, &report);
	if (status != STATUS_OK)
		stop("the memory map has no usable memory (%s)", status_text(status));
	nr_pages = arch_table_pages_needed(now.ranges, now.nr_ranges) + TABLE_SLACK_PAGES;
	firmware.boot->FreePool(arena.base);
	return nr_pages;
}

static void take_table_pool(struct boot_info *info)
{
	uint64_t nr_pages = measure_tables(info);

	info->table_pool_start = take_pages(pages_to_bytes(nr_pages), "page tables");
	info->table_pool_end = info->table_pool_start + pages_to_bytes(nr_pages);
	firmware.held[HELD_TABLE_POOL] = (struct held_range){ info->table_pool_start, info->table_pool_end };
}

static void take_trampoline(struct boot_info *info)
{
	info->trampoline_pa = try_take_pages(1, TRAMPOLINE_HIGHEST);
	if (info->trampoline_pa == 0) {
		announce(LOG_WARN, "smp: no page below 640 KiB: only this CPU will run");
		return;
	}
	firmware.held[HELD_TRAMPOLINE] = (struct held_range){ info->trampoline_pa,
							      info->trampoline_pa + PAGE_SIZE };
}

/* ---- Leaving ---- */

/* Calls nothing but GetMemoryMap and ExitBootServices. Returns the number of tries, 0 for failure. */
static unsigned exit_boot_services(void)
{
	for (unsigned try = 1; try <= EXIT_TRIES_MAX; try++) {
		if (EFI_ERROR(get_map()))
			continue;
		if (!EFI_ERROR(firmware.boot->ExitBootServices(firmware.image, firmware.map_key)))
			return try;
	}
	return 0;
}

static void finish_boot_info(struct boot_info *info)
{
	struct map_report report;
	enum status status = memory_map_settle(&firmware.map, firmware.held, NR_HELD, REACH_END,
					       &firmware.arena, info, &report);

	if (status != STATUS_OK)
		stop_between(info, "the last memory map has no usable memory");
	collect_map_findings(&report, info);
}

static void leave_firmware(struct boot_info *info)
{
	unsigned nr_tries = exit_boot_services();

	if (nr_tries == 0)
		stop_between(info, "ExitBootServices fails whatever the memory map");
	if (nr_tries > 1)
		log_line(LOG_INFO, "efi: ExitBootServices took %u tries", nr_tries);
}

static void open_image(EFI_HANDLE image, EFI_SYSTEM_TABLE *system_table)
{
	static EFI_GUID loaded_image_guid = LOADED_IMAGE_PROTOCOL;

	firmware.image = image;
	firmware.system = system_table;
	firmware.boot = system_table->BootServices;
	firmware.boot->SetWatchdogTimer(0, 0, 0, NULL);
	if (EFI_ERROR(firmware.boot->HandleProtocol(image, &loaded_image_guid, (void **)&firmware.loaded)))
		stop("firmware does not say where it loaded the image");
}

static void read_options(struct boot_info *info)
{
	add_options_of_file();
	add_load_options();
	add_fw_cfg_options();
	apply_log_level();
	options_line(info->command_line, sizeof(info->command_line));
	if (info->command_line[0])
		announce(LOG_NOTICE, "Command line: %s", info->command_line);
}

/* Saves what firmware says to the stick, unless capture=no. */
static void save_capture(const struct boot_info *info)
{
	struct capture_file files[NR_WANTED + 1] = { { "map.bin", firmware.map.bytes } };
	const struct capture_facts facts = {
		.descriptor_bytes = firmware.map.descriptor_bytes,
		.descriptor_version = firmware.map_version,
		.self = firmware.held[HELD_IMAGE],
		.running_apic_id = arch_apic_id(),
		.vendor = info->firmware_vendor,
		.firmware_revision = info->firmware_revision,
	};
	EFI_FILE_HANDLE root;

	if (options_has("capture", "no"))
		return;
	for (unsigned i = 0; i < NR_WANTED; i++)
		files[i + 1] = (struct capture_file){ wanted_tables[i].file, wanted_tables[i].copy };
	root = open_stick();
	if (!root) {
		announce(LOG_WARN, "capture: this program was not started from a file system");
		return;
	}
	capture_save(root, &facts, files, ARRAY_SIZE(files));
	root->Close(root);
}

/* Fills boot_info, in the arena, with all but the final map. */
static struct boot_info *fill_boot_info(const struct boot_info *draft)
{
	const struct firmware_tables tables = found_tables();
	struct boot_info *info = arena_take(&firmware.arena, 1, sizeof(*info));

	*info = *draft;
	if (collect_tables(&tables, arch_apic_id(), &firmware.arena, info) != STATUS_OK)
		stop("the arena of boot_info is too small for the tables");
	keep_tables(info);
	return info;
}

struct boot_info *firmware_collect(EFI_HANDLE image, EFI_SYSTEM_TABLE *system_table)
{
	struct boot_info draft = { 0 };
	struct boot_info *info;

	open_image(image, system_table);
	copy_vendor(draft.firmware_vendor, sizeof(draft.firmware_vendor));
	draft.firmware_revision = system_table->FirmwareRevision;
	draft.runtime_services_pa = (uint64_t)system_table->RuntimeServices;
	print_banner(draft.firmware_vendor);
	check_cpu();
	read_options(&draft);
	get_first_map();
	draft.rsdp_pa = find_rsdp();
	copy_tables(draft.rsdp_pa);
	find_framebuffer(&draft.framebuffer);
	describe_image(&draft.image);
	save_capture(&draft);
	take_trampoline(&draft);
	take_arena(&draft);
	take_table_pool(&draft);

	info = fill_boot_info(&draft);
	leave_firmware(info);
	finish_boot_info(info);
	return info;
}
