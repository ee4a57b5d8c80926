/*
 * Brings mm/ up on the smallest port and uses each allocator once: proof that
 * mm/ and include/ need nothing else. `make port-check` builds and runs it.
 */

#include <stdio.h>
#include <stdlib.h>

#include "boot_info.h"
#include "lib/string.h"
#include "mm/init.h"
#include "mm/kmalloc.h"
#include "mm/page_alloc.h"
#include "tests/port_stub/port.h"

#define RAM_BYTES	((uint64_t)64 << 20)
#define FIRST_USABLE	((uint64_t)1 << 20)

static void require(bool is_true, const char *what)
{
	if (is_true)
		return;
	printf("port-check: %s\n", what);
	exit(EXIT_FAILURE);
}

static void use_pages(void)
{
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_ZERO, 3);

	require(page != NULL, "no block of 8 pages");
	memset(page_address(page), 0xa5, 8 * PAGE_SIZE);
	__free_pages(page, 3);
}

static void use_objects(void)
{
	for (size_t bytes = 1; bytes <= 64 * 1024; bytes *= 2) {
		char *object = kmalloc(bytes, GFP_KERNEL);

		require(object != NULL, "no object");
		require(ksize(object) >= bytes, "an object smaller than asked");
		memset(object, 0x5a, bytes);
		kfree(object);
	}
}

int main(void)
{
	static struct mem_range ranges[] = {
		{ 0, FIRST_USABLE, MEM_LOW, 0, 0 },
		{ FIRST_USABLE, RAM_BYTES, MEM_USABLE, 0, 0 },
	};
	static struct boot_cpu cpu = { 0, DOMAIN_NONE };
	static struct boot_info info = {
		.ranges = ranges,
		.nr_ranges = ARRAY_SIZE(ranges),
		.nr_firmware_pages = RAM_BYTES >> PAGE_SHIFT,
		.cpus = &cpu,
		.nr_cpus = 1,
	};

	require(port_stub_init(RAM_BYTES), "no address space");
	mm_init(&info);
	mm_init_cpu(cpu.apic_id);
	use_pages();
	use_objects();
	require(mm_print_ledger(), "the ledger does not balance");
	printf("port-check: mm/ and include/ stand alone\n");
	return EXIT_SUCCESS;
}
