#ifndef EFI_FORMAT_H
#define EFI_FORMAT_H

/* The engine of format_text(): for those who write elsewhere than to a buffer. */

#include <stdarg.h>

#include "lib/compiler.h"

/* Takes @bytes of the text, in order. */
typedef void format_put(void *arg, const char *text, size_t bytes);

/* Formats as format_text() does and hands the text to @put(@arg) in pieces. */
void format_stream(format_put *put, void *arg, const char *format, va_list args) PRINTF(3, 0);

#endif
