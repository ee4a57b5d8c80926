#ifndef PORT_STUB_PORT_H
#define PORT_STUB_PORT_H

/* What the stub's main.c sets up before mm_init(). */

#include "lib/compiler.h"

/*
 * Lays aside @bytes of address space as the pretended RAM, physical address 0
 * on, and room for its mem_map. False when the system gives none.
 */
bool port_stub_init(uint64_t bytes);

#endif
