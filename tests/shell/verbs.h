#ifndef TESTS_SHELL_VERBS_H
#define TESTS_SHELL_VERBS_H

/* What run=shell can be told to do with memory. */

#include "lib/compiler.h"

struct shell_verb {
	const char *name;
	const char *about;	/* its words, for help */
};

extern const struct shell_verb shell_verbs[];
extern const unsigned nr_shell_verbs;

/* Does what @line says. False: its first word is no verb. */
bool shell_do(const char *line);

/* Gives back all that the verbs took. */
void shell_give_all(void);

/* Why the option @key means nothing any more, or NULL when it may be set. */
const char *shell_boot_only(const char *key);

#endif
