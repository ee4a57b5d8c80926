#ifndef EFI_FRAMEBUFFER_H
#define EFI_FRAMEBUFFER_H

/* A text console on the firmware's linear framebuffer. */

#include "boot_info.h"
#include "status.h"

/*
 * Clears the screen described by @info, reachable at @pixels, and starts a
 * console on it. STATUS_ABSENT without a framebuffer, STATUS_BAD_VALUE when its
 * numbers contradict each other or leave no room for text.
 */
enum status framebuffer_init(const struct framebuffer_info *info, void *pixels) MUST_CHECK;

/* Log sink. Harmless before framebuffer_init(). */
void framebuffer_write(const char *text, size_t bytes);

/* Text from here on is drawn in this colour, 0xRRGGBB. */
void framebuffer_set_colour(uint32_t rgb);

#endif
