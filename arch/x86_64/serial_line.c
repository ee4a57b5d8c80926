/*
 * Lines through a transmitter that pauses: a console server, serial over LAN or a pager
 * that does not read holds the transmitter up for seconds or for ever.
 *
 * Model
 *   A line waits for the transmitter, up to the patience for the whole of it. Then the
 *   line counts as paused: what is left of the begun line is held back, and the lines
 *   that follow are lost, whole and counted, at one look each. Before a line that
 *   finds the transmitter ready stand the rest that was held and the count. So a reader
 *   sees whole lines only, and knows how many are missing where.
 *
 *   A transmitter that has never been ready is no reader's pause: it gets a second.
 *   Nothing is given up for good.
 *
 * Rules
 *   - what is sent is, in order, what was written, but for whole lines and their counts
 *   - one line costs at most the patience; a line written in a pause costs one look, or
 *     the patience when the pause ends with it
 *
 * Locking
 *   The caller's.
 */

#include "arch/x86_64/serial_line.h"

#include "log.h"

/* A FIFO at 300 baud, the slowest there is, empties in half a second. */
#define FIRST_PATIENCE_NS	1000000000ull

static uint64_t min_ns(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t bounded(const struct serial_line *line, uint64_t patience_ns)
{
	return line->was_ready ? patience_ns : min_ns(patience_ns, FIRST_PATIENCE_NS);
}

static bool look(struct serial_line *line)
{
	if (!line->to->is_ready())
		return false;
	line->room = SERIAL_FIFO_BYTES;
	line->was_ready = true;
	return true;
}

static bool wait_for_room(struct serial_line *line)
{
	uint64_t start_ns, ns = 0;

	if (line->room || look(line))
		return true;
	start_ns = line->to->now_ns();
	while (line->waited_ns + ns < bounded(line, line->patience_ns)) {
		if (look(line)) {
			line->waited_ns += ns;
			return true;
		}
		__builtin_ia32_pause();
		ns = line->to->now_ns() - start_ns;
	}
	line->is_paused = true;
	return false;
}

static bool send_byte(struct serial_line *line, char byte)
{
	if (!wait_for_room(line))
		return false;
	line->room--;
	line->to->send((uint8_t)byte);
	return true;
}

static bool send_letter(struct serial_line *line, char letter)
{
	return (letter != '\n' || send_byte(line, '\r')) && send_byte(line, letter);
}

/* The last place is for the end of the line. */
static void hold(struct serial_line *line, char letter)
{
	unsigned room = SERIAL_HELD_BYTES - line->nr_held;

	if (room > 1 || (room == 1 && letter == '\n'))
		line->held[line->nr_held++] = letter;
	else
		line->is_held_cut = true;
	if (letter == '\n' && line->is_held_cut) {
		line->is_held_cut = false;
		line->nr_lost++;
	}
}

static bool send_held(struct serial_line *line)
{
	for (; line->nr_resent < line->nr_held; line->nr_resent++)
		if (!send_letter(line, line->held[line->nr_resent]))
			return false;
	line->nr_held = 0;
	line->nr_resent = 0;
	return true;
}

/* True when what was held is sent, and the count with it. */
static bool resume(struct serial_line *line)
{
	if (!look(line))
		return false;
	line->is_paused = false;
	line->waited_ns = 0;
	line->nr_lost += line->is_held_cut;	/* its end cannot be told any more */
	line->is_held_cut = false;
	if (!send_held(line))
		return false;
	if (line->nr_lost == 0)
		return true;
	line->nr_held = (unsigned)format_text(line->held, sizeof(line->held),
		"[serial: nobody took %llu lines that stood here]\n",
		(unsigned long long)line->nr_lost);
	line->nr_lost = 0;
	return send_held(line);
}

static void write_letter(struct serial_line *line, char letter)
{
	if (!line->is_inside) {
		line->waited_ns = 0;
		line->is_lost = line->is_paused && !resume(line);
	}
	line->is_inside = letter != '\n';
	if (line->is_lost)
		line->nr_lost += letter == '\n';
	else if (line->is_paused || !send_letter(line, letter))
		hold(line, letter);
}

void serial_line_write(struct serial_line *line, const char *text, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		write_letter(line, text[i]);
}

static bool is_flowing(struct serial_line *line)
{
	return line->is_paused ? resume(line) : look(line);
}

/* What the FIFO gave away may still be on its way out: nobody's pause, so it gets a second. */
static void wait_until_idle(const struct serial_line *line)
{
	uint64_t start_ns = line->to->now_ns();

	while (!line->to->is_idle() && line->to->now_ns() - start_ns < FIRST_PATIENCE_NS)
		__builtin_ia32_pause();
}

bool serial_line_settle(struct serial_line *line)
{
	uint64_t start_ns = line->to->now_ns(), ns = 0;
	bool flows = is_flowing(line);

	while (!flows && ns < bounded(line, line->last_patience_ns)) {
		__builtin_ia32_pause();
		flows = is_flowing(line);
		ns = line->to->now_ns() - start_ns;
	}
	line->last_patience_ns -= min_ns(ns, line->last_patience_ns);
	line->is_paused = !flows;
	if (flows)
		wait_until_idle(line);
	return flows;
}
