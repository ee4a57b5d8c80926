/*
 * Lies about the memory map.
 *
 * Model
 *   GetMemoryMap is hooked. Each call gets the firmware's map into a buffer of
 *   ours, lets every lie that was told change the list, and hands it over with
 *   the stride that was asked for. The key is the firmware's own: leaving works.
 *
 *   What a lie takes away from conventional memory it cuts from the largest
 *   piece, of which there is enough.
 */

#include "tests/lies/lie.h"

#include "lib/string.h"

#define PAGE_BYTES		4096ull
#define NR_ENTRIES_MAX		16384u
#define BUFFER_BYTES		(1u << 20)
#define FOUR_GIB_END		0xFFFFFFFFull
#define TYPE_PERSISTENT		14u
#define TYPE_UNACCEPTED		15u
#define TYPE_OEM		0x70000001u
#define TYPE_OS			0x80000001u
#define ATTRIBUTE_SP		0x40000ull
#define ATTRIBUTE_NV		0x8000ull
#define ATTRIBUTE_WB		0x8ull

/* Above all RAM of the machines that are lied about. */
#define ABOVE_RAM		(64ull << 30)
/* README.md, Limits. */
#define DIRECT_MAP_REACH	(64ull << 40)

static EFI_MEMORY_DESCRIPTOR *entries;
static UINTN nr_entries, nr_calls;
static uint8_t *buffer;

static UINTN stride_bytes = 48;
static UINTN tail_bytes, nr_pieces, nr_pieces_per_call, nr_calls_to_fail_from = UINT64_MAX;
static uint64_t usable_bytes_max = UINT64_MAX;
static uint32_t tables_type = EfiACPIReclaimMemory;
static bool is_hiding_tables, is_reversed, is_overlapping, is_odd, is_special, is_size_unset,
	    is_swinging, is_all_reserved, is_empty;

static void add(uint32_t type, uint64_t start, uint64_t nr_pages, uint64_t attributes)
{
	if (nr_entries == NR_ENTRIES_MAX)
		lie_give_up("the map is full");
	entries[nr_entries++] = (EFI_MEMORY_DESCRIPTOR){
		.Type = type, .PhysicalStart = start, .NumberOfPages = nr_pages,
		.Attribute = attributes,
	};
}

static EFI_MEMORY_DESCRIPTOR *largest(void)
{
	EFI_MEMORY_DESCRIPTOR *found = NULL;

	for (UINTN i = 0; i < nr_entries; i++)
		if (entries[i].Type == EfiConventionalMemory &&
		    (!found || entries[i].NumberOfPages > found->NumberOfPages))
			found = &entries[i];
	if (!found)
		lie_give_up("no conventional memory");
	return found;
}

/* Cuts @nr_pages off the end of the largest piece; they become an entry of their own. */
static void cut_off(uint32_t type, uint64_t nr_pages, uint64_t attributes)
{
	EFI_MEMORY_DESCRIPTOR *piece = largest();

	if (piece->NumberOfPages <= nr_pages)
		lie_give_up("no piece is large enough");
	piece->NumberOfPages -= nr_pages;
	add(type, piece->PhysicalStart + piece->NumberOfPages * PAGE_BYTES, nr_pages, attributes);
}

static void add_odd_entries(void)
{
	cut_off(TYPE_OEM, 16, ATTRIBUTE_WB);
	cut_off(TYPE_OS, 16, ATTRIBUTE_WB);
	cut_off(EfiConventionalMemory, 16, ATTRIBUTE_WB);
	entries[nr_entries - 1].PhysicalStart += 0x800;
	entries[nr_entries - 1].NumberOfPages--;
	add(EfiConventionalMemory, 0x200000, 0, ATTRIBUTE_WB);
	add(EfiConventionalMemory, 0xFFFFFFFFFFFFF000ull, 1ull << 52, ATTRIBUTE_WB);
	add(EfiConventionalMemory, ABOVE_RAM, 1ull << 60, ATTRIBUTE_WB);
	add(EfiConventionalMemory, ABOVE_RAM + 0x800, 1, ATTRIBUTE_WB);
}

