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
 *   any call, the exit itself included. So: a buffer with room to spare, taken
 *   once (firmware_memory.c); then only GetMemoryMap and ExitBootServices, in
 *   turn, at most EXIT_TRIES_MAX times.
 *
 * Rules
 *   - no pointer into firmware's memory survives into boot_info
 *   - what firmware_tables.c promises of addresses in tables
 *   - every size that depends on firmware's word is checked before it is used
 *
 * Locking
 *   None: one CPU, no interrupts of ours.
 */

#include "efi/firmware_state.h"

#include "arch.h"
#include "efi/firmware.h"
#include "lib/align.h"
#include "lib/string.h"
#include "mm/range.h"
#include "mm/types.h"

#define EXIT_TRIES_MAX		128u

/* The trampoline's page must lie below the EBDA: some firmware writes to the last 4 KiB. */
#define TRAMPOLINE_HIGHEST	0x9EFFFull

/* For ranges that the last map splits more finely than the one that was measured. */
#define TABLE_SLACK_PAGES	128u

/* Before there is an arena for all of them. */
#define EARLY_FINDINGS_MAX	64u

#define REACH_END		(1ull << MAX_PHYS_BITS)

static void check_cpu(void)
{
	const char *reason = "";

	if (arch_check_cpu(&reason) != STATUS_OK)
		stop("this CPU cannot run Slabstick: %s", reason);
}

/* ---- The image ---- */

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
	if (!is_aligned(image->rodata_start, PAGE_SIZE) ||
	    !is_aligned(image->data_start, PAGE_SIZE))
		stop("firmware loaded the image at an address that is not page-aligned");
	firmware.held[HELD_IMAGE] = (struct held_range){ .start = image->start, .end = image->end };
}

/* ---- Taking memory for the kernel ---- */

static uint64_t arena_bytes(void)
{
	const struct firmware_tables tables = found_tables();

	return collect_arena_bytes(&tables) + arena_bytes_for(1, sizeof(struct boot_info)) +
	       kept_tables_bytes() + memory_map_arena_bytes(nr_descriptors_max(), NR_HELD);
}

/* What is in the HMAT grows with the square of the domains: no machine needs it to boot. */
static void drop_hmat(struct boot_info *info, uint64_t bytes)
{
	boot_info_add_finding(info, "HmatTooLarge", SEVERITY_LOW,
			      "firmware has not got the %llu KiB of memory that it takes to read "
			      "its tables: the HMAT, of %llu KiB, is left out",
			      (unsigned long long)bytes >> 10,
			      (unsigned long long)wanted_tables[WANTED_HMAT].copy.length >> 10);
	drop_table(&wanted_tables[WANTED_HMAT]);
}

static void take_arena(struct boot_info *info)
{
	uint64_t bytes = arena_bytes();
	uint64_t pa = try_take_pages(bytes_to_pages(bytes), REACH_END - 1);

	if (pa == 0 && wanted_tables[WANTED_HMAT].copy.bytes) {
		drop_hmat(info, bytes);
		bytes = arena_bytes();
	}
	if (pa == 0)
		pa = take_pages(bytes, "what is known of the machine");
	firmware.arena.base = (unsigned char *)pa;
	firmware.arena.size_bytes = pages_to_bytes(bytes_to_pages(bytes));
	info->arena_start = (uint64_t)firmware.arena.base;
	info->arena_end = info->arena_start + firmware.arena.size_bytes;
	firmware.held[HELD_ARENA] = (struct held_range){ .start = info->arena_start,
							 .end = info->arena_end };
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
	status = memory_map_settle(&firmware.map, firmware.held, NR_HELD, REACH_END, &arena, &now,
				   &report);
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
	firmware.held[HELD_TABLE_POOL] = (struct held_range){ .start = info->table_pool_start,
							      .end = info->table_pool_end };
}

static void take_trampoline(struct boot_info *info)
{
	info->trampoline_pa = try_take_pages(1, TRAMPOLINE_HIGHEST);
	if (info->trampoline_pa == 0) {
		log_line(LOG_WARN, "smp: no page below 640 KiB: only this CPU will run");
		return;
	}
	firmware.held[HELD_TRAMPOLINE] = (struct held_range){
		.start = info->trampoline_pa, .end = info->trampoline_pa + PAGE_SIZE };
}

/* ---- Leaving ---- */

/* Calls nothing but GetMemoryMap and ExitBootServices. Returns the number of tries, 0: failure. */
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

/* What this program was loaded into before anybody could say that it is bad counts as a fault. */
static void report_bad_pages(const struct boot_info *info)
{
	for (unsigned i = HELD_BAD; i < NR_HELD; i++) {
		struct held_range bad = firmware.held[i];
		uint64_t used_bytes = range_bytes_in(info->ranges, info->nr_ranges, MEM_KERNEL,
						     bad.start, bad.end);
		char text[64];

		if (used_bytes == 0)
			continue;
		format_text(text, sizeof(text), "0x%llx-0x%llx", (unsigned long long)bad.start,
			    (unsigned long long)bad.end);
		options_add_fault("badpages", text, "this program itself lies there", NULL);
	}
}

static void finish_boot_info(struct boot_info *info)
{
	struct map_report report;
	enum status status = memory_map_settle(&firmware.map, firmware.held, NR_HELD, REACH_END,
					       &firmware.arena, info, &report);

	if (status != STATUS_OK)
		stop_between(info, "the last memory map has no usable memory");
	collect_map_findings(&report, info);
	report_bad_pages(info);
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
	if (EFI_ERROR(firmware.boot->HandleProtocol(image, &loaded_image_guid,
						    (void **)&firmware.loaded)))
		stop("firmware does not say where it loaded the image");
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
	static struct finding early_findings[EARLY_FINDINGS_MAX];
	struct boot_info draft = { .findings = early_findings,
				   .max_findings = EARLY_FINDINGS_MAX };
	struct boot_info *info;

	open_image(image, system_table);
	copy_vendor(draft.firmware_vendor, sizeof(draft.firmware_vendor));
	draft.firmware_revision = system_table->FirmwareRevision;
	draft.runtime_services_pa = (uint64_t)system_table->RuntimeServices;
	print_banner(draft.firmware_vendor);
	check_cpu();
	read_options(&draft);
	get_first_map();
	copy_tables(&draft);
	find_screen(&draft);
	describe_image(&draft.image);
	save_capture(&draft);
	bring_results_home(&draft);
	take_trampoline(&draft);
	take_arena(&draft);

	info = fill_boot_info(&draft);
	offer_menu(info);
	/* What is typed there may part memory in more pieces: more tables. */
	take_table_pool(info);
	leave_firmware(info);
	finish_boot_info(info);
	return info;
}
