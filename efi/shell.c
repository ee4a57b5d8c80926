/*
 * Lines from the serial console.
 *
 * The terminal at the other end shows what is echoed; a line too long for its
 * buffer rings the bell. Waiting for a human is bounded too: a machine that
 * nobody watches ends its run.
 */

#include "efi/shell.h"

#include "arch.h"
#include "log.h"

#define SHELL_IDLE_MINUTES	10u
#define POLL_US			1000u
#define MAX_POLLS		(SHELL_IDLE_MINUTES * 60u * (1000000u / POLL_US))

#define KEY_END_OF_INPUT	0x04
#define KEY_BELL		0x07
#define KEY_BACKSPACE		0x08
#define KEY_DELETE		0x7f

/* The next byte, or -1 after SHELL_IDLE_MINUTES. */
static int wait_for_byte(void)
{
	for (unsigned i = 0; i < MAX_POLLS; i++) {
		int byte = arch_serial_read();

		if (byte >= 0)
			return byte;
		arch_delay_us(POLL_US);
	}
	log_fresh_line();
	log_line(LOG_WARN, "shell: nothing typed for %u minutes, left", SHELL_IDLE_MINUTES);
	return -1;
}

static size_t take_back(size_t used)
{
	if (used == 0)
		return 0;
	log_raw("%c %c", KEY_BACKSPACE, KEY_BACKSPACE);
	return used - 1;
}

bool shell_read_line(const char *prompt, char *line, size_t size)
{
	size_t used = 0;

	log_raw("%s", prompt);
	for (;;) {
		int byte = wait_for_byte();

		if (byte < 0 || (byte == KEY_END_OF_INPUT && used == 0))
			return false;
		if (byte == '\r' || byte == '\n')
			break;
		if (byte == KEY_BACKSPACE || byte == KEY_DELETE)
			used = take_back(used);
		else if (byte < ' ' || byte > '~' || used + 1 >= size)
			log_raw("%c", KEY_BELL);
		else
			log_raw("%c", line[used++] = (char)byte);
	}
	line[used] = '\0';
	log_raw("\n");
	return true;
}
