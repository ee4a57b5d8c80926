#ifndef ARCH_X86_64_INSN_H
#define ARCH_X86_64_INSN_H

/*
 * One inline function per special instruction. Nothing here decides anything.
 *
 * "memory" clobbers stand where an instruction orders memory accesses or
 * changes what an address means; elsewhere the compiler may move loads and
 * stores across.
 */

#include "lib/compiler.h"

/* ---- Ports ---- */

static inline uint8_t in8(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline uint16_t in16(uint16_t port)
{
	uint16_t value;

	__asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline uint32_t in32(uint16_t port)
{
	uint32_t value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline void out8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" :: "a"(value), "Nd"(port) : "memory");
}

static inline void out16(uint16_t port, uint16_t value)
{
	__asm__ volatile("outw %0, %1" :: "a"(value), "Nd"(port) : "memory");
}

static inline void out32(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" :: "a"(value), "Nd"(port) : "memory");
}

/* ---- Device memory: one access of exactly this width ---- */

static inline uint32_t mmio_read32(uintptr_t va)
{
	return *(volatile uint32_t *)va;
}

static inline void mmio_write32(uintptr_t va, uint32_t value)
{
	*(volatile uint32_t *)va = value;
}

/* ---- Identification and time ---- */

struct cpuid_result {
	uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid_result cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid_result r;

	__asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
			 : "a"(leaf), "c"(subleaf));
	return r;
}

/* Earlier loads are done before the counter is read (SDM 2B, RDTSC). */
static inline uint64_t rdtsc_ordered(void)
{
	uint32_t low, high;

	__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) :: "memory");
	return (uint64_t)high << 32 | low;
}

/* ---- Model-specific and control registers ---- */

static inline uint64_t rdmsr(uint32_t msr)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
	return (uint64_t)high << 32 | low;
}

static inline void wrmsr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr" :: "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
			 : "memory");
}

static inline uint64_t read_cr0(void)
{
	uint64_t value;

	__asm__ volatile("movq %%cr0, %0" : "=r"(value) :: "memory");
	return value;
}

static inline void write_cr0(uint64_t value)
{
	__asm__ volatile("movq %0, %%cr0" :: "r"(value) : "memory");
}

static inline uint64_t read_cr2(void)
{
	uint64_t value;

	__asm__ volatile("movq %%cr2, %0" : "=r"(value) :: "memory");
	return value;
}

static inline uint64_t read_cr3(void)
{
	uint64_t value;

	__asm__ volatile("movq %%cr3, %0" : "=r"(value) :: "memory");
	return value;
}

static inline void write_cr3(uint64_t value)
{
	__asm__ volatile("movq %0, %%cr3" :: "r"(value) : "memory");
}

static inline uint64_t read_cr4(void)
{
	uint64_t value;

	__asm__ volatile("movq %%cr4, %0" : "=r"(value) :: "memory");
	return value;
}

static inline void write_cr4(uint64_t value)
{
	__asm__ volatile("movq %0, %%cr4" :: "r"(value) : "memory");
}

/* ---- Translations and caches ---- */

/* The line of @at leaves every cache. What comes later waits for it with mfence alone. */
static inline void clflush(const volatile void *at)
{
	__asm__ volatile("clflush (%0)" :: "r"(at) : "memory");
}

static inline void mfence(void)
{
	__asm__ volatile("mfence" ::: "memory");
}

static inline void invlpg(uintptr_t va)
{
	__asm__ volatile("invlpg (%0)" :: "r"(va) : "memory");
}

static inline void wbinvd(void)
{
	__asm__ volatile("wbinvd" ::: "memory");
}

/* ---- Descriptor tables ---- */

struct PACKED table_register {
	uint16_t limit;
	uint64_t base;
};

static inline void lgdt(const struct table_register *gdt)
{
	__asm__ volatile("lgdt %0" :: "m"(*gdt) : "memory");
}

static inline void lidt(const struct table_register *idt)
{
	__asm__ volatile("lidt %0" :: "m"(*idt) : "memory");
}

static inline void ltr(uint16_t selector)
{
	__asm__ volatile("ltr %0" :: "r"(selector) : "memory");
}

/* ---- Interrupts and waiting ---- */

static inline void interrupts_off(void)
{
	__asm__ volatile("cli" ::: "memory");
}

static inline void interrupts_on(void)
{
	__asm__ volatile("sti" ::: "memory");
}

#define RFLAGS_INTERRUPT	0x200ull

static inline bool are_interrupts_on(void)
{
	uint64_t flags;

	__asm__ volatile("pushfq; popq %0" : "=r"(flags) :: "memory");
	return (flags & RFLAGS_INTERRUPT) != 0;
}

static inline void halt_until_interrupt(void)
{
	__asm__ volatile("hlt" ::: "memory");
}

/* STI takes effect after the next instruction: no interrupt is lost between (SDM 2B, STI). */
static inline void enable_and_halt(void)
{
	__asm__ volatile("sti; hlt" ::: "memory");
}

#endif
