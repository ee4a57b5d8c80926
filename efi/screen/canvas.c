/*
 * Drawing on a linear framebuffer.
 *
 * Model
 *   Everything is made of runs of one colour on one line; fill_run() is the only
 *   place that writes, and it cuts every run at the edges. Pixels are written and
 *   never read: the framebuffer is mapped write-combining, where a read costs
 *   microseconds.
 *
 *   Colours come as 0xRRGGBB. A pixel has each of them somewhere, in any number of
 *   bits: the two orders of UEFI's eight-bit formats are masks like any other.
 *
 * Promises
 *   - no write outside [0, width) x [0, height), nor outside the size_bytes that
 *     the firmware gave
 *
 * Locking
 *   None: the log's lock is held by whoever draws (log sinks), or one CPU runs.
 */

#include "efi/screen/canvas.h"

#include "lib/align.h"

#define MIN_WIDTH  640u
#define MIN_HEIGHT 400u

#define BITS_OF_COLOUR 8u

/* ---- Pixels ---- */

/* False when the set bits of @mask do not stand together. */
static bool read_mask(uint32_t mask, struct channel *channel)
{
	uint32_t bits;

	*channel = (struct channel){0, 0};
	if (mask == 0)
		return true;
	channel->shift = (uint8_t)__builtin_ctz(mask);
	bits = mask >> channel->shift;
	channel->nr_bits = (uint8_t)(32 - __builtin_clz(bits));
	return (bits & (bits + 1)) == 0;
}

static bool is_sound(const struct framebuffer_info *info)
{
	uint64_t needed_bytes = (uint64_t)info->pixels_per_row * info->height * BYTES_PER_PIXEL;

	return info->pixels_per_row >= info->width && info->size_bytes >= needed_bytes &&
	       info->width >= MIN_WIDTH && info->height >= MIN_HEIGHT &&
	       (info->red_mask | info->green_mask | info->blue_mask) != 0;
}

enum status canvas_init(struct canvas *canvas, const struct framebuffer_info *info, void *pixels)
{
	if (info->base_pa == 0)
		return STATUS_ABSENT;
	*canvas = (struct canvas){
		.pixels = pixels,
		.width = info->width,
		.height = info->height,
		.pixels_per_row = info->pixels_per_row,
	};
	if (!is_sound(info) || !read_mask(info->red_mask, &canvas->red) ||
	    !read_mask(info->green_mask, &canvas->green) ||
	    !read_mask(info->blue_mask, &canvas->blue))
		return STATUS_BAD_VALUE;
	return STATUS_OK;
}

/* @value of 8 bits in the bits of @channel: the upper ones, or repeated to fill more. */
static uint32_t place(uint32_t value, struct channel channel)
{
	uint64_t spread = value * 0x01010101ull; /* 32 bits: the value four times */

	if (channel.nr_bits == 0)
		return 0;
	return (uint32_t)(spread >> (4 * BITS_OF_COLOUR - channel.nr_bits) << channel.shift);
}

uint32_t canvas_pixel(const struct canvas *canvas, uint32_t rgb)
{
	return place(rgb >> 16 & 0xff, canvas->red) | place(rgb >> 8 & 0xff, canvas->green) |
	       place(rgb & 0xff, canvas->blue);
}

/* ---- Rectangles ---- */

static void fill_run(const struct canvas *canvas, uint32_t x, uint32_t y, uint32_t width,
		     uint32_t pixel)
{
	uint32_t *at;

	if (y >= canvas->height || x >= canvas->width)
		return;
	width = (uint32_t)min_u64(width, canvas->width - x);
	at = canvas->pixels + (size_t)y * canvas->pixels_per_row + x;
	for (uint32_t i = 0; i < width; i++)
		at[i] = pixel;
}

void canvas_fill(const struct canvas *canvas, struct rect rect, uint32_t rgb)
{
	uint32_t pixel = canvas_pixel(canvas, rgb);
	uint32_t height;

	if (rect.y >= canvas->height)
		return;
	height = (uint32_t)min_u64(rect.height, canvas->height - rect.y);
	for (uint32_t i = 0; i < height; i++)
		fill_run(canvas, rect.x, rect.y + i, rect.width, pixel);
}

void canvas_frame(const struct canvas *canvas, struct rect rect, uint32_t thickness, uint32_t rgb)
{
	uint32_t across = (uint32_t)min_u64(thickness, rect.width);
	uint32_t down = (uint32_t)min_u64(thickness, rect.height);

	canvas_fill(canvas, (struct rect){rect.x, rect.y, rect.width, down}, rgb);
	canvas_fill(canvas, (struct rect){rect.x, rect.y + rect.height - down, rect.width, down},
		    rgb);
	canvas_fill(canvas, (struct rect){rect.x, rect.y, across, rect.height}, rgb);
	canvas_fill(canvas,
		    (struct rect){rect.x + rect.width - across, rect.y, across, rect.height}, rgb);
}

/* ---- Text ---- */

/* A line of a glyph, dots of @dot pixels: the lowest @nr_dots bits of @dots from the left. */
static void draw_dots(const struct canvas *canvas, struct rect line, uint32_t dots,
		      uint32_t nr_dots, const uint32_t pixel[2])
{
	uint32_t dot = line.width / nr_dots;

	for (uint32_t i = 0; i < line.height; i++) {
		uint32_t start = 0;

		while (start < nr_dots) {
			uint32_t is_set = dots >> (nr_dots - 1 - start) & 1;
			uint32_t end = start + 1;

			while (end < nr_dots && (dots >> (nr_dots - 1 - end) & 1) == is_set)
				end++;
			fill_run(canvas, line.x + start * dot, line.y + i, (end - start) * dot,
				 pixel[is_set]);
			start = end;
		}
	}
}

void canvas_glyph(const struct canvas *canvas, uint32_t x, uint32_t y, char c,
		  const struct ink *ink)
{
	const uint32_t pixel[2] = {canvas_pixel(canvas, ink->ground_rgb),
				   canvas_pixel(canvas, ink->rgb)};
	unsigned glyph = font_glyph(c);
	bool is_smooth = ink->scale % 2 == 0;
	uint32_t zoom = is_smooth ? 2 : 1;
	struct rect line = {x, y, GLYPH_WIDTH(ink->scale), ink->scale / zoom};

	for (unsigned i = 0; i < CELL_HEIGHT * zoom; i++) {
		uint32_t dots = 0; /* the last row and column of a cell are space */

		if (i < FONT_HEIGHT * zoom)
			dots = is_smooth ? font_smooth_row(glyph, i) : font_rows[glyph][i];
		draw_dots(canvas, line, dots << zoom, CELL_WIDTH * zoom, pixel);
		line.y += line.height;
	}
}

uint32_t canvas_text(const struct canvas *canvas, uint32_t x, uint32_t y, uint32_t max_width,
		     const char *text, const struct ink *ink)
{
	uint32_t end = x + max_width;

	for (; *text && end - x >= GLYPH_WIDTH(ink->scale); text++) {
		canvas_glyph(canvas, x, y, *text, ink);
		x += GLYPH_WIDTH(ink->scale);
	}
	return x;
}
