/*
 * Which of the firmware's screens is drawn on.
 *
 * Model
 *   A machine may have several graphics outputs. The one that LocateProtocol gives
 *   is asked first, then every handle; the first that can be drawn on is taken.
 *   Those that cannot are findings. Where none can, the person at the screen is
 *   told so by the firmware's console, as long as there is one.
 *
 * Locking
 *   None: boot services, one CPU.
 */

#include "efi/firmware_state.h"

#include "arch.h"
#include "efi/screen_offer.h"

static EFI_GUID graphics_guid = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;

static enum screen_format format_of(EFI_GRAPHICS_PIXEL_FORMAT format)
{
	switch (format) {
	case PixelRedGreenBlueReserved8BitPerColor: return SCREEN_RGBX;
	case PixelBlueGreenRedReserved8BitPerColor: return SCREEN_BGRX;
	case PixelBitMask: return SCREEN_MASKS;
	case PixelBltOnly:
	case PixelFormatMax:
		break;
	}
	return SCREEN_NO_PIXELS;
}

static struct screen_offer offer_of(const EFI_GRAPHICS_OUTPUT_PROTOCOL *graphics)
{
	const EFI_GRAPHICS_OUTPUT_PROTOCOL_MODE *mode = graphics->Mode;
	const EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *info = mode ? mode->Info : NULL;

	if (!info)
		return (struct screen_offer){ .has_mode = false };
	return (struct screen_offer){
		.has_mode = true,
		.format = format_of(info->PixelFormat),
		.red_mask = info->PixelInformation.RedMask,
		.green_mask = info->PixelInformation.GreenMask,
		.blue_mask = info->PixelInformation.BlueMask,
		.rest_mask = info->PixelInformation.ReservedMask,
		.base_pa = mode->FrameBufferBase,
		.size_bytes = mode->FrameBufferSize,
		.width = info->HorizontalResolution,
		.height = info->VerticalResolution,
		.pixels_per_row = info->PixelsPerScanLine,
	};
}

/* True when it is the one that is used from now on. */
static bool take_screen(const EFI_GRAPHICS_OUTPUT_PROTOCOL *graphics, struct boot_info *info)
{
	const struct screen_offer offer = offer_of(graphics);
	const char *problem = screen_offer_read(&offer, arch_physical_end(), &info->framebuffer);

	if (problem) {
		boot_info_add_finding(info, "ScreenUnused", SEVERITY_LOW,
				      "a screen of %u x %u at 0x%llx is not drawn on: %s",
				      offer.width, offer.height,
				      (unsigned long long)offer.base_pa, problem);
		return false;
	}
	if (offer.size_bytes < info->framebuffer.size_bytes)
		boot_info_add_finding(info, "ScreenSize", SEVERITY_LOW,
				      "the screen at 0x%llx is said to have %llu bytes, its rows "
				      "have %llu: they count",
				      (unsigned long long)offer.base_pa,
				      (unsigned long long)offer.size_bytes,
				      (unsigned long long)info->framebuffer.size_bytes);
	log_line(LOG_INFO, "screen: %u x %u, rows of %u pixels, at 0x%llx", offer.width,
		 offer.height, offer.pixels_per_row, (unsigned long long)offer.base_pa);
	return true;
}

/* The outputs other than @first, which has been asked. */
static bool take_another_screen(const EFI_GRAPHICS_OUTPUT_PROTOCOL *first, struct boot_info *info)
{
	EFI_HANDLE *handles = NULL;
	UINTN nr_handles = 0;
	bool is_taken = false;

	if (EFI_ERROR(firmware.boot->LocateHandleBuffer(ByProtocol, &graphics_guid, NULL,
							&nr_handles, &handles)))
		return false;
	for (UINTN i = 0; i < nr_handles && !is_taken; i++) {
		EFI_GRAPHICS_OUTPUT_PROTOCOL *graphics = NULL;

		if (!EFI_ERROR(firmware.boot->HandleProtocol(handles[i], &graphics_guid,
							     (void **)&graphics)) &&
		    graphics && graphics != first)
			is_taken = take_screen(graphics, info);
	}
	firmware.boot->FreePool(handles);
	return is_taken;
}

void find_screen(struct boot_info *info)
{
	EFI_GRAPHICS_OUTPUT_PROTOCOL *first = NULL;

	if (EFI_ERROR(firmware.boot->LocateProtocol(&graphics_guid, NULL, (void **)&first)))
		first = NULL;
	if (first && take_screen(first, info))
		return;
	if (take_another_screen(first, info))
		return;
	console_say("There is no screen that Slabstick can draw on: all that follows goes to the "
		     "serial line.\n");
	log_line(LOG_NOTICE, "screen: none that can be drawn on");
}
