#ifndef LOG_H
#define LOG_H

/*
 * The log: one ring of text, and the sinks (serial line, screen) it goes to.
 *
 * Lines written before a sink exists are kept in the ring and sent to it when
 * it is added. Text is plain ASCII; '\n' becomes "\r\n" on the wire. May be
 * called in every phase and from every CPU, not from NMI.
 */

#include <stdarg.h>

#include "lib/compiler.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_NOTICE, LOG_INFO, LOG_DEBUG, NR_LOG_LEVELS };

/* Prints one line: @format without its newline. Levels below the threshold are dropped. */
void log_line(enum log_level level, const char *format, ...) PRINTF(2, 3);
void log_vline(enum log_level level, const char *format, va_list args) PRINTF(2, 0);

/* Prints exactly the text, of any level: tables, KTAP, records. */
void log_raw(const char *format, ...) PRINTF(1, 2);
void log_vraw(const char *format, va_list args) PRINTF(1, 0);

/* Lines of @level and more urgent are printed. The default is LOG_INFO. Returns the former one. */
enum log_level log_set_level(enum log_level level);

/* Ends the current line if one is open: the next byte stands at column 0. */
void log_fresh_line(void);

/* The next text takes the place of the line that is open, if one is. */
void log_restart_line(void);

/*
 * Adds a sink and sends it what the ring still holds. A sink gets pieces of
 * text with plain '\n', not only whole lines, and must not log. False when
 * there are 4 already.
 */
typedef void log_sink(const char *text, size_t bytes);
bool log_add_sink(log_sink *sink);

/* What has been said so far is not sent to sinks that are added later. */
void log_forget(void);

/* False: nobody has seen anything yet. */
bool log_has_sink(void);

/* Takes a sink away; one that is not there is passed over. */
void log_remove_sink(log_sink *sink);

/* For panics: from now on no CPU waits for the log's lock. */
void log_ignore_lock(void);

/*
 * While muted, log_line() says nothing; log_raw() still does. For tests, whose
 * many small machines would bury the log of the real one. A panic ends it.
 */
void log_mute(bool is_muted);

/*
 * For panics: logs the last 4 KiB of what was not said since log_mute(), in whole
 * lines. The report of what is wrong is among them.
 */
void log_tell_muted(void);

/*
 * Formats as C's snprintf does, for: flags "-0+ #", width, precision, '*',
 * length hh h l ll z t j, conversions d i u x X o c s p %; %p is 16 hexadecimal
 * digits without "0x". Writes at most @size bytes with the terminating 0.
 * Returns the length the whole text has.
 */
int format_text(char *to, size_t size, const char *format, ...) PRINTF(3, 4);
int format_vtext(char *to, size_t size, const char *format, va_list args) PRINTF(3, 0);

#endif
