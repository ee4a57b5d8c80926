#ifndef MM_BOOT_H
#define MM_BOOT_H

/*
 * Memory for what mm_init() builds, before there is an allocator. See
 * mm/page/boot.c.
 */

#include "boot_info.h"
#include "mm/page/bootmem.h"
#include "mm/page/span.h"

/* What slab and kmalloc take at first, and the watermarks: measured on one node. */
#define MIN_ALLOCATOR_PAGES	120u

/* What lives as long as mm_init() runs. */
struct boot_state {
	struct pfn_span early;		/* topology's arrays and the bootmems: stays taken */
	struct bootmem *bootmems;	/* by node; not started: no memory */
	struct pfn_span *maps;		/* where each one's bitmap lies */
	uint64_t taken_bytes;		/* by boot_take() */
};

/* The first memory of all: the live topology of @info, and @state's arrays. */
void boot_build_topology(const struct boot_info *info, struct boot_state *state);

/* Ends the boot of a machine that lacks @nr_more usable pages beside what boot took. */
void boot_refuse(const struct boot_state *state, uint64_t nr_more) NORETURN;

/* Starts the bootmem of each node that has room for its bitmap. */
void boot_start_bootmems(struct boot_state *state);

/* Piece @index of the live topology's usable memory. */
struct pfn_span boot_piece(uint32_t index);

/* True until @bootmem retires, if it was started. */
bool boot_has_bootmem(const struct bootmem *bootmem);

/*
 * @bytes at a multiple of @align from node @nid, else from the next node with
 * room. Panics when there is none. Contents are undefined; boot_alloc() zeroes.
 */
void *boot_take(struct boot_state *state, unsigned nid, uint64_t bytes, uint64_t align);
void *boot_alloc(struct boot_state *state, unsigned nid, uint64_t bytes, uint64_t align);

#endif
