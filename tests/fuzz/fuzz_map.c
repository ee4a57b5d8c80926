/*
 * The memory map: byte 0 is the descriptor size, the rest descriptors. Every
 * list that comes out keeps the rules of mm/range and of the policy.
 */

#include "tests/fuzz/input.h"

#include "efi/memory_map.h"
#include "mm/assert.h"
#include "mm/range.h"

#define NR_HELD	2u

static void check_list(const struct boot_info *info)
{
	struct violation violation;

	if (!range_verify(info->ranges, info->nr_ranges, &violation))
		abort();
	for (uint32_t i = 0; i < info->nr_ranges; i++)
		if (info->ranges[i].type == MEM_USABLE &&
		    (info->ranges[i].start < 0x100000 || info->ranges[i].end > 1ull << 46))
			abort();
	if (info->nr_overlap_pages > info->nr_firmware_pages)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct held_range held[NR_HELD] = { { 0x8000, 0x9000, false },
							 { 0x200000, 0x280000, false } };
	struct memory_map map;
	struct map_report report;
	struct boot_info info = { 0 };
	struct arena arena = { 0 };
	uint8_t *copy;
	uint32_t nr = 0;

	if (size == 0)
		return 0;
	copy = fuzz_array(size - 1, 1);
	memcpy(copy, data + 1, size - 1);
	map = (struct memory_map){ { copy, size - 1 }, data[0] };
	if (memory_map_measure(&map, &nr) != STATUS_OK)
		nr = 0;
	arena.size_bytes = memory_map_arena_bytes(nr, NR_HELD);
	arena.base = fuzz_array(arena.size_bytes, 1);
	if (memory_map_settle(&map, held, NR_HELD, 1ull << 46, &arena, &info, &report) == STATUS_OK)
		check_list(&info);
	free(arena.base);
	free(copy);
	return 0;
}
