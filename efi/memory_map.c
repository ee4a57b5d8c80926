/*
 * From the UEFI memory map to typed, settled ranges.
 *
 * Model
 *   The map is an array of descriptors with a stride that firmware tells
 *   (UEFI 2.10, 7.2.3). Each valid one becomes a struct mem_range; mm/range
 *   aligns, sorts and settles them; then policy is laid over what is usable:
 *   page 0, the first MiB, memory out of reach, memory we hold ourselves.
 *
 * Rules
 *   - conventional, loader and boot-services memory is RAM, if it can be cached
 *     for write-back and is not set aside (EFI_MEMORY_SP)
 *   - page 0 and 0xA0000 to 1 MiB never are RAM, whatever the map says
 *   - the rest of the first MiB is RAM, but not the allocator's: firmware has
 *     been seen to write there after the hand-over
 *   - an empty, wrapping or unaligned-to-nothing descriptor is dropped and
 *     counted; no other descriptor suffers
 *   - no array is longer than the descriptors that are really there ask for
 *
 * Locking
 *   None.
 */

#include "efi/memory_map.h"

#include "lib/align.h"
#include "log.h"
#include "mm/config.h"
#include "mm/range.h"

/* EFI_MEMORY_TYPE */
enum efi_type {
	EFI_RESERVED, EFI_LOADER_CODE, EFI_LOADER_DATA, EFI_BOOT_CODE, EFI_BOOT_DATA,
	EFI_RUNTIME_CODE, EFI_RUNTIME_DATA, EFI_CONVENTIONAL, EFI_UNUSABLE, EFI_ACPI_RECLAIM,
	EFI_ACPI_NVS, EFI_MMIO, EFI_MMIO_PORT, EFI_PAL_CODE, EFI_PERSISTENT, EFI_UNACCEPTED,
	NR_EFI_TYPES
};

/* Attribute bits. */
#define ATTRIBUTE_WB		0x8ull
#define ATTRIBUTE_NV		0x8000ull
#define ATTRIBUTE_SP		0x40000ull

/* Offsets in a descriptor. */
#define DESCRIPTOR_TYPE		0u
#define DESCRIPTOR_START	8u
#define DESCRIPTOR_PAGES	24u
#define DESCRIPTOR_ATTRIBUTES	32u

/* The largest maps seen have some hundreds; this one would be 48 MiB long. */
#define DESCRIPTORS_MAX		(1u << 20)

#define LOW_END			0x100000ull
#define VGA_START		0xA0000ull

/* Retyping page 0, the VGA hole, low memory, memory out of reach: two edges each. */
#define POLICY_SPLITS		8u

const char *efi_type_name(uint32_t efi_type)
{
	switch ((enum efi_type)efi_type) {
	case EFI_RESERVED: return "Reserved";
	case EFI_LOADER_CODE: return "Loader Code";
	case EFI_LOADER_DATA: return "Loader Data";
	case EFI_BOOT_CODE: return "Boot Code";
	case EFI_BOOT_DATA: return "Boot Data";
	case EFI_RUNTIME_CODE: return "Runtime Code";
	case EFI_RUNTIME_DATA: return "Runtime Data";
	case EFI_CONVENTIONAL: return "Conventional";
	case EFI_UNUSABLE: return "Unusable";
	case EFI_ACPI_RECLAIM: return "ACPI Reclaim";
	case EFI_ACPI_NVS: return "ACPI Mem NVS";
	case EFI_MMIO: return "MMIO";
	case EFI_MMIO_PORT: return "MMIO Port";
	case EFI_PAL_CODE: return "PAL Code";
	case EFI_PERSISTENT: return "Persistent";
	case EFI_UNACCEPTED: return "Unaccepted";
	case NR_EFI_TYPES: break;
	}
	return "Unknown";
}

static enum mem_type ram_type(uint64_t attributes)
{
	if (attributes & ATTRIBUTE_SP)
		return MEM_SOFT_RESERVED;
	return attributes & ATTRIBUTE_WB ? MEM_USABLE : MEM_NOT_CACHED;
}

bool efi_type_is_unusable(uint32_t efi_type)
{
	return efi_type == EFI_UNUSABLE;
}

