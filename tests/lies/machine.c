/*
 * How firmware leaves the machine: CPUs, timers and interrupt controllers that
 * are not as after a reset; and what it says of itself.
 */

#include "tests/lies/lie.h"

#include "lib/string.h"

#define MSR_APIC_BASE		0x1Bu
#define APIC_BASE_X2APIC	(1ull << 10)
#define APIC_START		0xFEE00000ull
#define APIC_ICR_LOW		0x300u
#define APIC_LVT_TIMER		0x320u
#define APIC_LVT_LINT0		0x350u
#define APIC_TIMER_COUNT	0x380u
#define APIC_TIMER_DIVIDE	0x3E0u
#define TIMER_PERIODIC		(1u << 17)
#define TIMER_VECTOR		0x50u
#define DELIVERY_EXTINT		0x700u
#define ICR_OTHERS_INIT		0xC4500u
#define ICR_OTHERS_START	0xC4600u

#define PIC_DATA		0x21u
#define PIC_ONLY_TIMER		0xFEu
#define PIT_COMMAND		0x43u
#define PIT_CHANNEL_0		0x40u
#define PIT_PERIODIC		0x34u

static void out8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" :: "a"(value), "Nd"(port));
}

static uint64_t read_msr(uint32_t msr)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return (uint64_t)high << 32 | low;
}

static void write_msr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr" :: "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

static void write_apic(uint32_t reg, uint32_t value)
{
	*(volatile uint32_t *)(APIC_START + reg) = value;
}

static void pause_for(unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		__asm__ volatile("pause");
}

/* ---- x2APIC ---- */

static void switch_x2apic_on(void)
{
	write_msr(MSR_APIC_BASE, read_msr(MSR_APIC_BASE) | APIC_BASE_X2APIC);
}

static void x2apic_on(const char *argument)
{
	(void)argument;
	lie_after_exit(switch_x2apic_on);
}

/* ---- Page tables of five levels ---- */

#define CODE_32		0x00CF9A000000FFFFull	/* selector 8: flat */
#define CODE_64		0x00AF9A000000FFFFull	/* selector 16 */
#define TABLE_FLAGS	3u			/* present, writable */

struct __attribute__((packed)) gdt_register {
	uint16_t limit;
	uint64_t base;
};

/* What switch_la57() needs, all of it below 4 GiB. */
static struct {
	struct gdt_register own, firmwares;
	uint32_t target_offset;		/* of the jump back to 64 bits */
	uint16_t target_selector;
	uint64_t gdt[3];
} trip;

void lie_switch_la57(uint64_t root_pa, const struct gdt_register *own,
		     struct gdt_register *firmwares, uint32_t *target);

/* LA57 changes only without paging (SDM 3A, 4.1.2), and that only in 32-bit code. */
__asm__(
	".pushsection .text\n"
	"lie_switch_la57:\n"
	"	pushfq\n"
	"	cli\n"
	"	sgdt (%rdx)\n"
	"	mov %cs, %eax\n"
	"	push %rax\n"			/* for the way back */
	"	lgdt (%rsi)\n"
	"	lea 2f(%rip), %rax\n"
	"	mov %eax, (%rcx)\n"
	"	lea 1f(%rip), %rax\n"
	"	push $8\n"
	"	push %rax\n"
	"	lretq\n"
	"	.code32\n"
	"1:	mov %cr0, %eax\n"
	"	and $0x7FFFFFFF, %eax\n"
	"	mov %eax, %cr0\n"
	"	mov %cr4, %eax\n"
	"	or $0x1000, %eax\n"
	"	mov %eax, %cr4\n"
	"	mov %edi, %cr3\n"
	"	mov %cr0, %eax\n"
	"	or $0x80000000, %eax\n"
	"	mov %eax, %cr0\n"
	"	ljmp *(%ecx)\n"
	"	.code64\n"
	"2:	lgdt (%rdx)\n"
	"	lea 3f(%rip), %rax\n"
	"	push %rax\n"
	"	lretq\n"
	"3:	popfq\n"
	"	ret\n"
	".popsection\n");

static void la57(const char *argument)
{
	uint64_t *root = lie_pages(EfiBootServicesData, 4096, UINT32_MAX);
	uint64_t cr3;

	(void)argument;
	__asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
	root[0] = (cr3 & ~0xFFFull) | TABLE_FLAGS;
	trip.gdt[1] = CODE_32;
	trip.gdt[2] = CODE_64;
	trip.own = (struct gdt_register){ sizeof(trip.gdt) - 1, (uintptr_t)trip.gdt };
	trip.target_selector = 16;
	lie_switch_la57((uintptr_t)root, &trip.own, &trip.firmwares, &trip.target_offset);
}

/* ---- Timers that go on ---- */

