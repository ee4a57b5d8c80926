#ifndef MM_INIT_H
#define MM_INIT_H

/*
 * The one live memory manager: bring-up, in the order of the data flow. Context
 * (mm/context.h): threads; bring-up alone on the machine.
 */

#include "boot_info.h"
#include "lib/compiler.h"

/*
 * From boot_info to a page allocator, slab caches, kmalloc and vmalloc that
 * work on every node: topology, bootmem, mem_map, zones, zonelists. Logs each
 * stage. The direct map is live. Panics when @info's ranges break a rule of
 * mm/topology/range.c, which it names, and when the machine is too small: then with
 * how much is usable and how much needed.
 * @info stays valid and unwritten as long as the memory manager runs.
 */
void mm_init(const struct boot_info *info);

/*
 * Called on CPU mm_port_cpu() before its first allocation; @apic_id finds its
 * node. mm_init() does it for the CPU it runs on.
 */
void mm_init_cpu(uint32_t apic_id);

/*
 * The ledger: every page the firmware reported, and where it went, each line by a
 * walk and by counters. Prints it; false when it does not balance to the page (then
 * the last lines say which, and by how much). O(pages that are up); the system is quiet.
 */
bool mm_print_ledger(void);

/* The same as records for programs: by the walk and by the counters, and the verdict. */
void mm_print_ledger_records(void);

/* The same without a word. */
bool mm_ledger_balances(void);

/*
 * Runs every verifier of the memory manager on the live system; no other CPU
 * allocates meanwhile. What it says of a system that is not quiet means nothing, but
 * what others use it does not write. At the first broken rule: one log line that names
 * it and where, and false.
 */
bool mm_verify_all(void);

/*
 * Checks and gives back what other CPUs asked of this one, and rests for readers without
 * locks (mm/rcu.h). For idle loops; cheap.
 */
void mm_cpu_idle(void);

/* The nodes of the live system. Read-only; valid after mm_init(). */
struct topology;
const struct topology *mm_topology(void);

/*
 * Records for programs (mm/report/records.c), some 100 bytes each: what stays, nodes and
 * their memory; what changes, zones and caches. The system may go on meanwhile: the
 * latter need not be of one moment.
 */
void mm_print_node_records(void);
void mm_print_zone_records(void);

/* One record: what memory is used for by mm's own counters, @at_us after the start. */
void mm_print_memory_record(uint64_t at_us);

/* The nodes as numactl -H prints them. */
void show_numa(void);

/* The /proc-style tables of the page allocator, as in Linux. */
void show_buddyinfo(void);
void show_zoneinfo(void);
void show_pagetypeinfo(void);

#endif
