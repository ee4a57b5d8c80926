/*
 * A line editor for the serial line and the keyboard.
 *
 * Model
 *   The line, and where the cursor stands in it. The terminal shows both: after each change
 *   the part behind the cursor is written again and the cursor brought back by backspaces,
 *   which every terminal knows, the screen's pane too. What cannot be done rings the bell.
 *
 *   Lines that were entered are kept, the last NR_HISTORY of them; up and down go through
 *   them, and the line that was begun waits below. Tab completes a word that only one
 *   candidate begins with, and lists them when there are more.
 *
 *   Waiting for a human is bounded: a machine that nobody watches ends its run.
 *
 * Locking
 *   None: one CPU leads the run.
 */

#include "efi/shell.h"

#include "arch.h"
#include "efi/screen/screen.h"
#include "lib/string.h"
#include "log.h"

#define SHELL_IDLE_MINUTES	10u
#define POLL_US			1000u
#define MAX_POLLS		(SHELL_IDLE_MINUTES * 60u * (1000000u / POLL_US))
#define ESCAPE_POLLS		50u	/* the rest of a key's bytes comes at once */
#define NR_HISTORY		16u

enum key {
	KEY_LINE_START = 0x01, KEY_INTERRUPT = 0x03, KEY_END_OF_INPUT = 0x04, KEY_LINE_END = 0x05,
	KEY_BELL = 0x07, KEY_BACKSPACE = 0x08, KEY_TAB = 0x09, KEY_CUT_REST = 0x0b,
	KEY_CUT_ALL = 0x15, KEY_ESCAPE = 0x1b, KEY_RUBOUT = 0x7f,
	/* Made of several bytes. */
	KEY_UP = 0x100, KEY_DOWN, KEY_RIGHT, KEY_LEFT, KEY_DELETE, KEY_UNKNOWN,
};

static struct {
	char lines[NR_HISTORY][SHELL_LINE_BYTES];
	unsigned nr;			/* lines so far */
} history;

static shell_candidate *candidate_of;

/* What is being edited. */
struct edit {
	char *line;
	size_t size, used, at;		/* at: the cursor, at most used */
	unsigned back;			/* lines back in history; 0: the one being written */
	char begun[SHELL_LINE_BYTES];
	const char *prompt;
};

void shell_set_candidates(shell_candidate *candidate)
{
	candidate_of = candidate;
}

/* ---- Bytes ---- */

int shell_poll_byte(void)
{
	int byte = arch_serial_read();

	return byte >= 0 ? byte : arch_keyboard_read();
}

static int wait_for_byte(unsigned nr_polls)
{
	for (unsigned i = 0; i < nr_polls; i++) {
		int byte = shell_poll_byte();

		if (byte >= 0)
			return byte;
		screen_refresh();
		arch_delay_us(POLL_US);
	}
	return -1;
}

bool shell_is_interrupted(void)
{
	return shell_poll_byte() == KEY_INTERRUPT;
}

/* ESC [ x, or ESC [ 3 ~. */
static int escaped_key(void)
{
	static const char finals[] = "ABCDHF";
	static const int keys[] = { KEY_UP, KEY_DOWN, KEY_RIGHT, KEY_LEFT, KEY_LINE_START,
				    KEY_LINE_END };
	int byte = wait_for_byte(ESCAPE_POLLS);

	if (byte != '[' && byte != 'O')
		return KEY_UNKNOWN;
	byte = wait_for_byte(ESCAPE_POLLS);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (byte == finals[i])
			return keys[i];
	if (byte >= '0' && byte <= '9' && wait_for_byte(ESCAPE_POLLS) == '~' && byte == '3')
		return KEY_DELETE;
	return KEY_UNKNOWN;
}

static int wait_for_key(void)
{
	int byte = wait_for_byte(MAX_POLLS);

	return byte == KEY_ESCAPE ? escaped_key() : byte;
}

/* ---- What is shown ---- */

static void ring_bell(void)
{
	log_raw("%c", KEY_BELL);
}

static void show_back(size_t nr)
{
	while (nr-- > 0)
		log_raw("%c", KEY_BACKSPACE);
}

/* Writes the line from the cursor on, @nr_gone characters less than stood there. */
static void show_rest(const struct edit *edit, size_t nr_gone)
{
	log_raw("%.*s", (int)(edit->used - edit->at), edit->line + edit->at);
	for (size_t i = 0; i < nr_gone; i++)
		log_raw(" ");
	show_back(edit->used - edit->at + nr_gone);
}

/* ---- Editing ---- */

static void insert(struct edit *edit, char c)
{
	if (edit->used + 1 >= edit->size) {
		ring_bell();
		return;
	}
	memmove(edit->line + edit->at + 1, edit->line + edit->at, edit->used - edit->at);
	edit->line[edit->at++] = c;
	edit->used++;
	log_raw("%c", c);
	if (edit->at < edit->used)
		show_rest(edit, 0);
}

