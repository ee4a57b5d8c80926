#ifndef TESTS_GLOB_H
#define TESTS_GLOB_H

/*
 * Names of tests and benchmarks chosen by comma-separated globs, as they come
 * from the command line, where a blank would end the word.
 */

#include "lib/compiler.h"

/* @name matches one of @globs: '*' any run, '?' any character, '_' also a blank. */
bool glob_list_matches(const char *globs, const char *name);

/* As above for "@suite.@name"; a glob without a dot chooses whole suites. */
bool glob_list_matches_case(const char *globs, const char *suite, const char *name);

/* One of @globs begins with "@suite." or is "@suite": it was asked for by name. */
bool glob_list_names_suite(const char *globs, const char *suite);

#endif
