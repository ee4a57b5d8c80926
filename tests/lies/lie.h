#ifndef TESTS_LIES_LIE_H
#define TESTS_LIES_LIE_H

/* What the files of the lying program share: see main.c. */

#define GNU_EFI_USE_MS_ABI 1
#include <efi.h>

#include "lib/compiler.h"

/* A way to lie. @argument is what stands behind '=', or "". */
struct lie {
	const char *name;
	void (*tell)(const char *argument);
};

extern const struct lie map_lies[], service_lies[], table_lies[], screen_lies[], machine_lies[];
extern const unsigned nr_map_lies, nr_service_lies, nr_table_lies, nr_screen_lies, nr_machine_lies;

/* ---- main.c ---- */

extern EFI_SYSTEM_TABLE *lie_system;
extern EFI_BOOT_SERVICES *lie_boot;
extern EFI_LOADED_IMAGE *lie_child;	/* the program that is lied to */

/* Text on the first serial port, whatever the firmware does with its own console. */
void lie_say(const char *text);
void lie_say_number(const char *text, uint64_t number);

/* Ends everything: this lie cannot be told on this machine. */
void lie_give_up(const char *why) NORETURN;

/* Decimal, or hexadecimal behind 0x, with K, M or G; @otherwise when there is none. */
uint64_t lie_number(const char *argument, uint64_t otherwise);

/* The next of the words that commas or colons separate, or NULL. Moves *at behind it. */
const char *lie_next_word(const char **at, char *word, size_t size);

/* Zeroed pages of @type at or below @highest. */
void *lie_pages(EFI_MEMORY_TYPE type, uint64_t bytes, uint64_t highest);

/* ---- services.c: what others must call instead of a service that may be lied about ---- */

void lie_keep_services(void);
extern EFI_GET_MEMORY_MAP true_get_memory_map;
extern EFI_EXIT_BOOT_SERVICES true_exit_boot_services;

/* Calls @work when boot services have really been left. */
void lie_after_exit(void (*work)(void));

#endif