static void erase(struct edit *edit, size_t nr)
{
	memmove(edit->line + edit->at, edit->line + edit->at + nr, edit->used - edit->at - nr);
	edit->used -= nr;
	show_rest(edit, nr);
}

static void move_to(struct edit *edit, size_t at)
{
	if (at > edit->used) {
		ring_bell();
	} else if (at <= edit->at) {
		show_back(edit->at - at);
		edit->at = at;
	} else {
		log_raw("%.*s", (int)(at - edit->at), edit->line + edit->at);
		edit->at = at;
	}
}

static void rub_out(struct edit *edit)
{
	if (edit->at == 0)
		return;
	move_to(edit, edit->at - 1);
	erase(edit, 1);
}

static void replace(struct edit *edit, const char *text)
{
	move_to(edit, 0);
	erase(edit, edit->used);
	while (*text)
		insert(edit, *text++);
}

/* ---- History ---- */

static void go_back_to(struct edit *edit, unsigned back)
{
	unsigned nr_kept = history.nr < NR_HISTORY ? history.nr : NR_HISTORY;

	if (back > nr_kept) {
		ring_bell();
		return;
	}
	if (edit->back == 0) {
		edit->line[edit->used] = '\0';
		memcpy(edit->begun, edit->line, edit->used + 1);
	}
	edit->back = back;
	replace(edit, back ? history.lines[(history.nr - back) % NR_HISTORY] : edit->begun);
}

static void remember(const char *line)
{
	size_t bytes = strlen(line) + 1;

	if (bytes > 1 && bytes <= SHELL_LINE_BYTES)
		memcpy(history.lines[history.nr++ % NR_HISTORY], line, bytes);
}

/* ---- Completion ---- */

static size_t word_start(const struct edit *edit)
{
	size_t start = edit->at;

	while (start > 0 && edit->line[start - 1] != ' ')
		start--;
	return start;
}

static void list_candidates(struct edit *edit, const char *word, size_t bytes, bool is_first)
{
	const char *candidate;

	log_raw("\n");
	for (unsigned i = 0; (candidate = candidate_of(edit->line, is_first, i)); i++)
		if (strncmp(candidate, word, bytes) == 0)
			log_raw("%s  ", candidate);
	log_raw("\n%s%.*s", edit->prompt, (int)edit->used, edit->line);
	show_back(edit->used - edit->at);
}

static void complete(struct edit *edit)
{
	size_t start = word_start(edit), bytes = edit->at - start;
	const char *word = edit->line + start, *found = NULL, *candidate;
	unsigned nr = 0;

	edit->line[edit->used] = '\0';
	for (unsigned i = 0; candidate_of && (candidate = candidate_of(edit->line, start == 0, i));
	     i++) {
		if (strncmp(candidate, word, bytes) != 0)
			continue;
		found = candidate;
		nr++;
	}
	if (nr == 0) {
		ring_bell();
	} else if (nr > 1) {
		list_candidates(edit, word, bytes, start == 0);
	} else {
		for (found += bytes; *found; found++)
			insert(edit, *found);
		insert(edit, ' ');
	}
}

/* ---- Lines ---- */

static void take_key(struct edit *edit, int key)
{
	switch (key) {
	case KEY_LINE_START:
		return move_to(edit, 0);
	case KEY_LINE_END:
		return move_to(edit, edit->used);
	case KEY_LEFT:
		return edit->at ? move_to(edit, edit->at - 1) : ring_bell();
	case KEY_RIGHT:
		return move_to(edit, edit->at + 1);
	case KEY_UP:
		return go_back_to(edit, edit->back + 1);
	case KEY_DOWN:
		return edit->back ? go_back_to(edit, edit->back - 1) : ring_bell();
	case KEY_BACKSPACE: case KEY_RUBOUT:
		return rub_out(edit);
	case KEY_DELETE:
		return edit->at < edit->used ? erase(edit, 1) : ring_bell();
	case KEY_CUT_REST:
		return erase(edit, edit->used - edit->at);
	case KEY_CUT_ALL:
		return replace(edit, "");
	case KEY_TAB:
		return complete(edit);
	default:
		return key >= ' ' && key <= '~' ? insert(edit, (char)key) : ring_bell();
	}
}

bool shell_read_line(const char *prompt, char *line, size_t size)
{
	struct edit edit = { .line = line, .size = size, .prompt = prompt };

	log_raw("%s", prompt);
	for (;;) {
		int key = wait_for_key();

		if (key < 0) {
			log_fresh_line();
			log_line(LOG_WARN, "shell: nothing typed for %u minutes, left",
				 SHELL_IDLE_MINUTES);
			return false;
		}
		if (key == KEY_END_OF_INPUT && edit.used == 0)
			return false;
		if (key == KEY_INTERRUPT) {
			log_raw("^C");
			edit.used = 0;
			break;
		}
		if (key == '\r' || key == '\n')
			break;
		take_key(&edit, key);
	}
	line[edit.used] = '\0';
	log_raw("\n");
	remember(line);
	return true;
}
