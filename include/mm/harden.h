#ifndef MM_HARDEN_H
#define MM_HARDEN_H

/*
 * Hardening of pages: what is done to their bytes as they come and go. See
 * mm/page/harden.c; of objects slab_set_init() says the same (mm/slab.h).
 */

#define HARDEN_POISON		0x1u	/* filled when freed, and verified when allocated */
#define HARDEN_INIT_ON_ALLOC	0x2u	/* zeroed when allocated */
#define HARDEN_INIT_ON_FREE	0x4u	/* zeroed when freed; HARDEN_POISON goes before it */

/* What a free page is filled with: Linux's. */
#define PAGE_POISON		0xaau

/*
 * All machines that start from now on do what @flags, HARDEN_ ones, say; 0: nothing. With
 * any of them no CPU has stacks of pages, so that an allocation takes some hundred
 * instructions more, beside filling. Context: before mm_init().
 */
void page_set_hardening(unsigned flags);

#endif
