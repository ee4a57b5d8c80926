#ifndef ARCH_X86_64_PORT_ALL_HIDDEN_H
#define ARCH_X86_64_PORT_ALL_HIDDEN_H

/*
 * Included before every source of the image (-include): what is declared extern
 * is in the image too, so its address is known to the linker. Without this,
 * compilers of position-independent code fetch the address of each external
 * variable from a table first; -fvisibility=hidden speaks of definitions only.
 */
#pragma GCC visibility push(hidden)

#endif
