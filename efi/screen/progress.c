/*
 * Progress: from the text of the log to what the screen shows and the stick keeps.
 *
 * Model
 *   The log says how a run goes in a form for programs (KTAP, "Bail out!", the
 *   ledger's lines). Reading that here keeps tests and panics free of any screen, and a
 *   log that a former run left in memory is read in the same way.
 *
 *   Text is gathered into lines; a line longer than PROGRESS_LINE_BYTES is read as
 *   far as that. Lines that are none of these are passed over.
 *
 * Promises
 *   - cases count, not suites: nr_passed, nr_failed and nr_skipped are the sums
 *     of nested points, and of top-level points that had none
 *   - what is said of a case ("  # text") belongs to the next point
 *
 * Locking
 *   The log's: one reader.
 */

#include "efi/screen/progress.h"

#include "lib/string.h"

/* ---- Small readers; each takes *at behind what it read ---- */

static bool take_word(const char **at, const char *word)
{
	size_t length = strlen(word);

	if (strncmp(*at, word, length) != 0)
		return false;
	*at += length;
	return true;
}

static bool take_number(const char **at, uint64_t *number)
{
	const char *start = *at;

	for (*number = 0; **at >= '0' && **at <= '9'; (*at)++)
		*number = *number * 10 + (uint64_t)(**at - '0');
	return *at != start;
}

static void take_blanks(const char **at)
{
	while (**at == ' ')
		(*at)++;
}

/* Copies up to @end, or all of a text when that is NULL, as far as it fits. */
static void copy_text(char *to, size_t size, const char *from, const char *end)
{
	size_t length = end ? (size_t)(end - from) : strlen(from);

	if (length >= size)
		length = size - 1;
	memcpy(to, from, length);
	to[length] = '\0';
}

static void append_text(char *to, size_t size, const char *from)
{
	size_t used = strlen(to);

	copy_text(to + used, size - used, from, NULL);
}

/* ---- KTAP ---- */

static void note_failure(struct progress *progress, const char *name)
{
	struct progress_failure *failure;

	if (progress->nr_failed >= PROGRESS_FAILURES_MAX)
		return;
	failure = &progress->failures[progress->nr_failed];
	failure->name[0] = '\0';
	if (progress->running.name[0]) {
		append_text(failure->name, sizeof(failure->name), progress->running.name);
		append_text(failure->name, sizeof(failure->name), ": ");
	}
	append_text(failure->name, sizeof(failure->name), name);
	copy_text(failure->reason, sizeof(failure->reason), progress->comment, NULL);
}

static void count_case(struct progress *progress, bool is_ok, const char *name)
{
	const char *skip = strstr(name, " # SKIP");

	copy_text(progress->last_case, sizeof(progress->last_case), name, skip);
	progress->running.nr_cases++;
	if (!is_ok) {
		note_failure(progress, name);
		progress->nr_failed++;
		progress->running.nr_failed++;
	} else if (skip) {
		progress->nr_skipped++;
	} else {
		progress->nr_passed++;
	}
	progress->comment[0] = '\0';
}

static void end_suite(struct progress *progress, bool is_ok, const char *name)
{
	if (progress->running.nr_cases == 0)
		count_case(progress, is_ok, name);
	progress->running.is_ok = is_ok;
	copy_text(progress->running.name, sizeof(progress->running.name), name, NULL);
	if (progress->nr_suites < PROGRESS_SUITES_MAX)
		progress->suites[progress->nr_suites] = progress->running;
	progress->nr_suites++;
	progress->running = (struct progress_suite){.is_ok = true};
	progress->nr_planned_cases = 0;
	progress->last_case[0] = '\0';
}

/* "ok N name" or "not ok N name". */
static bool read_point(struct progress *progress, const char *at, bool is_nested)
{
	bool is_ok = !take_word(&at, "not ");
	uint64_t number;

	if (!take_word(&at, "ok ") || !take_number(&at, &number))
		return false;
	take_blanks(&at);
	if (is_nested)
		count_case(progress, is_ok, at);
	else
		end_suite(progress, is_ok, at);
	return true;
}

static bool read_nested(struct progress *progress, const char *at)
{
	uint64_t number;

	if (take_word(&at, "# Subtest: ")) {
		copy_text(progress->running.name, sizeof(progress->running.name), at, NULL);
		return true;
	}
	if (take_word(&at, "# ")) {
		copy_text(progress->comment, sizeof(progress->comment), at, NULL);
		return false;
	}
	if (take_word(&at, "1..") && take_number(&at, &number)) {
		progress->nr_planned_cases = (unsigned)number;
		return true;
	}
	return read_point(progress, at, true);
}

