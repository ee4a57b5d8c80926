/*
 * Which functions an operation goes through: what a reader has to open to follow it.
 *
 * Model
 *   mm is compiled with -finstrument-functions, so that entering and leaving a
 *   function, an inlined one too, calls the two hooks below. While an operation is
 *   traced they keep the function and how deep it is; afterwards both are printed,
 *   as addresses, which tools/call_path.py turns into files.
 */

#include <stdio.h>

#include "mm/kmalloc.h"
#include "mm/page_alloc.h"
#include "mm/slab.h"
#include "mm/vmalloc.h"
#include "tests/host/machine.h"

#define MAX_EVENTS	100000u
#define OTHER_CPU	4u	/* machine_four_nodes: of another node than CPU 0 */
#define NR_MANY		5000u

static struct {
	void *function;
	unsigned depth;
} events[MAX_EVENTS];

static unsigned nr_events, depth;
static bool is_tracing;

__attribute__((no_instrument_function)) void __cyg_profile_func_enter(void *function,
									void *call_site);
__attribute__((no_instrument_function)) void __cyg_profile_func_exit(void *function,
								       void *call_site);

void __cyg_profile_func_enter(void *function, void *call_site)
{
	(void)call_site;
	if (is_tracing && nr_events < MAX_EVENTS) {
		events[nr_events].function = function;
		events[nr_events++].depth = depth;
	}
	depth++;
}

void __cyg_profile_func_exit(void *function, void *call_site)
{
	(void)function;
	(void)call_site;
	depth--;
}

static void print_events(const char *name)
{
	printf("operation %s\n", name);
	for (unsigned i = 0; i < nr_events; i++)
		printf("%u %p\n", events[i].depth, events[i].function);
}

#define TRACE(name, statement) do {						\
	nr_events = 0;								\
	depth = 0;								\
	is_tracing = true;							\
	statement;								\
	is_tracing = false;							\
	print_events(name);							\
} while (0)

static void *objects[NR_MANY];

static void trace_pages(void)
{
	struct page *page = alloc_pages(GFP_KERNEL, 0);

	__free_pages(page, 0);
	TRACE("alloc_pages", page = alloc_pages(GFP_KERNEL, 0));
	TRACE("__free_pages", __free_pages(page, 0));
}

static void trace_kmalloc(void)
{
	void *object;

	TRACE("kmalloc, first of a class", object = kmalloc(64, GFP_KERNEL));
	kfree(object);
	TRACE("kmalloc, fast", object = kmalloc(64, GFP_KERNEL));
	TRACE("kfree, own", kfree(object));
}

/* The one that finds its magazine full: the free among many that goes deepest. */
static void trace_full_magazine(void)
{
	unsigned most = 0;

	for (unsigned i = 0; i < NR_MANY; i++)
		objects[i] = kmalloc(64, GFP_KERNEL);
	for (unsigned i = 0; i < NR_MANY; i++) {
		nr_events = 0;
		depth = 0;
		is_tracing = true;
		kfree(objects[i]);
		is_tracing = false;
		if (nr_events <= most)
			continue;
		most = nr_events;
		print_events("kfree, full magazine");	/* the last one counts */
	}
}

static void trace_other_node(void)
{
	void *object;

	host_start_cpu(OTHER_CPU);
	object = kmalloc(64, GFP_KERNEL);
	host_continue_cpu(0);
	TRACE("kfree, other node", kfree(object));
}

static void trace_vmalloc(void)
{
	void *area = vmalloc(PAGE_SIZE);

	vfree(area);
	TRACE("vmalloc", area = vmalloc(PAGE_SIZE));
	TRACE("vfree", vfree(area));
}

int main(void)
{
	host_start_machine(&machine_four_nodes);
	trace_pages();
	trace_kmalloc();
	trace_full_magazine();
	trace_other_node();
	trace_vmalloc();
	return 0;
}
