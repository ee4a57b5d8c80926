#ifndef ARCH_X86_64_PORT_H
#define ARCH_X86_64_PORT_H

#include "mm/port.h"

/* From now on the kernel's tables grow from the page allocator's stock. */
void port_init(uint64_t image_bytes);

/* Lets the few empty page tables that are kept for the next mapping go. */
void port_drop_spare_tables(void);

/*
 * Gives mapped pages of the kernel another protection, on all CPUs from return
 * on. Large pages are split; port_merge_pages() joins them again. False when a
 * table page for that was not to be had: then a prefix may be changed.
 */
bool port_protect_pages(uintptr_t va, uint64_t nr_pages, enum mm_port_protection protection)
	MUST_CHECK;
void port_merge_pages(uintptr_t va, uint64_t nr_pages);

/*
 * Whether interrupts stay away under mm's local lock: seen by taking it, with
 * interrupts on. The two images differ in this (arch/x86_64/port_irqsafe/).
 */
bool port_is_irqsafe(void);

/* Table pages at hand, for the tests. */
unsigned port_nr_stocked(void);

#endif