static void add_special_entries(void)
{
	add(TYPE_PERSISTENT, ABOVE_RAM, 1024, ATTRIBUTE_WB | ATTRIBUTE_NV);
	add(TYPE_UNACCEPTED, ABOVE_RAM + (8ull << 20), 1024, ATTRIBUTE_WB);
	cut_off(EfiConventionalMemory, 32, ATTRIBUTE_WB | ATTRIBUTE_SP);
	cut_off(EfiConventionalMemory, 32, 0);		/* cannot be cached */
	cut_off(EfiUnusableMemory, 32, ATTRIBUTE_WB);
	cut_off(EfiConventionalMemory, 32, ATTRIBUTE_WB | ATTRIBUTE_NV);
	add(EfiConventionalMemory, DIRECT_MAP_REACH, 512, ATTRIBUTE_WB);
}

static void limit_usable(void)
{
	uint64_t left_pages = usable_bytes_max / PAGE_BYTES;

	for (UINTN i = 0; i < nr_entries; i++) {
		EFI_MEMORY_DESCRIPTOR *entry = &entries[i];

		if (entry->Type == EfiBootServicesCode || entry->Type == EfiBootServicesData)
			entry->Type = EfiReservedMemoryType;
		if (entry->Type != EfiConventionalMemory || entry->PhysicalStart < 0x100000)
			continue;
		if (entry->NumberOfPages > left_pages)
			entry->NumberOfPages = left_pages;
		left_pages -= entry->NumberOfPages;
	}
}

static void change_types(void)
{
	UINTN nr_kept = 0;

	for (UINTN i = 0; i < nr_entries; i++) {
		bool is_tables = entries[i].Type == EfiACPIReclaimMemory ||
				 entries[i].Type == EfiACPIMemoryNVS;

		if (is_tables && is_hiding_tables)
			continue;
		if (is_tables && tables_type != EfiACPIReclaimMemory)
			entries[i].Type = tables_type;
		if (is_all_reserved)
			entries[i].Type = EfiReservedMemoryType;
		entries[nr_kept++] = entries[i];
	}
	nr_entries = nr_kept;
}

static void reverse(void)
{
	for (UINTN i = 0; i < nr_entries / 2; i++) {
		EFI_MEMORY_DESCRIPTOR other = entries[nr_entries - 1 - i];

		entries[nr_entries - 1 - i] = entries[i];
		entries[i] = other;
	}
}

static void change_map(void)
{
	change_types();
	if (usable_bytes_max != UINT64_MAX)
		limit_usable();
	for (UINTN i = 0; i < nr_pieces + nr_pieces_per_call * nr_calls; i++)
		cut_off(i % 2 ? EfiConventionalMemory : EfiBootServicesData, 1, ATTRIBUTE_WB);
	if (is_overlapping) {
		EFI_MEMORY_DESCRIPTOR *piece = largest();

		add(EfiReservedMemoryType, piece->PhysicalStart + 64 * PAGE_BYTES, 64,
		    ATTRIBUTE_WB);
		add(EfiConventionalMemory, piece->PhysicalStart, 32, ATTRIBUTE_WB);
	}
	if (is_odd)
		add_odd_entries();
	if (is_special)
		add_special_entries();
	if (is_reversed)
		reverse();
	if (is_empty)
		nr_entries = 0;
}

static EFI_STATUS read_true_map(UINTN *key, UINT32 *version)
{
	UINTN bytes = BUFFER_BYTES, true_stride = 0;
	EFI_STATUS status = true_get_memory_map(&bytes, (EFI_MEMORY_DESCRIPTOR *)buffer, key,
						&true_stride, version);

	nr_entries = 0;
	if (EFI_ERROR(status))
		return status;
	for (UINTN at = 0; at + true_stride <= bytes; at += true_stride)
		memcpy(&entries[nr_entries++], buffer + at, sizeof(*entries));
	return EFI_SUCCESS;
}

