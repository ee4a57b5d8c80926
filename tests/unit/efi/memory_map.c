/* The UEFI memory map: types, policies, and every oddity that must be survived. */

#include "efi/memory_map.h"

#include "lib/string.h"
#include "mm/assert.h"
#include "mm/range.h"
#include "tests/test.h"

#define WB		8ull
#define CONVENTIONAL	7u
#define RESERVED	0u
#define MIB(n)		((uint64_t)(n) << 20)
#define STRIDE		48u
#define NR_MAX		32u

static uint8_t map_bytes[NR_MAX * STRIDE];
static uint64_t arena_words[2048];
static uint32_t nr_entries;
static struct boot_info info;
static struct map_report report;

static void put64(uint8_t *at, uint64_t value)
{
	for (unsigned i = 0; i < 8; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

static void put(uint32_t type, uint64_t start, uint64_t nr_pages, uint64_t attributes)
{
	uint8_t *at = map_bytes + nr_entries++ * STRIDE;

	memset(at, 0xEE, STRIDE);		/* what is behind the known fields means nothing */
	put64(at, type);
	put64(at + 8, start);
	put64(at + 24, nr_pages);
	put64(at + 32, attributes);
}

static void begin(void)
{
	nr_entries = 0;
}

static enum status settle(const struct held_range *held, uint32_t nr_held)
{
	const struct memory_map map = { { map_bytes, nr_entries * STRIDE }, STRIDE };
	struct arena arena = { (unsigned char *)arena_words, sizeof(arena_words), 0 };

	info = (struct boot_info){ 0 };
	return memory_map_settle(&map, held, nr_held, 1ull << 46, &arena, &info, &report);
}

/* The type at @pa, NR_MEM_TYPES where nothing is. */
static enum mem_type type_at(uint64_t pa)
{
	for (uint32_t i = 0; i < info.nr_ranges; i++)
		if (pa >= info.ranges[i].start && pa < info.ranges[i].end)
			return info.ranges[i].type;
	return NR_MEM_TYPES;
}

static void types_mean_what_they_should(void)
{
	static const enum mem_type expected[] = {
		MEM_RESERVED, MEM_USABLE, MEM_USABLE, MEM_USABLE, MEM_USABLE, MEM_RUNTIME_CODE,
		MEM_RUNTIME_DATA, MEM_USABLE, MEM_UNUSABLE, MEM_ACPI_RECLAIM, MEM_ACPI_NVS,
		MEM_MMIO, MEM_MMIO, MEM_RESERVED, MEM_PERSISTENT, MEM_UNACCEPTED, MEM_UNKNOWN,
	};

	begin();
	for (uint32_t type = 0; type < ARRAY_SIZE(expected); type++)
		put(type, MIB(1 + type), 256, WB);
	put(0x80000001, MIB(100), 1, WB);
	CHECK_EQ(settle(NULL, 0), STATUS_OK);
	for (uint32_t type = 0; type < ARRAY_SIZE(expected); type++)
		CHECK_EQ(type_at(MIB(1 + type)), expected[type]);
	CHECK_EQ(type_at(MIB(100)), MEM_UNKNOWN);
	CHECK_EQ(report.nr_unknown_types, 2);
	CHECK_EQ(info.nr_firmware_pages, 17 * 256 + 1);
}

static void attributes_take_ram_away(void)
{
	begin();
	put(CONVENTIONAL, MIB(1), 256, WB);
	put(CONVENTIONAL, MIB(2), 256, 1);			/* uncached only */
	put(CONVENTIONAL, MIB(3), 256, WB | 0x40000);		/* special purpose */
	put(CONVENTIONAL, MIB(4), 256, WB | 0x8000);		/* non-volatile: the type decides */
	CHECK_EQ(settle(NULL, 0), STATUS_OK);
	CHECK_EQ(type_at(MIB(1)), MEM_USABLE);
	CHECK_EQ(type_at(MIB(2)), MEM_NOT_CACHED);
	CHECK_EQ(type_at(MIB(3)), MEM_SOFT_RESERVED);
	CHECK_EQ(type_at(MIB(4)), MEM_USABLE);
	CHECK_EQ(report.nr_not_cached, 1);
	CHECK_EQ(report.nr_soft_reserved, 1);
	CHECK_EQ(report.nr_non_volatile, 1);
}

static void the_first_mib_is_kept_out(void)
{
	begin();
	put(CONVENTIONAL, 0, 1024, WB);
	CHECK_EQ(settle(NULL, 0), STATUS_OK);
	CHECK_EQ(type_at(0), MEM_RESERVED);
	CHECK_EQ(type_at(0x1000), MEM_LOW);
	CHECK_EQ(type_at(0x9FFFF), MEM_LOW);
	CHECK_EQ(type_at(0xA0000), MEM_RESERVED);
	CHECK_EQ(type_at(0xFFFFF), MEM_RESERVED);
	CHECK_EQ(type_at(MIB(1)), MEM_USABLE);
}

static void what_is_held_is_the_kernels(void)
{
	const struct held_range held[] = {
		{ 0x8000, 0x9000, false }, { MIB(2) + 5, MIB(2) + 4097, false }, { 0, 0, false },
	};

	begin();
	put(CONVENTIONAL, 0, 1024, WB);
	CHECK_EQ(settle(held, 3), STATUS_OK);
	CHECK_EQ(type_at(0x8000), MEM_KERNEL);
	CHECK_EQ(type_at(0x9000), MEM_LOW);
	CHECK_EQ(type_at(MIB(2)), MEM_KERNEL);
	CHECK_EQ(type_at(MIB(2) + 4096), MEM_KERNEL);
	CHECK_EQ(type_at(MIB(2) + 8192), MEM_USABLE);
}

/* Of what would be usable; what this program holds it holds. */
static void what_is_bad_is_unusable(void)
{
	const struct held_range held[] = {
		{ MIB(2), MIB(2) + 4096, false },
		{ MIB(2) - 4096, MIB(2) + 8192, true },
		{ MIB(6), MIB(6) + 4096, true },
		{ 0x8000, 0x9000, true },
	};

	begin();
	put(CONVENTIONAL, 0, 1024, WB);
	put(6, MIB(6), 1, WB);
	CHECK_EQ(settle(held, 4), STATUS_OK);
	CHECK_EQ(type_at(MIB(2) - 1), MEM_UNUSABLE);
	CHECK_EQ(type_at(MIB(2)), MEM_KERNEL);
	CHECK_EQ(type_at(MIB(2) + 4096), MEM_UNUSABLE);
	CHECK_EQ(type_at(MIB(2) + 8192), MEM_USABLE);
	CHECK_EQ(type_at(MIB(6)), MEM_RUNTIME_DATA);
	CHECK_EQ(type_at(0x8000), MEM_UNUSABLE);
	CHECK_EQ(range_bytes_in(info.ranges, info.nr_ranges, MEM_UNUSABLE, MIB(2), MIB(3)), 4096);
	CHECK_EQ(range_bytes_in(info.ranges, info.nr_ranges, MEM_UNUSABLE, 0, MIB(2)), 8192);
	CHECK_EQ(range_bytes_of(info.ranges, info.nr_ranges, MEM_UNUSABLE), 12288);
}

static void bad_entries_are_dropped_alone(void)
{
	begin();
	put(CONVENTIONAL, MIB(8), 0, WB);
	put(CONVENTIONAL, UINT64_MAX - 4095, 2, WB);
	put(CONVENTIONAL, UINT64_MAX - 4095, 1, WB);		/* the page left out, alone */
	put(CONVENTIONAL, MIB(8), 1ull << 52, WB);
	put(CONVENTIONAL, MIB(8), UINT64_MAX, WB);
	put(CONVENTIONAL, MIB(9) + 8, 1, WB);			/* no whole page */
	put(CONVENTIONAL, MIB(10) + 8, 3, WB);			/* two whole pages */
	put(CONVENTIONAL, MIB(1), 256, WB);
	CHECK_EQ(settle(NULL, 0), STATUS_OK);
	CHECK_EQ(report.nr_empty, 1);
	CHECK_EQ(report.nr_wrapping, 4);
	CHECK_EQ(report.nr_unaligned, 2);
	CHECK_EQ(report.nr_lost_to_alignment, 1);
	CHECK_EQ(info.nr_ranges, 2);
	CHECK_EQ(type_at(MIB(1)), MEM_USABLE);
	CHECK_EQ(type_at(MIB(10)), NR_MEM_TYPES);
	CHECK_EQ(type_at(MIB(10) + 4096), MEM_USABLE);
	CHECK_EQ(type_at(MIB(10) + 3 * 4096), NR_MEM_TYPES);
}

static void an_end_of_2_to_the_64_is_legal(void)
{
	begin();
	put(CONVENTIONAL, MIB(1), 256, WB);
	put(11, UINT64_MAX - 8191, 2, 1);
	CHECK_EQ(settle(NULL, 0), STATUS_OK);
	CHECK_EQ(report.nr_wrapping, 0);
	CHECK_EQ(type_at(UINT64_MAX - 8191), MEM_MMIO);
}

static void overlaps_are_settled_and_counted(void)
{
	begin();
	put(RESERVED, MIB(2), 256, WB);
	put(CONVENTIONAL, MIB(1), 1024, WB);
	put(CONVENTIONAL, MIB(4), 512, WB);
	CHECK_EQ(settle(NULL, 0), STATUS_OK);
	CHECK(!report.is_sorted);
	CHECK_EQ(type_at(MIB(1)), MEM_USABLE);
	CHECK_EQ(type_at(MIB(2)), MEM_RESERVED);
	CHECK_EQ(type_at(MIB(3)), MEM_USABLE);
	CHECK_EQ(type_at(MIB(5)), MEM_USABLE);
	CHECK_EQ(info.nr_overlap_pages, 256 + 256);
	CHECK_EQ(range_bytes_of(info.ranges, info.nr_ranges, MEM_USABLE), MIB(4));
}

static void ram_beyond_the_direct_map_is_left_out(void)
{
	begin();
	put(CONVENTIONAL, (1ull << 46) - MIB(1), 512, WB);
	CHECK_EQ(settle(NULL, 0), STATUS_OK);
	CHECK_EQ(report.beyond_reach_bytes, MIB(1));
	CHECK_EQ(type_at((1ull << 46) - 1), MEM_USABLE);
	CHECK_EQ(type_at(1ull << 46), MEM_SOFT_RESERVED);
}

static void maps_without_usable_memory_are_fatal(void)
{
	begin();
	CHECK_EQ(settle(NULL, 0), STATUS_ABSENT);
	put(RESERVED, MIB(1), 256, WB);
	CHECK_EQ(settle(NULL, 0), STATUS_ABSENT);
	put(CONVENTIONAL, 0, 256, WB);		/* the first MiB alone */
	CHECK_EQ(settle(NULL, 0), STATUS_ABSENT);
}

static void descriptor_sizes(void)
{
	struct memory_map map = { { map_bytes, 100 }, 0 };
	uint32_t nr;

	CHECK_EQ(memory_map_measure(&map, &nr), STATUS_BAD_LENGTH);
	map.descriptor_bytes = 39;
	CHECK_EQ(memory_map_measure(&map, &nr), STATUS_BAD_LENGTH);
	map.descriptor_bytes = 40;
	CHECK_EQ(memory_map_measure(&map, &nr), STATUS_OK);
	CHECK_EQ(nr, 2);
	map.descriptor_bytes = UINT64_MAX;
	CHECK_EQ(memory_map_measure(&map, &nr), STATUS_ABSENT);
	map.bytes.bytes = NULL;
	CHECK_EQ(memory_map_measure(&map, &nr), STATUS_ABSENT);
}

static void the_tail_is_ignored(void)
{
	const struct memory_map map = { { map_bytes, STRIDE + 40 }, STRIDE };
	struct arena arena = { (unsigned char *)arena_words, sizeof(arena_words), 0 };

	begin();
	put(CONVENTIONAL, MIB(1), 256, WB);
	put(CONVENTIONAL, MIB(2), 256, WB);
	info = (struct boot_info){ 0 };
	CHECK_EQ(memory_map_settle(&map, NULL, 0, 1ull << 46, &arena, &info, &report), STATUS_OK);
	CHECK_EQ(report.tail_bytes, 40);
	CHECK_EQ(type_at(MIB(2)), NR_MEM_TYPES);
}

static void an_arena_that_is_too_small_is_noticed(void)
{
	const struct memory_map map = { { map_bytes, 2 * STRIDE }, STRIDE };
	uint64_t needed = memory_map_arena_bytes(2, 0);
	struct arena arena = { (unsigned char *)arena_words, needed - 8, 0 };

	begin();
	put(CONVENTIONAL, MIB(1), 256, WB);
	put(CONVENTIONAL, MIB(2), 256, WB);
	info = (struct boot_info){ 0 };
	CHECK_EQ(memory_map_settle(&map, NULL, 0, 1ull << 46, &arena, &info, &report),
		 STATUS_NO_MEMORY);
	arena = (struct arena){ (unsigned char *)arena_words, needed, 0 };
	CHECK_EQ(memory_map_settle(&map, NULL, 0, 1ull << 46, &arena, &info, &report), STATUS_OK);
	CHECK_EQ(arena.used_bytes, needed);
}

static void random_maps_keep_the_rules(void)
{
	for (unsigned round = 0; round < 200; round++) {
		struct violation violation;
		const struct held_range held = { MIB(3), MIB(3) + 8192, false };

		begin();
		put(CONVENTIONAL, MIB(1), 4096, WB);
		while (nr_entries < NR_MAX)
			put((uint32_t)test_random_below(17), test_random_below(MIB(20)),
			    test_random_below(1024), test_random_below(2) ? WB : 1);
		if (settle(&held, 1) == STATUS_OK)
			CHECK(range_verify(info.ranges, info.nr_ranges, &violation));
	}
}

static const struct test_case cases[] = {
	{ "types mean what they should", types_mean_what_they_should },
	{ "attributes take ram away", attributes_take_ram_away },
	{ "the first mib is kept out", the_first_mib_is_kept_out },
	{ "what is held is the kernels", what_is_held_is_the_kernels },
	{ "what is bad is unusable", what_is_bad_is_unusable },
	{ "bad entries are dropped alone", bad_entries_are_dropped_alone },
	{ "an end of 2 to the 64 is legal", an_end_of_2_to_the_64_is_legal },
	{ "overlaps are settled and counted", overlaps_are_settled_and_counted },
	{ "ram beyond the direct map is left out", ram_beyond_the_direct_map_is_left_out },
	{ "maps without usable memory are fatal", maps_without_usable_memory_are_fatal },
	{ "descriptor sizes", descriptor_sizes },
	{ "the tail is ignored", the_tail_is_ignored },
	{ "an arena that is too small is noticed", an_arena_that_is_too_small_is_noticed },
	{ "random maps keep the rules", random_maps_keep_the_rules },
};

TEST_SUITE(memory_map, cases);
