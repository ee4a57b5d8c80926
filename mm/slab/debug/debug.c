/*
 * Debug options of caches: red zones, poison, owners, shuffle, quarantine, init;
 * what is taken and given back is noted in the audit log from here.
 *
 * Model
 *   A debug cache has no CPU arrays: every operation takes the slow path and
 *   comes here. Around each object of object_bytes stand
 *
 *     left red zone | object | struct debug_tail: right red zone, size, events
 *
 *   The zones hold RED_ALLOCATED or RED_FREE; so do, while it is allocated, the
 *   bytes between the requested size and object_bytes. A free object is filled
 *   with POISON_FREE and ends in POISON_END, a fresh one with POISON_FRESH. A
 *   freed object rests in the quarantine, a ring, before it goes to its slab.
 *   What the always-on checks find (double free and so on) is found before.
 *
 *   Objects of caches with a constructor, or readable after free
 *   (SLAB_TYPESAFE_BY_RCU), keep their contents: no poison, no zeroing.
 *
 * Invariants
 *   DEBUG-1  red zones hold the pattern of their object's state
 *   DEBUG-2  free objects hold poison, where the cache poisons
 *
 * Locking
 *   debug->lock guards the quarantine. Tails belong to whoever holds the object.
 */

#include "mm/slab/debug/debug.h"

#include "lib/align.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "mm/slab/debug/audit.h"

_Static_assert(sizeof(struct cache_debug) <= PAGE_SIZE, "it lies in a page of its own");

struct debug_tail *debug_tail_of(const struct kmem_cache *cache, const void *object)
{
	return (struct debug_tail *)((uintptr_t)object + cache->object_bytes);
}

static uint8_t *left_zone(const struct kmem_cache *cache, const void *object)
{
	return (uint8_t *)(uintptr_t)object - cache->debug->left_bytes;
}

/* Contents are the user's even while the object is free. */
static bool keeps_contents(const struct kmem_cache *cache)
{
	return cache->ctor || (cache->flags & SLAB_TYPESAFE_BY_RCU);
}

static bool is_poisoned(const struct kmem_cache *cache)
{
	return (cache->flags & SLAB_POISON) && !keeps_contents(cache);
}

/* ---- Patterns ---- */

const uint8_t *debug_find_damage(const uint8_t *at, size_t bytes, uint8_t value, unsigned *nr)
{
	const uint8_t *end = at + bytes;

	while (at < end && *at == value)
		at++;
	if (at == end)
		return NULL;
	while (end[-1] == value)
		end--;
	*nr = (unsigned)(end - at);
	return at;
}

static void set_zones(const struct kmem_cache *cache, void *object, uint8_t value)
{
	memset(left_zone(cache, object), value, cache->debug->left_bytes);
	memset(debug_tail_of(cache, object)->red, value, RED_ZONE_BYTES);
}

static void fill_poison(const struct kmem_cache *cache, uint8_t *object)
{
	memset(object, POISON_FREE, cache->object_bytes - 1);
	object[cache->object_bytes - 1] = POISON_END;
}

static void fill_fresh(const struct kmem_cache *cache, uint8_t *object)
{
	const uint32_t word = POISON_FRESH;

	for (uint32_t at = 0; at < cache->object_bytes; at += (uint32_t)sizeof(word))
		memcpy(object + at, &word, sizeof(word));
}

/* Damage of the zones of @object, which must hold @value, as a kind; NULL: none. */
static const char *zone_damage(const struct kmem_cache *cache, const void *object, uint8_t value,
			       const uint8_t **at, unsigned *nr)
{
	*at = debug_find_damage(left_zone(cache, object), cache->debug->left_bytes, value, nr);
	if (*at)
		return "underflow";
	*at = debug_find_damage(debug_tail_of(cache, object)->red, RED_ZONE_BYTES, value, nr);
	return *at ? "overflow" : NULL;
}