static EFIAPI EFI_STATUS get_memory_map(UINTN *bytes, EFI_MEMORY_DESCRIPTOR *to, UINTN *key,
					UINTN *descriptor_bytes, UINT32 *version)
{
	UINTN room_bytes = *bytes;
	EFI_STATUS status = read_true_map(key, version);

	if (EFI_ERROR(status) || nr_calls >= nr_calls_to_fail_from)
		return EFI_DEVICE_ERROR;
	change_map();
	nr_calls++;
	*bytes = nr_entries * stride_bytes + tail_bytes;
	if (*bytes > room_bytes || !to) {
		if (is_swinging && nr_calls % 2)
			*bytes /= 2;
		if (!is_size_unset)
			*descriptor_bytes = stride_bytes;
		return EFI_BUFFER_TOO_SMALL;
	}
	*descriptor_bytes = stride_bytes;
	memset(to, 0xFF, *bytes);
	for (UINTN i = 0; i < nr_entries; i++)
		memcpy((uint8_t *)to + i * stride_bytes, &entries[i], sizeof(*entries));
	return EFI_SUCCESS;
}

static void hook(void)
{
	if (entries)
		return;
	entries =
		lie_pages(EfiRuntimeServicesData, NR_ENTRIES_MAX * sizeof(*entries), FOUR_GIB_END);
	buffer = lie_pages(EfiRuntimeServicesData, BUFFER_BYTES, FOUR_GIB_END);
	lie_boot->GetMemoryMap = get_memory_map;
}

/* ---- What can be said ---- */

static void map_grows(const char *argument)
{
	nr_pieces_per_call = lie_number(argument, 1);
	hook();
}

static void map_fragments(const char *argument)
{
	nr_pieces = lie_number(argument, 100);
	hook();
}

static void map_stride(const char *argument)
{
	stride_bytes = lie_number(argument, 64);
	hook();
}

/* So many bytes follow the last entry. */
static void map_tail(const char *argument)
{
	tail_bytes = lie_number(argument, 24);
	hook();
}

static void map_usable(const char *argument)
{
	usable_bytes_max = lie_number(argument, 0);
	hook();
}

static void map_fails(const char *argument)
{
	nr_calls_to_fail_from = lie_number(argument, 0);
	hook();
}

/* The memory of the ACPI tables has another type. */
static void map_tables(const char *argument)
{
	tables_type = (uint32_t)lie_number(argument, EfiConventionalMemory);
	hook();
}

static void map_hides_tables(const char *argument)
{
	(void)argument;
	is_hiding_tables = true;
	hook();
}

static void map_unsorted(const char *argument)
{
	(void)argument;
	is_reversed = true;
	hook();
}

static void map_overlaps(const char *argument)
{
	(void)argument;
	is_overlapping = true;
	hook();
}

static void map_odd_entries(const char *argument)
{
	(void)argument;
	is_odd = true;
	hook();
}

static void map_special(const char *argument)
{
	(void)argument;
	is_special = true;
	hook();
}

/* The stride is told only when the call succeeds. */
static void map_size_unset(const char *argument)
{
	(void)argument;
	is_size_unset = true;
	hook();
}

/* Every other time too little room is asked for. */
static void map_swings(const char *argument)
{
	(void)argument;
	is_swinging = true;
	hook();
}

static void map_all_reserved(const char *argument)
{
	(void)argument;
	is_all_reserved = true;
	hook();
}

static void map_empty(const char *argument)
{
	(void)argument;
	is_empty = true;
	hook();
}

const struct lie map_lies[] = {
	{ "map_grows", map_grows },
	{ "map_fragments", map_fragments },
	{ "map_stride", map_stride },
	{ "map_tail", map_tail },
	{ "map_usable", map_usable },
	{ "map_fails", map_fails },
	{ "map_tables", map_tables },
	{ "map_hides_tables", map_hides_tables },
	{ "map_unsorted", map_unsorted },
	{ "map_overlaps", map_overlaps },
	{ "map_odd_entries", map_odd_entries },
	{ "map_special", map_special },
	{ "map_size_unset", map_size_unset },
	{ "map_swings", map_swings },
	{ "map_all_reserved", map_all_reserved },
	{ "map_empty", map_empty },
};

const unsigned nr_map_lies = ARRAY_SIZE(map_lies);
