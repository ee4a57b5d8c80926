#ifndef ARCH_X86_64_WINDOWS_H
#define ARCH_X86_64_WINDOWS_H

/* Device windows: physical ranges that are mapped for devices, each judged before. */

#include "boot_info.h"
#include "lib/compiler.h"

/* The devices the kernel itself uses: who comes first keeps what two claim. */
enum device { DEVICE_APIC, DEVICE_SCREEN, DEVICE_UART, NR_DEVICES };

/* Whole pages, half-open; both 0: there is none. */
struct window {
	uint64_t start_pa, end_pa;
	bool is_write_combining;	/* else uncached */
};

struct windows {
	struct window of[NR_DEVICES];
	uint64_t end_pa;		/* what the CPU, and page tables, can address */
};

/* The kernel's. */
extern struct windows mmu_windows;

enum window_verdict {
	WINDOW_SOUND,
	WINDOW_EMPTY,
	WINDOW_OUT_OF_REACH,		/* the CPU has no such address */
	WINDOW_IN_MEMORY,		/* RAM of any kind, or set aside as memory */
	WINDOW_IN_LEGACY,		/* below 1 MiB, where RAM and ROM shadow each other */
	WINDOW_SHARED,			/* a device has a page of it already, cached otherwise */
};

/* "lies in memory", ... */
const char *window_verdict_text(enum window_verdict verdict);

/* Whether the @bytes at @pa may be mapped for a device, by @info's memory map and @windows. */
enum window_verdict windows_judge(const struct windows *windows, const struct boot_info *info,
				  uint64_t pa, uint64_t bytes, bool is_write_combining);

/*
 * Judges what firmware said of the kernel's own devices and notes what is sound.
 * The others are dropped from @info, with a finding each. @apic_pa: 0 where it
 * needs no window.
 */
void windows_fill(struct windows *windows, struct boot_info *info, uint64_t apic_pa,
		  unsigned physical_bits);

/* Where the kernel maps the first page of @device, which is there. */
uintptr_t windows_va(const struct windows *windows, enum device device);

/* Where a window that holds @pa has it; without one, where the direct map would. */
uintptr_t windows_va_of(const struct windows *windows, uint64_t pa);

/* Whether all of [@start_pa, @end_pa) is one device's. */
bool windows_hold(const struct windows *windows, uint64_t start_pa, uint64_t end_pa);

#endif
