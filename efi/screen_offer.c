/*
 * Judging a screen that firmware offers.
 *
 * Model
 *   A screen can be used when its pixels are in memory, 32 bits each, with bits
 *   of their own for each colour, and when there is room for text. Firmware
 *   has been seen to tell a size of 0, or that of another mode: what the rows
 *   take counts.
 *
 * Locking
 *   None.
 */

#include "efi/screen_offer.h"

#include "lib/align.h"

#define BYTES_PER_PIXEL		4u

/* What efi/screen asks for. */
#define WIDTH_LEAST		640u
#define HEIGHT_LEAST		400u

/* Larger ones do not exist, and products of these do not overflow. */
#define SIDE_MOST		65536u

#define MASK_LOW		0x0000FFu
#define MASK_MIDDLE		0x00FF00u
#define MASK_HIGH		0xFF0000u

/* Bits that stand together. */
static bool is_colour(uint32_t mask)
{
	uint32_t bits;

	if (mask == 0)
		return false;
	bits = mask >> __builtin_ctz(mask);
	return (bits & (bits + 1)) == 0;
}

static const char *read_masks(const struct screen_offer *offer, struct framebuffer_info *screen)
{
	switch (offer->format) {
	case SCREEN_RGBX:
	case SCREEN_BGRX:
		screen->red_mask = offer->format == SCREEN_BGRX ? MASK_HIGH : MASK_LOW;
		screen->green_mask = MASK_MIDDLE;
		screen->blue_mask = offer->format == SCREEN_BGRX ? MASK_LOW : MASK_HIGH;
		return NULL;
	case SCREEN_MASKS:
		break;
	case SCREEN_NO_PIXELS:
		return "its pixels are not in memory";
	}
	if (!is_colour(offer->red_mask) || !is_colour(offer->green_mask) ||
	    !is_colour(offer->blue_mask) || (offer->red_mask & offer->green_mask) ||
	    (offer->red_mask & offer->blue_mask) || (offer->green_mask & offer->blue_mask))
		return "its colours share bits or have none";
	/* The highest bit that any mask has tells how long a pixel is (UEFI 2.10, 12.9.2). */
	if ((offer->red_mask | offer->green_mask | offer->blue_mask | offer->rest_mask) >> 24 == 0)
		return "its pixels have not 32 bits";
	screen->red_mask = offer->red_mask;
	screen->green_mask = offer->green_mask;
	screen->blue_mask = offer->blue_mask;
	return NULL;
}

const char *screen_offer_read(const struct screen_offer *offer, uint64_t address_end,
			      struct framebuffer_info *screen)
{
	const char *problem;
	uint64_t rows_bytes;

	*screen = (struct framebuffer_info){ .base_pa = 0 };
	if (!offer->has_mode)
		return "it has no mode";
	problem = read_masks(offer, screen);
	if (problem)
		return problem;
	if (offer->base_pa == 0)
		return "it has no address";
	if (offer->width < WIDTH_LEAST || offer->height < HEIGHT_LEAST)
		return "it has no room for text";
	if (offer->pixels_per_row < offer->width)
		return "its rows are shorter than its width";
	if (offer->pixels_per_row > SIDE_MOST || offer->height > SIDE_MOST)
		return "it is larger than any screen";
	rows_bytes = (uint64_t)offer->pixels_per_row * offer->height * BYTES_PER_PIXEL;
	if (offer->base_pa >= address_end || rows_bytes > address_end - offer->base_pa)
		return "it lies beyond the addresses of this CPU";
	screen->base_pa = offer->base_pa;
	screen->size_bytes = rows_bytes;	/* what lies behind them is not drawn on */
	screen->width = offer->width;
	screen->height = offer->height;
	screen->pixels_per_row = offer->pixels_per_row;
	return NULL;
}
