/*
 * Per-CPU page stacks: the blocks a CPU freed last are the ones it gets next.
 *
 * Model
 *   A stack is an array of pointers to blocks of one zone, order and type, with
 *   a pointer to the top. Orders 0 to 4 and the 2 MiB order have one. Pop reads
 *   the top, compares the page's state with the only one it may have, and
 *   stores the one it shall have; push is the mirror image. One comparison of 64
 *   bits checks reference count, type, order and zone together: a double free, a
 *   free with the wrong order, of a tail, of a referenced or of a reserved page
 *   differs, and so does a page that somebody overwrote while it was cached.
 *
 *   slots[0] points to a page that no stack's state matches, and stacks of the
 *   types that are never cached have states that no page has: empty and
 *   uncached need no test of their own.
 *
 *   Compound pages that are ready for kmalloc rest on stacks of their own, which
 *   mm/page/compound.c fills. Here they are counted, emptied and checked with the others.
 *
 * Invariants, for a quiet CPU
 *   STACK-1  slots + floor <= top <= full <= slots + capacity; a closed stack has top = full
 *   STACK-2  every entry has cached_state, and lies in the stack's zone
 *   STACK-3  no page is on a stack twice
 *   STACK-4  an entry is a block's first page: aligned to its order
 *   STACK-5  slots[floor] is the end mark, and what a closed stack shows
 *   STACK-6  an entry of a stack for kmalloc is a compound page: PAGE_COMPOUND, each
 *       tail PAGE_TAIL and leading to it
 *
 * Locking
 *   A CPU uses its own stacks under mm_port_local_lock(), without another lock. Refill and
 *   drain try stack->lock, and do without the stack while somebody else has it; they
 *   take zone->lock within.
 *
 * Taking from below
 *   A request that would fail takes what other CPUs have at rest, without their help and
 *   without a locked instruction in their fast paths. It takes the oldest blocks,
 *   slots[floor + 1 .. k], and leaves at least m, as many as one use of a stack may pop.
 *   With stack->lock held, so that nobody refills or drains:
 *     1  slots[k] becomes the end mark
 *     2  every CPU passes a full barrier (mm_port_barrier_cpus())
 *     3  if top >= k + m now, and slots[k] still is the mark, the blocks are taken and
 *        floor becomes k; else slots[k] becomes what it was
 *   Why that is enough: a use of the stack that begins after its CPU's barrier sees the
 *   mark, and stops there. One that was under way at the barrier may have read slots[k]
 *   before the mark: it began with top < k + m, and all it stored before is visible. Until
 *   it has stored its new top, step 3 reads that same top and gives up. Once it has, top
 *   is below k, and only pushes raise it again: the first of them writes slots[k], and
 *   step 3 finds no mark. Pushes alone do not touch slots up to top.
 *   The release of top and its acquire in step 3 order what the owner did to the pages.
 *   tests/models/page_stack.pml: every order of steps, and none of the three can be spared.
 *
 * Cost
 *   One line of the stack, one of its slots, one struct page. Capacity is 1/32
 *   of the zone for order 0, shared by the node's CPUs; refill and drain move a
 *   batch under one lock. Of the zone: of its RAM, which does not change while
 *   others bring up sections. A CPU keeps one 2 MiB block where that is little.
 */

#include "mm/page/page_stack.h"

#include "lib/align.h"
#include "mm/event.h"
#include "mm/page/buddy_told.h"
#include "mm/page/harden.h"
#include "mm/page/noted.h"
#include "mm/page/page_state.h"

/* A stack of order 0 holds up to this part of its zone (Linux allows an eighth). */
#define ORDER0_SHARE		32u
#define LOW_ORDER_SHARE		128u
#define PAGEBLOCK_SHARE		64u

/*
 * Of 2 MiB blocks every CPU may keep one all the same, as long as all CPUs' are
 * at most this part: without it a pair costs a walk through the lists.
 */
#define ONE_PAGEBLOCK_SHARE	12u

/*
 * 17 MiB of single pages: a batch of 4,096 comes and goes without the zone's
 * lock. Larger ones leave more holes in the lists than they save.
 */
