/*
 * Reclaim: asking those who hold memory they could do without.
 *
 * Model
 *   A registry of shrinkers. A round asks them in turn for a number of pages, first
 *   to look at a small part of what they hold, then at ever larger ones, until
 *   so many are free or all was looked at. What counts is whether the zones that
 *   the request may use have gained by it: who asks for DMA pages must not empty
 *   caches that lie elsewhere. A shrinker that freed only what is of no use is not
 *   asked again in this round, but the next one is. A round that freed nothing ends
 *   the effort; so does one without gain, when there is memory of no use.
 *
 *   A request that found nothing makes some rounds itself. Before that it wakes
 *   kswapd of the nodes it may use and notes its order and its highest zone. kswapd
 *   is a thread of the kernel around that calls reclaim_node(): rounds until one of
 *   those zones is at its high mark, or they are in vain. When there is memory
 *   enough, but no block of the order, it compacts. Wake-ups for zones where the last
 *   ones were in vain are passed over (mm/page/backoff.h).
 *
 *   Mixing types in a pageblock boosts its zone and wakes kswapd: for one turn it frees
 *   so much ahead, however much is free.
 *
 * Invariants
 *   RECLAIM-1  the registry's links are whole, a shrinker stands in it once and has
 *       both its functions
 *   RECLAIM-2  kswapd that is not woken has order 0 and the lowest zone noted; one that
 *       is, an order and a zone type that exist
 *   RECLAIM-3  no wake-up is passed over for longer than mm/page/backoff.h says
 *
 * Locking
 *   shrinkers_lock guards the list, not the calls: a shrinker is called without
 *   any lock, and must not go away while it may be running. kswapd_lock of a node
 *   guards what was noted for its kswapd.
 */

#include "mm/page/reclaim.h"

#include "lib/align.h"
#include "mm/event.h"
#include "mm/live.h"
#include "mm/page/compact.h"
#include "mm/page_alloc.h"

/* Parts of what shrinkers hold that a round looks at, one after the other: 1/64 to all. */
#define NR_PRESSURES		4u
#define PRESSURE_SHIFT		2u

/* Rounds in a row by which nothing was gained though any page would do: others take it all. */
#define MAX_VAIN_ROUNDS		16u

/* Pages kswapd asks for at once: not too few to be worth a drain, and others run in between. */
#define MIN_BATCH_PAGES		32u
#define MAX_BATCH_PAGES		1024u
#define ROUNDS_PER_TURN		16u

/* Between two lines about requests that failed. */
#define REPORT_INTERVAL_NS	1000000000ull
#define HOLDERS_BYTES		128u
#define REPORT_BYTES		384u

static struct spinlock shrinkers_lock;
static struct list_head registry GUARDED_BY_GLOBAL(shrinkers_lock) = { &registry, &registry };

static uint64_t nr_failures;		/* atomic, as is when the next may be reported */
static uint64_t next_report_ns;

/* ---- Shrinkers ---- */

void register_shrinker(struct shrinker *shrinker)
{
	bool is_registered = false;

	ASSERT(shrinker->count);
	ASSERT(shrinker->scan);

	spin_lock(&shrinkers_lock);
	list_for_each(node, &registry)
		is_registered |= node == &shrinker->list;
	if (!is_registered) {
		shrinker->nr_scanned_pages = 0;
		shrinker->nr_freed_pages = 0;
		list_add_tail(&shrinker->list, &registry);
	}
	spin_unlock(&shrinkers_lock);
	ASSERT(!is_registered);
}

void unregister_shrinker(struct shrinker *shrinker)
{
	spin_lock(&shrinkers_lock);
	list_del(&shrinker->list);
	spin_unlock(&shrinkers_lock);
}

void reclaim_init(void)
{
	spin_lock(&shrinkers_lock);
	list_for_each_safe(node, &registry)
		list_del(node);
	spin_unlock(&shrinkers_lock);
	__atomic_store_n(&next_report_ns, 0, __ATOMIC_RELAXED);
}

/* The @index-th shrinker, or NULL behind the last. */
static struct shrinker *shrinker_at(unsigned index)
{
	struct shrinker *found = NULL;

