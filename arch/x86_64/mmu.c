/*
 * The kernel's address space: building it, entering it, flushing it.
 *
 * Model
 *   Built under firmware's identity map from a pool of pages that firmware gave:
 *     direct map   every RAM range of boot_info at DIRECT_MAP_START + pa, never
 *                  executable, adjoining ranges together so that large pages fit
 *     devices      framebuffer (write-combining), local APIC and a memory-mapped
 *                  UART (uncached), also at DIRECT_MAP_START + pa
 *     image        at IMAGE_START, text read-execute, rodata read-only, data
 *                  read-write; its bytes stay where the firmware loaded them
 *   Firmware's tables are never edited.
 *
 * Entering
 *   1  the image is mapped a second time, at the address it runs at now
 *   2  CR3 is loaded; execution jumps to the same instruction's high alias
 *   3  each relocated word that holds an address in the low image is moved up:
 *      code is position-independent, so only such words know where it runs
 *   4  descriptor tables are loaded, the low alias is unmapped, the kernel runs
 *   Words that boot code stored by hand (a sink, a callback) are not in the
 *   relocation table: who stored them registers them again in the kernel.
 *
 * Invariants
 *   M1  nothing below HIGH_HALF_START is mapped once the kernel runs, but the
 *       trampoline page while CPUs start
 *   M2  the direct map of the image's text and rodata is read-only
 *   M3  no frame has two different memory types among its mappings
 */

#include "arch/x86_64/mmu.h"

#include "arch.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/descriptors.h"
#include "arch/x86_64/insn.h"
#include "arch/x86_64/layout.h"
#include "arch/x86_64/smp.h"
#include "lib/align.h"
#include "lib/string.h"
#include "mm/vmalloc.h"

/* PAT: as after reset, but entry 1 (PWT alone) is write-combining (SDM 3A, 11.12.4). */
#define PAT_VALUE	0x0007040600070106ull

#define APIC_BASE_MASK		0x000ffffffffff000ull
#define MAX_IMAGE_BYTES		(64ull << 20)
#define DEVICE_TABLE_PAGES	64	/* framebuffer to 64 MiB unaligned, APIC, UART */
#define FIRST_LEVELS_PAGES	16	/* root, first vmemmap and vmalloc levels */

struct page_tables kernel_tables;

/* ELF64's dynamic section and relocations with addend (ELF-64 Object File Format, 12 and 6). */
struct dynamic_entry {
	uint64_t tag;
	uint64_t value;
};

struct relocation {
	uint64_t offset;
	uint64_t info;			/* type in the low 32 bits */
	uint64_t addend;
};

#define DYNAMIC_END		0u
#define DYNAMIC_RELA		7u
#define DYNAMIC_RELA_BYTES	8u
#define DYNAMIC_RELA_ENTRY	9u
#define RELOCATION_RELATIVE	8u	/* R_X86_64_RELATIVE, the only type crt0 applies too */

/* Made by the linker; its addresses are relative to the image's start. */
extern const struct dynamic_entry _DYNAMIC[] __attribute__((visibility("hidden")));

/* What enter_high() has to know; at the same place in both aliases. */
static struct {
	struct boot_info *info;
	void (*kernel)(struct boot_info *);
	uint64_t image_start, image_end;
} handover;

const struct boot_info *mmu_boot_info;

/* ---- The pool of boot ---- */

static struct {
	uint64_t start, end;		/* of the pool */
	uint64_t next;			/* the first page never used */
	uint64_t free_pa;		/* chain through the first word, PA_NONE at its end */
} pool = { .free_pa = PA_NONE };

static uint64_t *pool_word(uint64_t pa)
{
	return (uint64_t *)(kernel_tables.base + pa);
}

uint64_t mmu_take_boot_table(void *arg)
{
	uint64_t pa = pool.free_pa;

	(void)arg;
	if (pa != PA_NONE) {
		pool.free_pa = *pool_word(pa);
	} else {
		if (pool.next == pool.end)
			return PA_NONE;
		pa = pool.next;
		pool.next += PAGE_SIZE;
	}
	memset(pool_word(pa), 0, PAGE_SIZE);
	return pa;
}

bool mmu_is_boot_table(uint64_t pa)
{
	return pa >= pool.start && pa < pool.end;
}

void mmu_give_boot_table(uint64_t pa)
{
	ASSERT(mmu_is_boot_table(pa));

	*pool_word(pa) = pool.free_pa;
	pool.free_pa = pa;
}

