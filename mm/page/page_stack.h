#ifndef MM_PAGE_STACK_H
#define MM_PAGE_STACK_H

/*
 * Per-CPU page stacks. See mm/page/page_stack.c.
 *
 * Context: what takes a struct mm_local runs under the local lock, on the CPU whose
 * stacks these are or while that CPU is quiet.
 */

#include "mm/page/buddy.h"
#include "mm/page_alloc.h"
#include "mm/slab_def.h"

/* Every CPU has stacks for each zone of its node that has memory. */
#define NR_STACK_SLOTS		MAX_NR_ZONES
#define NR_STACKS		(NR_STACK_SLOTS * NR_STACK_ORDERS * NR_STACK_TYPES)

/*
 * Blocks one use of a stack may pop: 64 single pages, one of a larger order. Who takes
 * from the other end (mm/page/drain.c) leaves as many.
 */
#define MAX_POPS_AT_ONCE	64u

/* One cache line. top points to the page last pushed; slots[floor] is never a page. */
struct page_stack {
	_Alignas(PAGE_STACK_BYTES) struct page **top;
	struct page **full;		/* top's highest place for now: at most capacity */
	uint64_t cached_state;		/* page->state of a page that rests here */
	uint64_t user_state;		/* and of the same page while allocated */
	struct page **slots;
	struct zone *zone;
	struct spinlock lock;		/* guards floor, and more than a use may take at once */
	uint32_t floor GUARDED_BY(lock);	/* blocks that others took from below */
	uint32_t capacity;		/* pages slots[1..] has room for */
	uint16_t batch;			/* blocks moved at once */
	uint8_t order;
	uint8_t migratetype;
};

_Static_assert(sizeof(struct page_stack) == PAGE_STACK_BYTES, "offsets are computed by callers");

/*
 * What mm keeps per CPU, reached through mm_port_cpu_data(). The stacks of slot
 * 0 are those that unrestricted requests use: they come first, so that a
 * request known to the compiler is an offset. Those of ready-made compound pages
 * (mm/page/compound.c) come after all others, and then arrays of objects (mm/slab_def.h).
 */
struct mm_cpu {
	struct page_stack stacks[NR_STACK_SLOTS][NR_STACK_ORDERS][NR_STACK_TYPES];
	struct page_stack large[NR_LARGE_ORDERS][NR_STACK_TYPES];	/* of slot 0's zone */
	struct cpu_array kmalloc[NR_KMALLOC_ARRAYS];
	uint8_t slot[MAX_NR_ZONES][NR_STACK_TYPES];	/* of zone type and migratetype */
	struct pglist_data *node;	/* whose zones the stacks are for: nearest with memory */
	unsigned nid;			/* the CPU's own node */
	unsigned cpu;
	bool is_drain_wanted;		/* set by others; obeyed at the next slow path */
	uint64_t nr_slow;		/* requests that did not end on a stack */
	uint64_t grace_period;		/* seen while quiescent; 0: takes no part. See mm/grace.c */
	uint32_t rcu_depth;		/* readers' sections that are open: see mm/rcu.c */
};

/* For all stacks of @cpu_data, ready-made blocks' last. */
#define for_each_stack(stack, cpu_data)							\
	for (__typeof__(&(cpu_data)->stacks[0][0][0]) stack = &(cpu_data)->stacks[0][0][0];	\
	     stack < (cpu_data)->large[0] + NR_LARGE_ORDERS * NR_STACK_TYPES; stack++)

_Static_assert(offsetof(struct mm_cpu, large) == NR_STACKS * sizeof(struct page_stack),
	       "for_each_stack() walks from one array into the other");
_Static_assert(offsetof(struct mm_cpu, kmalloc) == KMALLOC_ARRAYS_BEGIN * sizeof(struct cpu_array),
	       "kmalloc_array_at() counts from the beginning");

static inline struct mm_cpu *this_mm_cpu(void)
{
	return mm_port_cpu_data();
}

/* The place of @order among the cached ones, or NR_STACK_ORDERS. */
static inline unsigned stack_order_index(unsigned order)
{
	if (order <= STACK_LOW_ORDER_MAX)
		return order;
	return order == PAGEBLOCK_ORDER ? NR_STACK_ORDERS - 1 : NR_STACK_ORDERS;
}

/* Blocks the stacks of a zone with @present_pages, one of @nr_cpus users, hold of @order. */
uint32_t page_stack_capacity(uint64_t present_pages, unsigned nr_cpus, unsigned order);

/* Bytes of struct mm_cpu with all the stacks of a CPU of @node, of which @nr_cpus share it. */
uint64_t page_stacks_bytes(const struct pglist_data *node, unsigned nr_cpus);

/* Builds the empty stacks of CPU @cpu at @cpu_data, page_stacks_bytes() long. */
void page_stacks_init(struct mm_cpu *cpu_data, struct pglist_data *node, unsigned cpu,
		      unsigned nr_cpus);

/* This CPU's stack for such blocks of @zone, or NULL when they are not cached here. */
struct page_stack *page_stack_for(struct zone *zone, unsigned order, enum migratetype migratetype,
				  struct mm_local local);

/* Release: who takes from below sees all that was done to the pages up to here. */
static ALWAYS_INLINE void page_stack_set_top(struct page_stack *stack, struct page **top,
					     struct mm_local local)
{
	(void)local;
	__atomic_store_n(&stack->top, top, __ATOMIC_RELEASE);
}

