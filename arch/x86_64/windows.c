/*
 * Device windows: where firmware says that devices are, and what becomes of lies.
 *
 * Model
 *   What is mapped for a device is uncached or write-combining and gets written to.
 *   In RAM that would be two cache modes for one frame, and somebody's data gone;
 *   beyond the CPU's addresses it is a fault. So every such range is judged here,
 *   once, before it is mapped: those of the screen, the local APIC and the UART at
 *   boot, those of ioremap() when it is called.
 *
 *   A window may lie where the memory map says nothing, or MMIO, or reserved. Every
 *   other type is memory, of this kernel or of somebody else. Below 1 MiB, firmware
 *   shadows ROM with RAM that no map lists.
 *
 *   The kernel's own devices are mapped where the direct map would have them, or, where it
 *   does not reach, each in a place of its own (layout.h). ioremap() takes whatever
 *   the CPU and page tables can address.
 *
 *   A window is of whole pages: a second device on a page of the first is refused,
 *   and a second mapping of a device's page must be cached as the first is.
 */

#include "arch/x86_64/windows.h"

#include "arch/x86_64/layout.h"
#include "lib/align.h"
#include "mm/config.h"
#include "mm/types.h"

#define LEGACY_END_PA		0x100000ull
#define NR_PORTS		0x10000ull
#define NR_UART_REGISTERS	8u
/* What is unaligned takes a page more. */
#define MAX_WINDOW_BYTES	(FAR_DEVICE_BYTES - PAGE_SIZE)

_Static_assert(NR_DEVICES * FAR_DEVICE_BYTES <= FAR_DEVICES_END - FAR_DEVICES_START,
	       "each device has a place above the direct map");

struct windows mmu_windows;

const char *window_verdict_text(enum window_verdict verdict)
{
	static const char *const texts[] = {
		[WINDOW_SOUND] = "is sound",
		[WINDOW_EMPTY] = "is empty",
		[WINDOW_OUT_OF_REACH] = "lies beyond what this CPU can address",
		[WINDOW_IN_MEMORY] = "lies in memory",
		[WINDOW_IN_LEGACY] = "lies below 1 MiB, where RAM shadows ROM",
		[WINDOW_SHARED] = "has a page with another device",
	};

	return texts[verdict];
}

static bool may_hold_devices(enum mem_type type)
{
	return type == MEM_MMIO || type == MEM_RESERVED;
}

static bool holds_memory(const struct boot_info *info, uint64_t start_pa, uint64_t end_pa)
{
	for (uint32_t i = 0; i < info->nr_ranges; i++) {
		const struct mem_range *range = &info->ranges[i];

		if (start_pa < range->end && range->start < end_pa &&
		    !may_hold_devices(range->type))
			return true;
	}
	return false;
}

static bool overlaps(const struct window *window, uint64_t start_pa, uint64_t end_pa)
{
	return start_pa < window->end_pa && window->start_pa < end_pa;
}

/* All but what other windows say: of the page-aligned [@start_pa, @end_pa). */
static enum window_verdict judge_place(const struct windows *windows, const struct boot_info *info,
				       uint64_t pa, uint64_t bytes)
{
	if (bytes == 0)
		return WINDOW_EMPTY;
	if (bytes > windows->end_pa || pa > windows->end_pa - bytes)
		return WINDOW_OUT_OF_REACH;
	if (pa < LEGACY_END_PA)
		return WINDOW_IN_LEGACY;
	if (holds_memory(info, align_down(pa, PAGE_SIZE), align_up(pa + bytes, PAGE_SIZE)))
		return WINDOW_IN_MEMORY;
	return WINDOW_SOUND;
}

enum window_verdict windows_judge(const struct windows *windows, const struct boot_info *info,
				  uint64_t pa, uint64_t bytes, bool is_write_combining)
{
	enum window_verdict verdict = judge_place(windows, info, pa, bytes);

	if (verdict != WINDOW_SOUND)
		return verdict;
	for (enum device device = 0; device < NR_DEVICES; device++) {
		const struct window *other = &windows->of[device];

		if (overlaps(other, align_down(pa, PAGE_SIZE), align_up(pa + bytes, PAGE_SIZE)) &&
		    other->is_write_combining != is_write_combining)
			return WINDOW_SHARED;
	}
	return WINDOW_SOUND;
}

