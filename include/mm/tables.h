#ifndef MM_TABLES_H
#define MM_TABLES_H

/* The tables of the live memory manager by name, in the order in which all are shown. */

#include "lib/compiler.h"

struct mm_table {
	const char *name;	/* the word of show= */
	void (*show)(void);	/* prints it with mm_port_print() */
};

extern const struct mm_table mm_tables[];
extern const unsigned nr_mm_tables;

/* Prints the table called @name; false when there is none. Any context that may print. */
bool mm_show_table(const char *name);

#endif