/* ---- Which ranges are mapped ---- */

static bool is_direct_mapped(enum mem_type type)
{
	switch (type) {
	case MEM_USABLE:
	case MEM_KERNEL:
	case MEM_ACPI_RECLAIM:
	case MEM_ACPI_NVS:
	case MEM_RUNTIME_CODE:
	case MEM_RUNTIME_DATA:
	case MEM_LOW:
		return true;
	case MEM_NOT_CACHED:
	case MEM_SOFT_RESERVED:
	case MEM_PERSISTENT:
	case MEM_UNACCEPTED:
	case MEM_MMIO:
	case MEM_RESERVED:
	case MEM_UNUSABLE:
	case MEM_UNKNOWN:
	case NR_MEM_TYPES:
		return false;
	}
	return false;
}

/*
 * The next run of adjoining direct-mapped ranges at or after index *@next,
 * which moves past it. False when there is none.
 */
static bool next_run(const struct mem_range *ranges, uint32_t nr_ranges, uint32_t *next,
		     uint64_t *start, uint64_t *end)
{
	const uint64_t max_pa = 1ull << MAX_PHYS_BITS;
	uint32_t i = *next;

	while (i < nr_ranges && (!is_direct_mapped(ranges[i].type) || ranges[i].start >= max_pa))
		i++;
	if (i == nr_ranges)
		return false;
	*start = ranges[i].start;
	*end = ranges[i].end;
	for (i++; i < nr_ranges && ranges[i].start == *end && is_direct_mapped(ranges[i].type); i++)
		*end = ranges[i].end;
	*end = min_u64(*end, max_pa);
	*next = i;
	return true;
}

static bool is_in_ram(const struct boot_info *info, uint64_t start, uint64_t end)
{
	uint64_t run_start, run_end;
	uint32_t next = 0;

	while (next_run(info->ranges, info->nr_ranges, &next, &run_start, &run_end))
		if (start >= run_start && end <= run_end)
			return true;
	return false;
}

static bool overlaps_ram(const struct boot_info *info, uint64_t start, uint64_t end)
{
	uint64_t run_start, run_end;
	uint32_t next = 0;

	while (next_run(info->ranges, info->nr_ranges, &next, &run_start, &run_end))
		if (start < run_end && run_start < end)
			return true;
	return false;
}

/* ---- How many tables that takes ---- */

static uint64_t entries_touched(uint64_t start, uint64_t end, unsigned level)
{
	uint64_t bytes = level_bytes(level);

	return (align_up(end, bytes) - align_down(start, bytes)) / bytes;
}

/* Tables below the root for one run: whole levels above its leaves, edges below. */
static uint64_t tables_for_run(uint64_t start, uint64_t end)
{
	uint64_t nr_level3 = entries_touched(start, end, PT_LEVEL_ROOT);
	uint64_t nr_level2 = entries_touched(start, end, PT_LEVEL_1G);

	if (cpu_features.has_1g_pages)
		nr_level2 = min_u64(nr_level2, 2);
	return nr_level3 + nr_level2 + 2;
}

uint64_t arch_table_pages_needed(const struct mem_range *ranges, uint32_t nr_ranges)
{
	/* The image three times: high, its identity alias, and its split direct map. */
	uint64_t nr_pages = FIRST_LEVELS_PAGES + DEVICE_TABLE_PAGES +
			    3 * (3 + MAX_IMAGE_BYTES / level_bytes(PT_LEVEL_2M));
	uint64_t start, end;
	uint32_t next = 0;

	while (next_run(ranges, nr_ranges, &next, &start, &end))
		nr_pages += tables_for_run(start, end);
	return nr_pages;
}

/* ---- Building ---- */

static void map_at(uintptr_t va, uint64_t pa, uint64_t bytes, uint64_t bits)
{
	ASSERT(paging_map(&kernel_tables, va, pa, bytes, bits) == bytes);
}

static void map_ram(const struct boot_info *info)
{
	uint64_t start, end;
	uint32_t next = 0;

	while (next_run(info->ranges, info->nr_ranges, &next, &start, &end))
		map_at(DIRECT_MAP_START + start, start, end - start, KERNEL_READ_WRITE);
}

