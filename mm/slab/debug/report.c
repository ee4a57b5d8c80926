/*
 * What the slab allocator says when it finds something wrong.
 *
 * Every report names the kind, the address, what the address is, and panics: a
 * caller that frees what it does not own cannot be answered.
 */

#include "mm/slab/debug/report.h"

#include "lib/string.h"
#include "mm/kmalloc.h"
#include "mm/slab/debug/guarded.h"

#define DESCRIPTION_BYTES	256u

static const char *const page_type_texts[NR_PAGE_TYPES] = {
	[PAGE_HOLE] = "no RAM, or not the allocator's",
	[PAGE_RESERVED] = "a reserved page",
	[PAGE_FREE] = "a free page",
	[PAGE_CACHED] = "a free page on a per-CPU stack",
	[PAGE_CACHED_LARGE] = "the free pages of a large kmalloc block on a per-CPU stack",
	[PAGE_USER] = "an allocated page that is not kmalloc's",
	[PAGE_MOVABLE] = "an allocated page that may be moved",
	[PAGE_HEAD] = "the head of a compound page that is not kmalloc's",
	[PAGE_LARGE] = "a large kmalloc block",
	[PAGE_SLAB] = "a page of a slab",
	[PAGE_TABLE] = "a page-table page",
	[PAGE_VMALLOC] = "a page of a vmalloc area",
	[PAGE_PERCPU] = "a page of per-CPU memory",
	[PAGE_OFFLINE] = "a page out of service",
	[PAGE_TAIL] = "a tail of a compound page",
};

static void describe_slab_address(const struct page *page, const void *va, char *text,
				  size_t text_bytes)
{
	const struct kmem_cache *cache = page_cache(page);
	struct slab *slab = page_slab(page);
	uint64_t offset = (uintptr_t)va - (uintptr_t)slab->objects;
	uint64_t index = offset / cache->layout.stride_bytes;

	if ((const uint8_t *)va < slab->objects || index >= cache->layout.nr_objects) {
		format_text(text, text_bytes, "outside the objects of a slab of cache %s",
			    cache->name);
		return;
	}
	format_text(text, text_bytes, "byte %llu of %s object %llu (at %p) of a slab of cache %s",
		    (unsigned long long)(offset % cache->layout.stride_bytes),
		    slab->bufctl[index] ? "free" : "allocated",
		    (unsigned long long)index, slab_object(cache, slab, (unsigned)index),
		    cache->name);
}

void slab_describe(const void *va, char *text, size_t text_bytes)
{
	const struct page *page;
	struct guarded guarded;

	if (!has_page(va) && guarded_find_freed(va, &guarded)) {
		format_text(text, text_bytes, "a guarded object of cache %s that was freed",
			    guarded.cache->name);
		return;
	}
	if (!has_page(va)) {
		format_text(text, text_bytes, "not in the direct map of RAM");
		return;
	}
	page = virt_to_page(va);
	if (page->type == PAGE_SLAB)
		describe_slab_address(page, va, text, text_bytes);
	else
		format_text(text, text_bytes, "in %s", page->type < NR_PAGE_TYPES ?
			    page_type_texts[page->type] : "a page whose type is damaged");
}

/* Which check of a free @object failed. */
static const char *kind_of_bad_free(const void *object)
{
	const struct page *page;
	const struct slab *slab;
	struct guarded guarded;
	uint64_t at;

	if (!has_page(object))
		return guarded_find_freed(object, &guarded) ? "double free" : "wild free";
	page = virt_to_page(object);
	if (page->type == PAGE_LARGE || page->type == PAGE_TAIL)
		return "free of an interior pointer";
	if (page->type == PAGE_CACHED_LARGE)
		return "double free";
	if (page->type != PAGE_SLAB)
		return "wild free";
	if (page_cache(page)->flags & SLAB_INTERNAL)
		return "wild free";
	slab = page_slab(page);
	at = slab_index(page_cache(page), slab, object);
	if (at >= page_cache(page)->nr_objects)
		return "free of an interior pointer";
	return "double free";
}

