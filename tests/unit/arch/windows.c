/*
 * Device windows: what firmware says of devices is used only where devices can be.
 */

#include "arch/x86_64/layout.h"
#include "arch/x86_64/windows.h"
#include "lib/string.h"
#include "mm/config.h"
#include "mm/types.h"
#include "tests/test.h"

#define MIB			(1ull << 20)
#define GIB			(1ull << 30)
#define PHYSICAL_BITS		40u
#define APIC_PA			0xfee00000ull
#define SCREEN_PA		0x80000000ull
#define SCREEN_BYTES		(16 * MIB)
#define UART_PA			0xfe030000ull
#define HOLE_PA			0xf0000000ull
#define FAR_PA			(100ull << 40)

static struct mem_range ranges[] = {
	{ 0, 0xa0000, MEM_LOW, 0, 0 },
	{ MIB, GIB, MEM_USABLE, 0, 0 },
	{ GIB, GIB + 4 * MIB, MEM_ACPI_NVS, 0, 0 },
	{ SCREEN_PA, SCREEN_PA + 64 * MIB, MEM_RESERVED, 0, 0 },
	{ APIC_PA, APIC_PA + MIB, MEM_MMIO, 0, 0 },
	{ 4 * GIB, 5 * GIB, MEM_USABLE, 0, 0 },
};

static struct finding findings[8];
static struct boot_info info;
static struct windows windows;

static void setup(void)
{
	info = (struct boot_info){ .ranges = ranges, .nr_ranges = ARRAY_SIZE(ranges),
				   .findings = findings, .max_findings = ARRAY_SIZE(findings) };
	info.framebuffer = (struct framebuffer_info){ .base_pa = SCREEN_PA,
						      .size_bytes = SCREEN_BYTES };
	info.uart = (struct uart_info){ UART_MEMORY, UART_PA, 0, 4 };
	windows_fill(&windows, &info, APIC_PA, PHYSICAL_BITS);
}

static enum window_verdict judge(uint64_t pa, uint64_t bytes)
{
	return windows_judge(&windows, &info, pa, bytes, false);
}

static void sound_devices_are_kept(void)
{
	setup();
	CHECK_EQ(info.nr_findings, 0);
	CHECK_EQ(info.framebuffer.base_pa, SCREEN_PA);
	CHECK_EQ(info.uart.space, UART_MEMORY);
	CHECK(windows_hold(&windows, APIC_PA, APIC_PA + PAGE_SIZE));
	CHECK(windows_hold(&windows, SCREEN_PA, SCREEN_PA + SCREEN_BYTES));
	CHECK(windows_hold(&windows, UART_PA, UART_PA + PAGE_SIZE));
	CHECK(!windows_hold(&windows, SCREEN_PA, SCREEN_PA + SCREEN_BYTES + 1));
	CHECK(!windows_hold(&windows, APIC_PA - 1, APIC_PA + 1));
	CHECK(windows.of[DEVICE_SCREEN].is_write_combining);
	CHECK(!windows.of[DEVICE_APIC].is_write_combining);
	CHECK(!windows.of[DEVICE_UART].is_write_combining);
}

static void memory_of_every_kind_is_refused(void)
{
	setup();
	for (enum mem_type type = 0; type < NR_MEM_TYPES; type++) {
		bool is_device = type == MEM_MMIO || type == MEM_RESERVED;

		ranges[2].type = type;
		CHECK_EQ(judge(GIB + MIB, 64), is_device ? WINDOW_SOUND : WINDOW_IN_MEMORY);
	}
	ranges[2].type = MEM_ACPI_NVS;
	info.ranges = &ranges[2];
	info.nr_ranges = 1;
	CHECK_EQ(judge(GIB, 1), WINDOW_IN_MEMORY);
}

