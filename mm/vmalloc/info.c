/*
 * What the vmalloc space looks like: descriptions of addresses for fault
 * reports, the vmallocinfo table, totals, and the check of every rule.
 *
 * Locking
 *   The table copies one area at a time under vm_areas.lock and prints it
 *   without. A description must not wait: a fault may have come while this CPU
 *   held the lock, so it only tries.
 */

#include "lib/align.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "mm/page_alloc.h"
#include "mm/vmalloc/vm_area.h"

#define KIB		1024ull
#define CALLER_BYTES	48u

/* ---- Descriptions ---- */

/* "16 KiB", "2 MiB": the largest unit that leaves no rest. */
struct readable_size {
	uint64_t value;
	const char *unit;
};

static struct readable_size readable(uint64_t nr_bytes)
{
	static const char units[][4] = { "KiB", "MiB", "GiB", "TiB" };
	uint64_t value = nr_bytes / KIB;
	unsigned unit = 0;

	while (unit + 1 < ARRAY_SIZE(units) && value && value % KIB == 0) {
		value /= KIB;
		unit++;
	}
	return (struct readable_size){ value, units[unit] };
}

/* "image+0x1a2b/0x8f000", as Linux names function, offset and length; else the address. */
static void format_caller(const void *caller, char *text, size_t bytes)
{
	uintptr_t va = (uintptr_t)caller;

	if (va >= mm_port_image_start && va < mm_port_image_end)
		format_text(text, bytes, "image+0x%llx/0x%llx",
			    (unsigned long long)(va - mm_port_image_start),
			    (unsigned long long)(mm_port_image_end - mm_port_image_start));
	else
		format_text(text, bytes, "0x%llx", (unsigned long long)va);
}

static const char *kind_of(const struct vm_struct *area)
{
	if (area->flags & VM_OWN)
		return area->flags & VM_MAP ? "area of per-CPU memory" : "area of a guarded object";
	if (area->flags & VM_IOREMAP)
		return "ioremap area";
	if (area->flags & VM_MAP_RAM)
		return "vm_map_ram area";
	return area->flags & VM_MAP ? "vmap area" : "vmalloc area";
}

static void describe_near(const struct vm_struct *area, uintptr_t va, char *text, size_t bytes)
{
	uint64_t offset_bytes = va - area->place.start, area_bytes = vm_area_bytes(area);
	bool is_inside = offset_bytes < area_bytes;
	struct readable_size size = readable(area_bytes);
	char caller[CALLER_BYTES];

	format_caller(area->caller, caller, sizeof(caller));
	format_text(text, bytes, "%llu bytes %s %s%s 0x%llx, %llu %s, allocated by %s",
		    (unsigned long long)(is_inside ? offset_bytes : offset_bytes - area_bytes),
		    is_inside ? "into" : "past", vm_area_state(area) == VM_LIVE ? "" : "freed ",
		    kind_of(area), (unsigned long long)area->place.start,
		    (unsigned long long)size.value, size.unit, caller);
}

static void describe_locked(uintptr_t va, char *text, size_t bytes) HOLDS(vm_areas.lock)
{
	const struct vm_struct *area = vm_area_at_or_before(va);

	if (!area)
		format_text(text, bytes, "unused vmalloc address, before all areas");
	else if (va < area->place.end)
		describe_near(area, va, text, bytes);
	else
		format_text(text, bytes, "unused vmalloc address, %llu bytes past area 0x%llx",
			    (unsigned long long)(va - area->place.start - vm_area_bytes(area)),
			    (unsigned long long)area->place.start);
}

void vmalloc_describe(uintptr_t va, char *text, size_t bytes)
{
	if (!is_vmalloc_addr((const void *)va)) {
		format_text(text, bytes, "not a vmalloc address");
		return;
	}
	if (!spin_try_lock(&vm_areas.lock)) {
		format_text(text, bytes, "vmalloc address; the list of areas is being changed");
		return;
	}
	describe_locked(va, text, bytes);
	spin_unlock(&vm_areas.lock);
}

/* ---- Totals ---- */

static void add_to_totals(struct vmalloc_totals *totals, const struct vm_struct *area)
{
	bool owns_pages = area->flags & VM_ALLOC;

	switch (vm_area_state(area)) {
	case VM_LIVE:
		totals->nr_live++;
		totals->nr_live_pages += owns_pages ? area->nr_pages : 0;
		break;
	case VM_LAZY:
	case VM_PURGING:
		totals->nr_lazy++;
		totals->nr_lazy_pages += owns_pages ? area->nr_pages : 0;
		break;
	case VM_CACHED:
		totals->nr_cached++;
		break;
	case VM_FILLING:
	case NR_VM_STATES:
		break;
	}
}

struct vmalloc_totals vmalloc_totals(void)
{
	struct vmalloc_totals totals = { 0 };

