/*
 * The picture of memory.
 *
 * Model
 *   A node's memory is a row of segments in the order of addresses: usable ranges, and
 *   what the firmware or the kernel keeps between and beside them. Holes and devices
 *   take no place. The pages of all segments, counted through, are dealt to the
 *   cells of the node's strip in equal shares.
 *
 *   An update walks the segments once, block by block, and counts for the cell it is
 *   in; it ends when the cell is full. So it needs the counters of one cell only.
 *
 * Promises
 *   - segments are sorted by node and address, disjoint, and not empty
 *   - cells x pages_per_cell >= pages of the strip > (cells - 1) x pages_per_cell
 *
 * Cost
 *   One look at each block, about 15 instructions; a section that is not up is 128 looks.
 *
 * Locking
 *   The canvas's. Pages are read while others use them (mm/page/use.c).
 */

#include "efi/screen/picture.h"

#include "efi/screen/layout.h"
#include "lib/align.h"
#include "lib/string.h"
#include "log.h"

#define LABEL_COLUMNS 14u
#define CELL_DOTS     5u /* pitch of cells, in dots of text */
#define USED_SHARE    4u /* a cell shows its use from 1/4 on */

static const struct {
	const char *name;
	uint32_t rgb;
} uses[NR_PAGE_USES] = {
	[USE_FIRMWARE] = {"firmware", 0x6e4a9e},
	[USE_RESERVED] = {"reserved", 0x4a4f57},
	[USE_KERNEL] = {"kernel", 0xf0f6fc},
	[USE_MEM_MAP] = {"mem_map", 0xff9bce},
	[USE_FREE_PENDING] = {"free, asleep", 0x16351f},
	[USE_FREE_LARGE] = {"free 2M+", 0x1f6f34},
	[USE_FREE_MEDIUM] = {"free 32K+", 0x2ea043},
	[USE_FREE_SMALL] = {"free small", 0x7ee787},
	[USE_STACKS] = {"stacks", 0x39c5cf},
	[USE_SLAB] = {"slab", 0xe3b341},
	[USE_LARGE] = {"kmalloc", 0xf0883e},
	[USE_TABLES] = {"tables", 0xbc8cff},
	[USE_VMALLOC] = {"vmalloc", 0x388bfd},
	[USE_USER] = {"user", 0xda3633},
	[USE_MOVABLE] = {"movable", 0xa5d6ff},
	[USE_OFFLINE] = {"offline", 0xff00ff},
};

const char *picture_use_name(enum page_use use)
{
	return use < NR_PAGE_USES ? uses[use].name : "unknown";
}

uint32_t picture_use_rgb(enum page_use use)
{
	return use < NR_PAGE_USES ? uses[use].rgb : RGB_PANEL;
}

static bool is_free_use(enum page_use use)
{
	return use >= USE_FREE_PENDING && use <= USE_STACKS;
}

/* ---- Segments ---- */

/* False: no RAM, or nothing an owner calls so. */
static bool use_of_range(const struct mem_range *range, enum page_use *use)
{
	switch (range->type) {
	case MEM_USABLE:
		*use = NR_PAGE_USES;
		return true;
	case MEM_KERNEL:
		*use = USE_KERNEL;
		return true;
	case MEM_ACPI_RECLAIM:
	case MEM_ACPI_NVS:
	case MEM_RUNTIME_CODE:
	case MEM_RUNTIME_DATA:
	case MEM_LOW:
		*use = USE_FIRMWARE;
		return true;
	case MEM_NOT_CACHED:
	case MEM_SOFT_RESERVED:
	case MEM_UNACCEPTED:
	case MEM_UNUSABLE:
		*use = USE_RESERVED;
		return true;
	case MEM_RESERVED:
	case MEM_PERSISTENT:
	case MEM_MMIO:
	case MEM_UNKNOWN:
	case NR_MEM_TYPES:
		break;
	}
	return false;
}