static enum mem_type type_of(uint32_t efi_type, uint64_t attributes)
{
	switch ((enum efi_type)efi_type) {
	case EFI_LOADER_CODE:
	case EFI_LOADER_DATA:
	case EFI_BOOT_CODE:
	case EFI_BOOT_DATA:
	case EFI_CONVENTIONAL:
		return ram_type(attributes);
	case EFI_RESERVED:
	case EFI_PAL_CODE:
		return MEM_RESERVED;
	case EFI_RUNTIME_CODE: return MEM_RUNTIME_CODE;
	case EFI_RUNTIME_DATA: return MEM_RUNTIME_DATA;
	case EFI_UNUSABLE: return MEM_UNUSABLE;
	case EFI_ACPI_RECLAIM: return MEM_ACPI_RECLAIM;
	case EFI_ACPI_NVS: return MEM_ACPI_NVS;
	case EFI_MMIO:
	case EFI_MMIO_PORT:
		return MEM_MMIO;
	case EFI_PERSISTENT: return MEM_PERSISTENT;
	case EFI_UNACCEPTED: return MEM_UNACCEPTED;
	case NR_EFI_TYPES: break;
	}
	return MEM_UNKNOWN;
}

enum status memory_map_measure(const struct memory_map *map, uint32_t *nr_descriptors)
{
	uint64_t count;

	*nr_descriptors = 0;
	if (!map->bytes.bytes)
		return STATUS_ABSENT;
	if (map->descriptor_bytes < DESCRIPTOR_MIN_BYTES)
		return STATUS_BAD_LENGTH;
	count = map->bytes.length / map->descriptor_bytes;
	if (count == 0)
		return STATUS_ABSENT;
	if (count > DESCRIPTORS_MAX)
		return STATUS_TOO_MANY;
	*nr_descriptors = (uint32_t)count;
	return STATUS_OK;
}

/* The settled list: two pieces per descriptor, and what policy splits off. */
static uint64_t settled_capacity(uint32_t nr_descriptors, uint32_t nr_held)
{
	return 2 * (uint64_t)nr_descriptors + POLICY_SPLITS + 2 * (uint64_t)nr_held;
}

uint64_t memory_map_arena_bytes(uint32_t nr_descriptors, uint32_t nr_held)
{
	return arena_bytes_for(nr_descriptors, sizeof(struct mem_range)) +
	       arena_bytes_for(nr_descriptors, sizeof(uint32_t)) +
	       arena_bytes_for(settled_capacity(nr_descriptors, nr_held), sizeof(struct mem_range));
}

static void count_oddities(const struct mem_range *range, struct map_report *report)
{
	report->nr_unaligned += !is_aligned(range->start, PAGE_SIZE);
	report->nr_unknown_types += range->type == MEM_UNKNOWN;
	report->nr_not_cached += range->type == MEM_NOT_CACHED;
	report->nr_soft_reserved += range->type == MEM_SOFT_RESERVED;
	report->nr_non_volatile += range->type == MEM_USABLE &&
				   (range->attributes & ATTRIBUTE_NV) != 0;
}

/* False when the descriptor at @at is dropped. */
static bool read_descriptor(const uint8_t *at, struct mem_range *range, struct map_report *report)
{
	uint64_t start = read_le64(at + DESCRIPTOR_START);
	uint64_t nr_pages = read_le64(at + DESCRIPTOR_PAGES);
	uint64_t end = start + (nr_pages << PAGE_SHIFT);

	if (nr_pages == 0) {
		report->nr_empty++;
		return false;
	}
	/* An end of exactly 2^64 is legal: the page that cannot be written down is left out. */
	if (end == 0)
		end = align_down(UINT64_MAX, PAGE_SIZE);
	if (nr_pages > UINT64_MAX >> PAGE_SHIFT || end <= start) {
		report->nr_wrapping++;
		return false;
	}
	*range = (struct mem_range){
		.start = start,
		.end = end,
		.efi_type = read_le32(at + DESCRIPTOR_TYPE),
		.attributes = read_le64(at + DESCRIPTOR_ATTRIBUTES),
	};
	range->type = type_of(range->efi_type, range->attributes);
	count_oddities(range, report);
	return true;
}

static uint32_t read_descriptors(const struct memory_map *map, uint32_t nr_descriptors,
				 struct mem_range *ranges, struct map_report *report)
{
	uint32_t nr_valid = 0;

	*report = (struct map_report){ .nr_descriptors = nr_descriptors, .is_sorted = true };
	report->tail_bytes = map->bytes.length % map->descriptor_bytes;
	for (uint32_t i = 0; i < nr_descriptors; i++) {
		const uint8_t *at = map->bytes.bytes + (uint64_t)i * map->descriptor_bytes;

		if (!read_descriptor(at, &ranges[nr_valid], report))
			continue;
		if (nr_valid > 0 && ranges[nr_valid].start < ranges[nr_valid - 1].start)
			report->is_sorted = false;
		nr_valid++;
	}
	return nr_valid;
}

static uint64_t count_pages(const struct mem_range *ranges, uint32_t nr_ranges)
{
	uint64_t nr_pages = 0;

	for (uint32_t i = 0; i < nr_ranges; i++)
		nr_pages += (ranges[i].end - ranges[i].start) >> PAGE_SHIFT;
	return nr_pages;
}