	spin_lock(&vm_areas.lock);
	for (const struct vm_struct *area = vm_areas.first; area; area = area->next)
		add_to_totals(&totals, area);
	totals.used_bytes = vm_areas.space.used_bytes;
	spin_unlock(&vm_areas.lock);
	return totals;
}

/* ---- vmallocinfo ---- */

/* One line of the table, taken under the lock. */
struct info_row {
	struct vm_struct area;
	unsigned *nr_on_node;		/* MAX_NODES counts, or NULL: no memory for them */
};

static void count_nodes(const struct vm_struct *area, unsigned *nr_on_node)
{
	memset(nr_on_node, 0, MAX_NODES * sizeof(nr_on_node[0]));
	for (unsigned i = 0; i < area->nr_entries; i++)
		nr_on_node[page_to_nid(area->pages[i])] += i < area->nr_huge ? VM_HUGE_PAGES : 1;
}

/* The first area at or after @va that the table shows. */
static bool next_row(uintptr_t va, struct info_row *row)
{
	const struct vm_struct *area;

	spin_lock(&vm_areas.lock);
	area = vm_area_at_or_before(va);
	if (!area || area->place.start < va)
		area = area ? area->next : vm_areas.first;
	while (area && vm_area_state(area) != VM_LIVE && vm_area_state(area) != VM_LAZY)
		area = area->next;
	if (area) {
		row->area = *area;
		if (row->nr_on_node)
			count_nodes(area, row->nr_on_node);
	}
	spin_unlock(&vm_areas.lock);
	return area != NULL;
}

static void print_live_row(const struct info_row *row)
{
	const struct vm_struct *area = &row->area;
	char caller[CALLER_BYTES];

	format_caller(area->caller, caller, sizeof(caller));
	mm_port_print(" %s", caller);
	if (area->nr_entries)
		mm_port_print(" pages=%u", area->nr_pages);
	if (area->flags & VM_IOREMAP)
		mm_port_print(" phys=0x%016llx", (unsigned long long)area->phys_addr);
	mm_port_print(area->flags & VM_IOREMAP ? " ioremap" :
		      area->flags & VM_MAP_RAM ? " vm_map_ram" :
		      area->flags & VM_MAP ? " vmap" : " vmalloc");
	for (unsigned nid = 0; row->nr_on_node && nid < MAX_NODES; nid++)
		if (row->nr_on_node[nid])
			mm_port_print(" N%u=%u", nid, row->nr_on_node[nid]);
}

void vmalloc_print_info(void)
{
	struct info_row row = { .nr_on_node = kcalloc(MAX_NODES, sizeof(unsigned), GFP_KERNEL) };

	for (uintptr_t va = 0; next_row(va, &row); va = row.area.place.end) {
		mm_port_print("0x%016llx-0x%016llx %7lld",
			      (unsigned long long)row.area.place.start,
			      (unsigned long long)row.area.place.end, (long long)row.area.size);
		if (vm_area_state(&row.area) == VM_LIVE)
			print_live_row(&row);
		else
			mm_port_print(" unpurged vm_area");
		mm_port_print("\n");
	}
	kfree(row.nr_on_node);
}

/* ---- Verifying ---- */

static bool verify_unmapped(uintptr_t start, uintptr_t end, struct violation *out)
{
	for (uintptr_t va = start; va < end; va += PAGE_SIZE)
		REQUIRE("AREA-5", va, mm_port_lookup(va) == PFN_NONE);
	return true;
}

/* AREA-4 and AREA-7 of one entry of pages[]: @nr_pages frames from @page, mapped at @va. */
static bool verify_entry(const struct vm_struct *area, uintptr_t va, const struct page *page,
			 unsigned nr_pages, struct violation *out)
{
	REQUIRE("AREA-7", va, page->type == PAGE_VMALLOC);
	if (vm_area_state(area) != VM_LIVE)
		return true;
	for (unsigned i = 0; i < nr_pages; i++)
		REQUIRE("AREA-4", va, mm_port_lookup(va + i * PAGE_SIZE) == page_to_pfn(page) + i);
	return true;
}

static bool verify_owned_pages(const struct vm_struct *area, struct violation *out)
{
	uintptr_t va = area->place.start;

	for (unsigned i = 0; i < area->nr_entries; i++) {
		unsigned nr_pages = i < area->nr_huge ? VM_HUGE_PAGES : 1;

		if (!verify_entry(area, va, area->pages[i], nr_pages, out))
			return false;
		va += pages_to_bytes(nr_pages);
	}
	REQUIRE("AREA-4", va, vm_area_state(area) != VM_LIVE ||
		va == area->place.end - VM_GUARD_BYTES);
	return true;
}