static const char *slack_damage(const struct kmem_cache *cache, const void *object,
				const uint8_t **at, unsigned *nr)
{
	size_t requested = debug_tail_of(cache, object)->requested_bytes;

	if (requested > cache->object_bytes)
		requested = cache->object_bytes;	/* a damaged tail: the zone tells */
	*at = debug_find_damage((const uint8_t *)object + requested,
				cache->object_bytes - requested, RED_ALLOCATED, nr);
	return *at ? "overflow inside the size class" : NULL;
}

static const char *poison_damage(const struct kmem_cache *cache, const uint8_t *object,
				 const uint8_t **at, unsigned *nr)
{
	const uint8_t *end = object + cache->object_bytes - 1;

	*at = debug_find_damage(object, cache->object_bytes - 1, POISON_FREE, nr);
	if (!*at && *end != POISON_END) {
		*at = end;
		*nr = 1;
	}
	return *at ? "use after free" : NULL;
}

/* What is wrong with @object, which is allocated or not: NULL when nothing is. */
static const char *object_damage(const struct kmem_cache *cache, const void *object,
				 bool is_allocated, const uint8_t **at, unsigned *nr)
{
	const char *kind = NULL;

	if (cache->flags & SLAB_RED_ZONE) {
		kind = zone_damage(cache, object, is_allocated ? RED_ALLOCATED : RED_FREE, at, nr);
		if (!kind && is_allocated)
			kind = slack_damage(cache, object, at, nr);
	}
	if (!kind && !is_allocated && is_poisoned(cache))
		kind = poison_damage(cache, object, at, nr);
	return kind;
}

static void check_object(const struct kmem_cache *cache, const void *object, bool is_allocated)
{
	const uint8_t *at;
	unsigned nr;
	const char *kind = object_damage(cache, object, is_allocated, &at, &nr);

	if (unlikely(kind != NULL))
		slab_report_object(cache, object, kind, at, nr);
}

/* ---- Slabs ---- */

/* xorshift64*; races only make it more random. */
static uint64_t next_random(void)
{
	uint64_t x = __atomic_load_n(&slab_system.seed, __ATOMIC_RELAXED);

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	__atomic_store_n(&slab_system.seed, x, __ATOMIC_RELAXED);
	return x * 0x2545f4914f6cdd1dull;
}

static unsigned random_below(unsigned bound)
{
	return (unsigned)((next_random() >> 32) * bound >> 32);
}

static void swap_bytes(uint8_t *a, uint8_t *b)
{
	uint8_t kept = *a;

	*a = *b;
	*b = kept;
}

/*
 * Sattolo's shuffle makes one cycle through all objects, so nobody is its own
 * successor and no distance is 0. @high: the second plane of indices from 256 on,
 * or NULL.
 */
static void make_cycle(uint8_t *low, uint8_t *high, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++) {
		low[i] = (uint8_t)i;
		if (high)
			high[i] = (uint8_t)(i >> 8);
	}
	for (unsigned i = nr - 1; i > 0; i--) {
		unsigned other = random_below(i);

		swap_bytes(&low[i], &low[other]);
		if (high)
			swap_bytes(&high[i], &high[other]);
	}
}

/* Indices become entries as slab.c reads them: distances, or wide ones. */
static void encode_entries(uint8_t *low, uint8_t *high, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++) {
		if (high) {
			high[i] = (uint8_t)(high[i] << 1 | low[i] >> 7);
			low[i] = (uint8_t)(low[i] << 1 | 1);
		} else {
			low[i] = (uint8_t)(low[i] - i);
		}
	}
}

static void shuffle(struct kmem_cache *cache, struct slab *slab)
{
	const unsigned nr = cache->layout.nr_objects;
	uint8_t *low = slab->bufctl;
	uint8_t *high = cache->layout.is_wide ? low + nr : NULL;

	if (nr < 2)
		return;
	make_cycle(low, high, nr);
	encode_entries(low, high, nr);
	slab->first_free = (uint16_t)random_below(nr);
}

