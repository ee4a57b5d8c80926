/*
 * Suites that run in the image and on the host, in layer order: one line each
 * in both lists.
 */

#include "tests/suites.h"

extern const struct test_suite suite_selfcheck;
extern const struct test_suite suite_ktap;
extern const struct test_suite suite_format;
extern const struct test_suite suite_log;
extern const struct test_suite suite_show;
extern const struct test_suite suite_text;
extern const struct test_suite suite_options;
extern const struct test_suite suite_canvas;
extern const struct test_suite suite_screen;
extern const struct test_suite suite_slide;
extern const struct test_suite suite_screen_offer;
extern const struct test_suite suite_results;
extern const struct test_suite suite_memory_map;
extern const struct test_suite suite_acpi;
extern const struct test_suite suite_collect;
extern const struct test_suite suite_range;
extern const struct test_suite suite_topology;
extern const struct test_suite suite_lint;
extern const struct test_suite suite_paging;
extern const struct test_suite suite_windows;
extern const struct test_suite suite_serial_line;
extern const struct test_suite suite_bootmem;
extern const struct test_suite suite_mem_map;
extern const struct test_suite suite_zone;
extern const struct test_suite suite_buddy;
extern const struct test_suite suite_event;
extern const struct test_suite suite_pageblock;
extern const struct test_suite suite_page_stack;
extern const struct test_suite suite_page;
extern const struct test_suite suite_page_use;
extern const struct test_suite suite_page_alloc;
extern const struct test_suite suite_page_model;
extern const struct test_suite suite_movable;
extern const struct test_suite suite_compact;
extern const struct test_suite suite_numa;
extern const struct test_suite suite_reclaim;
extern const struct test_suite suite_aging;
extern const struct test_suite suite_ledger;
extern const struct test_suite suite_records;
extern const struct test_suite suite_isolate;
extern const struct test_suite suite_contig;
extern const struct test_suite suite_rcu;
extern const struct test_suite suite_offline;
extern const struct test_suite suite_slab_layout;
extern const struct test_suite suite_slab;
extern const struct test_suite suite_slab_node;
extern const struct test_suite suite_slab_depot;
extern const struct test_suite suite_slab_bulk;
extern const struct test_suite suite_slab_alien;
extern const struct test_suite suite_slab_bounds;
extern const struct test_suite suite_slab_keep;
extern const struct test_suite suite_slab_shuffle;
extern const struct test_suite suite_slab_twice;
extern const struct test_suite suite_slab_gfp;
extern const struct test_suite suite_slab_audit;
extern const struct test_suite suite_slab_guard;
extern const struct test_suite suite_kmalloc;
extern const struct test_suite suite_linux_shim;
extern const struct test_suite suite_gallery;
extern const struct test_suite suite_bulk;
extern const struct test_suite suite_compound;
extern const struct test_suite suite_exact;
extern const struct test_suite suite_vspace;
extern const struct test_suite suite_vmalloc;
extern const struct test_suite suite_percpu;
extern const struct test_suite suite_mempool;

const struct test_suite *const unit_suites[] = {
	&suite_selfcheck,
	&suite_ktap,
	&suite_format,
	&suite_log,
	&suite_text,
	&suite_options,
	&suite_canvas,
	&suite_screen,
	&suite_slide,
	&suite_screen_offer,
	&suite_results,
	&suite_memory_map,
	&suite_acpi,
	&suite_collect,
	&suite_range,
	&suite_topology,
	&suite_lint,
	&suite_show,
	&suite_paging,
	&suite_windows,
	&suite_serial_line,
	&suite_bootmem,
	&suite_mem_map,
	&suite_zone,
	&suite_buddy,
	&suite_event,
	&suite_pageblock,
	&suite_page_stack,
	&suite_page,
	&suite_page_use,
	&suite_page_alloc,
	&suite_page_model,
	&suite_movable,
	&suite_compact,
	&suite_numa,
	&suite_reclaim,
	&suite_aging,
	&suite_ledger,
	&suite_records,
	&suite_isolate,
	&suite_contig,
	&suite_rcu,
	&suite_offline,
	&suite_slab_layout,
	&suite_slab,
	&suite_slab_node,
	&suite_slab_depot,
	&suite_slab_bulk,
	&suite_slab_alien,
	&suite_slab_bounds,
	&suite_slab_keep,
	&suite_slab_shuffle,
	&suite_slab_twice,
	&suite_slab_gfp,
	&suite_slab_audit,
	&suite_slab_guard,
	&suite_kmalloc,
	&suite_mempool,
	&suite_linux_shim,
	&suite_gallery,
	&suite_bulk,
	&suite_compound,
	&suite_exact,
	&suite_vspace,
	&suite_vmalloc,
	&suite_percpu,
};

const unsigned nr_unit_suites = ARRAY_SIZE(unit_suites);