/* Whole pages count: what reaches into RAM with its last byte, or shares a page with it. */
static void edges_of_memory_are_exact(void)
{
	setup();
	CHECK_EQ(judge(GIB + 4 * MIB, PAGE_SIZE), WINDOW_SOUND);
	CHECK_EQ(judge(GIB + 4 * MIB - 1, 1), WINDOW_IN_MEMORY);
	CHECK_EQ(judge(4 * GIB - PAGE_SIZE, PAGE_SIZE), WINDOW_SOUND);
	CHECK_EQ(judge(4 * GIB - PAGE_SIZE, PAGE_SIZE + 1), WINDOW_IN_MEMORY);
	CHECK_EQ(judge(HOLE_PA, 5 * GIB), WINDOW_IN_MEMORY);
	ranges[5].start = 4 * GIB + 0x200;
	CHECK_EQ(judge(4 * GIB, 0x100), WINDOW_IN_MEMORY);
	ranges[5].start = 4 * GIB;
}

static void what_the_cpu_cannot_address_is_refused(void)
{
	setup();
	CHECK_EQ(judge((1ull << PHYSICAL_BITS) - PAGE_SIZE, PAGE_SIZE), WINDOW_SOUND);
	CHECK_EQ(judge((1ull << PHYSICAL_BITS) - PAGE_SIZE, PAGE_SIZE + 1), WINDOW_OUT_OF_REACH);
	CHECK_EQ(judge(1ull << PHYSICAL_BITS, 1), WINDOW_OUT_OF_REACH);
	CHECK_EQ(judge(UINT64_MAX - 3, 8), WINDOW_OUT_OF_REACH);
	CHECK_EQ(judge(HOLE_PA, UINT64_MAX), WINDOW_OUT_OF_REACH);
	CHECK_EQ(judge(HOLE_PA, 0), WINDOW_EMPTY);
	CHECK_EQ(judge(0, 1ull << PHYSICAL_BITS), WINDOW_IN_LEGACY);
	CHECK_EQ(judge(0, (1ull << PHYSICAL_BITS) + 1), WINDOW_OUT_OF_REACH);
	/* Page tables end where they end, whatever the CPU says. */
	windows_fill(&windows, &info, APIC_PA, 57);
	CHECK_EQ(windows.end_pa, 1ull << MAX_DEVICE_BITS);
	CHECK_EQ(judge(1ull << MAX_DEVICE_BITS, 1), WINDOW_OUT_OF_REACH);
	CHECK_EQ(judge((1ull << MAX_DEVICE_BITS) - 1, 1), WINDOW_SOUND);
}

/* The direct map has room for 64 TiB; RAM beyond it is not used, devices are. */
static void devices_above_the_direct_map_have_a_place_of_their_own(void)
{
	setup();
	CHECK_EQ(windows_va_of(&windows, SCREEN_PA + 5), DIRECT_MAP_START + SCREEN_PA + 5);
	info.framebuffer.base_pa = FAR_PA;
	info.uart = (struct uart_info){ UART_MEMORY, FAR_PA + SCREEN_BYTES + 8, 0, 4 };
	windows_fill(&windows, &info, APIC_PA, 50);
	CHECK_EQ(info.nr_findings, 0);
	CHECK_EQ(info.framebuffer.base_pa, FAR_PA);
	CHECK_EQ(windows_va_of(&windows, FAR_PA + 0x1234),
		 FAR_DEVICES_START + DEVICE_SCREEN * FAR_DEVICE_BYTES + 0x1234);
	CHECK_EQ(windows_va_of(&windows, info.uart.base),
		 FAR_DEVICES_START + DEVICE_UART * FAR_DEVICE_BYTES + 8);
	CHECK_EQ(windows_va_of(&windows, APIC_PA), DIRECT_MAP_START + APIC_PA);
	/* One that ends above it. */
	info.framebuffer.base_pa = (1ull << MAX_PHYS_BITS) - PAGE_SIZE;
	windows_fill(&windows, &info, APIC_PA, 50);
	CHECK_EQ(windows_va_of(&windows, info.framebuffer.base_pa),
		 FAR_DEVICES_START + DEVICE_SCREEN * FAR_DEVICE_BYTES);
	/* One that has no room there. */
	info.framebuffer.base_pa = FAR_PA;
	info.framebuffer.size_bytes = FAR_DEVICE_BYTES;
	windows_fill(&windows, &info, APIC_PA, 50);
	CHECK_EQ(info.framebuffer.base_pa, 0);
}