void debug_slab_create(struct kmem_cache *cache, struct slab *slab)
{
	for (unsigned i = 0; i < cache->layout.nr_objects; i++) {
		uint8_t *object = slab_object(cache, slab, i);

		memset(debug_tail_of(cache, object), 0, sizeof(struct debug_tail));
		set_zones(cache, object, RED_FREE);
		if (is_poisoned(cache))
			fill_poison(cache, object);
	}
	if (cache->flags & SLAB_SHUFFLE)
		shuffle(cache, slab);
}

/* The last chance to see a write to an object that was never used again. */
void debug_slab_release(struct kmem_cache *cache, struct slab *slab)
{
	for (unsigned i = 0; i < cache->layout.nr_objects; i++)
		check_object(cache, slab_object(cache, slab, i), false);
}

bool debug_slab_verify(const struct kmem_cache *cache, const struct slab *slab,
		       struct violation *out)
{
	for (unsigned i = 0; i < cache->layout.nr_objects; i++) {
		const void *object = slab_object(cache, slab, i);
		bool is_allocated = slab->bufctl[i] == 0;
		const uint8_t *at;
		unsigned nr;
		const char *kind = object_damage(cache, object, is_allocated, &at, &nr);

		REQUIRE("DEBUG-2", at, !kind || strcmp(kind, "use after free") != 0);
		REQUIRE("DEBUG-1", at, !kind);
	}
	return true;
}

/* ---- Objects ---- */

struct slab_event debug_event_now(uintptr_t caller)
{
	return (struct slab_event){ caller, mm_port_now_ns(), mm_port_cpu() };
}

static void set_requested(const struct kmem_cache *cache, uint8_t *object, size_t bytes)
{
	debug_tail_of(cache, object)->requested_bytes = (uint32_t)bytes;
	if (cache->flags & SLAB_RED_ZONE)
		memset(object + bytes, RED_ALLOCATED, cache->object_bytes - bytes);
}

static void prepare_contents(const struct kmem_cache *cache, gfp_t gfp, uint8_t *object)
{
	if (keeps_contents(cache))
		return;
	if ((cache->flags & SLAB_INIT) || (gfp & __GFP_ZERO))
		memset(object, 0, cache->object_bytes);
	else if (cache->flags & SLAB_POISON)
		fill_fresh(cache, object);
}

void *debug_alloc(struct kmem_cache *cache, gfp_t gfp, unsigned nid, size_t requested_bytes,
		  uintptr_t caller)
{
	struct debug_tail *tail;
	uint8_t *state;
	void *object;

	if (cache->flags & SLAB_GUARD) {
		object = guard_alloc(cache, gfp, nid, requested_bytes, caller);
		if (object) {
			audit_note(cache, AUDIT_ALLOC, object, requested_bytes, caller);
			return object;
		}
	}
	if (nid == NID_NONE)
		nid = slab_memory_node(numa_node_id());
	object = slab_take_one(cache, gfp & ~__GFP_ZERO, nid, &state);
	if (!object)
		return NULL;
	check_object(cache, object, false);
	tail = debug_tail_of(cache, object);
	prepare_contents(cache, gfp, object);
	set_zones(cache, object, RED_ALLOCATED);
	set_requested(cache, object, requested_bytes);
	tail->allocated = debug_event_now(caller);
	audit_note(cache, AUDIT_ALLOC, object, requested_bytes, caller);
	return object;
}

/* Puts @slot into the ring; what it displaces is returned to its slab. */
static void quarantine(struct kmem_cache *cache, struct slab_slot slot)
{
	struct cache_debug *debug = cache->debug;
	struct slab_slot displaced = { NULL, NULL };

	spin_lock(&debug->lock);
	if (debug->nr == NR_QUARANTINED) {
		displaced = debug->quarantine[debug->first];
		debug->first = (debug->first + 1) % NR_QUARANTINED;
		debug->nr--;
	}
	debug->quarantine[(debug->first + debug->nr++) % NR_QUARANTINED] = slot;
	spin_unlock(&debug->lock);
	if (!displaced.object)
		return;
	check_object(cache, displaced.object, false);
	slab_give_one(cache, displaced.object, displaced.state);
}

