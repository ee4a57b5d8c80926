#ifndef EFI_SCREEN_LAYOUT_H
#define EFI_SCREEN_LAYOUT_H

/* Where things stand on a screen of any size. See layout.c. */

#include "efi/screen/canvas.h"

/* Colours, 0xRRGGBB. */
#define RGB_GROUND	 0x101418u
#define RGB_PANEL	 0x1c232bu
#define RGB_TEXT	 0xd8dee6u
#define RGB_FAINT	 0x8a96a3u
#define RGB_TITLE	 0xffffffu
#define RGB_GOOD	 0x3fb950u
#define RGB_BAD		 0xf85149u
#define RGB_WARN	 0xe3b341u
#define RGB_BUSY	 0x58a6ffu
#define RGB_PASS_GROUND	 0x0b4f1fu
#define RGB_FAIL_GROUND	 0x7a0c0cu
#define RGB_PANIC_GROUND 0xa00000u

/* The screen while a run goes on, from top to bottom; the last two stand side by side. */
struct layout {
	uint32_t scale; /* pixels to a dot of text */
	struct rect header;
	struct rect map; /* the picture of memory */
	struct rect legend;
	struct rect tests;
	struct rect log;
};

/* For a screen of @width x @height pixels, at least 640 x 400. */
void layout_make(struct layout *layout, uint32_t width, uint32_t height);

/* The largest even scale, or 1, at which @nr_columns x @nr_rows characters fit. */
uint32_t layout_scale(uint32_t width, uint32_t height, uint32_t nr_columns, uint32_t nr_rows);

#endif
