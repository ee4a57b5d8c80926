#ifndef TESTS_LECTURE_STAGE_H
#define TESTS_LECTURE_STAGE_H

/*
 * What a chapter of the lecture is told with: text, questions, pauses, exercises.
 *
 * A chapter that the listener leaves early runs to its end in silence, so that it
 * gives back what it took: nothing here says or waits for anything then.
 */

#include "lib/compiler.h"

typedef unsigned long long ull;	/* what %llu takes */

/* How the lecture goes on after a pause. */
enum lecture_move { MOVE_ON, MOVE_NEXT, MOVE_BACK, MOVE_QUIT };

/* How long a pause is: PACE_NONE, PACE_KEY (until a key), or seconds, which a key ends. */
#define PACE_NONE	0u
#define PACE_KEY	UINT32_MAX

void stage_set_pace(uint32_t pace);

/* Begins a chapter; its number and name are those of records. */
void stage_begin(unsigned number, const char *name);

/* Ends the last step. What the listener wanted at the last pause of the chapter. */
enum lecture_move stage_wanted(void);

/* "s", or nothing for one: behind the name of what is counted. */
const char *plural(uint64_t nr);

/* One line. */
void say(const char *format, ...) PRINTF(1, 2);

/* What the slide claims. */
void claim(const char *format, ...) PRINTF(1, 2);

/* Asks for a prediction, and waits. */
void predict(const char *format, ...) PRINTF(1, 2);

/* What really happened. */
void reveal(const char *format, ...) PRINTF(1, 2);

/* One step of what happens; behind what is said and drawn of it, a pause. */
void step(const char *format, ...) PRINTF(1, 2);

/* What is wrong with it: leads to the next chapter. */
void wrong(const char *format, ...) PRINTF(1, 2);

/*
 * An exercise whose @answer the machine has just computed. Who has keys may type a
 * number first. @unit is the plural of what is counted, which is told of one without its
 * last "s". Leaves an @exercise record.
 */
void exercise(uint64_t answer, const char *unit, const char *format, ...) PRINTF(3, 4);

/* The events since @from in words, at most @max lines; returns how many there were. */
uint64_t tell_events(uint64_t from, unsigned max);

/* The same of those whose kinds (1 << enum mm_event_kind) are in @kinds. */
uint64_t tell_events_of(uint64_t from, unsigned max, unsigned kinds);

/* A bar of @filled of @all in @width characters, '#' and '.', to @text with its final 0. */
void draw_bar(char *text, unsigned width, uint64_t filled, uint64_t all);

/* Instructions of @work(@arg): the least of two runs, the first of which may meet empty stacks. */
uint64_t count_instructions(void (*work)(void *), void *arg);

#endif