/* Maps a device's pages where the direct map would have them. A device in RAM is left alone. */
static void map_device(const struct boot_info *info, uint64_t pa, uint64_t bytes, uint64_t bits)
{
	uint64_t start = align_down(pa, PAGE_SIZE);
	uint64_t end = align_up(pa + bytes, PAGE_SIZE);

	if (!pa || end <= start || end > 1ull << MAX_PHYS_BITS || overlaps_ram(info, start, end))
		return;
	for (uint64_t at = start; at < end; at += PAGE_SIZE)
		if (paging_lookup(&kernel_tables, DIRECT_MAP_START + at) != PFN_NONE)
			return;
	map_at(DIRECT_MAP_START + start, start, end - start, bits);
}

/* The devices the kernel itself uses. */
enum device { DEVICE_SCREEN, DEVICE_APIC, DEVICE_UART, NR_DEVICES };

struct device_window {
	uint64_t pa, bytes;		/* 0, 0: there is none */
	uint64_t bits;
};

static struct device_window device_window(const struct boot_info *info, enum device device)
{
	const struct framebuffer_info *screen = &info->framebuffer;

	switch (device) {
	case DEVICE_SCREEN:
		return (struct device_window){ screen->base_pa, screen->size_bytes,
					       KERNEL_WRITE_COMBINING };
	case DEVICE_APIC:
		return (struct device_window){ rdmsr(MSR_APIC_BASE) & APIC_BASE_MASK, PAGE_SIZE,
					       KERNEL_UNCACHED };
	case DEVICE_UART:
		if (info->uart.space == UART_MEMORY)
			return (struct device_window){ info->uart.base, PAGE_SIZE,
						       KERNEL_UNCACHED };
		break;
	case NR_DEVICES:
		break;
	}
	return (struct device_window){ 0, 0, 0 };
}

static void map_devices(const struct boot_info *info)
{
	for (enum device device = 0; device < NR_DEVICES; device++) {
		struct device_window window = device_window(info, device);

		map_device(info, window.pa, window.bytes, window.bits);
	}
}

/* Maps the image by section at @va; @extra bits go to every part. */
static void map_image(const struct image_info *image, uintptr_t va, uint64_t extra)
{
	const uint64_t text_start = align_down(image->text_start, PAGE_SIZE);
	const uint64_t text_end = align_up(image->text_end, PAGE_SIZE);
	const uint64_t data_start = align_down(image->data_start, PAGE_SIZE);
	const uint64_t data_end = align_up(image->data_end, PAGE_SIZE);
	const struct { uint64_t start, end, bits; } parts[] = {
		{ image->start, text_start, PTE_NX },
		{ text_start, text_end, 0 },
		{ text_end, data_start, PTE_NX },	/* .reloc, .rodata */
		{ data_start, data_end, PTE_NX | PTE_WRITE },
		{ data_end, image->end, PTE_NX },	/* .dynamic, .rela, .dynsym */
	};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		ASSERT(parts[i].start <= parts[i].end);
		map_at(va + (parts[i].start - image->start), parts[i].start,
		       parts[i].end - parts[i].start, parts[i].bits | extra);
	}
}

/* M2: what must not change cannot be changed through the direct map either. */
static void protect_image_alias(const struct image_info *image)
{
	uint64_t bytes = align_down(image->data_start, PAGE_SIZE) - image->start;

	ASSERT(paging_protect(&kernel_tables, DIRECT_MAP_START + image->start, bytes,
			      KERNEL_READ_ONLY) == bytes);
}

/* A screen that is not mapped must not be written to: a finding instead. */
static void drop_unmapped_screen(struct boot_info *info)
{
	struct framebuffer_info *screen = &info->framebuffer;

	if (!screen->base_pa)
		return;
	for (uint64_t at = 0; at < screen->size_bytes; at += PAGE_SIZE) {
		if (paging_lookup(&kernel_tables, DIRECT_MAP_START + screen->base_pa + at) !=
		    PFN_NONE)
			continue;
		boot_info_add_finding(info, "ScreenOutOfReach", SEVERITY_LOW,
				      "the framebuffer at 0x%llx cannot be mapped: not used",
				      (unsigned long long)screen->base_pa);
		screen->base_pa = 0;
		return;
	}
}

static void build_tables(struct boot_info *info)
{
	pool.start = info->table_pool_start;
	pool.end = info->table_pool_end;
	pool.next = pool.start;
	ASSERT(info->image.end - info->image.start <= MAX_IMAGE_BYTES);
	ASSERT(paging_init(&kernel_tables, 0,
			   cpu_features.has_1g_pages ? PT_LEVEL_1G : PT_LEVEL_2M,
			   mmu_take_boot_table, NULL));
	map_ram(info);
	map_devices(info);
	drop_unmapped_screen(info);
	map_image(&info->image, IMAGE_START, PTE_GLOBAL);
	protect_image_alias(&info->image);
	map_image(&info->image, info->image.start, 0);
}

