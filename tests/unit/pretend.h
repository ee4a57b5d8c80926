#ifndef TESTS_UNIT_PRETEND_H
#define TESTS_UNIT_PRETEND_H

/*
 * A machine in an array, beside the live one: nodes and zones with a mem_map of
 * their own, for memory that does not exist. What a test breaks in it stays in
 * it. The same in the image and on the host.
 *
 * Who enters it neither reclaims nor compacts: the thread is marked as reclaiming already, so
 * that a machine that runs out refuses at once and no live shrinker hears of it. What a
 * request does when memory is short is tested on machines of tests/host/machine.h.
 *
 * One exists at a time: pretend_start() ... pretend_end(). Between
 * pretend_enter() and pretend_leave() it also takes the place of the live memory
 * manager on this CPU, so that alloc_pages() and friends serve its pages; then
 * nothing above the page allocator may be used, and no page's bytes.
 */

#include "mm/live.h"

#define PRETEND_MAX_ZONES	8
#define PRETEND_MAX_NODES	4
#define PRETEND_MAX_CPUS	4

/* All memory of a pretended machine lies below: its mem_map is an array of 2 MiB. */
#define PRETEND_END_PFN		((pfn_t)65536)

struct pretend_plan {
	unsigned nr_nodes;
	/* Pieces of memory by node, then address; two of one zone leave a hole in it. */
	struct {
		unsigned nid;
		enum zone_type type;
		pfn_t start_pfn, end_pfn;	/* the first empty one ends the array */
	} pieces[PRETEND_MAX_ZONES];
	unsigned nr_cpus;
	unsigned cpu_nids[PRETEND_MAX_CPUS];
	uint8_t distance[PRETEND_MAX_NODES * PRETEND_MAX_NODES];	/* [0] is 0: no SLIT */
	const struct performance *performance;	/* HMAT, sorted */
	unsigned nr_performance;
	uint64_t min_free_pages;	/* for the watermarks; 0: there are none */
	bool is_pending;		/* memory waits for zone_grow() */
};

/* Builds the machine of @plan; stacks of its CPUs are empty. */
void pretend_start(const struct pretend_plan *plan);

/* Gives its memory back. */
void pretend_end(void);

struct zone *pretend_zone(unsigned nid, enum zone_type type);
struct pglist_data *pretend_node(unsigned nid);
struct mm_cpu *pretend_cpu(unsigned cpu);
struct page *pretend_page(pfn_t pfn);
struct boot_info *pretend_info(void);

/* This CPU becomes CPU 0 of the pretended machine; another one of it; itself again. */
void pretend_enter(void);
void pretend_on_cpu(unsigned cpu);
void pretend_leave(void);

/* Runs the verifiers of all zones and CPUs of that machine; a broken rule fails the case. */
void pretend_check(void);

/* True when the first broken rule of the machine is @rule. */
bool pretend_breaks(const char *rule);

/* Free pages of the machine: on lists, pending, and on stacks. */
uint64_t pretend_free_pages(void);

#endif
