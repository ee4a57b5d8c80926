/*
 * The tables that show= can name, wherever mm runs: in the image and in the
 * hosted program. What the firmware and the machine have to say comes beside.
 */

#include "mm/tables.h"

#include "lib/string.h"
#include "mm/init.h"
#include "mm/port.h"
#include "mm/slab.h"
#include "mm/vmalloc.h"

static void show_leaks(void)
{
	if (slab_print_leaks() == 0)
		mm_port_print("leak: none is known; debug=leak keeps who allocated what\n");
}

const struct mm_table mm_tables[] = {
	{ "buddyinfo", show_buddyinfo },
	{ "zoneinfo", show_zoneinfo },
	{ "pagetypeinfo", show_pagetypeinfo },
	{ "slabinfo", slab_print_info },
	{ "audit", slab_print_audit },
	{ "leaks", show_leaks },
	{ "vmallocinfo", vmalloc_print_info },
	{ "numa", show_numa },
};

const unsigned nr_mm_tables = ARRAY_SIZE(mm_tables);

bool mm_show_table(const char *name)
{
	for (unsigned i = 0; i < nr_mm_tables; i++) {
		if (strcmp(name, mm_tables[i].name) != 0)
			continue;
		mm_tables[i].show();
		return true;
	}
	return false;
}
