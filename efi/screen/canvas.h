#ifndef EFI_SCREEN_CANVAS_H
#define EFI_SCREEN_CANVAS_H

/*
 * A rectangle of pixels of 32 bits to draw on: the firmware's framebuffer, or an
 * array in a test. Colours are 0xRRGGBB whatever the pixels' layout. Nothing is
 * ever drawn outside of it; what reaches over an edge is cut there.
 */

#include "boot_info.h"
#include "efi/screen/font.h"
#include "status.h"

#define BYTES_PER_PIXEL 4u

/* Pixels [x, x + width) of lines [y, y + height). */
struct rect {
	uint32_t x, y, width, height;
};

/* Where a colour's bits stand in a pixel. */
struct channel {
	uint8_t shift;
	uint8_t nr_bits; /* 0: the screen has no such colour */
};

struct canvas {
	uint32_t *pixels;
	uint32_t width, height;
	uint32_t pixels_per_row;
	struct channel red, green, blue;
};

/*
 * A canvas over the framebuffer that @info describes, reachable at @pixels.
 * STATUS_ABSENT without one; STATUS_BAD_VALUE when its numbers contradict each
 * other, a colour's mask has a gap, or less than 640 x 400 pixels are there.
 */
enum status canvas_init(struct canvas *canvas, const struct framebuffer_info *info,
			void *pixels) MUST_CHECK;

/* The pixel that shows @rgb best. */
uint32_t canvas_pixel(const struct canvas *canvas, uint32_t rgb);

void canvas_fill(const struct canvas *canvas, struct rect rect, uint32_t rgb);

/* The edge of @rect, @thickness pixels wide, inside it. */
void canvas_frame(const struct canvas *canvas, struct rect rect, uint32_t thickness, uint32_t rgb);

/* How text looks: @scale pixels to a dot, both colours. The ground is painted too. */
struct ink {
	uint32_t scale;
	uint32_t rgb;
	uint32_t ground_rgb;
};

/* Pixels that one character takes. */
#define GLYPH_WIDTH(scale)  (CELL_WIDTH * (scale))
#define GLYPH_HEIGHT(scale) (CELL_HEIGHT * (scale))

/* One character, its cell's corner at (@x, @y). What has no glyph shows as '?'. */
void canvas_glyph(const struct canvas *canvas, uint32_t x, uint32_t y, char c,
		  const struct ink *ink);

/*
 * @text from (@x, @y) on, at most @max_width pixels, whole characters only.
 * Returns the x behind the last one.
 */
uint32_t canvas_text(const struct canvas *canvas, uint32_t x, uint32_t y, uint32_t max_width,
		     const char *text, const struct ink *ink);

#endif