static bool verify_shown_pages(const struct vm_struct *area, struct violation *out)
{
	for (unsigned i = 0; i < area->nr_pages; i++) {
		pfn_t pfn = mm_port_lookup(area->place.start + i * PAGE_SIZE);

		REQUIRE("AREA-4", area->place.start, pfn != PFN_NONE);
		REQUIRE("AREA-4", area->place.start, !(area->flags & VM_IOREMAP) ||
						 pfn == pa_to_pfn(area->phys_addr) + i);
	}
	return true;
}

static bool verify_area(const struct vm_struct *area, struct violation *out)
{
	bool is_live = vm_area_state(area) == VM_LIVE;
	uintptr_t guard_va = area->place.end - VM_GUARD_BYTES;

	REQUIRE("AREA-2", area->place.start, (uintptr_t)area->addr == area->place.start);
	REQUIRE("AREA-2", area->place.start, area->size == area->place.end - area->place.start);
	REQUIRE("AREA-8", area->place.start, vm_area_starting_at(area->addr) == area ||
		area->place.start - mm_port_vmalloc_start >= VM_INDEX_BYTES);
	REQUIRE("AREA-3", area->place.start, vm_area_bytes(area) == pages_to_bytes(area->nr_pages));
	REQUIRE("AREA-3", area->place.start, !is_live || is_power_of_two(area->flags & VM_KINDS));
	REQUIRE("AREA-3", area->place.start, area->nr_entries <= area->max_entries);
	if ((area->flags & VM_ALLOC) && !verify_owned_pages(area, out))
		return false;
	if (is_live && !(area->flags & VM_ALLOC) && !verify_shown_pages(area, out))
		return false;
	return verify_unmapped(is_live ? guard_va : area->place.start, area->place.end, out);
}

static bool verify_list(struct violation *out) HOLDS(vm_areas.lock)
{
	const struct vspace_node *node = vspace_first(&vm_areas.space);

	for (const struct vm_struct *area = vm_areas.first; area; area = area->next) {
		REQUIRE("AREA-2", area->addr, node == &area->place);
		if (!verify_area(area, out))
			return false;
		node = node->next;
	}
	REQUIRE("AREA-2", 0, node == NULL);
	return true;
}

static bool verify_set(const struct vm_area_set *set, enum vm_state state, unsigned class,
		       struct violation *out)
{
	unsigned nr_areas = 0;

	for (const struct vm_struct *area = set->first; area; area = area->link) {
		REQUIRE("AREA-6", area->addr, nr_areas < set->nr_areas);
		REQUIRE("AREA-6", area->addr, vm_area_state(area) == state);
		REQUIRE("AREA-6", area->addr, class == VM_NO_CLASS || vm_area_class(area) == class);
		nr_areas++;
	}
	REQUIRE("AREA-6", set->first, nr_areas == set->nr_areas);
	return true;
}

static bool verify_cpu(struct vm_area_cpu *cpu, struct vmalloc_totals *queued,
		       struct violation *out) HOLDS(cpu->lock)
{
	uint64_t nr_lazy_pages = 0;

	if (!verify_set(&cpu->lazy, VM_LAZY, VM_NO_CLASS, out))
		return false;
	for (const struct vm_struct *area = cpu->lazy.first; area; area = area->link)
		nr_lazy_pages += vm_area_owned_pages(area);
	REQUIRE("AREA-6", cpu, nr_lazy_pages == cpu->nr_lazy_pages);
	queued->nr_lazy += cpu->lazy.nr_areas;
	for (unsigned class = 0; class < VM_NR_CLASSES; class++) {
		if (!verify_set(&cpu->cached[class], VM_CACHED, class, out))
			return false;
		queued->nr_cached += cpu->cached[class].nr_areas;
	}
	return true;
}

static bool verify_queues(struct violation *out)
{
	struct vmalloc_totals listed = vmalloc_totals(), queued = { 0 };

	for (unsigned i = 0; i < vm_areas.nr_cpus; i++) {
		struct vm_area_cpu *cpu = &vm_areas.cpus[i];
		bool is_sound;

		spin_lock(&cpu->lock);
		is_sound = verify_cpu(cpu, &queued, out);
		spin_unlock(&cpu->lock);
		if (!is_sound)
			return false;
	}
	REQUIRE("AREA-6", 0, listed.nr_lazy == queued.nr_lazy);
	REQUIRE("AREA-6", 0, listed.nr_cached == queued.nr_cached);
	return true;
}

bool vmalloc_verify(struct violation *out)
{
	struct violation in_space;
	bool is_sound;

	spin_lock(&vm_areas.lock);
	is_sound = vspace_verify(&vm_areas.space, &in_space);
	if (!is_sound)
		*out = (struct violation){ "AREA-1", in_space.condition, in_space.at };
	else
		is_sound = verify_list(out);
	spin_unlock(&vm_areas.lock);
	return is_sound && verify_queues(out);
}