	spin_lock(&shrinkers_lock);
	list_for_each(node, &registry) {
		if (index-- == 0) {
			found = list_entry(node, struct shrinker, list);
			break;
		}
	}
	spin_unlock(&shrinkers_lock);
	return found;
}

bool shrink_wants(const struct shrink_control *control, const struct page *page)
{
	return (control->nid == NID_NONE || page_to_nid(page) == control->nid) &&
	       page_zone(page)->type <= control->highest_zone;
}

/* Has @shrinker look at 1/2^@shift of what it holds, or as much as is wanted. */
static uint64_t ask(struct shrinker *shrinker, const struct reclaim_run *run, unsigned shift,
		    uint64_t nr_pages)
{
	uint64_t nr_held = shrinker->count(shrinker, run->nid);
	struct shrink_control control = {
		.nid = run->nid,
		.highest_zone = run->highest,
		.nr_to_scan = max_u64(nr_held >> shift, nr_pages),
		.nr_to_free = nr_pages,
	};
	uint64_t nr_freed;

	if (nr_held == 0)
		return 0;
	DEBUG_ASSERT(!mm_port_is_local_locked());
	nr_freed = shrinker->scan(shrinker, &control);
	__atomic_fetch_add(&shrinker->nr_scanned_pages, control.nr_scanned, __ATOMIC_RELAXED);
	__atomic_fetch_add(&shrinker->nr_freed_pages, nr_freed, __ATOMIC_RELAXED);
	if (run->nid != NID_NONE) {
		struct pglist_data *node = node_data(run->nid);

		__atomic_fetch_add(&node->nr_scanned_pages, control.nr_scanned, __ATOMIC_RELAXED);
		__atomic_fetch_add(&node->nr_reclaimed_pages, nr_freed, __ATOMIC_RELAXED);
	}
	return nr_freed;
}

uint64_t shrink_node(unsigned nid, uint64_t nr_pages)
{
	const struct reclaim_run run = { .nid = nid, .highest = MAX_NR_ZONES - 1 };
	uint64_t nr_freed = 0;
	struct shrinker *shrinker;

	for (unsigned i = 0; nr_freed < nr_pages && (shrinker = shrinker_at(i)); i++)
		nr_freed += ask(shrinker, &run, 0, nr_pages - nr_freed);
	return nr_freed;
}

/* ---- Rounds ---- */

static bool is_of_use(const struct reclaim_run *run, const struct zone *zone)
{
	return zone->type <= run->highest &&
	       (run->nid == NID_NONE || zone->node->node_id == run->nid);
}

static uint64_t free_pages_for(const struct reclaim_run *run)
{
	uint64_t nr_free = 0;

	for_each_populated_zone(zone)
		if (is_of_use(run, zone))
			nr_free += zone_free_pages(zone);
	return nr_free;
}

/* Whether there is memory that is of no use. */
static bool is_choosy(const struct reclaim_run *run)
{
	for_each_populated_zone(zone)
		if (!is_of_use(run, zone))
			return true;
	return false;
}

/* One round as it goes on. */
struct round {
	uint64_t nr_lacking;		/* pages that are still wanted */
	uint64_t useless_shrinkers;	/* bit i: the i-th freed what does not help */
	bool is_choosy;
	bool has_freed;
};

/* Asks the @index-th, @shrinker, unless what it frees is known not to help. */
static void ask_in_round(struct round *round, unsigned index, struct shrinker *shrinker,
			 const struct reclaim_run *run, unsigned shift)
{
	/* Those beyond the word's bits share the last one, and its bad name. */
	uint64_t bit = (uint64_t)1 << min_u64(index, 63);
	uint64_t nr_before = free_pages_for(run);
	uint64_t nr_gained;

	if (round->useless_shrinkers & bit)
		return;
	nr_gained = ask(shrinker, run, shift, round->nr_lacking);
	if (nr_gained == 0)
		return;
	round->has_freed = true;
	if (round->is_choosy) {
		uint64_t nr_now;

		drain_all_pages();	/* it freed to this CPU's stacks, too */
		nr_now = free_pages_for(run);
		nr_gained = nr_now - min_u64(nr_now, nr_before);
	}
	if (nr_gained == 0)
		round->useless_shrinkers |= bit;
	round->nr_lacking -= min_u64(round->nr_lacking, nr_gained);
}

