/*
 * The log: a ring of the last text, and the sinks that text goes to.
 *
 * Model
 *   Bytes are numbered from 0 as they are written; byte n is kept in
 *   ring[n % RING_BYTES] until byte n + RING_BYTES replaces it. A new sink gets
 *   what the ring still holds; if the beginning is gone, a line says how much.
 *
 * Promises
 *   - every sink has seen every byte from its first one on, in order, once
 *   - the bytes of one call stay together: no other CPU's text between them
 *
 * Locking
 *   log_lock guards everything here. A panic may come while it is held, by this
 *   CPU or by one that will never run again: log_ignore_lock() opens it for
 *   good, and even without it no CPU waits for ever. Sinks are called with the
 *   lock held; they only write to a device.
 *
 * Debugging
 *   log_ring in a memory dump is the log.
 */

#include "log.h"

#include "efi/format.h"
#include "mm/lock.h"

#define RING_BYTES	(64u * 1024)	/* what is logged before the serial line runs, and more */
#define NR_SINKS	8

#define MUTED_BYTES	4096u		/* a report is some 20 lines */

/*
 * The longest anybody holds the lock is one call's text to a serial line whose reader
 * pauses: 20 s (arch/x86_64/serial.c). A spin hint takes 10 ns or more.
 */
#define LOCK_TRIES_MAX	(1u << 31)

static struct spinlock log_lock;
static bool is_lock_ignored;
static char log_ring[RING_BYTES];
static uint64_t nr_bytes_written;
static uint64_t nr_bytes_forgotten;	/* of those, from the start: for sinks to come */
static log_sink *sinks[NR_SINKS];
static unsigned nr_sinks;
static enum log_level threshold = LOG_INFO;
static bool is_muted_now;
static struct {
	char text[MUTED_BYTES];		/* a ring of what was not said */
	uint64_t nr_bytes;
} muted;
static char last_byte = '\n';

static bool enter(void) NO_LOCK_ANALYSIS
{
	for (unsigned i = 0; i < LOCK_TRIES_MAX; i++) {
		if (__atomic_load_n(&is_lock_ignored, __ATOMIC_RELAXED))
			return false;
		if (spin_try_lock(&log_lock))
			return true;
		mm_port_spin_hint();
	}
	return false;
}

static void leave(bool has_entered) NO_LOCK_ANALYSIS
{
	if (has_entered)
		spin_unlock(&log_lock);
}

void log_ignore_lock(void)
{
	__atomic_store_n(&is_lock_ignored, true, __ATOMIC_RELAXED);
	is_muted_now = false;
}

static void put_log(void *arg, const char *text, size_t bytes)
{
	(void)arg;
	for (size_t i = 0; i < bytes; i++)
		log_ring[nr_bytes_written++ % RING_BYTES] = text[i];
	if (bytes > 0)
		last_byte = text[bytes - 1];
	for (unsigned i = 0; i < nr_sinks; i++)
		sinks[i](text, bytes);
}

static void put_muted(void *arg, const char *text, size_t bytes)
{
	(void)arg;
	for (size_t i = 0; i < bytes; i++)
		muted.text[muted.nr_bytes++ % MUTED_BYTES] = text[i];
}

static void end_open_line(void)
{
	if (last_byte != '\n')
		put_log(NULL, "\n", 1);
}

void log_vline(enum log_level level, const char *format, va_list args)
{
	bool has_entered;

	if (level > threshold)
		return;
	has_entered = enter();
	if (is_muted_now) {
		format_stream(put_muted, NULL, format, args);
		put_muted(NULL, "\n", 1);
	} else {
		end_open_line();
		format_stream(put_log, NULL, format, args);
		put_log(NULL, "\n", 1);
	}
	leave(has_entered);
}

void log_line(enum log_level level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_vline(level, format, args);
	va_end(args);
}

void log_vraw(const char *format, va_list args)
{
	bool has_entered = enter();

	format_stream(put_log, NULL, format, args);
	leave(has_entered);
}

void log_raw(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_vraw(format, args);
	va_end(args);
}

enum log_level log_set_level(enum log_level level)
{
	enum log_level former = threshold;

	threshold = level;
	return former;
}

void log_mute(bool is_muted)
{
	is_muted_now = is_muted;
	muted.nr_bytes = 0;
}

void log_tell_muted(void)
{
	bool has_entered = enter();
	uint64_t at = 0;

	if (muted.nr_bytes > MUTED_BYTES) {
		at = muted.nr_bytes - MUTED_BYTES + 1;
		while (muted.text[(at - 1) % MUTED_BYTES] != '\n')
			at++;	/* whole lines */
	}
	end_open_line();
	for (; at < muted.nr_bytes; at++)
		put_log(NULL, &muted.text[at % MUTED_BYTES], 1);
	muted.nr_bytes = 0;
	leave(has_entered);
}

void log_fresh_line(void)
{
	bool has_entered = enter();

	end_open_line();
	leave(has_entered);
}

void log_restart_line(void)
{
	bool has_entered = enter();

	if (last_byte != '\n')
		put_log(NULL, "\r", 1);
	leave(has_entered);
}

/* Sends bytes [@start, @end) of the log, which the ring still holds, to @sink. */
static void replay_ring(log_sink *sink, uint64_t start, uint64_t end)
{
	while (start < end) {
		uint64_t at = start % RING_BYTES;
		uint64_t bytes = end - start;

		if (bytes > RING_BYTES - at)
			bytes = RING_BYTES - at;
		sink(log_ring + at, bytes);
		start += bytes;
	}
}

void log_forget(void)
{
	bool has_entered = enter();

	nr_bytes_forgotten = nr_bytes_written;
	leave(has_entered);
}

bool log_has_sink(void)
{
	return __atomic_load_n(&nr_sinks, __ATOMIC_RELAXED) > 0;
}

bool log_add_sink(log_sink *sink)
{
	bool has_entered = enter();
	bool has_room = nr_sinks < NR_SINKS;

	if (has_room) {
		uint64_t end = nr_bytes_written;
		uint64_t start = end - nr_bytes_forgotten > RING_BYTES ? end - RING_BYTES :
									nr_bytes_forgotten;
		char lost[64];

		if (start > nr_bytes_forgotten)
			sink(lost, (size_t)format_text(lost, sizeof(lost),
						       "[log: the first %llu bytes are lost]\n",
						       (unsigned long long)start));
		replay_ring(sink, start, end);
		sinks[nr_sinks++] = sink;
	}
	leave(has_entered);
	return has_room;
}

void log_remove_sink(log_sink *sink)
{
	bool has_entered = enter();
	unsigned nr_kept = 0;

	for (unsigned i = 0; i < nr_sinks; i++)
		if (sinks[i] != sink)
			sinks[nr_kept++] = sinks[i];
	nr_sinks = nr_kept;
	leave(has_entered);
}