/* ---- What is known of an object ---- */

static void log_event(const char *what, const struct slab_event *event)
{
	if (event->caller)
		mm_port_log(LOG_ERROR, "  %s by %p on CPU %u at %llu.%06llu s", what,
			    (void *)event->caller, event->cpu,
			    (unsigned long long)(event->time_ns / 1000000000u),
			    (unsigned long long)(event->time_ns / 1000u % 1000000u));
}

static void log_owners(const struct kmem_cache *cache, const void *object)
{
	const struct debug_tail *tail;
	struct guarded guarded;

	if (guarded_find(object, &guarded)) {
		mm_port_log(LOG_ERROR, "  %u bytes were asked for, on pages of their own",
			    (unsigned)guarded.bytes);
		log_event("allocated", &guarded.allocated);
		return;
	}
	if (!cache->debug) {
		mm_port_log(LOG_ERROR,
			    "  with debug=owner it would say who allocated and freed it");
		return;
	}
	tail = debug_tail_of(cache, object);
	mm_port_log(LOG_ERROR, "  %u bytes were asked for", tail->requested_bytes);
	log_event("allocated", &tail->allocated);
	log_event("freed", &tail->freed);
}

#define BYTES_PER_LINE	16u

static void log_line_of_bytes(const uint8_t *at, const void *object)
{
	char hex[3 * BYTES_PER_LINE + 1], text[BYTES_PER_LINE + 1];

	for (unsigned i = 0; i < BYTES_PER_LINE; i++) {
		format_text(hex + 3 * i, 4, "%02x ", at[i]);
		text[i] = at[i] >= ' ' && at[i] <= '~' ? (char)at[i] : '.';
	}
	text[BYTES_PER_LINE] = 0;
	mm_port_log(LOG_ERROR, "  %p object%+6ld: %s|%s|", (const void *)at,
		    (long)((intptr_t)at - (intptr_t)object), hex, text);
}

/* The lines around @at, a line before and one behind if they are of the same page. */
static void log_bytes_around(const uint8_t *at, unsigned nr_bytes, const void *object)
{
	uintptr_t first = ((uintptr_t)at & ~(uintptr_t)(BYTES_PER_LINE - 1)) - BYTES_PER_LINE;
	uintptr_t page_start = (uintptr_t)at & ~(uintptr_t)(PAGE_SIZE - 1);
	unsigned nr_lines = nr_bytes > BYTES_PER_LINE ? 4 : 3;

	if (first < page_start || first > page_start + PAGE_SIZE)
		first = page_start;
	for (unsigned i = 0; i < nr_lines; i++, first += BYTES_PER_LINE)
		if (first < page_start + PAGE_SIZE)
			log_line_of_bytes((const uint8_t *)first, object);
}

/* The object of a slab that @va points to or into, or NULL. */
static const void *object_around(const struct kmem_cache *cache, const struct slab *slab,
				 const void *va)
{
	uint64_t index = ((uintptr_t)va - (uintptr_t)slab->objects) / cache->layout.stride_bytes;

	if ((const uint8_t *)va < slab->objects || index >= cache->layout.nr_objects)
		return NULL;
	return slab_object(cache, slab, (unsigned)index);
}

static void log_known(const void *va)
{
	const struct page *page;
	struct guarded guarded;
	const void *object;

	slab_log_audit(va);
	if (!has_page(va)) {
		if (guarded_find_freed(va, &guarded)) {
			log_event("allocated", &guarded.allocated);
			log_event("freed", &guarded.freed);
		}
		return;
	}
	page = virt_to_page(va);
	if (page->type != PAGE_SLAB)
		return;
	object = object_around(page_cache(page), page_slab(page), va);
	if (!slab_guards_are_whole(page_cache(page), page_slab(page)))
		mm_port_log(LOG_ERROR, "  the slab's own bookkeeping is overwritten as well");
	if (!object)
		return;
	log_owners(page_cache(page), object);
	log_bytes_around(va, 1, object);
}

