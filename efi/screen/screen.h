#ifndef EFI_SCREEN_SCREEN_H
#define EFI_SCREEN_SCREEN_H

/* The screen of a run, from its first line to its last. See screen.c. */

#include "efi/screen/end.h"
#include "efi/screen/picture.h"

/*
 * Clears the screen that @info describes, reachable at @pixels, and shows the log
 * there. STATUS_ABSENT without a framebuffer, STATUS_BAD_VALUE when its numbers
 * cannot be true. @now_ns is the clock; NULL: there is none, all is drawn at once.
 */
enum status screen_init(const struct framebuffer_info *info, void *pixels,
			uint64_t (*now_ns)(void)) MUST_CHECK;

/* Log sink. Harmless before screen_init(). */
void screen_write(const char *text, size_t bytes);

/* All below are harmless without a screen; each takes the log's lock or not as noted. */

/* What the header says. */
void screen_set_facts(const struct screen_facts *facts);

/* From now on the picture of memory is shown; @use_of tells what pages are for. */
void screen_show_memory(const struct boot_info *info, const struct topology *topology,
			picture_page_use *use_of);

/*
 * From now on what is logged is a lecture of @nr_slides, shown a slide at a time; 0: it is
 * over, and the parts are back.
 */
void screen_show_slides(unsigned nr_slides);

/* Brings all parts up to date if it is time. Between tests, and whenever somebody waits. */
void screen_refresh(void);

/* The same now: for tests and the end. */
void screen_refresh_now(void);

/* The last screen. What is logged afterwards is not shown. */
void screen_show_verdict(const struct verdict_facts *verdict);
void screen_show_panic(void);

/* For tests of what is shown: NULL without a screen, or before the picture is. */
const struct canvas *screen_canvas(void);
const struct picture *screen_picture(void);

/* What has been read of the log: the run so far. */
const struct progress *screen_progress(void);

/* Nanoseconds spent drawing so far. */
uint64_t screen_spent_ns(void);

#endif