static void shadowed_rom_is_refused(void)
{
	setup();
	CHECK_EQ(judge(0xe0000, 8), WINDOW_IN_LEGACY);
	CHECK_EQ(judge(MIB - 1, 1), WINDOW_IN_LEGACY);
	info.nr_ranges = 0;
	CHECK_EQ(judge(MIB, 1), WINDOW_SOUND);
}

static void one_page_is_cached_one_way(void)
{
	setup();
	CHECK_EQ(judge(APIC_PA, PAGE_SIZE), WINDOW_SOUND);
	CHECK_EQ(windows_judge(&windows, &info, APIC_PA + 8, 1, true), WINDOW_SHARED);
	CHECK_EQ(windows_judge(&windows, &info, SCREEN_PA, SCREEN_BYTES, true), WINDOW_SOUND);
	CHECK_EQ(judge(SCREEN_PA + SCREEN_BYTES - 1, 1), WINDOW_SHARED);
	CHECK_EQ(judge(SCREEN_PA + SCREEN_BYTES, 1), WINDOW_SOUND);
	CHECK_EQ(judge(SCREEN_PA - PAGE_SIZE, PAGE_SIZE), WINDOW_SOUND);
	CHECK_EQ(judge(SCREEN_PA - PAGE_SIZE, 2 * PAGE_SIZE), WINDOW_SHARED);
}

static bool is_told(const char *part)
{
	return info.nr_findings == 1 && strcmp(findings[0].label, "DeviceOutOfPlace") == 0 &&
	       strstr(findings[0].text, part) != NULL;
}

/* @pa for one device: it is gone, its finding says why. */
static void screen_is_dropped(uint64_t pa, uint64_t bytes, const char *part)
{
	setup();
	info.framebuffer = (struct framebuffer_info){ .base_pa = pa, .size_bytes = bytes };
	windows_fill(&windows, &info, APIC_PA, PHYSICAL_BITS);
	CHECK_EQ(info.framebuffer.base_pa, 0);
	CHECK_EQ(windows.of[DEVICE_SCREEN].end_pa, 0);
	CHECK(is_told(part));
}

static void a_misplaced_screen_is_dropped(void)
{
	screen_is_dropped(0x10000000, SCREEN_BYTES, "the framebuffer at 0x10000000 lies in memory");
	screen_is_dropped(5 * GIB - PAGE_SIZE, SCREEN_BYTES, "lies in memory");
	screen_is_dropped(1ull << 45, SCREEN_BYTES, "lies beyond what this CPU can address");
	screen_is_dropped(SCREEN_PA, 0, "is empty");
	screen_is_dropped(APIC_PA + 8, 0, "is empty");
	screen_is_dropped(APIC_PA - MIB, 4 * MIB, "has a page with another device");
	screen_is_dropped(0xa0000, 0x10000, "lies below 1 MiB");
}

static void what_is_not_there_is_not_told(void)
{
	setup();
	info.framebuffer.base_pa = 0;
	info.uart.space = UART_NONE;
	windows_fill(&windows, &info, 0, PHYSICAL_BITS);
	CHECK_EQ(info.nr_findings, 0);
	for (enum device device = 0; device < NR_DEVICES; device++)
		CHECK_EQ(windows.of[device].end_pa, 0);
}

static void every_verdict_has_words(void)
{
	CHECK(strstr(window_verdict_text(WINDOW_SOUND), "sound") != NULL);
	for (enum window_verdict verdict = WINDOW_SOUND; verdict <= WINDOW_SHARED; verdict++)
		CHECK(window_verdict_text(verdict) != NULL);
}