/* A periodic local timer, and the PC's timer through the old controller, both unmasked. */
static void arm_timers(void)
{
	write_apic(APIC_TIMER_DIVIDE, 0xB);
	write_apic(APIC_LVT_TIMER, TIMER_PERIODIC | TIMER_VECTOR);
	write_apic(APIC_TIMER_COUNT, 100000);
	write_apic(APIC_LVT_LINT0, DELIVERY_EXTINT);
	out8(PIT_COMMAND, PIT_PERIODIC);
	out8(PIT_CHANNEL_0, 0x00);
	out8(PIT_CHANNEL_0, 0x10);
	out8(PIC_DATA, PIC_ONLY_TIMER);
	/* Firmware's handlers know nothing of these: they are for who comes next. */
	__asm__ volatile("cli");
	pause_for(100000);
}

static void timers_armed(const char *argument)
{
	(void)argument;
	lie_after_exit(arm_timers);
}

/* ---- CPUs parked in memory that becomes free ---- */

/*
 * Where real mode still reaches with all address lines on: the 64 KiB from
 * 0xFFFF:0x10 on. The CPUs count in the page that holds their loop, and look at the
 * scratch register of the first serial port. The kernel tries it out before it gives any
 * memory away: who sees that still runs when he must not, and ends the emulator.
 */
#define PORT_SCRATCH		0x3FFu
#define TRIED_VALUE		0xA5u
#define PORT_DEBUG_EXIT		0xF4u
#define STILL_RUNNING		0x7Eu	/* QEMU ends with 253 */
#define PARK_PA		0x100000ull
#define PARK_OFFSET	0x0110u		/* of 0x100100, in the segment 0xFFFF */
#define COUNT_OFFSET	0x0130u
#define SEGMENT_PA	0xFFFF0ull

static uint8_t *start_page;

static void park_others(void)
{
	static const uint8_t jump[] = { 0xEA, PARK_OFFSET & 0xFF, PARK_OFFSET >> 8, 0xFF, 0xFF };
	static const uint8_t loop[] = {
		0x2E, 0xFF, 0x06, COUNT_OFFSET & 0xFF, COUNT_OFFSET >> 8, /* incw %cs:count */
		0xBA, PORT_SCRATCH & 0xFF, PORT_SCRATCH >> 8, /* mov port, %dx */
		0xEC, /* in %dx, %al */
		0x3C, TRIED_VALUE, /* cmp value, %al */
		0x75, 0xF3, /* jne to the start */
		0x66, 0xB8, STILL_RUNNING, 0, 0, 0, /* mov status, %eax */
		0xBA, PORT_DEBUG_EXIT, 0, /* mov port, %dx */
		0x66, 0xEF, /* out %eax, %dx */
		0xEB, 0xFE, /* stay here */
	};
	volatile uint16_t *count = (uint16_t *)(SEGMENT_PA + COUNT_OFFSET);
	uint16_t before;

	memcpy(start_page, jump, sizeof(jump));
	_Static_assert(PARK_OFFSET + sizeof(loop) <= COUNT_OFFSET,
		       "the loop ends before the count");
	out8(PORT_SCRATCH, 0);
	memcpy((void *)(SEGMENT_PA + PARK_OFFSET), loop, sizeof(loop));
	write_apic(APIC_ICR_LOW, ICR_OTHERS_INIT);
	pause_for(1000000);
	write_apic(APIC_ICR_LOW, ICR_OTHERS_START | (uint32_t)((uintptr_t)start_page >> 12));
	pause_for(1000000);
	before = *count;
	for (unsigned i = 0; *count == before; i++) {
		if (i == 100)
			lie_give_up("the other CPUs do not run");
		pause_for(100000);
	}
}

static void cpus_parked(const char *argument)
{
	EFI_PHYSICAL_ADDRESS pa = PARK_PA;

	(void)argument;
	start_page = lie_pages(EfiBootServicesCode, 4096, 0x8FFFF);
	if (EFI_ERROR(lie_boot->AllocatePages(AllocateAddress, EfiBootServicesCode, 1, &pa)))
		lie_give_up("no page at 1 MiB");
	lie_after_exit(park_others);
}

/* ---- What firmware says of itself ---- */

static void vendor(const char *argument)
{
	static const CHAR16 odd[] =
		L"\x2603 Snow\r\n\x1b[2J and a name that is far longer than anything "
		L"that a vendor of firmware should have put there, and more";

	lie_system->FirmwareVendor = argument[0] ? (CHAR16 *)odd : NULL;
}

static EFIAPI EFI_STATUS get_time(EFI_TIME *time, EFI_TIME_CAPABILITIES *capabilities)
{
	(void)time;
	(void)capabilities;
	return EFI_DEVICE_ERROR;
}

static void no_clock(const char *argument)
{
	(void)argument;
	lie_system->RuntimeServices->GetTime = get_time;
}

/* The truth: for rows whose lie is told by the machine, or by slabstick.cfg. */
static void nothing(const char *argument)
{
	(void)argument;
}

const struct lie machine_lies[] = {
	{ "x2apic_on", x2apic_on },
	{ "la57", la57 },
	{ "timers_armed", timers_armed },
	{ "cpus_parked", cpus_parked },
	{ "vendor", vendor },
	{ "no_clock", no_clock },
	{ "nothing", nothing },
};

const unsigned nr_machine_lies = ARRAY_SIZE(machine_lies);
