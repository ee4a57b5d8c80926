/*
 * What the slab allocator says when it finds something wrong.
 *
 * Every report names the kind, the address, what the address is, and panics: a
 * caller that frees what it does not own cannot be answered.
 */

#include "slab.h"

#include "mm/kmalloc.h"

#define DESCRIPTION_BYTES	256u

static const char *const page_type_texts[NR_PAGE_TYPES] = {
	[PAGE_HOLE] = "no RAM, or not the allocator's",
	[PAGE_RESERVED] = "a reserved page",
	[PAGE_FREE] = "a free page",
	[PAGE_CACHED] = "a free page on a per-CPU stack",
	[PAGE_USER] = "an allocated page that is not kmalloc's",
	[PAGE_HEAD] = "the head of a compound page that is not kmalloc's",
	[PAGE_LARGE] = "a large kmalloc block",
	[PAGE_SLAB] = "a page of a slab",
	[PAGE_TABLE] = "a page-table page",
	[PAGE_VMALLOC] = "a page of a vmalloc area",
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
		    slab->bufctl[index << cache->layout.entry_shift] ? "free" : "allocated",
		    (unsigned long long)index, slab_object(cache, slab, (unsigned)index),
		    cache->name);
}

void slab_describe(const void *va, char *text, size_t text_bytes)
{
	const struct page *page;

	if (pa_to_pfn(virt_to_phys(va)) >= slab_system.setup.end_pfn) {
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
	uint64_t at;

	if (pa_to_pfn(virt_to_phys(object)) >= slab_system.setup.end_pfn)
		return "wild free";
	page = virt_to_page(object);
	if (page->type == PAGE_LARGE || page->type == PAGE_TAIL)
		return "free of an interior pointer";
	if (page->type != PAGE_SLAB)
		return "wild free";
	slab = page_slab(page);
	at = slab_entry_offset(page_cache(page), slab, object);
	if (at >= page_cache(page)->entries_bytes)
		return "free of an interior pointer";
	return "double free";
}

void slab_report_bad_free(const void *object)
{
	char text[DESCRIPTION_BYTES];

	slab_describe(object, text, sizeof(text));
	mm_port_panic(__FILE__, __LINE__, "slab: %s: %p is %s", kind_of_bad_free(object), object,
		      text);
}

void slab_report_wrong_cache(const struct kmem_cache *cache, const void *object)
{
	char text[DESCRIPTION_BYTES];

	slab_describe(object, text, sizeof(text));
	mm_port_panic(__FILE__, __LINE__, "slab: free to the wrong cache: %p given to cache %s is %s",
		      object, cache->name, text);
}

void slab_report_corrupt(const struct kmem_cache *cache, const struct slab *slab,
			 const char *what)
{
	mm_port_panic(__FILE__, __LINE__, "slab: corrupt slab %p of cache %s: %s", (const void *)slab,
		      cache->name, what);
}