static void add_segment(struct picture *picture, struct picture_segment segment)
{
	uint32_t nr = picture->nr_segments;
	struct picture_segment *last = nr > 0 ? &picture->segments[nr - 1] : NULL;

	if (segment.start_pfn >= segment.end_pfn)
		return;
	if (last && last->nid == segment.nid && last->use == segment.use &&
	    last->end_pfn == segment.start_pfn)
		last->end_pfn = segment.end_pfn;
	else if (picture->nr_segments < PICTURE_SEGMENTS_MAX)
		picture->segments[picture->nr_segments++] = segment;
}

/* The pieces of one node between @start and @end, of which its usable memory is @memory. */
static void add_node_ranges(struct picture *picture, const struct boot_info *info, uint32_t nid,
			    uint64_t start, uint64_t end)
{
	for (uint32_t i = 0; i < info->nr_ranges; i++) {
		const struct mem_range *range = &info->ranges[i];
		uint64_t from = max_u64(range->start, start), to = min_u64(range->end, end);
		enum page_use use;

		if (from < to && use_of_range(range, &use))
			add_segment(picture,
				    (struct picture_segment){from >> PAGE_SHIFT, to >> PAGE_SHIFT,
							     nid, use == NR_PAGE_USES, use});
	}
}

/*
 * A piece of a node reaches to where the next piece of any node begins: what lies
 * between is shown with it. The lowest one begins at 0.
 */
static uint64_t end_of_piece(const struct topology *topology, const struct node_memory *piece)
{
	uint64_t end = UINT64_MAX;

	for (uint32_t i = 0; i < topology->nr_memory; i++)
		if (topology->memory[i].start > piece->start)
			end = min_u64(end, topology->memory[i].start);
	return end;
}

static bool is_lowest_piece(const struct topology *topology, const struct node_memory *piece)
{
	for (uint32_t i = 0; i < topology->nr_memory; i++)
		if (topology->memory[i].start < piece->start)
			return false;
	return true;
}

/* Pieces of very many: those beyond this number are shown as usable memory alone. */
#define PIECES_EXACT_MAX 512u

void picture_init(struct picture *picture, const struct boot_info *info,
		  const struct topology *topology)
{
	memset(picture, 0, sizeof(*picture));
	memset(picture->use, NR_PAGE_USES, sizeof(picture->use));
	for (uint32_t i = 0; i < topology->nr_memory && i < PIECES_EXACT_MAX; i++) {
		const struct node_memory *piece = &topology->memory[i];
		uint64_t start = is_lowest_piece(topology, piece) ? 0 : piece->start;

		add_node_ranges(picture, info, piece->nid, start, end_of_piece(topology, piece));
	}
}

/* ---- Places ---- */

static uint64_t pages_of_node(const struct picture *picture, uint32_t nid)
{
	uint64_t nr_pages = 0;

	for (uint32_t i = 0; i < picture->nr_segments; i++)
		if (picture->segments[i].nid == nid)
			nr_pages += picture->segments[i].end_pfn - picture->segments[i].start_pfn;
	return nr_pages;
}

static uint32_t count_nodes(const struct picture *picture)
{
	uint32_t nr_nodes = 0;

	for (uint32_t i = 0; i < picture->nr_segments; i++)
		nr_nodes += i == 0 || picture->segments[i].nid != picture->segments[i - 1].nid;
	return nr_nodes;
}

/* "node 3  512 MiB" */
static void draw_label(const struct canvas *canvas, const struct picture_strip *strip, uint32_t x,
		       uint32_t scale)
{
	const struct ink name_ink = {scale, RGB_TEXT, RGB_GROUND};
	uint64_t mib = strip->nr_pages >> (20 - PAGE_SHIFT);
	char label[2 * LABEL_COLUMNS];

	if (mib < 10 * 1024)
		format_text(label, sizeof(label), "node %u %llu M", strip->nid,
			    (unsigned long long)mib);
	else
		format_text(label, sizeof(label), "node %u %llu G", strip->nid,
			    (unsigned long long)(mib + 512) / 1024);
	canvas_text(canvas, x, strip->rect.y, LABEL_COLUMNS * GLYPH_WIDTH(scale), label, &name_ink);
}