#define MAX_STACK_BLOCKS	4352u

/*
 * Blocks moved under one lock. 128 cost at most 2,100 instructions to refill, in
 * fragmented memory: the worst single allocation. Half as many cost 3 more a page.
 */
#define MAX_BATCH		128u

/* Fewer are not worth a stack. */
#define MIN_STACK_BLOCKS	4u

/*
 * Ready-made blocks serve nothing but kmalloc: this part of what the stack of the
 * order holds, and at most 3.5 MiB of all orders together for either type.
 */
#define LARGE_PART		4u
#define MAX_LARGE_BLOCKS	32u

/* The types kmalloc asks for: its objects do not move. */
#define NR_LARGE_TYPES		2u
static const uint8_t large_types[NR_LARGE_TYPES] = { MIGRATE_UNMOVABLE, MIGRATE_RECLAIMABLE };

/* What slots[0] points to. Its state, PAGE_HOLE, is no stack's. */
static struct page end_mark;

static const uint8_t stack_orders[NR_STACK_ORDERS] = { 0, 1, 2, 3, 4, PAGEBLOCK_ORDER };

bool page_stack_is_end_mark(const struct page *page)
{
	return page == &end_mark;
}

uint32_t page_stack_capacity(uint64_t present_pages, unsigned nr_cpus, unsigned order)
{
	uint64_t cpu_pages = present_pages / max_u64(nr_cpus, 1);
	uint64_t nr_blocks;

	if (page_hardening)
		return 0;
	if (order == PAGEBLOCK_ORDER) {
		nr_blocks = cpu_pages / PAGEBLOCK_SHARE / PAGEBLOCK_PAGES;
		if (nr_blocks == 0)
			nr_blocks = cpu_pages / ONE_PAGEBLOCK_SHARE >= PAGEBLOCK_PAGES;
	} else {
		nr_blocks = (cpu_pages / (order == 0 ? ORDER0_SHARE : LOW_ORDER_SHARE)) >> order;
		if (nr_blocks < MIN_STACK_BLOCKS)
			nr_blocks = 0;
	}
	return (uint32_t)min_u64(nr_blocks, MAX_STACK_BLOCKS);
}

uint64_t page_stacks_bytes(const struct pglist_data *node, unsigned nr_cpus)
{
	uint64_t nr_slots = NR_LARGE_ORDERS * NR_LARGE_TYPES * (1 + (uint64_t)MAX_LARGE_BLOCKS);

	for (unsigned type = 0; type < MAX_NR_ZONES; type++) {
		uint64_t nr_pages = node->node_zones[type].present_pages;

		for (unsigned i = 0; i < NR_STACK_ORDERS; i++) {
			uint64_t capacity = page_stack_capacity(nr_pages, nr_cpus, stack_orders[i]);

			nr_slots += MIGRATE_PCPTYPES * (1 + capacity);
		}
	}
	return sizeof(struct mm_cpu) + nr_slots * sizeof(struct page *);
}

/* A stack that nothing is pushed on and nothing popped from; the slow ways ask its order. */
static void init_closed(struct page_stack *stack, unsigned order)
{
	static struct page *closed_slot = &end_mark;

	*stack = (struct page_stack){
		.top = &closed_slot,
		.full = &closed_slot,
		.cached_state = UINT64_MAX,
		.user_state = UINT64_MAX,
		.order = (uint8_t)order,
	};
}

static void close_all(struct mm_cpu *cpu_data)
{
	for (unsigned slot = 0; slot < NR_STACK_SLOTS; slot++)
		for (unsigned i = 0; i < NR_STACK_ORDERS; i++)
			for (unsigned column = 0; column < NR_STACK_TYPES; column++)
				init_closed(&cpu_data->stacks[slot][i][column], stack_orders[i]);
	for (unsigned i = 0; i < NR_LARGE_ORDERS; i++)
		for (unsigned column = 0; column < NR_STACK_TYPES; column++)
			init_closed(&cpu_data->large[i][column], LARGE_ORDER_MIN + i);
}