/*
 * Pop and push, for one block or many: a step moves @top, a copy of stack->top, which
 * the caller sets when it has made all its steps, MAX_POPS_AT_ONCE down at most. Who
 * makes one step has the functions below.
 *
 * A step down: *@page is what @top leads to. False, and @top stays, when its state is
 * not @cached_state: the stack is empty, or the page corrupt. Else it becomes @state.
 */
static ALWAYS_INLINE bool page_stack_step_down(struct page ***top, struct page **page,
					       uint64_t cached_state, uint64_t state,
					       struct mm_local local)
{
	(void)local;
	*page = __atomic_load_n(*top, __ATOMIC_RELAXED);
	if (unlikely(page_state(*page) != cached_state))
		return false;
	--*top;
	page_set_state(*page, state);
	return true;
}

/*
 * A step up, for which there is room. False, and @top stays, when the state of @page is
 * not @state, the only one in which it may be laid to rest.
 */
static ALWAYS_INLINE bool page_stack_step_up(struct page ***top, struct page *page, uint64_t state,
					     uint64_t cached_state, struct mm_local local)
{
	(void)local;
	if (unlikely(page_state(page) != state))
		return false;
	page_set_state(page, cached_state);
	__atomic_store_n(++*top, page, __ATOMIC_RELAXED);
	return true;
}

/* The block last pushed, now in use, to *@page. False: nothing has changed. */
static ALWAYS_INLINE bool page_stack_pop(struct page_stack *stack, struct page **page,
					 struct mm_local local)
{
	struct page **top = stack->top;

	if (unlikely(!page_stack_step_down(&top, page, stack->cached_state, stack->user_state,
					   local)))
		return false;
	page_stack_set_top(stack, top, local);
	return true;
}

/* Lays @page to rest. False: no room, or no block of these whose only user is the caller. */
static ALWAYS_INLINE bool page_stack_push(struct page_stack *stack, struct page *page,
					  struct mm_local local)
{
	struct page **top = stack->top;

	if (unlikely(top == stack->full) ||
	    unlikely(!page_stack_step_up(&top, page, stack->user_state, stack->cached_state,
					 local)))
		return false;
	page_stack_set_top(stack, top, local);
	return true;
}

/* The same where a page that was written to must be reported. NULL: the stack is empty. */
struct page *page_stack_pop_or_report(struct page_stack *stack, struct mm_local local);

/*
 * Fills @stack from its zone, which shows its end mark. False when the zone has no such
 * block listed, or somebody is about to take from below.
 */
bool page_stack_refill(struct page_stack *stack, struct mm_local local) MUST_CHECK;

/*
 * Gives a batch from @stack, at least one block if it has any, back to its zone. False
 * when it could not, since somebody is taking from below.
 */
bool page_stack_drain_batch(struct page_stack *stack, struct mm_local local);

/* Gives everything @cpu_data holds back, but stacks that somebody is taking from. */
void page_stacks_drain(struct mm_cpu *cpu_data, struct mm_local local);

/*
 * Closes all stacks of @cpu_data, emptied, so that every request takes the slow
 * path; or opens them again. False, and some are as they were, when somebody takes from
 * them at the moment.
 */
bool page_stacks_set_closed(struct mm_cpu *cpu_data, bool is_closed, struct mm_local local)
	MUST_CHECK;

/*
 * Taking from below, for other CPUs: page_stack_claim() marks the end of what it would
 * take; when every CPU has passed a full barrier after that, page_stack_collect() gives
 * it to the zone, or finds that the owner has come too close and takes the mark away.
 * Returns pages. A true claim must be followed by collecting it or giving it up.
 */
struct page_stack_claim {
	struct page_stack *stack;
	struct page **end;		/* the last slot to be taken, which shows the end mark */
	struct page *marked;		/* what stood there */
};
bool page_stack_claim(struct page_stack *stack, struct page_stack_claim *claim) MUST_CHECK;
uint64_t page_stack_collect(const struct page_stack_claim *claim);

/* Instead of collecting, when there was no barrier. */
void page_stack_give_up(const struct page_stack_claim *claim);

/* Blocks on @stack. Of another CPU's a hint. */
static inline uint64_t page_stack_count(const struct page_stack *stack)
{
	struct page **top = __atomic_load_n(&stack->top, __ATOMIC_RELAXED);
	struct page **end = stack->slots + __atomic_load_n(&stack->floor, __ATOMIC_RELAXED);

	return stack->slots && top > end ? (uint64_t)(top - end) : 0;
}

/* Pages of @zone that rest on @cpu_data's stacks; and of these the ready-made ones. */
uint64_t page_stacks_pages(const struct mm_cpu *cpu_data, const struct zone *zone);
uint64_t page_stacks_large_pages(const struct mm_cpu *cpu_data, const struct zone *zone);

/* True when @page is what an empty stack shows. */
bool page_stack_is_end_mark(const struct page *page);

/* What @stack shows: its newest block, or the end mark, which others may place. */
static inline struct page *page_stack_shown(const struct page_stack *stack)
{
	return __atomic_load_n(stack->top, __ATOMIC_RELAXED);
}

static inline bool page_stack_shows_end(const struct page_stack *stack)
{
	return page_stack_is_end_mark(page_stack_shown(stack));
}

/* Checks the rules of mm/page/page_stack.c for a quiet CPU. O(cached blocks). */
bool page_stacks_verify(const struct mm_cpu *cpu_data, struct violation *out);

#endif
