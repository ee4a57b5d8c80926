#ifndef EFI_SHELL_H
#define EFI_SHELL_H

/* A line editor for run=shell, on the serial line and the keyboard. */

#include "lib/compiler.h"

#define SHELL_LINE_BYTES	128u

/*
 * Prints @prompt and reads a line of printable characters to @line, without its end.
 * Cursor keys, history, completion; control-C gives an empty line. False when nothing is
 * typed for SHELL_IDLE_MINUTES (told in the log), or the user ends the input (control-D
 * on an empty line).
 */
bool shell_read_line(const char *prompt, char *line, size_t size) MUST_CHECK;

/* The next byte of either, or -1: none yet. */
int shell_poll_byte(void);

/* True when control-C has been typed: what takes long asks now and then, and ends. */
bool shell_is_interrupted(void);

/*
 * What the tab key completes with: the @i-th word that may stand at the cursor in @line,
 * NULL behind the last; @is_first: at the beginning of the line.
 */
typedef const char *shell_candidate(const char *line, bool is_first, unsigned i);
void shell_set_candidates(shell_candidate *candidate);

#endif