/* A device's own window: judged, then noted or told. */
static bool add_device(struct windows *windows, struct boot_info *info, enum device device,
		       uint64_t pa, uint64_t bytes)
{
	static const char *const names[NR_DEVICES] = { "local APIC", "framebuffer", "UART" };
	enum window_verdict verdict = bytes > MAX_WINDOW_BYTES
					      ? WINDOW_OUT_OF_REACH
					      : judge_place(windows, info, pa, bytes);
	struct window window = { align_down(pa, PAGE_SIZE), align_up(pa + bytes, PAGE_SIZE),
				 device == DEVICE_SCREEN };

	/* Its own window is empty yet. */
	for (enum device other = 0; verdict == WINDOW_SOUND && other < NR_DEVICES; other++)
		if (overlaps(&windows->of[other], window.start_pa, window.end_pa))
			verdict = WINDOW_SHARED;
	if (verdict == WINDOW_SOUND) {
		windows->of[device] = window;
		return true;
	}
	boot_info_add_finding(info, "DeviceOutOfPlace", SEVERITY_MEDIUM,
			      "the %s at 0x%llx %s: not used", names[device],
			      (unsigned long long)pa, window_verdict_text(verdict));
	return false;
}

static void fill_uart(struct windows *windows, struct boot_info *info)
{
	struct uart_info *uart = &info->uart;
	uint64_t bytes = NR_UART_REGISTERS *
			 (uart->register_stride_bytes ? uart->register_stride_bytes : 1);

	if (uart->space == UART_MEMORY &&
	    !add_device(windows, info, DEVICE_UART, uart->base, bytes))
		uart->space = UART_NONE;
	if (uart->space != UART_PORT || uart->base <= NR_PORTS - bytes)
		return;
	uart->space = UART_NONE;
	boot_info_add_finding(info, "DeviceOutOfPlace", SEVERITY_MEDIUM,
			      "the UART at port 0x%llx lies beyond all ports: not used",
			      (unsigned long long)uart->base);
}

void windows_fill(struct windows *windows, struct boot_info *info, uint64_t apic_pa,
		  unsigned physical_bits)
{
	const struct framebuffer_info *screen = &info->framebuffer;

	*windows = (struct windows){
		.end_pa = 1ull << (physical_bits < MAX_DEVICE_BITS ? physical_bits
								   : MAX_DEVICE_BITS),
	};
	if (apic_pa)
		(void)add_device(windows, info, DEVICE_APIC, apic_pa, PAGE_SIZE);
	if (screen->base_pa && !add_device(windows, info, DEVICE_SCREEN, screen->base_pa,
					   screen->size_bytes))
		info->framebuffer.base_pa = 0;
	fill_uart(windows, info);
}

uintptr_t windows_va(const struct windows *windows, enum device device)
{
	const struct window *window = &windows->of[device];

	if (window->end_pa <= 1ull << MAX_PHYS_BITS)
		return DIRECT_MAP_START + window->start_pa;
	return FAR_DEVICES_START + device * FAR_DEVICE_BYTES;
}

uintptr_t windows_va_of(const struct windows *windows, uint64_t pa)
{
	for (enum device device = 0; device < NR_DEVICES; device++)
		if (pa >= windows->of[device].start_pa && pa < windows->of[device].end_pa)
			return windows_va(windows, device) + (pa - windows->of[device].start_pa);
	return DIRECT_MAP_START + pa;
}

bool windows_hold(const struct windows *windows, uint64_t start_pa, uint64_t end_pa)
{
	for (enum device device = 0; device < NR_DEVICES; device++)
		if (start_pa >= windows->of[device].start_pa &&
		    end_pa <= windows->of[device].end_pa)
			return true;
	return false;
}
