#ifndef ARCH_X86_64_APIC_H
#define ARCH_X86_64_APIC_H

/* The local APIC of each CPU: its id, and interrupts between CPUs. */

#include "lib/compiler.h"

struct boot_info;

/*
 * Decides on the boot CPU which mode all of them use: x2APIC where firmware left
 * it on or a CPU of @info has an id that needs it, else xAPIC. False: there is no
 * x2APIC, and the registers lie where no device can be.
 */
bool apic_choose_mode(const struct boot_info *info) MUST_CHECK;

/* Where the registers of this CPU's APIC are said to lie. */
uint64_t apic_base_pa(void);

/* Masks the PICs and every local source, enables this CPU's APIC. On each CPU. */
void apic_init_cpu(void);

/* SDM 3A, 10.6.1: the low word of an interrupt command, without its destination. */
#define APIC_COMMAND_INIT	0x4500u		/* level, assert */
#define APIC_COMMAND_INIT_DONE	0x8500u		/* level, deassert: for very old APICs only */
#define APIC_COMMAND_STARTUP	0x4600u		/* plus the page number of the entry */
#define APIC_COMMAND_NMI	0x4400u
#define APIC_COMMAND_FIXED	0x4000u		/* plus the vector */

/*
 * Sends @command to the CPU of @apic_id. False when the APIC stays busy with
 * the one before, or the id cannot be addressed in xAPIC mode.
 */
bool apic_send(uint32_t apic_id, uint32_t command);

/* Tells the APIC that this CPU is done with the interrupt it handles. */
void apic_end_interrupt(void);

/* Handles VECTOR_TIMER. */
void apic_timer_interrupt(void);

#endif