static void ask_all(struct round *round, const struct reclaim_run *run, unsigned shift)
{
	struct shrinker *shrinker;

	for (unsigned i = 0; round->nr_lacking != 0 && (shrinker = shrinker_at(i)); i++)
		ask_in_round(round, i, shrinker, run, shift);
}

bool reclaim_round(struct reclaim_run *run, uint64_t nr_pages)
{
	struct round round = { .nr_lacking = nr_pages, .is_choosy = is_choosy(run) };
	uint64_t nr_before = free_pages_for(run);

	for (unsigned pressure = NR_PRESSURES; pressure-- > 0 && round.nr_lacking != 0;)
		ask_all(&round, run, pressure * PRESSURE_SHIFT);
	/* Shrinkers free to this CPU's stacks, too. */
	drain_all_pages();
	if (free_pages_for(run) > nr_before) {
		run->nr_vain_rounds = 0;
		return true;
	}
	run->nr_vain_rounds++;
	return round.has_freed && !round.is_choosy && run->nr_vain_rounds < MAX_VAIN_ROUNDS;
}

/* ---- kswapd ---- */

/* Pages @zone lacks until kswapd may rest; UINT64_MAX when it is too small ever to have them. */
static uint64_t zone_lack(const struct zone *zone, unsigned order, enum zone_type highest)
{
	uint64_t wanted_pages = zone->watermark[WATERMARK_HIGH] + pages_in(order) +
				zone_hint(&zone->nr_highatomic_pages) +
				zone->lowmem_reserve[highest];
	uint64_t free_pages = zone_free_pages(zone);

	if (wanted_pages > zone->managed_pages)
		return UINT64_MAX;
	return wanted_pages - min_u64(free_pages, wanted_pages);
}

/* Pages until one of the zones that may serve such a request is balanced: that is enough. */
static uint64_t node_lack(const struct pglist_data *node, unsigned order, enum zone_type highest)
{
	uint64_t least_pages = UINT64_MAX;

	for (unsigned type = 0; type <= highest; type++)
		least_pages = min_u64(least_pages,
				      zone_lack(&node->node_zones[type], order, highest));
	return least_pages == UINT64_MAX ? 0 : least_pages;
}

/* True: kswapd did not know that it is wanted. */
static bool note_request(struct pglist_data *node, unsigned order, enum zone_type highest)
{
	bool is_news;

	spin_lock(&node->kswapd_lock);
	is_news = !node->is_kswapd_woken;
	node->is_kswapd_woken = true;
	node->kswapd_max_order = (unsigned)max_u64(node->kswapd_max_order, order);
	node->kswapd_highest_zone = (enum zone_type)max_u64(node->kswapd_highest_zone, highest);
	spin_unlock(&node->kswapd_lock);
	return is_news;
}

static bool take_request(struct pglist_data *node, struct reclaim_run *run)
{
	bool is_woken;

	spin_lock(&node->kswapd_lock);
	is_woken = node->is_kswapd_woken;
	run->order = node->kswapd_max_order;
	run->highest = node->kswapd_highest_zone;
	node->is_kswapd_woken = false;
	node->kswapd_max_order = 0;
	node->kswapd_highest_zone = 0;
	spin_unlock(&node->kswapd_lock);
	return is_woken;
}

static void wake(struct pglist_data *node, unsigned order, enum zone_type highest)
{
	if (!note_request(node, order, highest))
		return;
	if (mm_events_wanted())
		mm_event_tell((struct mm_event){
			.kind = MM_EVENT_KSWAPD,
			.order = (uint8_t)order,
			.nr = node->node_id,
			.nid = (uint16_t)node->node_id,
		}, zone_type_name(highest));
	mm_port_wake_reclaim(node->node_id);
}

void reclaim_wake(struct pglist_data *node, unsigned order, enum zone_type highest)
{
	if (node_lack(node, order, highest) != 0) {
		if (backoff_passes_over(&node->kswapd_backoff[highest]))
			return;
	} else if (order == 0 || node_lists_block(node, order, highest) ||
		   !compact_may_help(node, order, highest)) {
		return;
	}
	wake(node, order, highest);
}

