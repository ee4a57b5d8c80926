#ifndef EFI_FIRMWARE_STATE_H
#define EFI_FIRMWARE_STATE_H

/*
 * What the files that call the firmware share. Each calls those above it here,
 * none below: console.c, firmware_memory.c, firmware_tables.c, gop.c, stick.c,
 * menu.c, and firmware.c, which has the sequence. Nobody else includes it.
 */

#define GNU_EFI_USE_MS_ABI 1
#include <efi.h>

#include "efi/acpi.h"
#include "efi/arena.h"
#include "efi/collect.h"
#include "efi/memory_map.h"
#include "efi/options.h"
#include "log.h"

enum held { HELD_IMAGE, HELD_ARENA, HELD_TABLE_POOL, HELD_TRAMPOLINE,
	    HELD_RESULTS, HELD_BAD, NR_HELD = HELD_BAD + OPTION_RANGES_MAX };

/* A table to look for: the @index-th of its name, and how the capture calls it. */
struct wanted_table {
	char signature[5];
	char file[12];
	uint32_t index;
	struct bytes copy;
	uint64_t firmware_pa;
};

enum wanted { WANTED_SRAT, WANTED_SRAT2, WANTED_SLIT, WANTED_MADT, WANTED_HMAT, WANTED_SPCR,
	      WANTED_DBG2, WANTED_MSCT, WANTED_CEDT, WANTED_FADT, NR_WANTED };

extern struct wanted_table wanted_tables[NR_WANTED];

/* What is remembered while firmware rules. */
struct firmware_state {
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
	bool has_fw_cfg_options;	/* an emulator handed options over, even empty ones */
};

extern struct firmware_state firmware;

/* ---- console.c ---- */

/* Ends the program while boot services work: tells why, gives time to read it. */
void stop(const char *format, ...) PRINTF(1, 2) NORETURN;

/* Ends the program when there is neither firmware nor kernel. */
void stop_between(const struct boot_info *info, const char *reason) NORETURN;

void copy_vendor(char *to, size_t size);
void print_banner(const char *vendor);

/* Text for whoever sits at the screen, not for the log. */
void console_say(const char *format, ...) PRINTF(1, 2);

/* ---- firmware_memory.c ---- */

/* Pages of loader data, zeroed; below or at @highest. 0: none to be had. */
uint64_t try_take_pages(uint64_t nr_pages, uint64_t highest);

/* The pages at @pa, as they are, not zeroed. False: they are in use, or there are none. */
bool try_take_pages_at(uint64_t nr_pages, uint64_t pa);

/*
 * What the user says of memory (badpages=) holds from now on: as much of the bad pages as
 * is free is taken, so that neither firmware nor this program gets it, and no map that
 * is settled later calls any of them usable.
 */
void set_bad_pages(void);

/* The same anywhere, for at least @bytes; stops the program when there are none. */
uint64_t take_pages(uint64_t bytes, const char *what);

/* Loader data that ends with boot services, or NULL. */
void *take_pool(uint64_t bytes);

/* Gets a first map into a buffer that is large enough for the last one, too. */
void get_first_map(void);

/* The map as it is now, into the same buffer. */
EFI_STATUS get_map(void);

/* As many descriptors as the buffer can ever hold. */
uint32_t nr_descriptors_max(void);

/* ---- firmware_tables.c ---- */

/* Copies every wanted table that is there and intact; findings and rsdp_pa of @info. */
void copy_tables(struct boot_info *info);
struct firmware_tables found_tables(void);

/* As if firmware had no such table. */
void drop_table(struct wanted_table *wanted);

/* Copies the tables once more, to where they stay readable: for show=acpi. */
void keep_tables(struct boot_info *info);

/* Bytes of arena that keep_tables() takes. */
uint64_t kept_tables_bytes(void);

/* ---- gop.c ---- */

/* The first screen that can be drawn on; tells the firmware's console when there is none. */
void find_screen(struct boot_info *info);

/* ---- stick.c ---- */

/* Options from slabstick.cfg, LoadOptions and fw_cfg; the log level is set at once. */
void read_options(struct boot_info *info);

/* Saves what firmware says to the stick, unless capture=no. */
void save_capture(const struct boot_info *info);

/*
 * Writes the log that a former run left in memory to the stick, and ends the program if
 * that run asked for it. Then sets memory aside for this run's.
 */
void bring_results_home(struct boot_info *info);

/* ---- menu.c ---- */

/* Asks a person what to do, unless somebody has said so already: see there. */
void offer_menu(struct boot_info *info);

#endif
