#ifndef ARCH_X86_64_MMU_RANGES_H
#define ARCH_X86_64_MMU_RANGES_H

/* Which physical ranges the kernel maps: RAM of its kinds, and its few devices. */

#include "boot_info.h"
#include "lib/compiler.h"

/*
 * The next run of adjoining direct-mapped ranges at or after index *@next,
 * which moves past it. False when there is none.
 */
bool mmu_next_run(const struct mem_range *ranges, uint32_t nr_ranges, uint32_t *next,
		  uint64_t *start, uint64_t *end);

/* All of, or any of, [@start, @end) is in such a run. */
bool mmu_is_in_ram(const struct boot_info *info, uint64_t start, uint64_t end);
bool mmu_overlaps_ram(const struct boot_info *info, uint64_t start, uint64_t end);

/* The devices the kernel itself uses. */
enum device { DEVICE_SCREEN, DEVICE_APIC, DEVICE_UART, NR_DEVICES };

struct device_window {
	uint64_t pa, bytes;		/* 0, 0: there is none */
	uint64_t bits;
};

struct device_window mmu_device_window(const struct boot_info *info, enum device device);

/* Whether [@pa, @pa + @bytes) is RAM that is mapped, or a device that boot_info declares. */
bool mmu_may_map(uint64_t pa, uint64_t bytes);

#endif
