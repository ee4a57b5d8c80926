/*
 * build/host/screens KIND WIDTH HEIGHT: one screen of a made-up run as a PPM on
 * standard output, to be looked at without a machine. KIND is start, running, pass,
 * fail or panic; or slide: standard input, the log of a lecture; or qr: the same as a QR code.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "efi/screen/qr.h"
#include "efi/screen/screen.h"
#include "lib/align.h"
#include "log.h"

#define MIB	 (1ull << 20)
#define NR_NODES 2u

static const char run_text[] =
	"efi: mem00: [Boot Code   |reserved     |attr=0xf] range=[0x0-0xfff] (0MB)\n"
	"SRAT: PXM 0 -> APIC 0x00 -> Node 0\nSRAT: PXM 1 -> APIC 0x02 -> Node 1\n"
	"Built 2 zonelists, mobility grouping on.  Total pages: 259632\n"
	"smp: Brought up 4 of 4 CPUs\n";

static void say(const char *text)
{
	screen_write(text, strlen(text));
}

/* Mostly free, with what a run leaves here and there. */
static uint64_t pretended_use(pfn_t pfn, enum page_use *use)
{
	uint64_t block = pfn / 64;
	uint64_t mixed = block * 0x9e3779b97f4a7c15ull >> 56;

	*use = pfn % 65536 >= 65024 ? USE_MEM_MAP
	       : mixed < 200	    ? USE_FREE_LARGE
				    : (enum page_use)(USE_FREE_PENDING +
						      mixed % (NR_PAGE_USES - USE_FREE_PENDING));
	return 64 - pfn % 64;
}

static void show_memory(void)
{
	static struct mem_range ranges[] = {
		{0x1000, 0xa0000, MEM_LOW, 7, 0},
		{MIB, 500 * MIB, MEM_USABLE, 7, 0},
		{500 * MIB, 512 * MIB, MEM_KERNEL, 1, 0},
		{512 * MIB, 1000 * MIB, MEM_USABLE, 7, 0},
		{1000 * MIB, 1010 * MIB, MEM_ACPI_NVS, 10, 0},
		{1010 * MIB, 1024 * MIB, MEM_RUNTIME_DATA, 6, 0},
	};
	static struct node_memory memory[NR_NODES] = {
		{MIB, 500 * MIB, 0},
		{512 * MIB, 1000 * MIB, 1},
	};
	static const struct boot_info info = {.ranges = ranges, .nr_ranges = ARRAY_SIZE(ranges)};
	static const struct topology topology = {
		.nr_nodes = NR_NODES, .memory = memory, .nr_memory = NR_NODES};

	screen_show_memory(&info, &topology, pretended_use);
}

static void run_suites(bool has_failure)
{
	char line[128];

	say("KTAP version 1\n1..50\n");
	for (unsigned suite = 1; suite <= 20; suite++) {
		format_text(line, sizeof(line), "  KTAP version 1\n  # Subtest: suite_%u\n  1..9\n",
			    suite);
		say(line);
		for (unsigned i = 1; i <= 9; i++) {
			bool is_bad = has_failure && i == 4 && suite % 7 == 3;

			if (is_bad)
				say("  # tests/unit/page/buddy.c:120: zone.nr_free_pages is 511 "
				    "(0x1ff), "
				    "expected 512 (0x200)\n");
			format_text(line, sizeof(line),
				    "  %sok %u freeing both halves restores block %u\n",
				    is_bad ? "not " : "", i, i);
			say(line);
		}
		if (suite == 20)
			break;
		format_text(line, sizeof(line), "%sok %u suite_%u\n",
			    has_failure && suite % 7 == 3 ? "not " : "", suite, suite);
		say(line);
	}
}

static void end_run(bool is_passed)
{
	static const struct finding findings[] = {
		{"SlitMissing", SEVERITY_LOW,
		 "There is no SLIT: every node counts as equally far."},
		{"SratOverlap", SEVERITY_HIGH,
		 "SRAT says that 217 MiB of RAM belong to two nodes at "
		 "once; the table is not used, and all memory counts as one node."},
	};
	const struct verdict_facts verdict = {
		.is_passed = is_passed, .findings = findings, .nr_findings = ARRAY_SIZE(findings)};

	say("of 259659 usable pages\n  taken by boot   27 pages  108 KiB\n  free, on buddy lists  "
	    "250100 "
	    "pages 1000400 KiB\n  slab    815 pages   3260 KiB\nthe ledger balances\n");
	screen_show_verdict(&verdict);
}

