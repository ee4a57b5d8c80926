/*
 * The event stream.
 *
 * Model
 *   A ring that belongs to whoever wants to know. Event n lies in ring[n % nr_slots]
 *   until event n + nr_slots replaces it.
 *
 *   Those who tell ask mm_events_wanted() first, in places that are no fast path: where
 *   a batch is moved, a pageblock changes hands, a slab or an area is made. What the
 *   buddy allocator does is told from the outside (mm/page/buddy_told.c). The short way of
 *   blocks that no CPU keeps does not ask: mm_plain_order_max closes it meanwhile.
 *
 * Invariants
 *   Events are numbered in the order in which they were told, whatever the CPU.
 *
 * Locking
 *   events.lock guards the ring. It is the last of all: events are told with zone and
 *   slab locks held. What another CPU tells while a ring is taken away is dropped.
 */

#include "mm/event.h"

#include "mm/assert.h"
#include "mm/lock.h"

bool mm_events_are_on;
unsigned mm_plain_order_max = MAX_ORDER;

static unsigned unheard_order_max = MAX_ORDER;

static struct {
	struct spinlock lock;
	struct mm_event *ring GUARDED_BY(lock);	/* NULL: off */
	uint64_t nr_slots GUARDED_BY(lock);
	uint64_t nr_told GUARDED_BY(lock);
} events;

static const char *const kind_names[NR_MM_EVENT_KINDS] = {
	[MM_EVENT_SPLIT] = "split",
	[MM_EVENT_MERGE] = "merge",
	[MM_EVENT_STEAL] = "steal",
	[MM_EVENT_REFILL] = "refill",
	[MM_EVENT_DRAIN] = "drain",
	[MM_EVENT_FALLBACK] = "fallback",
	[MM_EVENT_GROW] = "grow",
	[MM_EVENT_KSWAPD] = "kswapd",
	[MM_EVENT_TYPE] = "type",
	[MM_EVENT_SLAB_MADE] = "slab_made",
	[MM_EVENT_SLAB_GONE] = "slab_gone",
	[MM_EVENT_SLAB_LISTED] = "slab_listed",
	[MM_EVENT_AREA_MAPPED] = "area_mapped",
	[MM_EVENT_AREA_FREED] = "area_freed",
};

const char *mm_event_kind_name(unsigned kind)
{
	return kind < NR_MM_EVENT_KINDS ? kind_names[kind] : "unknown";
}

void mm_set_plain_order_max(unsigned order)
{
	ASSERT(order <= MAX_ORDER);

	unheard_order_max = order;
	mm_plain_order_max = mm_events_wanted() ? 0 : order;
}

void mm_events_start(struct mm_event *ring, uint64_t nr_slots)
{
	ASSERT(ring);
	ASSERT(nr_slots && (nr_slots & (nr_slots - 1)) == 0);

	spin_lock(&events.lock);
	events.ring = ring;
	events.nr_slots = nr_slots;
	events.nr_told = 0;
	spin_unlock(&events.lock);
	__atomic_store_n(&mm_events_are_on, true, __ATOMIC_RELAXED);
	mm_plain_order_max = 0;
}

void mm_events_stop(void)
{
	__atomic_store_n(&mm_events_are_on, false, __ATOMIC_RELAXED);
	mm_plain_order_max = unheard_order_max;
	spin_lock(&events.lock);
	events.ring = NULL;
	spin_unlock(&events.lock);
}

uint64_t mm_events_count(void)
{
	uint64_t nr_told;

	spin_lock(&events.lock);
	nr_told = events.nr_told;
	spin_unlock(&events.lock);
	return nr_told;
}

bool mm_event_get(uint64_t number, struct mm_event *event)
{
	bool is_kept;

	spin_lock(&events.lock);
	is_kept = events.ring && number < events.nr_told &&
		number + events.nr_slots >= events.nr_told;
	if (is_kept)
		*event = events.ring[number & (events.nr_slots - 1)];
	spin_unlock(&events.lock);
	return is_kept;
}

static void copy_name(char *to, const char *name)
{
	unsigned i = 0;

	for (; name && name[i] && i + 1 < MM_EVENT_NAME_BYTES; i++)
		to[i] = name[i];
	to[i] = '\0';
}

void mm_event_tell(struct mm_event event, const char *name)
{
	event.time_ns = mm_port_now_ns();
	event.cpu = (uint16_t)mm_port_cpu();
	copy_name(event.name, name);
	spin_lock(&events.lock);
	if (events.ring) {
		event.number = events.nr_told++;
		events.ring[event.number & (events.nr_slots - 1)] = event;
	}
	spin_unlock(&events.lock);
}

void mm_event_print(const struct mm_event *event)
{
	mm_port_print("@event number=%llu ns=%llu cpu=%u node=%u kind=%s at=0x%llx order=%u to=%u "
		      "nr=%llu name=%s\n",
		      (unsigned long long)event->number, (unsigned long long)event->time_ns,
		      event->cpu, event->nid, mm_event_kind_name(event->kind),
		      (unsigned long long)event->at, event->order, event->to,
		      (unsigned long long)event->nr, event->name[0] ? event->name : "-");
}

void mm_events_print(uint64_t from, uint64_t to)
{
	struct mm_event event;

	for (uint64_t number = from; number < to; number++)
		if (mm_event_get(number, &event))
			mm_event_print(&event);
}
