/* The audit log: what is noted, what is forgotten, and what reports say of it. */


#include "lib/string.h"
#include "mm/live.h"
#include "tests/unit/slab/room.h"
#include "tests/test.h"
#include "tests/unit/heard.h"
#include "tests/unit/slab/plain_cache.h"

#define OBJECT_BYTES		48u

static bool was_on;

/* A new log with room for what a share of @nr_memory_pages holds; one that was there is lost. */
static void start_sized(uint64_t nr_memory_pages)
{
	was_on = audit_is_on();
	audit_stop();
	slab_audit_init(nr_memory_pages);
	audit_start();
	CHECK(audit_is_on());
}

static void start(void)
{
	start_sized(live.nr_usable_pages);
}

/* With rings of a page. */
static void start_small(void)
{
	start_sized(1);
}

static void stop(void)
{
	audit_stop();
	slab_audit_init(live.nr_usable_pages);
	if (was_on)
		audit_start();
}

static struct kmem_cache *create(slab_flags_t flags)
{
	return create_plain("test_audit", OBJECT_BYTES, 0, flags | SLAB_PANIC, NULL);
}

/* Whether @event is the next in a row of what happened to @object. */
static bool is_event(const struct audit_event *event, enum audit_kind kind, const void *object)
{
	return event->kind == kind && event->object == (uintptr_t)object &&
	       event->bytes == OBJECT_BYTES && event->cpu == mm_port_cpu() &&
	       strcmp(event->cache, "test_audit") == 0;
}

static void events_are_found_newest_first(void)
{
	struct kmem_cache *cache;
	struct audit_event event;
	uint8_t *object;

	start();
	cache = create(SLAB_AUDIT);
	object = kmem_cache_alloc(cache, GFP_KERNEL | __GFP_NO_INJECTION);
	CHECK(audit_find(UINT64_MAX, object, &event));
	CHECK(is_event(&event, AUDIT_ALLOC, object));
	kmem_cache_free(cache, object);
	CHECK(audit_find(UINT64_MAX, object + OBJECT_BYTES - 1, &event));
	CHECK(is_event(&event, AUDIT_FREE, object));
	CHECK(audit_find(event.number, object, &event));
	CHECK(is_event(&event, AUDIT_ALLOC, object));
	CHECK(event.caller != 0);
	kmem_cache_destroy(cache);
	CHECK(audit_find(UINT64_MAX, object, &event));	/* outlives the cache */
	stop();
}

static void other_objects_are_not_meant(void)
{
	struct kmem_cache *cache;
	struct audit_event event;
	uint8_t *objects[3];

	start();
	cache = create(SLAB_AUDIT);
	for (unsigned i = 0; i < ARRAY_SIZE(objects); i++)
		objects[i] = kmem_cache_alloc(cache, GFP_KERNEL | __GFP_NO_INJECTION);
	for (unsigned i = 0; i < ARRAY_SIZE(objects); i++) {
		CHECK(audit_find(UINT64_MAX, objects[i] + 1, &event));
		CHECK_EQ(event.object, (uintptr_t)objects[i]);
		if (audit_find(UINT64_MAX, objects[i] + OBJECT_BYTES, &event))
			CHECK(event.object != (uintptr_t)objects[i]);
		kmem_cache_free(cache, objects[i]);
	}
	kmem_cache_destroy(cache);
	stop();
}

static void other_caches_are_not_noted(void)
{
	struct kmem_cache *cache = create(SLAB_STORE_USER);
	struct audit_event event;
	void *object;

	start();
	object = kmem_cache_alloc(cache, GFP_KERNEL | __GFP_NO_INJECTION);
	kmem_cache_free(cache, object);
	CHECK(!audit_find(UINT64_MAX, object, &event));
	kmem_cache_destroy(cache);
	stop();
}

static void nothing_is_noted_while_off(void)
{
	struct kmem_cache *cache;
	struct audit_event event;

	start();
	audit_stop();
	cache = create(SLAB_AUDIT);
	CHECK(audit_is_on());	/* the cache has brought it */
	audit_stop();
	kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_KERNEL | __GFP_NO_INJECTION));
	CHECK(!audit_find(UINT64_MAX, NULL, &event));
	kmem_cache_destroy(cache);
	stop();
}

static struct audit_ring *own_ring(void)
{
	return audit_ring_of(slab_memory_node(numa_node_id()));
}

/* Fills this CPU's ring @times times. */
static void fill_ring(struct kmem_cache *cache, unsigned times)
{
	for (uint32_t i = 0; i < times * own_ring()->nr_events; i += 2)
		kmem_cache_free(cache, kmem_cache_alloc(cache,
							GFP_KERNEL | __GFP_NO_INJECTION));
}

