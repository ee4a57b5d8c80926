/* run=lecture: the slides in order. */

#include "tests/lecture/lecture.h"

#include "log.h"

#define LINE_BYTES	200

static const struct {
	const char *title;
	void (*show)(void);
} slides[] = {
	{ "xv6 first: a free list threaded through the pages", xv6_show },
	{ "Describing pages: mem_map[]", mem_map_show },
	{ "The simplest allocator: a bitmap", bitmap_show },
	{ "Buddy", buddy_show },
	{ "Slab", slab_show },
	{ "kmalloc", kmalloc_show },
	{ "NUMA", numa_show },
	{ "Nodes: struct pglist_data", pglist_data_show },
	{ "Zones and free areas", zone_show },
	{ "Recap: from an address to its cache", kfree_show },
	{ "External metadata", external_show },
	{ "Compound pages", compound_show },
	{ "vmalloc", vmalloc_show },
};

void say(const char *format, ...)
{
	char line[LINE_BYTES];
	va_list args;

	va_start(args, format);
	format_vtext(line, sizeof(line), format, args);
	va_end(args);
	log_raw("%s\n", line);
}

void lecture_run(void)
{
	log_fresh_line();
	for (unsigned i = 0; i < ARRAY_SIZE(slides); i++) {
		say(" ");
		say("==== Slide %u. %s", i + 1, slides[i].title);
		slides[i].show();
	}
	say(" ");
	say("==== End of the lecture: %u slides", (unsigned)ARRAY_SIZE(slides));
}