static void size_strip(struct picture *picture, struct picture_strip *strip, uint32_t nr_free_cells)
{
	uint32_t nr_rows = strip->rect.height / picture->pitch;
	uint64_t nr_cells;

	strip->nr_columns = strip->rect.width / picture->pitch;
	nr_cells = min_u64((uint64_t)strip->nr_columns * nr_rows, nr_free_cells);
	strip->pages_per_cell = max_u64(1, div_round_up(strip->nr_pages, nr_cells));
	strip->nr_cells = (uint32_t)div_round_up(strip->nr_pages, strip->pages_per_cell);
}

static void add_strip(struct picture *picture, uint32_t nid, struct rect rect)
{
	struct picture_strip *strip = &picture->strips[picture->nr_strips];
	uint32_t nr_used = 0;

	if (picture->nr_strips > 0)
		nr_used = strip[-1].first_cell + strip[-1].nr_cells;
	*strip = (struct picture_strip){.nid = nid,
					.rect = rect,
					.first_cell = nr_used,
					.nr_pages = pages_of_node(picture, nid)};
	size_strip(picture, strip, (PICTURE_CELLS_MAX - nr_used));
	picture->nr_strips++;
}

void picture_place(struct picture *picture, const struct canvas *canvas, struct rect rect,
		   uint32_t scale)
{
	uint32_t nr_nodes = count_nodes(picture);
	uint32_t gap = 2 * scale, least = GLYPH_HEIGHT(scale) + gap;
	uint32_t nr_shown = (uint32_t)min_u64(min_u64(nr_nodes, PICTURE_STRIPS_MAX),
					      max_u64(1, rect.height / least));
	uint32_t label_width = LABEL_COLUMNS * GLYPH_WIDTH(scale);
	uint32_t height = nr_shown ? rect.height / nr_shown : 0;

	memset(picture->shown, NR_PAGE_USES, sizeof(picture->shown));
	picture->nr_strips = 0;
	picture->nr_hidden_nodes = nr_nodes - nr_shown;
	picture->pitch = CELL_DOTS * scale;
	canvas_fill(canvas, rect, RGB_GROUND);
	for (uint32_t i = 0; i < picture->nr_segments && picture->nr_strips < nr_shown; i++) {
		struct rect at = {rect.x + label_width, rect.y + picture->nr_strips * height,
				  rect.width - label_width, height - gap};

		if (i > 0 && picture->segments[i].nid == picture->segments[i - 1].nid)
			continue;
		add_strip(picture, picture->segments[i].nid, at);
		draw_label(canvas, &picture->strips[picture->nr_strips - 1], rect.x, scale);
	}
}

struct rect picture_cell_rect(const struct picture *picture, const struct picture_strip *strip,
			      uint32_t cell)
{
	uint32_t gap = picture->pitch / CELL_DOTS;

	return (struct rect){strip->rect.x + cell % strip->nr_columns * picture->pitch,
			     strip->rect.y + cell / strip->nr_columns * picture->pitch,
			     picture->pitch - gap, picture->pitch - gap};
}

uint32_t picture_cell_of(const struct picture *picture, const struct picture_strip *strip,
			 pfn_t pfn)
{
	uint64_t nr_before = 0;

	for (uint32_t i = 0; i < picture->nr_segments; i++) {
		const struct picture_segment *segment = &picture->segments[i];

		if (segment->nid != strip->nid)
			continue;
		if (pfn >= segment->start_pfn && pfn < segment->end_pfn)
			return (uint32_t)((nr_before + pfn - segment->start_pfn) /
					  strip->pages_per_cell);
		nr_before += segment->end_pfn - segment->start_pfn;
	}
	return UINT32_MAX;
}

/* ---- Cells ---- */

/* The cell that is being counted. */
struct tally {
	uint8_t *cell;	  /* where its use is written */
	uint64_t nr_left; /* pages until it is full */
	uint64_t nr_pages[NR_PAGE_USES];
};

static enum page_use largest(const struct tally *tally, bool is_free)
{
	enum page_use best = NR_PAGE_USES;

