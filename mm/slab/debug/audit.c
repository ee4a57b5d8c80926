/*
 * The audit log: who took and gave back which object last.
 *
 * Model
 *   The owners in an object's tail name its last two events, and go with it. The
 *   log has the last events of all caches with SLAB_AUDIT: of objects whose slab
 *   is long gone, of those that lay at an address before, and their order.
 *
 *   Each node with memory has a ring of events in pages of its own, and a CPU
 *   notes in that of its nearest one. All events are numbered in a row. The rings
 *   together have room for MAX_EVENTS, or what fits in a MEMORY_SHAREth of memory
 *   where that is less.
 *
 *   Readers take no lock, since reports are made where anything may be held: a
 *   slot's number is 0 while the rest of it is written, and who finds that it has
 *   changed meanwhile passes over the slot.
 *
 * Invariants, while nobody notes anything
 *   AUDIT-1  the numbers in a ring ascend from its oldest event to its newest
 *   AUDIT-2  no number is above that of the event noted last
 *
 * Locking
 *   ring->lock serialises the writers of a ring; nothing is called out of it.
 *   Who makes rings takes no lock, for that takes pages: is_being_made, a bit that is
 *   exchanged, keeps a second CPU from it.
 */

#include "mm/slab/debug/audit.h"

#include "lib/align.h"
#include "lib/string.h"
#include "mm/slab/core.h"

#define MAX_EVENTS	65536u
#define MEMORY_SHARE	256u

#define NR_SHOWN	100u	/* of slab_print_audit() */
#define NR_LOGGED	8u	/* of one object, in reports */

#define NS_PER_SECOND	1000000000u
#define NS_PER_US	1000u

_Static_assert(sizeof(struct audit_event) == 64, "an event is a cache line");
_Static_assert(MAX_CPUS - 1 <= UINT16_MAX, "a CPU's index fits into an event");

static struct {
	struct audit_ring **rings;	/* by node, NULL where there is no memory; NULL: off */
	bool is_being_made;		/* atomic */
	uint64_t nr_noted;
	uint64_t nr_memory_pages;
} audit;

static struct audit_ring **all_rings(void)
{
	return __atomic_load_n(&audit.rings, __ATOMIC_ACQUIRE);
}

bool audit_is_on(void)
{
	return all_rings() != NULL;
}

struct audit_ring *audit_ring_of(unsigned nid)
{
	struct audit_ring **rings = all_rings();

	return rings ? rings[nid] : NULL;
}

/* ---- Rings ---- */

static void *take_pages(unsigned nid, unsigned order)
{
	struct page *page = alloc_pages_node(nid, GFP_KERNEL | __GFP_THISNODE | __GFP_ZERO |
					     __GFP_NOWARN | __GFP_NO_INJECTION, order);

	return page ? page_address(page) : NULL;
}

/* A ring in the largest block of at most 2^@order pages that node @nid has, or NULL. */
static struct audit_ring *make_ring(unsigned nid, unsigned order)
{
	struct audit_ring *ring;

	while ((ring = take_pages(nid, order)) == NULL)
		if (order-- == 0)
			return NULL;
	ring->order = order;
	ring->nr_events = (uint32_t)((pages_to_bytes(pages_in(order)) - sizeof(*ring)) /
				     sizeof(struct audit_event));
	return ring;
}

static bool has_memory(unsigned nid)
{
	return slab_memory_node(nid) == nid;
}

/* Each node's share of the room for events, as an order. */
static unsigned ring_order(void)
{
	uint64_t nr_pages = min_u64(MAX_EVENTS * sizeof(struct audit_event) / PAGE_SIZE,
				    audit.nr_memory_pages / MEMORY_SHARE);
	unsigned order = 0, nr_nodes = 0;

	for (unsigned nid = 0; nid < slab_system.nr_nodes; nid++)
		nr_nodes += has_memory(nid);
	while (order < MAX_ORDER && pages_in(order + 1) <= nr_pages / nr_nodes)
		order++;
	return order;
}

