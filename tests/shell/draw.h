#ifndef TESTS_SHELL_DRAW_H
#define TESTS_SHELL_DRAW_H

/* Pictures in text of the live structures. */

#include "lib/compiler.h"

/* Draws "buddy", "slab" (of the cache @name), "node" or "vmalloc"; false: none of these. */
bool draw_what(const char *what, const char *name);

#endif