	for (enum page_use use = 0; use < NR_PAGE_USES; use++)
		if (is_free_use(use) == is_free && tally->nr_pages[use] > 0 &&
		    (best == NR_PAGE_USES || tally->nr_pages[use] > tally->nr_pages[best]))
			best = use;
	return best;
}

static void end_cell(struct tally *tally, uint64_t pages_per_cell)
{
	uint64_t nr_all = 0, nr_used = 0;

	for (enum page_use use = 0; use < NR_PAGE_USES; use++) {
		nr_all += tally->nr_pages[use];
		nr_used += is_free_use(use) ? 0 : tally->nr_pages[use];
	}
	if (nr_all > 0)
		*tally->cell++ = (uint8_t)largest(tally, nr_used * USED_SHARE < nr_all);
	memset(tally->nr_pages, 0, sizeof(tally->nr_pages));
	tally->nr_left = pages_per_cell;
}

static void count_run(struct tally *tally, uint64_t nr_pages, enum page_use use,
		      uint64_t pages_per_cell)
{
	while (nr_pages > 0) {
		uint64_t nr_here = min_u64(nr_pages, tally->nr_left);

		tally->nr_pages[use] += nr_here;
		tally->nr_left -= nr_here;
		nr_pages -= nr_here;
		if (tally->nr_left == 0)
			end_cell(tally, pages_per_cell);
	}
}

static void count_segment(struct tally *tally, const struct picture_segment *segment,
			  uint64_t pages_per_cell, picture_page_use *use_of)
{
	pfn_t pfn = segment->start_pfn;

	while (pfn < segment->end_pfn) {
		enum page_use use = segment->use;
		uint64_t nr_pages = segment->end_pfn - pfn;

		if (segment->is_usable)
			nr_pages = min_u64(nr_pages, use_of(pfn, &use));
		count_run(tally, nr_pages, use, pages_per_cell);
		pfn += nr_pages;
	}
}

void picture_update(struct picture *picture, picture_page_use *use_of)
{
	for (uint32_t i = 0; i < picture->nr_strips; i++) {
		const struct picture_strip *strip = &picture->strips[i];
		struct tally tally = {picture->use + strip->first_cell, strip->pages_per_cell, {0}};

		for (uint32_t at = 0; at < picture->nr_segments; at++)
			if (picture->segments[at].nid == strip->nid)
				count_segment(&tally, &picture->segments[at], strip->pages_per_cell,
					      use_of);
		end_cell(&tally, strip->pages_per_cell); /* the last one may not be full */
	}
}

void picture_draw(struct picture *picture, const struct canvas *canvas)
{
	for (uint32_t i = 0; i < picture->nr_strips; i++) {
		const struct picture_strip *strip = &picture->strips[i];

		for (uint32_t cell = 0; cell < strip->nr_cells; cell++) {
			uint8_t use = picture->use[strip->first_cell + cell];

			if (use == picture->shown[strip->first_cell + cell])
				continue;
			picture->shown[strip->first_cell + cell] = use;
			canvas_fill(canvas, picture_cell_rect(picture, strip, cell),
				    picture_use_rgb((enum page_use)use));
		}
	}
}

void picture_draw_legend(const struct canvas *canvas, struct rect rect, uint32_t scale)
{
	const struct ink ink = {scale, RGB_FAINT, RGB_GROUND};
	uint32_t x = rect.x, y = rect.y, side = 5 * scale;

	for (enum page_use use = 0; use < NR_PAGE_USES; use++) {
		uint32_t width = (uint32_t)(strlen(uses[use].name) + 4) * GLYPH_WIDTH(scale);

		if (x + width > rect.x + rect.width) {
			x = rect.x;
			y += GLYPH_HEIGHT(scale) + scale;
		}
		if (y + GLYPH_HEIGHT(scale) > rect.y + rect.height)
			return;
		canvas_fill(canvas, (struct rect){x, y + scale, side, side}, uses[use].rgb);
		canvas_text(canvas, x + side + GLYPH_WIDTH(scale), y, rect.width, uses[use].name,
			    &ink);
		x += width;
	}
}