static unsigned table_order(void)
{
	return order_for_pages(bytes_to_pages(slab_system.nr_nodes * sizeof(audit.rings[0])));
}

static void make_rings(void)
{
	struct audit_ring **rings = take_pages(slab_memory_node(0), table_order());
	unsigned order = ring_order();

	for (unsigned nid = 0; rings && nid < slab_system.nr_nodes; nid++)
		if (has_memory(nid))
			rings[nid] = make_ring(nid, order);
	__atomic_store_n(&audit.rings, rings, __ATOMIC_RELEASE);
}

void audit_start(void)
{
	if (__atomic_exchange_n(&audit.is_being_made, true, __ATOMIC_ACQUIRE))
		return;
	/* Asked now, for another CPU may have made them just before. */
	if (!audit_is_on())
		make_rings();
	__atomic_store_n(&audit.is_being_made, false, __ATOMIC_RELEASE);
}

void audit_stop(void)
{
	struct audit_ring **rings = __atomic_exchange_n(&audit.rings, NULL, __ATOMIC_ACQ_REL);

	for (unsigned nid = 0; rings && nid < slab_system.nr_nodes; nid++)
		if (rings[nid])
			free_pages((uintptr_t)rings[nid], rings[nid]->order);
	if (rings)
		free_pages((uintptr_t)rings, table_order());
}

void slab_audit_init(uint64_t nr_memory_pages)
{
	__atomic_store_n(&audit.rings, NULL, __ATOMIC_RELEASE);
	audit.nr_noted = 0;
	audit.nr_memory_pages = nr_memory_pages;
}

/* ---- Noting ---- */

static void write_event(struct audit_event *event, const struct audit_event *noted)
{
	__atomic_store_n(&event->number, 0, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);	/* no old number beside a new rest */
	memcpy((uint8_t *)event + sizeof(event->number),
	       (const uint8_t *)noted + sizeof(event->number),
	       sizeof(*event) - sizeof(event->number));
	__atomic_store_n(&event->number, noted->number, __ATOMIC_RELEASE);
}

void audit_note(const struct kmem_cache *cache, enum audit_kind kind, const void *object,
		size_t bytes, uintptr_t caller)
{
	struct audit_event event = { .object = (uintptr_t)object, .caller = caller,
				     .bytes = (uint32_t)bytes, .cpu = (uint16_t)mm_port_cpu(),
				     .kind = (uint8_t)kind };
	struct audit_ring *ring;

	if (!(cache->flags & SLAB_AUDIT))
		return;
	ring = audit_ring_of(slab_memory_node(numa_node_id()));
	if (!ring)
		return;
	format_text(event.cache, sizeof(event.cache), "%s", cache->name);
	event.time_ns = mm_port_now_ns();
	spin_lock(&ring->lock);
	event.number = __atomic_add_fetch(&audit.nr_noted, 1, __ATOMIC_RELAXED);
	write_event(&ring->events[ring->next], &event);
	ring->next = ring->next + 1 < ring->nr_events ? ring->next + 1 : 0;
	spin_unlock(&ring->lock);
}

/* ---- Reading ---- */

/* The @i-th newest slot. */
static const struct audit_event *slot_back(const struct audit_ring *ring, uint32_t i)
{
	uint32_t next = __atomic_load_n(&ring->next, __ATOMIC_RELAXED);

	return &ring->events[(next + ring->nr_events - 1 - i) % ring->nr_events];
}

static bool read_event(const struct audit_event *slot, struct audit_event *event)
{
	uint64_t number = __atomic_load_n(&slot->number, __ATOMIC_ACQUIRE);

	*event = *slot;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	event->number = number;
	return number != 0 && __atomic_load_n(&slot->number, __ATOMIC_RELAXED) == number;
}

static bool is_about(const struct audit_event *event, const void *va)
{
	return !va || (uintptr_t)va == event->object ||
	       (uintptr_t)va - event->object < event->bytes;
}