/* ---- Entering ---- */

static uintptr_t image_delta(void)
{
	return IMAGE_START - handover.image_start;
}

static bool is_in_low_image(uintptr_t va)
{
	return va >= handover.image_start && va < handover.image_end;
}

static uintptr_t moved(uintptr_t va)
{
	return is_in_low_image(va) ? va + image_delta() : va;
}

struct relocation_table {
	const struct relocation *entry;
	uint64_t nr;
};

static struct relocation_table find_relocations(void)
{
	struct relocation_table table = { NULL, 0 };
	uint64_t bytes = 0;

	for (const struct dynamic_entry *dynamic = _DYNAMIC; dynamic->tag != DYNAMIC_END;
	     dynamic++) {
		if (dynamic->tag == DYNAMIC_RELA)
			table.entry = (const struct relocation *)(IMAGE_START + dynamic->value);
		else if (dynamic->tag == DYNAMIC_RELA_BYTES)
			bytes = dynamic->value;
		else if (dynamic->tag == DYNAMIC_RELA_ENTRY)
			ASSERT(dynamic->value == sizeof(struct relocation));
	}
	if (table.entry)
		table.nr = bytes / sizeof(struct relocation);
	return table;
}

/*
 * Moves every relocated word that still holds an address of the low image: a
 * word that was given another value since is none of ours.
 */
static NOINLINE void relocate_image(void)
{
	struct relocation_table table = find_relocations();

	for (uint64_t i = 0; i < table.nr; i++) {
		uintptr_t *word = (uintptr_t *)(IMAGE_START + table.entry[i].offset);

		if ((uint32_t)table.entry[i].info == RELOCATION_RELATIVE)
			*word = moved(*word);
	}
}

static struct boot_info *move_info(struct boot_info *info)
{
	uintptr_t va = (uintptr_t)info;

	info = (struct boot_info *)(is_in_low_image(va) ? moved(va) : DIRECT_MAP_START + va);
	boot_info_move(info, DIRECT_MAP_START);
	/* Labels are static text: they moved with the image, not with the arena. */
	for (uint32_t i = 0; i < info->nr_findings; i++) {
		const char *label = info->findings[i].label;

		info->findings[i].label = (const char *)moved((uintptr_t)label);
	}
	return info;
}

static NOINLINE void drop_low_half(void)
{
	uint64_t bytes = handover.image_end - handover.image_start;
	uint64_t chain_pa, pa;

	ASSERT(paging_unmap(&kernel_tables, handover.image_start, bytes) == bytes);
	write_cr3(kernel_tables.root_pa);	/* the alias is not global */
	chain_pa = paging_detach_retired(&kernel_tables);
	while ((pa = paging_pop_retired(&kernel_tables, &chain_pa)) != PA_NONE)
		mmu_give_boot_table(pa);
}

static NORETURN void enter_high(void)
{
	void (*kernel)(struct boot_info *);
	struct boot_info *info;

	relocate_image();
	paging_rebase(&kernel_tables, DIRECT_MAP_START, mmu_take_boot_table, NULL);
	cpu_set_control_bits();
	descriptors_init_idt();
	cpu_guard_boot_stacks();
	cpu_adopt_area(cpu_boot_area());
	kernel = (void (*)(struct boot_info *))moved((uintptr_t)handover.kernel);
	info = move_info(handover.info);
	mmu_boot_info = info;
	drop_low_half();
	kernel(info);
	arch_halt();
}

void mmu_load_tables(void)
{
	wbinvd();
	wrmsr(MSR_PAT, PAT_VALUE);
	write_cr3(kernel_tables.root_pa);
}

void arch_enter_kernel(struct boot_info *info, void (*kernel)(struct boot_info *))
{
	uintptr_t stack_end, next;

	interrupts_off();
	build_tables(info);
	handover.info = info;
	handover.kernel = kernel;
	handover.image_start = info->image.start;
	handover.image_end = info->image.end;
	stack_end = cpu_boot_stack_end() + image_delta();
	next = (uintptr_t)enter_high + image_delta();
	cpu_enable_nx();
	/* CR4.PCIDE would give CR3's low bits a meaning; global pages come later. */
	write_cr4(read_cr4() & ~(CR4_PCIDE | CR4_PGE));
	mmu_load_tables();
	/* A zero return address and frame pointer end backtraces here. */
	__asm__ volatile("movq %0, %%rsp\n\t"
			 "xorl %%ebp, %%ebp\n\t"
			 "pushq $0\n\t"
			 "jmp *%1"
			 :: "r"(stack_end), "r"(next) : "memory");
	__builtin_unreachable();
}

