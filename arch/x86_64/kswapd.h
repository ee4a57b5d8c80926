#ifndef ARCH_X86_64_KSWAPD_H
#define ARCH_X86_64_KSWAPD_H

#include "lib/compiler.h"

/*
 * Starts a reclaim thread on the first CPU of every node that has one. Called
 * when all CPUs run.
 */
void kswapd_start(void);

/* Asks for reclaim of node @nid. Takes no allocator lock. Without threads yet: when they start. */
void kswapd_wake(unsigned nid);

/* Turns of reclaim_node() had so far by all threads. */
uint64_t kswapd_nr_turns(void);

#endif
