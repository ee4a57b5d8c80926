#ifndef MM_INIT_H
#define MM_INIT_H

/* The one live memory manager: bring-up, in the order of the data flow. */

#include "boot_info.h"
#include "lib/compiler.h"

/*
 * From boot_info to a page allocator, slab caches, kmalloc and vmalloc that
 * work on every node: topology, bootmem, mem_map, zones, zonelists. Logs each
 * stage. The direct map is live. A machine without one usable page panics.
 * @info stays valid and unwritten as long as the memory manager runs.
 */
void mm_init(const struct boot_info *info);

/* Called on CPU mm_port_cpu() before its first allocation; @apic_id finds its node. */
void mm_init_cpu(uint32_t apic_id);

/*
 * The ledger: every page the firmware reported, and where it went. Prints it;
 * false when it does not balance to the page (then the last line says by how much).
 */
bool mm_print_ledger(void);

#endif
