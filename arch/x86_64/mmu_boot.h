#ifndef ARCH_X86_64_MMU_BOOT_H
#define ARCH_X86_64_MMU_BOOT_H

#include "lib/compiler.h"

/* Table pages that boot took and did not use or got back: the pa of a zeroed one, or PA_NONE. */
uint64_t mmu_take_boot_table(void *arg);
void mmu_give_boot_table(uint64_t pa);
bool mmu_is_boot_table(uint64_t pa);
uint64_t mmu_nr_boot_tables(void);	/* in use */

#endif
