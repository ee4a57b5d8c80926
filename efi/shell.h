#ifndef EFI_SHELL_H
#define EFI_SHELL_H

/* A line editor for run=shell, on the serial line. */

#include "lib/compiler.h"

#define SHELL_LINE_BYTES	128u

/*
 * Prints @prompt and reads a line of printable characters to @line, without its
 * end; backspace takes back. False when nothing is typed for SHELL_IDLE_MINUTES
 * (told in the log), or the user ends the input (control-D on an empty line).
 */
bool shell_read_line(const char *prompt, char *line, size_t size) MUST_CHECK;

#endif
