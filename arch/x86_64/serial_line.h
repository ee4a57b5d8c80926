#ifndef ARCH_X86_64_SERIAL_LINE_H
#define ARCH_X86_64_SERIAL_LINE_H

#include "lib/compiler.h"

#include <stddef.h>
#include <stdint.h>

#define SERIAL_FIFO_BYTES	16u
#define SERIAL_HELD_BYTES	1024u	/* the rest of a line that was cut by a pause */

/* What sends bytes, and a clock. */
struct transmitter {
	bool (*is_ready)(void);		/* takes SERIAL_FIFO_BYTES now */
	bool (*is_idle)(void);		/* and has sent all that it took */
	void (*send)(uint8_t byte);
	uint64_t (*now_ns)(void);
};

/* Private to serial_line.c; all zero but for these three is a new one. */
struct serial_line {
	const struct transmitter *to;
	uint64_t patience_ns;		/* for each line */
	uint64_t last_patience_ns;	/* in all, of serial_line_settle() */
	unsigned room;			/* bytes the transmitter is known to take */
	bool was_ready;			/* ever */
	bool is_paused;
	bool is_inside;			/* a line is begun */
	bool is_lost;			/* and nothing of it is sent or held */
	uint64_t waited_ns;		/* in this line */
	uint64_t nr_lost;		/* lines since the pause began */
	unsigned nr_held, nr_resent;
	bool is_held_cut;
	char held[SERIAL_HELD_BYTES];
};

/* Sends @text, as the theory block says. Waits up to the patience for each line of it. */
void serial_line_write(struct serial_line *line, const char *text, size_t bytes);

/*
 * Waits until a pause is over and all is sent, as long as patience is left. False: it is
 * not, and what is written next is lost unless the transmitter goes on by then.
 */
bool serial_line_settle(struct serial_line *line);

#endif