static void init_stack(struct page_stack *stack, struct zone *zone, unsigned order,
		       enum migratetype migratetype, struct page **slots, uint32_t capacity)
{
	*stack = (struct page_stack){
		.top = slots,
		.full = slots + capacity,
		.cached_state = make_page_state(PAGE_CACHED, order, zone->index, 0),
		.user_state = make_page_state(PAGE_USER, order, zone->index, 1),
		.slots = slots,
		.zone = zone,
		.capacity = capacity,
		.batch = (uint16_t)max_u64(min_u64(capacity / 4, MAX_BATCH), 1),
		.order = (uint8_t)order,
		.migratetype = (uint8_t)migratetype,
	};
	slots[0] = &end_mark;
}

/* The stacks for @zone of @cpu_data, from @slots on. Returns where those end. */
static struct page **init_zone_stacks(struct mm_cpu *cpu_data, struct zone *zone, unsigned nr_cpus,
				      struct page **slots)
{
	for (unsigned i = 0; i < NR_STACK_ORDERS; i++) {
		unsigned order = stack_orders[i];
		uint32_t capacity = page_stack_capacity(zone->present_pages, nr_cpus, order);

		for (unsigned column = 0; capacity && column < MIGRATE_PCPTYPES; column++) {
			unsigned slot = cpu_data->slot[zone->type][column];

			init_stack(&cpu_data->stacks[slot][i][column], zone, order,
				   (enum migratetype)column, slots, capacity);
			slots += 1 + capacity;
		}
	}
	return slots;
}

/* The stack of ready-made blocks beside @plain; slots as above. */
static struct page **init_large(struct page_stack *stack, const struct page_stack *plain,
				struct page **slots)
{
	uint32_t capacity = (uint32_t)min_u64(plain->capacity / LARGE_PART, MAX_LARGE_BLOCKS);
	struct zone *zone = plain->zone;

	if (capacity == 0)
		return slots;
	init_stack(stack, zone, plain->order, (enum migratetype)plain->migratetype, slots,
		   capacity);
	stack->cached_state = make_page_state(PAGE_CACHED_LARGE, plain->order, zone->index, 0);
	stack->user_state = make_page_state(PAGE_LARGE, plain->order, zone->index, 1);
	return slots + 1 + capacity;
}

static void init_large_stacks(struct mm_cpu *cpu_data, struct page **slots)
{
	for (unsigned i = 0; i < NR_LARGE_ORDERS; i++) {
		for (unsigned j = 0; j < NR_LARGE_TYPES; j++) {
			unsigned type = large_types[j];

			slots = init_large(&cpu_data->large[i][type],
					   &cpu_data->stacks[0][LARGE_ORDER_MIN + i][type], slots);
		}
	}
}

/*
 * Slot 0 belongs to the zone that unrestricted requests try first; that is
 * another one for movable pages where the node has ZONE_MOVABLE.
 */
static void assign_slots(struct mm_cpu *cpu_data, const struct pglist_data *node)
{
	uint8_t next = 0;

	for (unsigned type = ZONE_MOVABLE; type-- > 0;) {
		bool is_populated = zone_is_populated(&node->node_zones[type]);

		for (unsigned column = 0; column < NR_STACK_TYPES; column++)
			cpu_data->slot[type][column] = is_populated ? next : NR_STACK_SLOTS - 1;
		next = (uint8_t)(next + is_populated);
	}
	for (unsigned column = 0; column < NR_STACK_TYPES; column++)
		cpu_data->slot[ZONE_MOVABLE][column] = NR_STACK_SLOTS - 1;
	if (!zone_is_populated(&node->node_zones[ZONE_MOVABLE]))
		return;
	for (unsigned type = 0; type < ZONE_MOVABLE; type++)
		if (cpu_data->slot[type][MIGRATE_MOVABLE] == 0)
			cpu_data->slot[type][MIGRATE_MOVABLE] = NR_STACK_SLOTS - 1;
	cpu_data->slot[ZONE_MOVABLE][MIGRATE_MOVABLE] = 0;
}

