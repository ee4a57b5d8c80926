/*
 * The firmware's text console, and the ways to end early.
 *
 * Model
 *   Until the kernel has sinks, text goes to the log's ring; ConOut gets a sign of
 *   life alone, for what it shows may come out of the serial line too, and all
 *   would stand there twice. A program that cannot go on sends the log to ConOut
 *   and to the first serial port, so that a person and a harness see "Bail out!".
 *
 * Locking
 *   None: one CPU.
 */

#include "efi/firmware_state.h"

#include "arch.h"
#include "efi/firmware.h"
#include "efi/screen/screen.h"

/* The Makefile gives it as it stands in the file VERSION. */
#define TEXT(word)		#word
#define VERSION_TEXT(version)	TEXT(version)
const char slabstick_version[] = VERSION_TEXT(SLABSTICK_VERSION);

#define STOP_SECONDS		10u
#define STATUS_PANICKED		0x12u	/* isa-debug-exit: QEMU ends with 37 */

struct firmware_state firmware;

static void write_console(const char *text, size_t bytes)
{
	SIMPLE_TEXT_OUTPUT_INTERFACE *console = firmware.system->ConOut;
	CHAR16 piece[2] = { 0, 0 };

	if (!console)
		return;
	for (size_t i = 0; i < bytes; i++) {
		piece[0] = (CHAR16)text[i];
		if (text[i] == '\n')
			console->OutputString(console, (CHAR16 *)L"\r");
		console->OutputString(console, piece);
	}
}

void console_say(const char *format, ...)
{
	char text[1024];
	va_list args;
	int length;

	va_start(args, format);
	length = format_vtext(text, sizeof(text), format, args);
	va_end(args);
	write_console(text, (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1);
}

/* The log to the serial line, whether or not firmware still rules. */
static void send_log_to_serial(void)
{
	const struct uart_info first_port = { UART_PORT, 0x3F8, 0, 1 };

	if (arch_serial_init(&first_port) == STATUS_OK)
		log_add_sink(arch_serial_write);
}

void stop(const char *format, ...)
{
	char reason[200];
	va_list args;

	va_start(args, format);
	format_vtext(reason, sizeof(reason), format, args);
	va_end(args);
	log_line(LOG_ERROR, "Bail out! %s", reason);
	log_add_sink(write_console);
	send_log_to_serial();
	arch_serial_settle();
	firmware.boot->Stall(STOP_SECONDS * 1000000ull);
	arch_exit_emulator(STATUS_PANICKED);
	firmware.boot->Exit(firmware.image, EFI_UNSUPPORTED, 0, NULL);
	arch_halt();
}

void stop_between(const struct boot_info *info, const char *reason)
{
	log_line(LOG_ERROR, "Bail out! %s", reason);
	send_log_to_serial();
	if (screen_init(&info->framebuffer, (void *)info->framebuffer.base_pa, NULL) == STATUS_OK &&
	    log_add_sink(screen_write))
		screen_show_panic();
	arch_serial_settle();
	arch_exit_emulator(STATUS_PANICKED);
	arch_halt();
}

void copy_vendor(char *to, size_t size)
{
	const CHAR16 *from = firmware.system->FirmwareVendor;
	size_t length = 0;

	for (; from && from[length] && length + 1 < size; length++)
		to[length] = from[length] >= ' ' && from[length] <= '~' ? (char)from[length] : '?';
	to[length] = '\0';
}

void print_banner(const char *vendor)
{
	EFI_TIME now = { 0 };

	console_say("Asking the firmware what this machine is ...\n");
	log_line(LOG_NOTICE, "Slabstick %s", slabstick_version);
	log_line(LOG_NOTICE, "efi: EFI v%u.%02u by %s, revision 0x%08x",
		 firmware.system->Hdr.Revision >> 16, firmware.system->Hdr.Revision & 0xFFFF,
		 vendor, firmware.system->FirmwareRevision);
	if (!EFI_ERROR(firmware.system->RuntimeServices->GetTime(&now, NULL)))
		log_line(LOG_NOTICE, "time: %04u-%02u-%02u %02u:%02u:%02u", now.Year, now.Month,
			 now.Day, now.Hour, now.Minute, now.Second);
}
