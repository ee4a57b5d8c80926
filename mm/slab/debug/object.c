/*
 * What stands in and around the objects of a debug cache.
 *
 * Model
 *   Around each object of object_bytes stand
 *
 *     left red zone | object | struct debug_tail: right red zone, size, events
 *
 *   The zones hold RED_ALLOCATED or RED_FREE; so do, while it is allocated, the
 *   bytes between the requested size and object_bytes. A free object is filled
 *   with POISON_FREE and ends in POISON_END, a fresh one with POISON_FRESH.
 *
 *   Objects of caches with a constructor, or readable after free
 *   (SLAB_TYPESAFE_BY_RCU), keep their contents: no poison, no zeroing.
 *
 * Invariants
 *   DEBUG-1  red zones hold the pattern of their object's state
 *   DEBUG-2  free objects hold poison, where the cache poisons
 *
 * Locking
 *   None: zones and tails belong to whoever holds the object.
 */

#include "mm/slab/debug/object.h"

#include "lib/string.h"
#include "mm/slab/debug/report.h"

static uint8_t *left_zone(const struct kmem_cache *cache, const void *object)
{
	return (uint8_t *)(uintptr_t)object - cache->debug->left_bytes;
}

/* Contents are the user's even while the object is free. */
bool debug_keeps_contents(const struct kmem_cache *cache)
{
	return cache->ctor || (cache->flags & SLAB_TYPESAFE_BY_RCU);
}

bool debug_is_poisoned(const struct kmem_cache *cache)
{
	return (cache->flags & SLAB_POISON) && !debug_keeps_contents(cache);
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

void debug_set_zones(const struct kmem_cache *cache, void *object, uint8_t value)
{
	memset(left_zone(cache, object), value, cache->debug->left_bytes);
	memset(debug_tail_of(cache, object)->red, value, RED_ZONE_BYTES);
}

void debug_fill_poison(const struct kmem_cache *cache, uint8_t *object)
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
	if (!kind && !is_allocated && debug_is_poisoned(cache))
		kind = poison_damage(cache, object, at, nr);
	return kind;
}

void debug_check_object(const struct kmem_cache *cache, const void *object, bool is_allocated)
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
		debug_set_zones(cache, object, RED_FREE);
		if (debug_is_poisoned(cache))
			debug_fill_poison(cache, object);
	}
	if (cache->flags & SLAB_SHUFFLE)
		shuffle(cache, slab);
}

/* The last chance to see a write to an object that was never used again. */
void debug_slab_release(struct kmem_cache *cache, struct slab *slab)
{
	for (unsigned i = 0; i < cache->layout.nr_objects; i++)
		debug_check_object(cache, slab_object(cache, slab, i), false);
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

void debug_set_requested(const struct kmem_cache *cache, uint8_t *object, size_t bytes)
{
	debug_tail_of(cache, object)->requested_bytes = (uint32_t)bytes;
	if (cache->flags & SLAB_RED_ZONE)
		memset(object + bytes, RED_ALLOCATED, cache->object_bytes - bytes);
}

void debug_prepare_contents(const struct kmem_cache *cache, gfp_t gfp, uint8_t *object)
{
	/* Asked for, it is done even to what readers may still look at. */
	if (gfp & __GFP_ZERO) {
		ASSERT(!cache->ctor);
		memset(object, 0, cache->object_bytes);
	}
	if (debug_keeps_contents(cache) || (gfp & __GFP_ZERO))
		return;
	if (cache->flags & SLAB_INIT_ON_ALLOC)
		memset(object, 0, cache->object_bytes);
	else if (cache->flags & SLAB_POISON)
		fill_fresh(cache, object);
}

void debug_resize(const struct kmem_cache *cache, void *object, size_t bytes)
{
	debug_check_object(cache, object, true);
	debug_set_requested(cache, object, bytes);
}