void page_stacks_init(struct mm_cpu *cpu_data, struct pglist_data *node, unsigned cpu,
		      unsigned nr_cpus)
{
	struct page **slots = (struct page **)(void *)(cpu_data + 1);

	cpu_data->node = node;
	cpu_data->cpu = cpu;
	cpu_data->nid = node->node_id;
	cpu_data->is_drain_wanted = false;
	cpu_data->nr_slow = 0;
	cpu_data->grace_period = 0;
	cpu_data->rcu_depth = 0;
	close_all(cpu_data);
	assign_slots(cpu_data, node);
	for (unsigned type = 0; type < MAX_NR_ZONES; type++)
		slots = init_zone_stacks(cpu_data, &node->node_zones[type], nr_cpus, slots);
	init_large_stacks(cpu_data, slots);
}

struct page_stack *page_stack_for(struct zone *zone, unsigned order, enum migratetype migratetype,
				  struct mm_local local)
{
	struct mm_cpu *cpu_data = this_mm_cpu();
	unsigned index = stack_order_index(order);
	struct page_stack *stack;

	(void)local;
	if (!cpu_data || index == NR_STACK_ORDERS)
		return NULL;
	stack = &cpu_data->stacks[cpu_data->slot[zone->type][migratetype]][index][migratetype];
	/* Another node's zone, or one of the types this node has not: they share the last slot. */
	return stack->zone == zone && stack->full != stack->slots ? stack : NULL;
}

struct page *page_stack_pop_or_report(struct page_stack *stack, struct mm_local local)
{
	struct page *page;

	if (likely(page_stack_pop(stack, &page, local)))
		return page;
	if (unlikely(!page_stack_is_end_mark(page)))
		page_report_corrupt(page);
	return NULL;
}

/* True when @stack, whose lock is held, is empty: then it begins from its lowest slot again. */
static bool begin_again(struct page_stack *stack, struct mm_local local) HOLDS(stack->lock)
{
	if (stack->top != stack->slots + stack->floor)
		return false;
	__atomic_store_n(&stack->floor, 0, __ATOMIC_RELAXED);
	page_stack_set_top(stack, stack->slots, local);
	return true;
}

bool page_stack_refill(struct page_stack *stack, struct mm_local local)
{
	struct zone *zone = stack->zone;
	uint64_t nr;

	if (!spin_try_lock(&stack->lock))
		return false;
	/* What looked like its end was a mark that has been taken away. */
	if (unlikely(!begin_again(stack, local))) {
		spin_unlock(&stack->lock);
		return true;
	}
	nr = min_u64(stack->batch, (uint64_t)(stack->full - stack->slots));
	spin_lock(&zone->lock);
	if (mm_events_wanted())
		nr = buddy_take_bulk_told(zone, stack->order, (enum migratetype)stack->migratetype,
					  stack->cached_state, stack->slots + 1, nr);
	else
		nr = buddy_take_bulk(zone, stack->order, (enum migratetype)stack->migratetype,
				     stack->cached_state, stack->slots + 1, nr);
	spin_unlock(&zone->lock);
	page_stack_set_top(stack, stack->slots + nr, local);
	spin_unlock(&stack->lock);
	return nr != 0;
}

static bool is_for_kmalloc(const struct page_stack *stack)
{
	const struct page cached = { .state = stack->cached_state };

	return cached.type == PAGE_CACHED_LARGE;
}

/* The @nr blocks at @slots, which nobody can reach any more, go to the lists. */
static void give_to_zone(const struct page_stack *stack, struct page **slots, uint64_t nr)
{
	struct zone *zone = stack->zone;

	if (is_for_kmalloc(stack)) {
		for (uint64_t i = 0; i < nr; i++)
			page_clear_compound(slots[i]);
		__atomic_fetch_sub(&zone->nr_type_pages[PAGE_LARGE], nr << stack->order,
				   __ATOMIC_RELAXED);
	}
	for (uint64_t done = 0; done < nr;) {
		uint64_t nr_batch = min_u64(nr - done, MAX_BATCH);

		spin_lock(&zone->lock);
		if (mm_events_wanted())
			buddy_free_bulk_told(zone, slots + done, nr_batch, stack->order);
		else
			buddy_free_bulk(zone, slots + done, nr_batch, stack->order);
		settle_noted(zone);
		spin_unlock(&zone->lock);
		done += nr_batch;
	}
}

