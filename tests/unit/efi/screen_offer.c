/* What firmware says of screens, and which of them can be drawn on. */

#include "efi/screen_offer.h"

#include "tests/test.h"

static struct framebuffer_info screen;

static const struct screen_offer good = {
	.has_mode = true, .format = SCREEN_BGRX, .base_pa = 0x80000000, .size_bytes = 800 * 600 * 4,
	.width = 800, .height = 600, .pixels_per_row = 800,
};

static bool is_taken(struct screen_offer offer)
{
	return !screen_offer_read(&offer, 1ull << 46, &screen);
}

static void the_usual_formats_are_taken(void)
{
	struct screen_offer offer = good;

	CHECK(is_taken(offer));
	CHECK_EQ(screen.red_mask, 0xFF0000);
	CHECK_EQ(screen.blue_mask, 0xFF);
	CHECK_EQ(screen.base_pa, 0x80000000);
	offer.format = SCREEN_RGBX;
	CHECK(is_taken(offer));
	CHECK_EQ(screen.red_mask, 0xFF);
	CHECK_EQ(screen.green_mask, 0xFF00);
}

static void masks_of_32_bits_are_taken(void)
{
	struct screen_offer offer = good;

	offer.format = SCREEN_MASKS;
	offer.red_mask = 0xFF00;
	offer.green_mask = 0xFF0000;
	offer.blue_mask = 0xFF000000;
	CHECK(is_taken(offer));
	CHECK_EQ(screen.blue_mask, 0xFF000000);
	offer.blue_mask = 0xFF0000;		/* green's */
	CHECK(!is_taken(offer));
	offer.blue_mask = 0;
	CHECK(!is_taken(offer));
	offer.blue_mask = 0xA0000000;		/* in two pieces */
	CHECK(!is_taken(offer));
	offer.red_mask = 0x3FF00000;		/* ten bits a colour */
	offer.green_mask = 0xFFC00;
	offer.blue_mask = 0x3FF;
	CHECK(is_taken(offer));
	offer.red_mask = 0xFF0000;		/* eight, and the rest is what makes 32 */
	offer.green_mask = 0xFF00;
	offer.blue_mask = 0xFF;
	CHECK(!is_taken(offer));
	offer.rest_mask = 0xFF000000;
	CHECK(is_taken(offer));
	offer.rest_mask = 0;
	offer.red_mask = 0xF800;		/* 16 bits a pixel */
	offer.green_mask = 0x7E0;
	offer.blue_mask = 0x1F;
	CHECK(!is_taken(offer));
}

static void a_screen_without_pixels_is_none(void)
{
	struct screen_offer offer = good;

	offer.format = SCREEN_NO_PIXELS;
	CHECK(!is_taken(offer));
	CHECK_EQ(screen.base_pa, 0);
	offer = good;
	offer.has_mode = false;
	CHECK(!is_taken(offer));
	offer = good;
	offer.base_pa = 0;
	CHECK(!is_taken(offer));
}

static void what_the_rows_take_is_the_size(void)
{
	struct screen_offer offer = good;

	offer.size_bytes = 0;
	offer.pixels_per_row = 1024;
	CHECK(is_taken(offer));
	CHECK_EQ(screen.size_bytes, 1024 * 600 * 4);
	CHECK_EQ(screen.pixels_per_row, 1024);
	offer.size_bytes = UINT64_MAX;
	CHECK(is_taken(offer));
	CHECK_EQ(screen.size_bytes, 1024 * 600 * 4);
}

static void numbers_that_cannot_be_are_refused(void)
{
	struct screen_offer offer = good;

	offer.pixels_per_row = 799;
	CHECK(!is_taken(offer));
	offer = good;
	offer.pixels_per_row = UINT32_MAX;
	CHECK(!is_taken(offer));
	offer = good;
	offer.height = UINT32_MAX;
	CHECK(!is_taken(offer));
	offer = good;
	offer.width = 639;
	CHECK(!is_taken(offer));
	offer = good;
	offer.height = 399;
	CHECK(!is_taken(offer));
	offer = good;
	offer.base_pa = (1ull << 46) - 800 * 600 * 4;
	CHECK(is_taken(offer));
	offer.base_pa += 4;
	CHECK(!is_taken(offer));
	offer.base_pa = UINT64_MAX - 4095;
	CHECK(!is_taken(offer));
}

static const struct test_case cases[] = {
	{ "the usual formats are taken", the_usual_formats_are_taken },
	{ "masks of 32 bits are taken", masks_of_32_bits_are_taken },
	{ "a screen without pixels is none", a_screen_without_pixels_is_none },
	{ "what the rows take is the size", what_the_rows_take_is_the_size },
	{ "numbers that cannot be are refused", numbers_that_cannot_be_are_refused },
};

TEST_SUITE(screen_offer, cases);
