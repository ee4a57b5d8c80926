#ifndef ARCH_X86_64_AP_TRAMPOLINE_H
#define ARCH_X86_64_AP_TRAMPOLINE_H

/* What a CPU finds in the trampoline page. For assembly too. */

#define AP_NOBODY	0xffffffff	/* in place of an APIC id: nobody is called */
#define AP_CLAIMED	0xfffffffe	/* who was called has come */

#ifndef __ASSEMBLER__

#include "lib/compiler.h"

extern const uint8_t ap_trampoline_start[], ap_trampoline_end[], ap_parameters[];

/* As ap_trampoline.S lays it out. */
struct ap_parameters {
	uint64_t entry, stack, argument;
	uint32_t cr0, cr3, cr4, efer;
	uint32_t apic_id;		/* who is called, or one of the above */
	/* For tests: while not 0, who comes waits here; how many were turned away. */
	uint32_t hold_before_claim, hold_after_claim, nr_refused;
	uint32_t nr_to_lose;		/* for tests: so many that come get no further */
	uint32_t padding_to_8;
	struct PACKED {
		uint16_t gdt_limit;
		uint32_t gdt_base;
		uint16_t padding;
		uint32_t far_32;
		uint16_t far_32_selector[2];
		uint32_t far_64;
		uint16_t far_64_selector[2];
	};
};

_Static_assert(offsetof(struct ap_parameters, apic_id) == 40, "as the assembler has it");
_Static_assert(offsetof(struct ap_parameters, far_64) == 80, "as the assembler has it");

#endif
#endif