bool page_stack_drain_batch(struct page_stack *stack, struct mm_local local)
{
	uint64_t nr;

	if (!stack->slots)
		return true;
	if (!spin_try_lock(&stack->lock))
		return false;
	nr = min_u64(stack->batch, page_stack_count(stack));
	page_stack_set_top(stack, stack->top - nr, local);
	give_to_zone(stack, stack->top + 1, nr);
	begin_again(stack, local);
	spin_unlock(&stack->lock);
	return true;
}

void page_stacks_drain(struct mm_cpu *cpu_data, struct mm_local local)
{
	/* First: what is asked for meanwhile is asked for anew. */
	__atomic_store_n(&cpu_data->is_drain_wanted, false, __ATOMIC_RELAXED);
	for_each_stack(stack, cpu_data)
		while (page_stack_count(stack) != 0 && page_stack_drain_batch(stack, local))
			;
}

bool page_stacks_set_closed(struct mm_cpu *cpu_data, bool is_closed, struct mm_local local)
{
	page_stacks_drain(cpu_data, local);
	for_each_stack(stack, cpu_data) {
		if (!stack->slots)
			continue;
		if (page_stack_count(stack) != 0 || !spin_try_lock(&stack->lock))
			return false;
		begin_again(stack, local);
		stack->full = stack->slots + (is_closed ? 0 : stack->capacity);
		spin_unlock(&stack->lock);
	}
	return true;
}

/* ---- From below ---- */

static uint64_t pops_at_once(const struct page_stack *stack)
{
	return stack->order == 0 ? MAX_POPS_AT_ONCE : 1;
}

bool page_stack_claim(struct page_stack *stack, struct page_stack_claim *claim) NO_LOCK_ANALYSIS
{
	uint64_t nr = page_stack_count(stack);

	if (nr <= pops_at_once(stack) || !spin_try_lock(&stack->lock))
		return false;
	nr = page_stack_count(stack);
	if (nr <= pops_at_once(stack)) {
		spin_unlock(&stack->lock);
		return false;
	}
	claim->stack = stack;
	claim->end = stack->slots + stack->floor + nr - pops_at_once(stack);
	claim->marked = __atomic_exchange_n(claim->end, &end_mark, __ATOMIC_SEQ_CST);
	return true;
}

void page_stack_give_up(const struct page_stack_claim *claim) NO_LOCK_ANALYSIS
{
	struct page *shown = &end_mark;

	/* Unless the owner has pushed something there meanwhile. */
	__atomic_compare_exchange_n(claim->end, &shown, claim->marked, false, __ATOMIC_RELAXED,
				    __ATOMIC_RELAXED);
	spin_unlock(&claim->stack->lock);
}

uint64_t page_stack_collect(const struct page_stack_claim *claim) NO_LOCK_ANALYSIS
{
	struct page_stack *stack = claim->stack;
	struct page **begin = stack->slots + stack->floor + 1;
	struct page **top = __atomic_load_n(&stack->top, __ATOMIC_ACQUIRE);
	uint64_t nr = (uint64_t)(claim->end - begin) + 1;

	if (top < claim->end + pops_at_once(stack) ||
	    __atomic_load_n(claim->end, __ATOMIC_RELAXED) != &end_mark) {
		page_stack_give_up(claim);
		return 0;
	}
	give_to_zone(stack, begin, nr - 1);
	give_to_zone(stack, (struct page **)&claim->marked, 1);
	__atomic_store_n(&stack->floor, stack->floor + (uint32_t)nr, __ATOMIC_RELAXED);
	spin_unlock(&stack->lock);
	return nr << stack->order;
}

static uint64_t pages_on(const struct page_stack *stack, const struct zone *zone)
{
	return stack->zone == zone ? page_stack_count(stack) << stack->order : 0;
}

uint64_t page_stacks_pages(const struct mm_cpu *cpu_data, const struct zone *zone)
{
	uint64_t nr_pages = 0;

	for_each_stack(stack, cpu_data)
		nr_pages += pages_on(stack, zone);
	return nr_pages;
}

