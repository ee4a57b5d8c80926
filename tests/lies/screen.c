/*
 * Lies about the screen and the firmware's own console.
 *
 * Model
 *   What LocateProtocol gives gets a mode and an info of ours, copied from the
 *   firmware's and changed. The firmware keeps drawing through its own driver,
 *   which has its own idea of them.
 */

#include "tests/lies/lie.h"

#include "lib/string.h"

#define BYTES_PER_PIXEL	4u
#define FOUR_GIB_END	0xFFFFFFFFull

static EFI_GRAPHICS_OUTPUT_PROTOCOL_MODE mode;
static EFI_GRAPHICS_OUTPUT_MODE_INFORMATION info;

static EFI_GRAPHICS_OUTPUT_PROTOCOL *own_screen(void)
{
	static EFI_GUID graphics_guid = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;
	EFI_GRAPHICS_OUTPUT_PROTOCOL *graphics;

	if (EFI_ERROR(lie_boot->LocateProtocol(&graphics_guid, NULL, (void **)&graphics)))
		lie_give_up("no screen");
	if (graphics->Mode != &mode) {
		mode = *graphics->Mode;
		info = *mode.Info;
		mode.Info = &info;
		graphics->Mode = &mode;
	}
	return graphics;
}

static void set_masks(uint32_t red, uint32_t green, uint32_t blue, uint32_t rest)
{
	info.PixelFormat = PixelBitMask;
	info.PixelInformation = (EFI_PIXEL_BITMASK){ red, green, blue, rest };
}

/* screen=KIND: what the firmware says of its pixels. */
static void screen(const char *argument)
{
	EFI_GRAPHICS_OUTPUT_PROTOCOL *graphics = own_screen();

	if (strcmp(argument, "bgrx") == 0)
		set_masks(0xFF0000, 0xFF00, 0xFF, 0xFF000000);
	else if (strcmp(argument, "rgbx") == 0)
		set_masks(0xFF, 0xFF00, 0xFF0000, 0xFF000000);
	else if (strcmp(argument, "565") == 0)
		set_masks(0xF800, 0x7E0, 0x1F, 0);
	else if (strcmp(argument, "blt_only") == 0)
		info.PixelFormat = PixelBltOnly;
	else if (strcmp(argument, "no_mode") == 0)
		graphics->Mode = NULL;
	else if (strcmp(argument, "no_size") == 0)
		mode.FrameBufferSize = 0;
	else if (strcmp(argument, "small") == 0)
		mode.FrameBufferSize = info.PixelsPerScanLine * BYTES_PER_PIXEL * 100u;
	else if (strcmp(argument, "wide_rows") == 0)
		info.PixelsPerScanLine += 128;
	else if (strcmp(argument, "no_rows") == 0)
		info.PixelsPerScanLine = 0;
	else if (strcmp(argument, "tiny") == 0)
		info.HorizontalResolution = info.VerticalResolution = 64;
	else if (strcmp(argument, "odd") == 0)
		info.HorizontalResolution = 1277, info.VerticalResolution = 799;
	else
		lie_give_up("no such kind of screen");
}

/* screen_at=ADDRESS: RAM that the firmware reserves is the frame buffer, as on some boards. */
static void screen_at(const char *argument)
{
	EFI_PHYSICAL_ADDRESS pa = lie_number(argument, FOUR_GIB_END);
	EFI_ALLOCATE_TYPE how = argument[0] ? AllocateAddress : AllocateMaxAddress;
	uint64_t bytes;

	own_screen();
	bytes = (uint64_t)info.PixelsPerScanLine * info.VerticalResolution * BYTES_PER_PIXEL;
	if (EFI_ERROR(lie_boot->AllocatePages(how, EfiReservedMemoryType, (bytes + 4095) / 4096,
					      &pa)))
		lie_give_up("no memory for the screen there");
	mode.FrameBufferBase = pa;
	mode.FrameBufferSize = bytes;
}

/* screen_base=ADDRESS: where nothing is. */
static void screen_base(const char *argument)
{
	own_screen();
	mode.FrameBufferBase = lie_number(argument, 0);
}

static void no_console(const char *argument)
{
	(void)argument;
	lie_system->ConOut = NULL;
	lie_system->ConsoleOutHandle = NULL;
	lie_system->StdErr = NULL;
	lie_system->StandardErrorHandle = NULL;
	lie_system->ConIn = NULL;
	lie_system->ConsoleInHandle = NULL;
}

const struct lie screen_lies[] = {
	{ "screen", screen },
	{ "screen_at", screen_at },
	{ "screen_base", screen_base },
	{ "no_console", no_console },
};

const unsigned nr_screen_lies = ARRAY_SIZE(screen_lies);