void reclaim_wake_for_boost(struct zone *zone)
{
	if (zone_hint(&zone->watermark_boost) != 0 &&
	    !backoff_passes_over(&zone->node->kswapd_backoff[zone->type]))
		wake(zone->node, 0, zone->type);
}

/* Takes what the zones up to @highest were boosted by: it is asked for once. */
static uint64_t take_boosts(struct pglist_data *node, enum zone_type highest)
{
	uint64_t nr_pages = 0;

	for (unsigned type = 0; type <= highest; type++) {
		struct zone *zone = &node->node_zones[type];

		spin_lock(&zone->lock);
		nr_pages += zone->watermark_boost;
		zone_set_hint(&zone->watermark_boost, 0);
		spin_unlock(&zone->lock);
	}
	return nr_pages;
}

/* Frees ahead what the zones were boosted by. True: in vain. */
static bool boost_in_vain(struct pglist_data *node, struct reclaim_run *run)
{
	uint64_t nr_pages = take_boosts(node, run->highest);

	return nr_pages != 0 && !reclaim_round(run, min_u64(nr_pages, MAX_BATCH_PAGES));
}

/*
 * Up to @nr_rounds until @run's zones are balanced or a round is in vain; *@has_more when
 * neither came of them. Returns the pages that lack still.
 */
static uint64_t balance(const struct pglist_data *node, struct reclaim_run *run,
			unsigned nr_rounds, bool *has_more)
{
	uint64_t nr_lacking = node_lack(node, run->order, run->highest);
	bool is_worth_more = nr_rounds != 0;

	for (; is_worth_more && nr_rounds != 0 && nr_lacking != 0; nr_rounds--) {
		is_worth_more = reclaim_round(run, min_u64(max_u64(nr_lacking, MIN_BATCH_PAGES),
							   MAX_BATCH_PAGES));
		nr_lacking = node_lack(node, run->order, run->highest);
	}
	*has_more = is_worth_more && nr_lacking != 0;
	return nr_lacking;
}

bool reclaim_node(unsigned nid)
{
	struct pglist_data *node = node_data(nid);
	struct reclaim_run run = { .nid = nid };
	bool is_boost_vain, has_more;
	uint64_t nr_lacking;

	if (!take_request(node, &run))
		return false;
	__atomic_fetch_add(&node->nr_kswapd_runs, 1, __ATOMIC_RELAXED);
	is_boost_vain = boost_in_vain(node, &run);
	nr_lacking = balance(node, &run, is_boost_vain ? 0 : ROUNDS_PER_TURN, &has_more);
	if (!has_more) {
		backoff_note(&node->kswapd_backoff[run.highest],
			     nr_lacking == 0 && !is_boost_vain);
		has_more = nr_lacking == 0 && run.order > 0 &&
			   !node_lists_block(node, run.order, run.highest) &&
			   compact_in_background(node, run.order, run.highest);
	}
	if (has_more)
		note_request(node, run.order, run.highest);
	return has_more;
}

void reclaim_set_thread(unsigned nid, struct thread *thread, struct wait_queue *queue)
{
	struct pglist_data *node = node_data(nid);

	node->kswapd = thread;
	node->kswapd_wait = queue;
}

/* ---- Requests that failed ---- */

/* Writes who holds memory that could be asked for, as "slab 12, vmalloc 3". */
static void describe_holders(unsigned nid, char *text, size_t size)
{
	struct shrinker *shrinker;
	size_t length = 0;

	for (unsigned i = 0; length < size && (shrinker = shrinker_at(i)) != NULL; i++)
		length += (size_t)format_text(text + length, size - length, "%s%s %llu",
					      i ? ", " : "", shrinker->name,
					      (unsigned long long)shrinker->count(shrinker, nid));
}

struct holdings {
	uint64_t nr_managed, nr_free;
	uint64_t nr_by_type[NR_PAGE_TYPES];
};

static struct holdings sum_zones(const struct reclaim_run *run)
{
	struct holdings sum = { 0 };