/* ---- Ledger ---- */

/* "  name   N pages   N KiB". */
static bool read_ledger_line(struct progress *progress, const char *line)
{
	struct progress_ledger *row = &progress->ledger[progress->nr_ledger];
	const char *pages = strstr(line, " pages");
	const char *number = pages;
	const char *name_end;

	if (!pages || progress->nr_ledger == PROGRESS_LEDGER_MAX)
		return false;
	while (number > line && number[-1] >= '0' && number[-1] <= '9')
		number--;
	name_end = number;
	while (name_end > line && name_end[-1] == ' ')
		name_end--;
	take_blanks(&line);
	if (name_end <= line || !take_number(&number, &row->nr_pages))
		return false;
	copy_text(row->name, sizeof(row->name), line, name_end);
	progress->nr_ledger++;
	return true;
}

/* ---- Panic ---- */

static bool read_panic_line(struct progress *progress, const char *line)
{
	const char *at = line;

	if (take_word(&at, "image base")) {
		progress->is_panic_told = true;
		return true;
	}
	if (strncmp(line, "CPU ", 4) == 0)
		copy_text(progress->panic_cpu, sizeof(progress->panic_cpu), line, NULL);
	take_blanks(&at);
	if (*at == '#' && progress->nr_frames < PROGRESS_FRAMES_MAX)
		copy_text(progress->frames[progress->nr_frames++], PROGRESS_NAME_BYTES, at, NULL);
	return false;
}

/* ---- Lines ---- */

static bool read_line(struct progress *progress)
{
	const char *at = progress->line;
	uint64_t number;

	if (progress->has_panicked)
		return read_panic_line(progress, at);
	if (take_word(&at, "Bail out! ")) {
		progress->has_panicked = true;
		copy_text(progress->panic, sizeof(progress->panic), at, NULL);
		return true;
	}
	if (progress->is_ledger_open && strncmp(at, "  ", 2) == 0)
		return read_ledger_line(progress, at);
	if (strncmp(at, "of ", 3) == 0 && strstr(at, " usable pages")) {
		progress->is_ledger_open = true;
		progress->nr_ledger = 0;
		return false;
	}
	progress->is_ledger_open = false;
	if (take_word(&at, "  "))
		return read_nested(progress, at);
	if (take_word(&at, "1..") && take_number(&at, &number)) {
		progress->nr_planned = (unsigned)number;
		return true;
	}
	if (strcmp(at, "the ledger balances") == 0)
		progress->is_ledger_balanced = true;
	return read_point(progress, at, false);
}

void progress_init(struct progress *progress)
{
	memset(progress, 0, sizeof(*progress));
	progress->running.is_ok = true;
}

static bool end_line(struct progress *progress)
{
	bool is_changed;

	progress->line[progress->nr_line_bytes] = '\0';
	is_changed = read_line(progress);
	progress->nr_line_bytes = 0;
	progress->is_line_returned = false;
	return is_changed;
}

/* What comes after '\r', but for a line's end, is written over what came before it. */
static void add_character(struct progress *progress, char c)
{
	if (progress->is_line_returned)
		progress->nr_line_bytes = 0;
	progress->is_line_returned = false;
	if (progress->nr_line_bytes < PROGRESS_LINE_BYTES - 1)
		progress->line[progress->nr_line_bytes++] = c;
}

size_t progress_running_case(const struct progress *progress, char *name, size_t size)
{
	static const char mark[] = "  # ";
	size_t length = sizeof(mark) - 1;

	name[0] = '\0';
	if (progress->nr_line_bytes <= length || memcmp(progress->line, mark, length) != 0)
		return 0;
	copy_text(name, size, progress->line + length, progress->line + progress->nr_line_bytes);
	return strlen(name);
}

bool progress_read(struct progress *progress, const char *text, size_t bytes)
{
	bool is_changed = false;

	for (size_t i = 0; i < bytes; i++) {
		if (text[i] == '\n')
			is_changed |= end_line(progress);
		else if (text[i] == '\r')
			progress->is_line_returned = true;
		else
			add_character(progress, text[i]);
	}
	return is_changed;
}