void debug_free(struct kmem_cache *cache, void *object, uint8_t *state, uintptr_t caller)
{
	check_object(cache, object, true);
	audit_note(cache, AUDIT_FREE, object, debug_tail_of(cache, object)->requested_bytes,
		   caller);
	debug_tail_of(cache, object)->freed = debug_event_now(caller);
	set_zones(cache, object, RED_FREE);
	if (is_poisoned(cache))
		fill_poison(cache, object);
	else if ((cache->flags & SLAB_INIT) && !keeps_contents(cache))
		memset(object, 0, cache->object_bytes);
	*state = 1;
	if (cache->flags & SLAB_QUARANTINE)
		quarantine(cache, (struct slab_slot){ object, state });
	else
		slab_give_one(cache, object, state);
}

void debug_resize(const struct kmem_cache *cache, void *object, size_t bytes)
{
	check_object(cache, object, true);
	set_requested(cache, object, bytes);
}

void debug_drain(struct kmem_cache *cache)
{
	struct cache_debug *debug = cache->debug;
	struct slab_slot slot;

	for (;;) {
		spin_lock(&debug->lock);
		if (debug->nr == 0)
			break;
		slot = debug->quarantine[debug->first];
		debug->first = (debug->first + 1) % NR_QUARANTINED;
		debug->nr--;
		spin_unlock(&debug->lock);
		check_object(cache, slot.object, false);
		slab_give_one(cache, slot.object, slot.state);
	}
	spin_unlock(&debug->lock);
}

unsigned debug_nr_quarantined(const struct kmem_cache *cache)
{
	return cache->debug->nr;
}

/* ---- Caches ---- */

bool debug_attach(struct kmem_cache *cache, uint32_t *stride_bytes)
{
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	uint32_t left = (uint32_t)align_up(RED_ZONE_BYTES, cache->align);

	if (!page)
		return false;
	if (cache->flags & SLAB_AUDIT)
		audit_start();
	cache->debug = page_address(page);
	cache->debug->left_bytes = left;
	*stride_bytes = (uint32_t)align_up(left + cache->object_bytes +
					   sizeof(struct debug_tail), cache->align);
	return true;
}

void debug_detach(struct kmem_cache *cache)
{
	if (cache->debug)
		__free_page(virt_to_page(cache->debug));
	cache->debug = NULL;
}

/* ---- Options ---- */

static const struct {
	const char *word;
	slab_flags_t flags;
} debug_words[] = {
	{ "redzone", SLAB_RED_ZONE | SLAB_STORE_USER },
	{ "poison", SLAB_POISON | SLAB_STORE_USER },
	{ "owner", SLAB_STORE_USER },
	{ "shuffle", SLAB_SHUFFLE },
	{ "quarantine", SLAB_QUARANTINE },
	{ "init", SLAB_INIT },
	{ "guard", SLAB_GUARD },
	{ "leak", SLAB_LEAK | SLAB_STORE_USER },
	{ "audit", SLAB_AUDIT },
	{ "all", SLAB_DEBUG_FLAGS & ~SLAB_INIT },
};

static size_t word_length(const char *words)
{
	size_t bytes = 0;

	while (words[bytes] && words[bytes] != ',')
		bytes++;
	return bytes;
}

static bool set_word(const char *word, size_t bytes)
{
	for (unsigned i = 0; i < ARRAY_SIZE(debug_words); i++) {
		if (strlen(debug_words[i].word) != bytes ||
		    strncmp(debug_words[i].word, word, bytes) != 0)
			continue;
		slab_system.debug_flags |= debug_words[i].flags;
		return true;
	}
	return bytes == 0;
}

bool slab_set_debug(const char *words)
{
	bool is_known = true;

	slab_system.debug_flags = 0;
	while (*words) {
		size_t bytes = word_length(words);

		is_known &= set_word(words, bytes);
		words += bytes + (words[bytes] == ',');
	}
	return is_known;
}

void slab_set_seed(uint64_t seed)
{
	slab_system.seed = seed ? seed : 1;	/* xorshift stays at 0 */
}
