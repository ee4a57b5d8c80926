#ifndef EFI_SCREEN_PICTURE_H
#define EFI_SCREEN_PICTURE_H

/* The memory map as a picture: a strip of coloured cells for each node. See picture.c. */

#include "efi/screen/canvas.h"
#include "mm/page_use.h"
#include "mm/topology.h"

#define PICTURE_SEGMENTS_MAX 768u
#define PICTURE_STRIPS_MAX   32u
#define PICTURE_CELLS_MAX    16384u

/* Neighbouring pages of one node that are for the same, or usable ones. */
struct picture_segment {
	pfn_t start_pfn, end_pfn;
	uint32_t nid;
	bool is_usable; /* else they are for .use, for good */
	enum page_use use;
};

struct picture_strip {
	uint32_t nid;
	uint64_t nr_pages; /* of its segments together */
	uint64_t pages_per_cell;
	uint32_t first_cell, nr_cells;
	struct rect rect; /* of all cells, in rows */
	uint32_t nr_columns;
};

struct picture {
	struct picture_segment segments[PICTURE_SEGMENTS_MAX]; /* by node, then by address */
	uint32_t nr_segments;
	struct picture_strip strips[PICTURE_STRIPS_MAX];
	uint32_t nr_strips;
	uint32_t nr_hidden_nodes;	/* that found no place */
	uint32_t pitch;			/* pixels from cell to cell */
	uint8_t use[PICTURE_CELLS_MAX]; /* enum page_use, NR_PAGE_USES before the first update */
	uint8_t shown[PICTURE_CELLS_MAX];
};

/* As mm_page_use(). */
typedef uint64_t picture_page_use(pfn_t pfn, enum page_use *use);

/* A short name for the legend, and the colour, of @use. */
const char *picture_use_name(enum page_use use);
uint32_t picture_use_rgb(enum page_use use);

/* Sets up the segments of all nodes of @topology; RAM that is not usable goes to the node around
 * it. */
void picture_init(struct picture *picture, const struct boot_info *info,
		  const struct topology *topology);

/* Places the strips in @rect, with labels for text of @scale, and draws all but the cells. */
void picture_place(struct picture *picture, const struct canvas *canvas, struct rect rect,
		   uint32_t scale);

/*
 * Looks at every page and decides what each cell shows: what most of its pages in
 * use are for where these are a quarter of it or more, else how most of it is free.
 */
void picture_update(struct picture *picture, picture_page_use *use_of);

/* Draws the cells whose colour has changed since the last time. */
void picture_draw(struct picture *picture, const struct canvas *canvas);

/* The cell of @strip that page @pfn is in; UINT32_MAX when it has no such page. */
uint32_t picture_cell_of(const struct picture *picture, const struct picture_strip *strip,
			 pfn_t pfn);

/* Where cell @cell of @strip is, counted from the strip's first. */
struct rect picture_cell_rect(const struct picture *picture, const struct picture_strip *strip,
			      uint32_t cell);

/* The legend in @rect: colours and names. */
void picture_draw_legend(const struct canvas *canvas, struct rect rect, uint32_t scale);

#endif