/* ---- Reports ---- */

static void report_bad(const char *kind, const void *object, const void *caller) COLD NORETURN;
static void report_bad(const char *kind, const void *object, const void *caller)
{
	char text[DESCRIPTION_BYTES];

	slab_describe(object, text, sizeof(text));
	mm_port_log(LOG_ERROR, "BUG: slab: %s of %p by %p", kind, object, caller);
	mm_port_log(LOG_ERROR, "  it is %s", text);
	log_known(object);
	mm_port_panic(__FILE__, __LINE__, "slab: %s: %p is %s", kind, object, text);
}

void slab_report_bad_free(const void *object, const void *caller)
{
	report_bad(kind_of_bad_free(object), object, caller);
}

void slab_report_bad_use(const void *object, const void *caller)
{
	const char *kind = kind_of_bad_free(object);

	if (strcmp(kind, "double free") == 0)
		kind = "use after free";
	else if (strcmp(kind, "wild free") == 0)
		kind = "use of what is no object";
	else
		kind = "use of an interior pointer";
	report_bad(kind, object, caller);
}

void slab_refuse_free(const void *object, const void *caller)
{
	slab_report_bad_free(object, caller);
}

void slab_report_wrong_cache(const struct kmem_cache *cache, const void *object,
			     const void *caller)
{
	const char *name = cache ? cache->name : "NULL";
	char text[DESCRIPTION_BYTES];
	struct guarded freed;

	if (guarded_find_freed(object, &freed) && freed.cache == cache)
		report_bad("double free", object, caller);
	slab_describe(object, text, sizeof(text));
	mm_port_log(LOG_ERROR, "BUG: slab: free of %p to cache %s by %p", object, name, caller);
	mm_port_log(LOG_ERROR, "  it is %s", text);
	log_known(object);
	mm_port_panic(__FILE__, __LINE__,
		      "slab: free to the wrong cache: %p given to cache %s is %s", object,
		      name, text);
}

void slab_report_twice(const struct kmem_cache *cache, const void *object)
{
	mm_port_log(LOG_ERROR, "BUG: slab: object %p of cache %s rests twice and is in use", object,
		    cache->name);
	log_known(object);
	mm_port_panic(__FILE__, __LINE__,
		      "slab: double free: %p of cache %s was freed by two CPUs at once", object,
		      cache->name);
}

void slab_report_object(const struct kmem_cache *cache, const void *object, const char *kind,
			const uint8_t *at, unsigned nr_bytes)
{
	const long offset = (long)((intptr_t)at - (intptr_t)object);

	mm_port_log(LOG_ERROR, "BUG: slab: %s: %u bytes at object %+ld overwritten", kind, nr_bytes,
		    offset);
	mm_port_log(LOG_ERROR, "  object %p of cache %s, %u bytes", object, cache->name,
		    cache->object_bytes);
	log_owners(cache, object);
	slab_log_audit(object);
	log_bytes_around(at, nr_bytes, object);
	mm_port_panic(__FILE__, __LINE__,
		      "slab: %s: %u bytes at offset %ld of object %p of cache %s", kind, nr_bytes,
		      offset, object, cache->name);
}

void slab_report_corrupt(const struct kmem_cache *cache, const struct slab *slab,
			 const char *what)
{
	mm_port_log(LOG_ERROR, "BUG: slab: the bookkeeping of a slab of cache %s is overwritten",
		    cache->name);
	mm_port_log(LOG_ERROR, "  descriptor %p, %s-slab, objects from %p, %u free, first %u",
		    (const void *)slab, cache->layout.place == ON_SLAB ? "on" : "off",
		    (void *)slab->objects, slab->nr_free, slab->first_free);
	log_line_of_bytes((const uint8_t *)slab, slab);
	log_line_of_bytes((const uint8_t *)slab + BYTES_PER_LINE, slab);
	mm_port_panic(__FILE__, __LINE__, "slab: corrupt slab %p of cache %s: %s",
		      (const void *)slab, cache->name, what);
}
