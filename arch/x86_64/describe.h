#ifndef ARCH_X86_64_DESCRIBE_H
#define ARCH_X86_64_DESCRIBE_H

#include "lib/compiler.h"

/*
 * Says what lies at @va, for reports: "NULL pointer", "stack guard of CPU 2",
 * what vmalloc knows of it, ... Takes no lock.
 */
void describe_address(uintptr_t va, char *text, size_t size);

#endif