uint64_t page_stacks_large_pages(const struct mm_cpu *cpu_data, const struct zone *zone)
{
	uint64_t nr_pages = 0;

	for_each_stack(stack, cpu_data)
		if (is_for_kmalloc(stack))
			nr_pages += pages_on(stack, zone);
	return nr_pages;
}

/* Adds @by to the noted caller of each page from @start to @top, then those up. */
static uint32_t add_to_callers(struct page **start, struct page **top, uint32_t by)
{
	uint32_t sum = 0;

	for (struct page **at = start; at <= top; at++)
		(*at)->caller += by;
	for (struct page **at = start; at <= top; at++)
		sum += (*at)->caller;
	return sum;
}

/* The first that occurs again, or NULL. */
static struct page *find_twice(struct page **start, struct page **top)
{
	for (struct page **at = start; at <= top; at++)
		for (struct page **other = at + 1; other <= top; other++)
			if (*at == *other)
				return *at;
	return NULL;
}

/*
 * STACK-3 without a second array: one more for the caller of each place makes as many
 * more in all, unless a page has several places. Then the one is taken away again. Where
 * somebody pops a page meanwhile, which nobody should, that page's caller is off by one,
 * and find_twice() has the last word; its state is never touched.
 */
static bool verify_distinct(const struct page_stack *stack, struct page **top,
			    struct violation *out)
{
	struct page *twice = NULL, **start;
	uint32_t sum, raised_sum;

	assume_unshared(&stack->lock);
	start = stack->slots + stack->floor + 1;
	sum = add_to_callers(start, top, 0);
	raised_sum = add_to_callers(start, top, 1);
	add_to_callers(start, top, -1u);
	if (raised_sum - sum != (uint32_t)(top + 1 - start))
		twice = find_twice(start, top);
	REQUIRE("STACK-3", page_to_pfn(twice), !twice);
	return true;
}

static bool verify_compound(const struct page *head, unsigned order, struct violation *out)
{
	REQUIRE("STACK-6", page_to_pfn(head), head->flags & PAGE_COMPOUND);
	for (const struct page *tail = head + 1; tail < head + pages_in(order); tail++) {
		REQUIRE("STACK-6", page_to_pfn(tail), tail->type == PAGE_TAIL);
		REQUIRE("STACK-6", page_to_pfn(tail), tail->head == head);
	}
	return true;
}

static bool verify_stack(const struct page_stack *stack, struct violation *out)
{
	struct page **top = stack->top;

	assume_unshared(&stack->lock);
	assume_unshared(&stack->zone->grow_lock);
	REQUIRE("STACK-1", (uintptr_t)stack, top >= stack->slots + stack->floor);
	REQUIRE("STACK-1", (uintptr_t)stack, top <= stack->full);
	REQUIRE("STACK-1", (uintptr_t)stack, stack->full <= stack->slots + stack->capacity);
	REQUIRE("STACK-5", (uintptr_t)stack, page_stack_is_end_mark(stack->slots[stack->floor]));
	for (struct page **at = stack->slots + stack->floor + 1; at <= top; at++) {
		pfn_t pfn = zone_page_to_pfn(stack->zone, *at);

		REQUIRE("STACK-2", pfn, zone_has_up(stack->zone, pfn));
		REQUIRE("STACK-2", pfn, page_state(*at) == stack->cached_state);
		REQUIRE("STACK-4", pfn, is_aligned(pfn, pages_in(stack->order)));
		if (is_for_kmalloc(stack) && !verify_compound(*at, stack->order, out))
			return false;
	}
	return verify_distinct(stack, top, out);
}

static bool verify_closed(const struct page_stack *stack, struct violation *out)
{
	REQUIRE("STACK-1", (uintptr_t)stack, stack->top == stack->full);
	REQUIRE("STACK-5", (uintptr_t)stack, page_stack_is_end_mark(*stack->top));
	return true;
}

bool page_stacks_verify(const struct mm_cpu *cpu_data, struct violation *out)
{
	for_each_stack(stack, cpu_data)
		if (!(stack->slots ? verify_stack(stack, out) : verify_closed(stack, out)))
			return false;
	return true;
}
