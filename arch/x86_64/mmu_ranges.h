#ifndef ARCH_X86_64_MMU_RANGES_H
#define ARCH_X86_64_MMU_RANGES_H

/* Which physical ranges the kernel maps: RAM of its kinds; devices are windows.c's. */

#include "boot_info.h"
#include "lib/compiler.h"

/*
 * The next run of adjoining direct-mapped ranges at or after index *@next,
 * which moves past it. False when there is none.
 */
bool mmu_next_run(const struct mem_range *ranges, uint32_t nr_ranges, uint32_t *next,
		  uint64_t *start, uint64_t *end);

/* All of [@start, @end) is in such a run. */
bool mmu_is_in_ram(const struct boot_info *info, uint64_t start, uint64_t end);

/* Whether [@pa, @pa + @bytes) is RAM that is mapped, or a window of a device. */
bool mmu_may_map(uint64_t pa, uint64_t bytes);

#endif