static void a_screen_above_4_gib_is_kept(void)
{
	setup();
	info.framebuffer.base_pa = 5 * GIB;
	windows_fill(&windows, &info, APIC_PA, PHYSICAL_BITS);
	CHECK_EQ(info.framebuffer.base_pa, 5 * GIB);
	CHECK_EQ(info.nr_findings, 0);
}

static void uart_is_dropped(enum uart_space space, uint64_t base, const char *part)
{
	setup();
	info.uart = (struct uart_info){ space, base, 0, 1 };
	windows_fill(&windows, &info, APIC_PA, PHYSICAL_BITS);
	CHECK_EQ(info.uart.space, UART_NONE);
	CHECK(is_told(part));
}

static void a_misplaced_uart_is_dropped(void)
{
	uart_is_dropped(UART_MEMORY, 0xe0000, "the UART at 0xe0000 lies below 1 MiB");
	uart_is_dropped(UART_MEMORY, 0x700000000000, "lies beyond what this CPU can address");
	uart_is_dropped(UART_MEMORY, GIB - 4, "lies in memory");
	uart_is_dropped(UART_MEMORY, APIC_PA + 0x80, "has a page with another device");
	uart_is_dropped(UART_MEMORY, SCREEN_PA + SCREEN_BYTES - 1,
			"has a page with another device");
	uart_is_dropped(UART_PORT, 0x10000, "lies beyond all ports");
	uart_is_dropped(UART_PORT, 0xfff9, "lies beyond all ports");
}

/* Its eight registers, four bytes apart, reach into the next page. */
static void a_uart_takes_all_its_registers(void)
{
	setup();
	info.uart = (struct uart_info){ UART_MEMORY, UART_PA + PAGE_SIZE - 16, 0, 4 };
	windows_fill(&windows, &info, APIC_PA, PHYSICAL_BITS);
	CHECK_EQ(windows.of[DEVICE_UART].end_pa, UART_PA + 2 * PAGE_SIZE);
	info.uart = (struct uart_info){ UART_MEMORY, UART_PA, 0, 0 };
	windows_fill(&windows, &info, APIC_PA, PHYSICAL_BITS);
	CHECK_EQ(windows.of[DEVICE_UART].end_pa, UART_PA + PAGE_SIZE);
	info.uart = (struct uart_info){ UART_PORT, 0xfff8, 0, 0 };	/* the last that fits */
	windows_fill(&windows, &info, APIC_PA, PHYSICAL_BITS);
	CHECK_EQ(info.uart.space, UART_PORT);
	info.uart = (struct uart_info){ UART_PORT, 0x3f8, 0, 1 };
	windows_fill(&windows, &info, APIC_PA, PHYSICAL_BITS);
	CHECK_EQ(info.uart.space, UART_PORT);
	CHECK_EQ(windows.of[DEVICE_UART].end_pa, 0);
	CHECK_EQ(info.nr_findings, 0);
}

static const struct test_case cases[] = {
	{ "sound devices are kept", sound_devices_are_kept },
	{ "memory of every kind is refused", memory_of_every_kind_is_refused },
	{ "edges of memory are exact", edges_of_memory_are_exact },
	{ "what the CPU cannot address is refused", what_the_cpu_cannot_address_is_refused },
	{ "devices above the direct map have a place of their own",
	  devices_above_the_direct_map_have_a_place_of_their_own },
	{ "shadowed ROM is refused", shadowed_rom_is_refused },
	{ "one page is cached one way", one_page_is_cached_one_way },
	{ "a misplaced screen is dropped", a_misplaced_screen_is_dropped },
	{ "a screen above 4 GiB is kept", a_screen_above_4_gib_is_kept },
	{ "what is not there is not told", what_is_not_there_is_not_told },
	{ "every verdict has words", every_verdict_has_words },
	{ "a misplaced UART is dropped", a_misplaced_uart_is_dropped },
	{ "a UART takes all its registers", a_uart_takes_all_its_registers },
};

TEST_SUITE(windows, cases);
