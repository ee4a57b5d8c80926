/* The real screen against the real allocator: named cells have the colour of their pages. */

#include "efi/screen/screen.h"

#include "mm/page.h"
#include "mm/page_alloc.h"
#include "tests/test.h"

#define BLOCK_ORDER 9u
#define BLOCK_PAGES (1u << BLOCK_ORDER)

/* The strip that page @pfn is in; NULL: its node found no place. */
static const struct picture_strip *strip_of(const struct picture *picture, pfn_t pfn)
{
	for (uint32_t i = 0; i < picture->nr_strips; i++)
		if (picture_cell_of(picture, &picture->strips[i], pfn) != UINT32_MAX)
			return &picture->strips[i];
	return NULL;
}

/* The pixel in the middle of the cell of @pfn, as the device has it. */
static uint32_t pixel_of(const struct picture *picture, const struct picture_strip *strip,
			 pfn_t pfn)
{
	const struct canvas *canvas = screen_canvas();
	struct rect rect = picture_cell_rect(picture, strip, picture_cell_of(picture, strip, pfn));

	return canvas->pixels[(rect.y + rect.height / 2) * canvas->pixels_per_row + rect.x +
			      rect.width / 2];
}

static void cells_follow_the_allocator(void)
{
	const struct picture *picture = screen_picture();
	const struct picture_strip *strip;
	struct page *page;
	uint32_t user, used, freed;
	pfn_t pfn;

	if (!picture)
		SKIP("no screen");
	page = alloc_pages_any(GFP_KERNEL, BLOCK_ORDER);
	CHECK(page != NULL);
	pfn = page_to_pfn(page) + BLOCK_PAGES / 2;
	strip = strip_of(picture, pfn);
	if (!strip || strip->pages_per_cell > BLOCK_PAGES / 2) {
		__free_pages(page, BLOCK_ORDER);
		SKIP("no cell lies within 2 MiB");
	}
	user = canvas_pixel(screen_canvas(), picture_use_rgb(USE_USER));
	screen_refresh_now();
	used = pixel_of(picture, strip, pfn);
	page_set_type(page, PAGE_VMALLOC);
	screen_refresh_now();
	CHECK_EQ(pixel_of(picture, strip, pfn),
		 canvas_pixel(screen_canvas(), picture_use_rgb(USE_VMALLOC)));
	page_set_type(page, PAGE_USER);
	__free_pages(page, BLOCK_ORDER);
	screen_refresh_now();
	freed = pixel_of(picture, strip, pfn);
	CHECK_EQ(used, user);
	CHECK(freed == canvas_pixel(screen_canvas(), picture_use_rgb(USE_FREE_LARGE)) ||
	      freed == canvas_pixel(screen_canvas(), picture_use_rgb(USE_STACKS)));
}

static const struct test_case cases[] = {
	{"cells follow the allocator", cells_follow_the_allocator},
};

TEST_SUITE(screen_live, cases);
