#ifndef LIB_STRING_H
#define LIB_STRING_H

/*
 * The memory functions that gcc and clang may call on their own, with the C
 * standard's names and meanings, so that code built on them is the same on a
 * hosted system and in the image (arch/x86_64/mem.S).
 */

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *at, int value, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);
size_t strlen(const char *text);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t bytes);
char *strstr(const char *text, const char *part);

#endif
