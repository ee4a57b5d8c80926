#ifndef EFI_SCREEN_OFFER_H
#define EFI_SCREEN_OFFER_H

/* What firmware says of a screen, and whether that can be drawn on. Pure. */

#include "boot_info.h"

enum screen_format { SCREEN_RGBX, SCREEN_BGRX, SCREEN_MASKS, SCREEN_NO_PIXELS };

struct screen_offer {
	bool has_mode;
	enum screen_format format;
	/* Of SCREEN_MASKS. */
	uint32_t red_mask, green_mask, blue_mask, rest_mask;
	uint64_t base_pa, size_bytes;
	uint32_t width, height, pixels_per_row;
};

/*
 * Fills @screen and returns NULL; or returns in a few words why @offer cannot be
 * drawn on; @address_end is behind the CPU's last address. A frame buffer whose
 * size is told smaller than its rows take has the size of its rows.
 */
const char *screen_offer_read(const struct screen_offer *offer, uint64_t address_end,
			      struct framebuffer_info *screen);

#endif
