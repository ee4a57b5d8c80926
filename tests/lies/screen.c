/*
 * Lies about the screen and the firmware's own console.
 *
 * Model
 *   Every graphics output gets a mode and an info of ours, copied from the
 *   firmware's and changed. The firmware keeps drawing through its own driver,
 *   which has its own idea of them.
 */

#include "tests/lies/lie.h"

#include "lib/string.h"

#define BYTES_PER_PIXEL	4u
#define FOUR_GIB_END	0xFFFFFFFFull

#define NR_SCREENS_MAX	8u

/* One of the firmware's outputs with what it says now. */
struct own_screen {
	EFI_GRAPHICS_OUTPUT_PROTOCOL *graphics;
	EFI_GRAPHICS_OUTPUT_PROTOCOL_MODE mode;
	EFI_GRAPHICS_OUTPUT_MODE_INFORMATION info;
};

static struct own_screen screens[NR_SCREENS_MAX];
static UINTN nr_screens;

static void own_screens(void)
{
	static EFI_GUID graphics_guid = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;
	EFI_HANDLE *handles;

	if (nr_screens > 0)
		return;
	if (EFI_ERROR(lie_boot->LocateHandleBuffer(ByProtocol, &graphics_guid, NULL, &nr_screens,
						   &handles)) || nr_screens > NR_SCREENS_MAX)
		lie_give_up("no screen, or too many");
	for (UINTN i = 0; i < nr_screens; i++) {
		struct own_screen *own = &screens[i];

		lie_boot->HandleProtocol(handles[i], &graphics_guid, (void **)&own->graphics);
		own->mode = *own->graphics->Mode;
		own->info = *own->mode.Info;
		own->mode.Info = &own->info;
		own->graphics->Mode = &own->mode;
	}
}

static void set_masks(EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *info, uint32_t red, uint32_t green,
		      uint32_t blue, uint32_t rest)
{
	info->PixelFormat = PixelBitMask;
	info->PixelInformation = (EFI_PIXEL_BITMASK){ red, green, blue, rest };
}

static void change(struct own_screen *own, const char *kind)
{
	EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *info = &own->info;

	if (strcmp(kind, "bgrx") == 0)
		set_masks(info, 0xFF0000, 0xFF00, 0xFF, 0xFF000000);
	else if (strcmp(kind, "565") == 0)
		set_masks(info, 0xF800, 0x7E0, 0x1F, 0);
	else if (strcmp(kind, "blt_only") == 0)
		info->PixelFormat = PixelBltOnly;
	else if (strcmp(kind, "no_mode") == 0)
		own->graphics->Mode = NULL;
	else if (strcmp(kind, "no_size") == 0)
		own->mode.FrameBufferSize = 0;
	else if (strcmp(kind, "small") == 0)
		own->mode.FrameBufferSize = info->PixelsPerScanLine * BYTES_PER_PIXEL * 100u;
	else if (strcmp(kind, "wide_rows") == 0)
		info->PixelsPerScanLine += 128;
	else if (strcmp(kind, "no_rows") == 0)
		info->PixelsPerScanLine = 0;
	else if (strcmp(kind, "tiny") == 0)
		info->HorizontalResolution = info->VerticalResolution = 64;
	else if (strcmp(kind, "odd") == 0)
		info->HorizontalResolution = 1277, info->VerticalResolution = 799;
	else
		lie_give_up("no such kind of screen");
}

/* screen=KIND: what the firmware says of the pixels of all its screens. */
static void screen(const char *argument)
{
	own_screens();
	for (UINTN i = 0; i < nr_screens; i++)
		change(&screens[i], argument);
}

/* screen_at=ADDRESS: RAM that the firmware reserves is the frame buffer, as on some boards. */
static void screen_at(const char *argument)
{
	EFI_PHYSICAL_ADDRESS pa = lie_number(argument, FOUR_GIB_END);
	EFI_ALLOCATE_TYPE how = argument[0] ? AllocateAddress : AllocateMaxAddress;
	uint64_t bytes;

	own_screens();
	bytes = (uint64_t)screens[0].info.PixelsPerScanLine * screens[0].info.VerticalResolution *
		BYTES_PER_PIXEL;
	if (EFI_ERROR(lie_boot->AllocatePages(how, EfiReservedMemoryType, (bytes + 4095) / 4096,
					      &pa)))
		lie_give_up("no memory for the screen there");
	for (UINTN i = 0; i < nr_screens; i++) {
		screens[i].mode.FrameBufferBase = pa;
		screens[i].mode.FrameBufferSize = bytes;
	}
}

/* screen_base=ADDRESS: where nothing is. */
static void screen_base(const char *argument)
{
	own_screens();
	for (UINTN i = 0; i < nr_screens; i++)
		screens[i].mode.FrameBufferBase = lie_number(argument, 0);
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