/* As audit_find() in one ring, and only if it is newer than *@found already is. */
static void find_in_ring(const struct audit_ring *ring, uint64_t before, const void *va,
			 struct audit_event *found)
{
	struct audit_event event;

	for (uint32_t i = 0; i < ring->nr_events; i++) {
		if (!read_event(slot_back(ring, i), &event))
			continue;
		if (event.number <= found->number)
			return;		/* AUDIT-1: all that follow are older */
		if (event.number < before && is_about(&event, va)) {
			*found = event;
			return;
		}
	}
}

bool audit_find(uint64_t before, const void *va, struct audit_event *found)
{
	found->number = 0;
	for (unsigned nid = 0; nid < slab_system.nr_nodes; nid++)
		if (audit_ring_of(nid))
			find_in_ring(audit_ring_of(nid), before, va, found);
	return found->number != 0;
}

/* ---- Reports ---- */

static const char *kind_text(const struct audit_event *event)
{
	return event->kind == AUDIT_FREE ? "freed" : "allocated";
}

void slab_log_audit(const void *va)
{
	struct audit_event event = { .number = UINT64_MAX };

	for (unsigned i = 0; i < NR_LOGGED && audit_find(event.number, va, &event); i++)
		mm_port_log(LOG_ERROR,
			    "  audit: %llu.%06llu s CPU %u: %s by %p: %u bytes at %p of %s",
			    (unsigned long long)(event.time_ns / NS_PER_SECOND),
			    (unsigned long long)(event.time_ns / NS_PER_US %
						 (NS_PER_SECOND / NS_PER_US)),
			    event.cpu, kind_text(&event), (void *)event.caller, event.bytes,
			    (void *)event.object, event.cache);
}

static uint64_t nr_places(void)
{
	uint64_t nr = 0;

	for (unsigned nid = 0; nid < slab_system.nr_nodes; nid++)
		nr += audit_ring_of(nid) ? audit_ring_of(nid)->nr_events : 0;
	return nr;
}

void slab_print_audit(void)
{
	struct audit_event event = { .number = UINT64_MAX };

	if (!audit_is_on()) {
		mm_port_print("audit: nothing is noted; debug=audit notes\n");
		return;
	}
	mm_port_print("audit: %llu events, room for %llu, the newest first\n",
		      (unsigned long long)__atomic_load_n(&audit.nr_noted, __ATOMIC_RELAXED),
		      (unsigned long long)nr_places());
	mm_port_print("%10s %17s %5s %-9s %-16s %8s %-16s %s\n", "number", "seconds", "cpu",
		      "event", "object", "bytes", "caller", "cache");
	for (unsigned i = 0; i < NR_SHOWN && audit_find(event.number, NULL, &event); i++)
		mm_port_print("%10llu %10llu.%06llu %5u %-9s %p %8u %p %s\n",
			      (unsigned long long)event.number,
			      (unsigned long long)(event.time_ns / NS_PER_SECOND),
			      (unsigned long long)(event.time_ns / NS_PER_US %
						   (NS_PER_SECOND / NS_PER_US)),
			      event.cpu, kind_text(&event), (void *)event.object, event.bytes,
			      (void *)event.caller, event.cache);
}

/* ---- Verifying ---- */

static bool verify_ring(const struct audit_ring *ring, struct violation *out)
{
	uint64_t newer = UINT64_MAX;

	for (uint32_t i = 0; i < ring->nr_events; i++) {
		uint64_t number = slot_back(ring, i)->number;

		/* Never written: so is all that would be older. */
		REQUIRE("AUDIT-1", slot_back(ring, i),
			number < newer || (number == 0 && newer == 0));
		REQUIRE("AUDIT-2", slot_back(ring, i), number <= audit.nr_noted);
		newer = number;
	}
	return true;
}

bool audit_verify(struct violation *out)
{
	for (unsigned nid = 0; nid < slab_system.nr_nodes; nid++)
		if (audit_ring_of(nid) && !verify_ring(audit_ring_of(nid), out))
			return false;
	return true;
}
