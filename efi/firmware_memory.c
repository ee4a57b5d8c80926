/*
 * Memory from the firmware, and its map of it.
 *
 * Model
 *   The map's buffer has twice the size that the firmware asked for plus 64
 *   descriptors, and is taken once: the map has been seen to grow and to shrink
 *   between any two calls, and after the first try to leave nothing more can be
 *   had.
 *
 * Locking
 *   None: boot services, one CPU.
 */

#include "efi/firmware_state.h"

#include "lib/align.h"
#include "lib/string.h"
#include "mm/types.h"

#define MAP_TRIES_MAX		16u	/* growing the buffer for the first map */
#define MAP_SLACK_DESCRIPTORS	64u
#define BAD_TRIES_MAX		4096u	/* each changes the firmware's map: some 10 us */
#define DESCRIPTOR_DEFAULT_BYTES 48u

#define TAKE_HIGHEST		((1ull << MAX_PHYS_BITS) - 1)

uint64_t try_take_pages(uint64_t nr_pages, uint64_t highest)
{
	EFI_PHYSICAL_ADDRESS pa = highest;

	if (EFI_ERROR(firmware.boot->AllocatePages(AllocateMaxAddress, EfiLoaderData, nr_pages,
						   &pa)))
		return 0;
	memset((void *)pa, 0, pages_to_bytes(nr_pages));
	return pa;
}

bool try_take_pages_at(uint64_t nr_pages, uint64_t pa)
{
	EFI_PHYSICAL_ADDRESS at = pa;

	return !EFI_ERROR(firmware.boot->AllocatePages(AllocateAddress, EfiLoaderData, nr_pages,
						       &at));
}

/* Takes what is free of @range: as a whole if it all is, else page by page for a while. */
static void take_bad_range(struct option_range range)
{
	uint64_t nr_pages = bytes_to_pages(range.end - range.start);

	if (try_take_pages_at(nr_pages, range.start))
		return;
	for (uint64_t i = 0; i < min_u64(nr_pages, BAD_TRIES_MAX); i++)
		(void)try_take_pages_at(1, range.start + pages_to_bytes(i));
}

void set_bad_pages(void)
{
	struct option_range ranges[OPTION_RANGES_MAX];
	uint32_t nr_ranges = options_ranges("badpages", ranges);

	for (uint32_t i = 0; i < OPTION_RANGES_MAX; i++) {
		struct held_range *held = &firmware.held[HELD_BAD + i];

		*held = (struct held_range){ .is_bad = true };
		if (i >= nr_ranges)
			continue;
		take_bad_range(ranges[i]);
		held->start = ranges[i].start;
		held->end = ranges[i].end;
	}
}

uint64_t take_pages(uint64_t bytes, const char *what)
{
	uint64_t pa = try_take_pages(bytes_to_pages(bytes), TAKE_HIGHEST);

	if (pa == 0)
		stop("firmware has no %llu KiB of memory for %s", (unsigned long long)bytes >> 10,
		     what);
	return pa;
}

void *take_pool(uint64_t bytes)
{
	void *taken = NULL;

	if (EFI_ERROR(firmware.boot->AllocatePool(EfiLoaderData, bytes, &taken)))
		return NULL;
	return taken;
}

/* ---- The memory map ---- */

EFI_STATUS get_map(void)
{
	UINTN map_bytes = firmware.map_capacity_bytes;
	UINTN descriptor_bytes = 0;
	EFI_STATUS status;

	status = firmware.boot->GetMemoryMap(&map_bytes,
					     (EFI_MEMORY_DESCRIPTOR *)firmware.map_buffer,
					     &firmware.map_key, &descriptor_bytes,
					     &firmware.map_version);
	firmware.map.bytes.length = map_bytes;
	/* Some firmware fills the size in only when the call succeeds. */
	if (!EFI_ERROR(status) || descriptor_bytes > 0)
		firmware.map.descriptor_bytes = descriptor_bytes;
	firmware.map.bytes.bytes = EFI_ERROR(status) ? NULL : firmware.map_buffer;
	return status;
}

void get_first_map(void)
{
	firmware.map.descriptor_bytes = DESCRIPTOR_DEFAULT_BYTES;
	for (unsigned i = 0; i < MAP_TRIES_MAX; i++) {
		EFI_STATUS status = get_map();
		uint64_t wanted_bytes;

		if (!EFI_ERROR(status) &&
		    firmware.map_capacity_bytes >= 2 * firmware.map.bytes.length)
			return;
		if (EFI_ERROR(status) && status != EFI_BUFFER_TOO_SMALL)
			stop("GetMemoryMap failed: 0x%llx", (unsigned long long)status);
		wanted_bytes = 2 * firmware.map.bytes.length +
			       MAP_SLACK_DESCRIPTORS * max_u64(firmware.map.descriptor_bytes,
							       DESCRIPTOR_DEFAULT_BYTES);
		if (wanted_bytes <= firmware.map_capacity_bytes)
			wanted_bytes = 2 * firmware.map_capacity_bytes;
		firmware.map_buffer = (UINT8 *)take_pages(wanted_bytes, "the memory map");
		firmware.map_capacity_bytes = pages_to_bytes(bytes_to_pages(wanted_bytes));
	}
	stop("GetMemoryMap never gave a map that fits the size it asked for");
}

uint32_t nr_descriptors_max(void)
{
	if (firmware.map.descriptor_bytes < DESCRIPTOR_MIN_BYTES)
		stop("the memory map's descriptors have %llu bytes",
		     (unsigned long long)firmware.map.descriptor_bytes);
	return (uint32_t)(firmware.map_capacity_bytes / firmware.map.descriptor_bytes);
}