/* One thing policy says about what is still usable. */
struct policy {
	uint64_t start, end;
	enum mem_type type;
};

static enum status apply_policy(struct boot_info *info, uint64_t capacity,
				const struct policy *policy)
{
	return range_retype(info->ranges, &info->nr_ranges, (uint32_t)capacity, policy->start,
			    policy->end, MEM_USABLE, policy->type);
}

/*
 * What we hold comes before the first MiB: the trampoline lies in there. What
 * is not usable to begin with stays what firmware says.
 */
static enum status apply_policies(struct boot_info *info, uint64_t capacity, uint64_t reach_end,
				  const struct held_range *held, uint32_t nr_held)
{
	const struct policy policies[] = {
		{ 0, LOW_END, MEM_LOW },
		{ reach_end, UINT64_MAX, MEM_SOFT_RESERVED },	/* no place for a device */
	};
	const struct policy never_ram[] = {
		{ 0, PAGE_SIZE, MEM_RESERVED },
		{ VGA_START, LOW_END, MEM_RESERVED },
	};
	enum status status = STATUS_OK;

	for (unsigned i = 0; i < ARRAY_SIZE(never_ram) && status == STATUS_OK; i++)
		status = apply_policy(info, capacity, &never_ram[i]);
	for (uint32_t i = 0; i < nr_held && status == STATUS_OK; i++) {
		const struct policy mine = { align_down(held[i].start, PAGE_SIZE),
					     align_up(held[i].end, PAGE_SIZE),
					     held[i].is_bad ? MEM_UNUSABLE : MEM_KERNEL };

		status = apply_policy(info, capacity, &mine);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(policies) && status == STATUS_OK; i++)
		status = apply_policy(info, capacity, &policies[i]);
	return status;
}

static uint64_t usable_bytes_from(const struct boot_info *info, uint64_t start)
{
	uint64_t sum_bytes = 0;

	for (uint32_t i = 0; i < info->nr_ranges; i++)
		if (info->ranges[i].type == MEM_USABLE && info->ranges[i].end > start)
			sum_bytes += info->ranges[i].end - max_u64(info->ranges[i].start, start);
	return sum_bytes;
}

enum status memory_map_settle(const struct memory_map *map, const struct held_range *held,
			      uint32_t nr_held, uint64_t reach_end, struct arena *arena,
			      struct boot_info *info, struct map_report *report)
{
	uint32_t nr_descriptors, nr_valid;
	uint64_t capacity;
	struct mem_range *ranges;
	uint32_t *heap;
	enum status status = memory_map_measure(map, &nr_descriptors);

	*report = (struct map_report){ 0 };
	if (status != STATUS_OK)
		return status;
	capacity = settled_capacity(nr_descriptors, nr_held);
	ranges = arena_take(arena, nr_descriptors, sizeof(*ranges));
	heap = arena_take(arena, nr_descriptors, sizeof(*heap));
	info->ranges = arena_take(arena, capacity, sizeof(*info->ranges));
	if (!ranges || !heap || !info->ranges)
		return STATUS_NO_MEMORY;

	nr_valid = read_descriptors(map, nr_descriptors, ranges, report);
	report->nr_lost_to_alignment = nr_valid;
	nr_valid = range_align(ranges, nr_valid);
	report->nr_lost_to_alignment -= nr_valid;
	range_sort(ranges, nr_valid);
	status = range_settle(ranges, nr_valid, heap, info->ranges, (uint32_t)capacity,
			      &info->nr_ranges);
	if (status != STATUS_OK)
		return status;
	info->nr_firmware_pages = count_pages(ranges, nr_valid);
	info->nr_overlap_pages = info->nr_firmware_pages -
				 count_pages(info->ranges, info->nr_ranges);
	report->beyond_reach_bytes = usable_bytes_from(info, reach_end);
	status = apply_policies(info, capacity, reach_end, held, nr_held);
	if (status != STATUS_OK)
		return status;
	info->nr_ranges = range_merge(info->ranges, info->nr_ranges);
	return usable_bytes_from(info, 0) > 0 ? STATUS_OK : STATUS_ABSENT;
}

void memory_map_log(const struct boot_info *info)
{
	for (uint32_t i = 0; i < info->nr_ranges; i++) {
		const struct mem_range *range = &info->ranges[i];
		char what[64];

		format_text(what, sizeof(what), "[%-12s|%-13s|attr=0x%llx]",
			    efi_type_name(range->efi_type), mem_type_name(range->type),
			    (unsigned long long)range->attributes);
		log_line(LOG_INFO, "efi: mem%02u: %s range=[0x%016llx-0x%016llx] (%lluMB)", i, what,
			 (unsigned long long)range->start, (unsigned long long)range->end - 1,
			 (unsigned long long)(range->end - range->start) >> 20);
	}
}