static void panic_now(void)
{
	char line[128];

	say("Bail out! mm/page/buddy.c:412 page_at(zone, pfn)->type != PAGE_FREE\nCPU 2, APIC id "
	    "0x2\n"
	    "rip 0xffffffff80012345\nbacktrace:\n");
	for (unsigned i = 0; i < 9; i++) {
		format_text(line, sizeof(line), "  #%u image+0x%x buddy_free_block_of_order+0x%x\n",
			    i, 0x12345 + i * 0x321, i * 3);
		say(line);
	}
	say("image base 0xffffffff80000000\n");
}

static void write_ppm(const uint32_t *pixels, uint32_t width, uint32_t height)
{
	printf("P6\n%u %u\n255\n", width, height);
	for (uint64_t i = 0; i < (uint64_t)width * height; i++) {
		const unsigned char rgb[3] = {(unsigned char)(pixels[i] >> 16),
					      (unsigned char)(pixels[i] >> 8),
					      (unsigned char)pixels[i]};

		if (fwrite(rgb, 1, sizeof(rgb), stdout) != sizeof(rgb))
			abort();
	}
}

#define QR_PIXELS 3u

static int write_code(void)
{
	static struct qr qr;
	static uint32_t pixels[(QR_SIZE_MAX + 2 * QR_QUIET) * QR_PIXELS *
			       (QR_SIZE_MAX + 2 * QR_QUIET) * QR_PIXELS];
	char text[QR_TEXT_BYTES + 1];
	size_t bytes = fread(text, 1, sizeof(text), stdin);
	uint32_t side;

	if (qr_encode(&qr, text, bytes) != STATUS_OK)
		return 1;
	side = (qr.size + 2 * QR_QUIET) * QR_PIXELS;
	for (uint32_t y = 0; y < side; y++)
		for (uint32_t x = 0; x < side; x++) {
			uint32_t v = y / QR_PIXELS - QR_QUIET, h = x / QR_PIXELS - QR_QUIET;

			pixels[y * side + x] =
				v < qr.size && h < qr.size && qr.is_dark[v][h] ? 0 : 0xffffff;
		}
	write_ppm(pixels, side, side);
	return 0;
}

#define NR_SLIDES 13u

static void show_slides(void)
{
	char line[256];

	screen_show_slides(NR_SLIDES);
	while (fgets(line, sizeof(line), stdin))
		say(line);
	screen_refresh_now();
}

static void show(const char *kind)
{
	const struct screen_facts facts = {
		"0.1",
		"AMD EPYC 7713 64-Core Processor",
		"4 CPUs, 2 nodes, 1.0 GiB; firmware EDK II",
	};

	screen_set_facts(&facts);
	say(run_text);
	if (strcmp(kind, "start") == 0)
		return;
	show_memory();
	if (strcmp(kind, "slide") == 0)
		return show_slides();
	run_suites(strcmp(kind, "fail") == 0);
	screen_refresh_now();
	if (strcmp(kind, "panic") == 0)
		panic_now();
	else if (strcmp(kind, "running") != 0)
		end_run(strcmp(kind, "pass") == 0);
}

int main(int argc, char **argv)
{
	struct framebuffer_info info = {
		.base_pa = 1, .red_mask = 0xff0000, .green_mask = 0xff00, .blue_mask = 0xff};
	uint32_t *pixels;

	if (argc == 2 && strcmp(argv[1], "qr") == 0)
		return write_code();
	if (argc != 4)
		return 2;
	info.width = (uint32_t)strtoul(argv[2], NULL, 10);
	info.height = (uint32_t)strtoul(argv[3], NULL, 10);
	info.pixels_per_row = info.width;
	info.size_bytes = (uint64_t)info.width * info.height * BYTES_PER_PIXEL;
	pixels = malloc(info.size_bytes);
	if (!pixels || screen_init(&info, pixels, NULL) != STATUS_OK)
		return 1;
	show(argv[1]);
	write_ppm(pixels, info.width, info.height);
	free(pixels);
	return 0;
}