static void a_full_ring_keeps_the_newest(void)
{
	struct audit_event event = { .number = UINT64_MAX };
	struct violation broken = { NULL, NULL, 0 };
	uint64_t newest = 0, nr_found = 0;
	struct kmem_cache *cache;

	start_small();
	cache = create(SLAB_AUDIT);
	CHECK_EQ(own_ring()->nr_events, PAGE_SIZE / sizeof(struct audit_event) - 1);
	fill_ring(cache, 3);
	for (; audit_find(event.number, NULL, &event); nr_found++) {
		if (nr_found == 0)
			newest = event.number;
		CHECK_EQ(event.number, newest - nr_found);
	}
	CHECK(newest >= 3 * (uint64_t)own_ring()->nr_events);
	CHECK_EQ(nr_found, own_ring()->nr_events);
	CHECK(audit_verify(&broken));
	kmem_cache_destroy(cache);
	stop();
}

/* Readers take no lock: what is half written must not be believed. */
static void slots_being_written_are_passed_over(void)
{
	struct audit_event event;
	struct kmem_cache *cache;
	uint64_t number;

	start_small();
	cache = create(SLAB_AUDIT);
	fill_ring(cache, 1);
	CHECK(audit_find(UINT64_MAX, NULL, &event));
	number = event.number;
	own_ring()->events[(number - 1) % own_ring()->nr_events].number = 0;
	CHECK(audit_find(UINT64_MAX, NULL, &event));
	CHECK_EQ(event.number, number - 1);
	kmem_cache_destroy(cache);
	stop();
}

static void rings_lie_on_their_nodes(void)
{
	start();
	for (unsigned nid = 0; nid < nr_node_ids(); nid++) {
		const struct audit_ring *ring = audit_ring_of(nid);

		CHECK_EQ(ring != NULL, slab_memory_node(nid) == nid);
		if (ring)
			CHECK_EQ(page_to_nid(virt_to_page(ring)), nid);
	}
	stop();
}

static void the_log_is_a_small_part_of_memory(void)
{
	uint64_t nr_bytes = 0;

	start();
	for (unsigned nid = 0; nid < nr_node_ids(); nid++)
		if (audit_ring_of(nid))
			nr_bytes += PAGE_SIZE << audit_ring_of(nid)->order;
	CHECK(nr_bytes > 0);
	CHECK(nr_bytes <= pages_to_bytes(live.nr_usable_pages) / 256);
	CHECK(nr_bytes <= 65536 * sizeof(struct audit_event));
	stop();
}

/* ---- What people see ---- */

static void the_table_shows_the_newest_first(void)
{
	struct kmem_cache *cache;
	const char *text, *freed, *allocated;

	start();
	cache = create(SLAB_AUDIT);
	kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_KERNEL | __GFP_NO_INJECTION));
	heard_begin();
	slab_print_audit();
	text = heard_end();
	CHECK(strstr(text, "the newest first\n") != NULL);
	freed = strstr(text, " freed ");
	allocated = strstr(text, " allocated ");
	CHECK(freed && allocated && freed < allocated);
	CHECK(strstr(text, " test_audit\n") != NULL);
	kmem_cache_destroy(cache);
	stop();
}

static void the_table_says_when_it_is_off(void)
{
	start();
	audit_stop();
	heard_begin();
	slab_print_audit();
	CHECK(strcmp(heard_end(), "audit: nothing is noted; debug=audit notes\n") == 0);
	stop();
}

/* ---- Breaches ---- */

static bool breaks(const char *rule)
{
	struct violation broken = { "", "", 0 };

	return !audit_verify(&broken) && strcmp(broken.rule, rule) == 0;
}

static void verify_notices_AUDIT_1(void)
{
	struct kmem_cache *cache;
	uint64_t *number;

	start_small();
	cache = create(SLAB_AUDIT);
	fill_ring(cache, 1);
	number = &own_ring()->events[2].number;	/* neither the oldest nor the newest */
	*number += 5;
	CHECK(breaks("AUDIT-1"));
	*number = 0;
	CHECK(breaks("AUDIT-1"));
	kmem_cache_destroy(cache);
	stop();
}

static void verify_notices_AUDIT_2(void)
{
	struct kmem_cache *cache;

	start_small();
	cache = create(SLAB_AUDIT);
	kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_KERNEL | __GFP_NO_INJECTION));
	own_ring()->events[own_ring()->next - 1].number += 1000;
	CHECK(breaks("AUDIT-2"));
	kmem_cache_destroy(cache);
	stop();
}

static const struct test_case cases[] = {
	{ "events are found newest first", events_are_found_newest_first },
	{ "other objects are not meant", other_objects_are_not_meant },
	{ "other caches are not noted", other_caches_are_not_noted },
	{ "nothing is noted while off", nothing_is_noted_while_off },
	{ "a full ring keeps the newest", a_full_ring_keeps_the_newest },
	{ "slots being written are passed over", slots_being_written_are_passed_over },
	{ "rings lie on their nodes", rings_lie_on_their_nodes },
	{ "the log is a small part of memory", the_log_is_a_small_part_of_memory },
	{ "the table shows the newest first", the_table_shows_the_newest_first },
	{ "the table says when it is off", the_table_says_when_it_is_off },
	{ "verify notices AUDIT-1", verify_notices_AUDIT_1 },
	{ "verify notices AUDIT-2", verify_notices_AUDIT_2 },
};

TEST_SUITE(slab_audit, cases);
