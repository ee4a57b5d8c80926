/*
 * The kernel's address space: building it and entering it.
 *
 * Model
 *   Built under firmware's identity map from a pool of pages that firmware gave:
 *     direct map   every RAM range of boot_info at DIRECT_MAP_START + pa, never
 *                  executable, adjoining ranges together so that large pages fit
 *     devices      framebuffer (write-combining), local APIC and a memory-mapped
 *                  UART (uncached), where windows.c says
 *     image        at IMAGE_START, text read-execute, rodata read-only, data
 *                  read-write; its bytes stay where the firmware loaded them
 *     vmemmap      one page of zeroes, read-only, everywhere: mm covers it
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
 * Promises
 *   - nothing below HIGH_HALF_START is mapped once the kernel runs
 *   - the direct map of the image's text and rodata is read-only
 *   - no frame has two different memory types among its mappings
 */

#include "arch/x86_64/mmu_boot.h"

#include "arch.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/descriptors.h"
#include "arch/x86_64/insn.h"
#include "arch/x86_64/layout.h"
#include "arch/x86_64/mmu.h"
#include "arch/x86_64/mmu_ranges.h"
#include "arch/x86_64/windows.h"
#include "lib/align.h"
#include "lib/string.h"

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

/* Canonical addresses of the low half: four levels (arch_check_cpu()). */
#define FIRMWARE_REACH_END	(1ull << 47)

/* Made by the linker; its addresses are relative to the image's start. */
extern const struct dynamic_entry _DYNAMIC[] __attribute__((visibility("hidden")));

/* What enter_high() has to know; at the same place in both aliases. */
static struct {
	struct boot_info *info;
	void (*kernel)(struct boot_info *);
	uint64_t image_start, image_end;
} handover;

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

uint64_t mmu_nr_boot_tables(void)
{
	uint64_t nr = (pool.next - pool.start) / PAGE_SIZE;

	for (uint64_t pa = pool.free_pa; pa != PA_NONE; pa = *pool_word(pa))
		nr--;
	return nr;
}

void mmu_give_boot_table(uint64_t pa)
{
	ASSERT(mmu_is_boot_table(pa));

	*pool_word(pa) = pool.free_pa;
	pool.free_pa = pa;
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

	while (mmu_next_run(info->ranges, info->nr_ranges, &next, &start, &end))
		map_at(DIRECT_MAP_START + start, start, end - start, KERNEL_READ_WRITE);
}

static void map_devices(struct boot_info *info)
{
	uint64_t apic_base = rdmsr(MSR_APIC_BASE);
	uint64_t apic_pa = apic_base & APIC_BASE_X2APIC ? 0 : apic_base & APIC_BASE_PA_MASK;

	windows_fill(&mmu_windows, info, apic_pa, cpu_features.physical_bits);
	for (enum device device = 0; device < NR_DEVICES; device++) {
		const struct window *window = &mmu_windows.of[device];

		if (window->end_pa)
			map_at(windows_va(&mmu_windows, device), window->start_pa,
			       window->end_pa - window->start_pa,
			       window->is_write_combining ? KERNEL_WRITE_COMBINING
							  : KERNEL_UNCACHED);
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

/* What must not change cannot be changed through the direct map either. */
static void protect_image_alias(const struct image_info *image)
{
	uint64_t bytes = align_down(image->data_start, PAGE_SIZE) - image->start;

	ASSERT(paging_protect(&kernel_tables, DIRECT_MAP_START + image->start, bytes,
			      KERNEL_READ_ONLY) == bytes);
}

/* The struct page of every address can be read, whatever of mem_map is up. */
static void map_vmemmap_backdrop(void)
{
	uint64_t zeroes_pa = mmu_take_boot_table(NULL);

	ASSERT(zeroes_pa != PA_NONE);
	ASSERT(paging_map_backdrop(&kernel_tables, VMEMMAP_START, zeroes_pa,
				   VMEMMAP_END - VMEMMAP_START, KERNEL_READ_ONLY));
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
	map_vmemmap_backdrop();
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

/* From now on an overflow of a boot stack faults. */
static void guard_boot_stacks(void)
{
	cpu_name_boot_stacks();
	for (unsigned i = 0; i < NR_CPU_STACKS; i++)
		mmu_unmap_guard(cpu_boot_area()->stacks[i].start_va - PAGE_SIZE);
}

static NORETURN void enter_high(void)
{
	void (*kernel)(struct boot_info *);
	struct boot_info *info;

	relocate_image();
	paging_rebase(&kernel_tables, DIRECT_MAP_START, mmu_take_boot_table, NULL);
	cpu_set_control_bits();
	descriptors_init_idt();
	guard_boot_stacks();
	descriptors_adopt_area(cpu_boot_area());
	kernel = (void (*)(struct boot_info *))moved((uintptr_t)handover.kernel);
	info = move_info(handover.info);
	mmu_boot_info = info;
	drop_low_half();
	kernel(info);
	arch_halt();
}

bool arch_firmware_maps(uint64_t pa, uint64_t bytes)
{
	const struct page_tables live = { .root_pa = read_cr3() & PTE_PA_MASK };

	if (pa >= FIRMWARE_REACH_END || bytes > FIRMWARE_REACH_END - pa)
		return false;
	for (uint64_t at = pa; at < pa + bytes;) {
		struct translation found = paging_walk(&live, at);
		uint64_t leaf_bytes;

		if (found.pa == PA_NONE)
			return false;
		/* Rounding also drops the PAT bit of a large leaf, which firmware may set. */
		leaf_bytes = level_bytes(found.level);
		at = align_down(at, leaf_bytes);
		if (align_down(found.pa, leaf_bytes) != at)
			return false;
		at += leaf_bytes;
	}
	return true;
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
	cpu_set_efer();
	/* CR4.PCIDE would give CR3's low bits a meaning; global pages come later. */
	write_cr4(read_cr4() & ~(CR4_PCIDE | CR4_PGE));
	mmu_load_pat();
	/*
	 * From CR3's load on firmware's stack is gone: the image's in the next
	 * instruction. A zero return address and frame pointer end backtraces here.
	 */
	__asm__ volatile("movq %2, %%cr3\n\t"
			 "movq %0, %%rsp\n\t"
			 "xorl %%ebp, %%ebp\n\t"
			 "pushq $0\n\t"
			 "jmp *%1"
			 :: "r"(stack_end), "r"(next), "r"(kernel_tables.root_pa) : "memory");
	__builtin_unreachable();
}