	for_each_populated_zone(zone) {
		if (!is_of_use(run, zone))
			continue;
		sum.nr_managed += zone->managed_pages;
		sum.nr_free += zone_listed_pages(zone);
		for (unsigned type = 0; type < NR_PAGE_TYPES; type++)
			sum.nr_by_type[type] += __atomic_load_n(&zone->nr_type_pages[type],
								__ATOMIC_RELAXED);
	}
	return sum;
}

void reclaim_describe_failure(const struct reclaim_run *run, gfp_t gfp, char *text, size_t size)
{
	struct holdings sum = sum_zones(run);
	char holders[HOLDERS_BYTES] = "";

	describe_holders(run->nid, holders, sizeof(holders));
	format_text(text, size,
		    "no block of order %u, flags 0x%x, in zones up to %s: of %llu pages "
		    "%llu free, %llu slab, %llu kmalloc, %llu tables, %llu vmalloc, %llu per CPU; "
		    "could be asked: %s; %llu requests failed so far",
		    run->order, gfp, zone_type_name(run->highest),
		    (unsigned long long)sum.nr_managed, (unsigned long long)sum.nr_free,
		    (unsigned long long)sum.nr_by_type[PAGE_SLAB],
		    (unsigned long long)sum.nr_by_type[PAGE_LARGE],
		    (unsigned long long)sum.nr_by_type[PAGE_TABLE],
		    (unsigned long long)sum.nr_by_type[PAGE_VMALLOC],
		    (unsigned long long)sum.nr_by_type[PAGE_PERCPU], holders,
		    (unsigned long long)nr_failed_requests());
}

void reclaim_report_failure(const struct reclaim_run *run, gfp_t gfp)
{
	char text[REPORT_BYTES];
	uint64_t now_ns, due_ns;

	__atomic_fetch_add(&nr_failures, 1, __ATOMIC_RELAXED);
	if (gfp & __GFP_NOWARN)
		return;
	now_ns = mm_port_now_ns();
	due_ns = __atomic_load_n(&next_report_ns, __ATOMIC_RELAXED);
	if (now_ns < due_ns ||
	    !__atomic_compare_exchange_n(&next_report_ns, &due_ns, now_ns + REPORT_INTERVAL_NS,
					 false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		return;
	reclaim_describe_failure(run, gfp, text, sizeof(text));
	mm_port_log(LOG_WARN, "%s", text);
}

uint64_t nr_failed_requests(void)
{
	return __atomic_load_n(&nr_failures, __ATOMIC_RELAXED);
}

/* ---- Verification ---- */

static bool verify_registry(struct violation *out) HOLDS(shrinkers_lock)
{
	list_for_each(node, &registry) {
		const struct shrinker *shrinker = list_entry(node, struct shrinker, list);

		/* Entered twice, it would not be what its neighbours point to. */
		REQUIRE("RECLAIM-1", (uintptr_t)shrinker, list_is_linked(node));
		REQUIRE("RECLAIM-1", (uintptr_t)shrinker, shrinker->count && shrinker->scan);
	}
	return true;
}

static bool verify_kswapd(const struct pglist_data *node, struct violation *out)
	HOLDS(node->kswapd_lock)
{
	if (node->is_kswapd_woken) {
		REQUIRE("RECLAIM-2", node->node_id, node->kswapd_max_order <= MAX_ORDER);
		REQUIRE("RECLAIM-2", node->node_id, node->kswapd_highest_zone < MAX_NR_ZONES);
	} else {
		REQUIRE("RECLAIM-2", node->node_id, node->kswapd_max_order == 0);
		REQUIRE("RECLAIM-2", node->node_id, node->kswapd_highest_zone == 0);
	}
	for (unsigned type = 0; type < MAX_NR_ZONES; type++)
		REQUIRE("RECLAIM-3", node->node_id,
			node->kswapd_backoff[type].shift <= BACKOFF_MAX_SHIFT);
	return true;
}

bool reclaim_verify(struct pglist_data *node, struct violation *out)
{
	bool is_sound;

	spin_lock(&shrinkers_lock);
	is_sound = verify_registry(out);
	spin_unlock(&shrinkers_lock);
	if (!is_sound)
		return false;
	spin_lock(&node->kswapd_lock);
	is_sound = verify_kswapd(node, out);
	spin_unlock(&node->kswapd_lock);
	return is_sound;
}