void *arch_phys_to_virt(uint64_t pa)
{
	return (void *)(DIRECT_MAP_START + pa);
}

/* ---- Translations ---- */

/* Beyond this many pages, forgetting everything is cheaper than one by one. */
#define FLUSH_ALL_PAGES	64u

static void flush_all_local(void)
{
	uint64_t cr4 = read_cr4();

	/* Changing PGE forgets global translations too (SDM 3A, 4.10.4.1). */
	write_cr4(cr4 & ~CR4_PGE);
	write_cr4(cr4);
}

void mmu_flush_local(uintptr_t va, uint64_t nr_pages)
{
	if (nr_pages > FLUSH_ALL_PAGES) {
		flush_all_local();
		return;
	}
	for (uint64_t i = 0; i < nr_pages; i++)
		invlpg(va + pages_to_bytes(i));
}

bool mmu_is_mapped(uintptr_t va)
{
	return paging_walk(&kernel_tables, va).level != 0;
}

/* ---- What may be mapped, and guards ---- */

bool mmu_may_map(uint64_t pa, uint64_t bytes)
{
	if (is_in_ram(mmu_boot_info, pa, pa + bytes))
		return true;
	for (enum device device = 0; device < NR_DEVICES; device++) {
		struct device_window window = device_window(mmu_boot_info, device);

		if (window.pa && pa >= align_down(window.pa, PAGE_SIZE) &&
		    pa + bytes <= align_up(window.pa + window.bytes, PAGE_SIZE))
			return true;
	}
	return false;
}

void mmu_unmap_guard(uintptr_t va)
{
	ASSERT(paging_unmap(&kernel_tables, va, PAGE_SIZE) == PAGE_SIZE);
	invlpg(va);
}

/* ---- Naming addresses ---- */

/* Writes to @text whose stack's guard page @va is in. False when it is in none. */
static bool describe_stack_guard(uintptr_t va, char *text, size_t size)
{
	static const char *const names[NR_CPU_STACKS] = {
		"stack", "double fault stack", "NMI stack", "machine check stack",
	};
	const struct thread *thread = thread_current();

	for (unsigned cpu = 0; cpu < smp_nr_running(); cpu++) {
		const struct cpu_area *area = smp_cpu(cpu);

		for (unsigned i = 0; i < NR_CPU_STACKS; i++) {
			if (align_down(va, PAGE_SIZE) + PAGE_SIZE != area->stacks[i].start_va)
				continue;
			format_text(text, size, "guard of the %s of CPU %u", names[i], cpu);
			return true;
		}
	}
	if (thread && thread->stack &&
	    align_down(va, PAGE_SIZE) + PAGE_SIZE == (uintptr_t)thread->stack) {
		format_text(text, size, "guard of the stack of thread %s on CPU %u", thread->name,
			    thread->cpu);
		return true;
	}
	return false;
}

static const char *area_name(uintptr_t va)
{
	if (va < LOW_HALF_END)
		return "the low half, always empty";
	if (va < HIGH_HALF_START)
		return "not a canonical address";
	if (va >= VMEMMAP_START && va < VMEMMAP_END)
		return "vmemmap";
	if (va >= IMAGE_START && va < IMAGE_AREA_END)
		return "the image";
	return "no area of this kernel";
}

void mmu_describe(uintptr_t va, char *text, size_t size)
{
	if (va < PAGE_SIZE)
		format_text(text, size, "NULL pointer, offset %llu", (unsigned long long)va);
	else if (describe_stack_guard(va, text, size))
		return;
	else if (va >= VMALLOC_START && va < VMALLOC_END)
		vmalloc_describe(va, text, size);
	else if (va >= DIRECT_MAP_START && va < DIRECT_MAP_END)
		format_text(text, size, "direct map of 0x%llx, %s",
			    (unsigned long long)(va - DIRECT_MAP_START),
			    is_in_ram(mmu_boot_info, va - DIRECT_MAP_START,
				      va - DIRECT_MAP_START + 1) ? "RAM" : "not RAM");
	else
		format_text(text, size, "%s", area_name(va));
}
