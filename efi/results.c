/*
 * Results that come home without a driver for the stick.
 *
 * Model
 *   After the firmware is left nothing can write to the stick. But memory keeps its
 *   contents over a warm reset, as a rule; so the log goes to a place in RAM that the next
 *   start looks for, and the firmware, which can write, is there again.
 *
 *   A record is a head and text. The head's check covers the text, so that memory which
 *   was cleared, used or only partly kept is no record. It is brought up to date with
 *   every piece of text: a run that hangs or panics leaves one too.
 *
 *   What is written for people and programs is made from the log alone, by the same
 *   reader as the screen's (screen/progress.c).
 *
 * Promises
 *   - an intact record has magic, at most TEXT_BYTES_MAX bytes, and its check
 *   - text beyond that is cut, the beginning stays
 *
 * Locking
 *   The log's, for writing; boot services and one CPU for the rest.
 */

#include "efi/results.h"

#include "efi/screen/progress.h"
#include "lib/align.h"
#include "lib/string.h"
#include "log.h"

#include <stdarg.h>

#define MAGIC	    0x53424c5453455231ull
#define HASH_START  0xcbf29ce484222325ull /* FNV-1a */
#define HASH_FACTOR 0x100000001b3ull
#define FLAG_REPORT 1u

struct record {
	uint64_t magic;
	uint64_t hash; /* of the text */
	uint32_t nr_bytes;
	uint32_t flags;
	uint64_t check; /* of all above */
	char text[];
};

#define TEXT_BYTES_MAX (RESULTS_BYTES - sizeof(struct record))

static struct record *record;

static uint64_t hash_more(uint64_t hash, const char *text, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		hash = (hash ^ (uint8_t)text[i]) * HASH_FACTOR;
	return hash;
}

static uint64_t check_of(const struct record *of)
{
	return hash_more(HASH_START, (const char *)of, offsetof(struct record, check));
}

/* ---- Writing ---- */

void results_start(void *memory)
{
	record = memory;
	*record = (struct record){.magic = MAGIC, .hash = HASH_START};
	record->check = check_of(record);
}

void results_write(const char *text, size_t bytes)
{
	if (!record)
		return;
	bytes = min_u64(bytes, TEXT_BYTES_MAX - record->nr_bytes);
	memcpy(record->text + record->nr_bytes, text, bytes);
	record->hash = hash_more(record->hash, text, bytes);
	record->nr_bytes += (uint32_t)bytes;
	record->check = check_of(record);
}

void results_ask_for_report(void)
{
	if (!record)
		return;
	record->flags |= FLAG_REPORT;
	record->check = check_of(record);
}

struct results_state results_swap(struct results_state state)
{
	struct results_state before = {record};

	record = state.record;
	return before;
}

/* ---- Finding ---- */

bool results_find(const void *memory, struct results_found *found)
{
	const struct record *old = memory;

	if (old->magic != MAGIC || old->nr_bytes > TEXT_BYTES_MAX || old->check != check_of(old) ||
	    old->hash != hash_more(HASH_START, old->text, old->nr_bytes))
		return false;
	*found = (struct results_found){old->text, old->nr_bytes, old->flags & FLAG_REPORT};
	return true;
}

void results_forget(void *memory)
{
	((struct record *)memory)->magic = 0;
}

/* ---- Reading ---- */

static struct progress progress;

static bool has_line(const char *text, size_t nr_bytes, const char *line)
{
	size_t length = strlen(line);

	for (size_t i = 0; i + length <= nr_bytes; i++)
		if ((i == 0 || text[i - 1] == '\n') && memcmp(text + i, line, length) == 0)
			return true;
	return false;
}

enum results_verdict results_judge(const char *text, size_t nr_bytes)
{
	progress_init(&progress);
	progress_read(&progress, text, nr_bytes);
	if (progress.has_panicked)
		return RESULTS_PANICKED;
	if (has_line(text, nr_bytes, "slabstick: all is well"))
		return RESULTS_PASSED;
	return has_line(text, nr_bytes, "slabstick: FAILED") ? RESULTS_FAILED : RESULTS_UNFINISHED;
}

const char *results_verdict_name(enum results_verdict verdict)
{
	static const char names[][12] = {"PASS", "FAIL", "PANIC", "UNFINISHED"};

	return names[verdict];
}

/* ---- Text with a place that may end ---- */

struct output {
	char *at;
	size_t size, used;
};

static void put(struct output *out, const char *text, size_t bytes)
{
	if (out->used + bytes > out->size)
		return;
	memcpy(out->at + out->used, text, bytes);
	out->used += bytes;
}

static void PRINTF(2, 3) add(struct output *out, const char *format, ...)
{
	char text[256];
	va_list args;
	int length;

	va_start(args, format);
	length = format_vtext(text, sizeof(text), format, args);
	va_end(args);
	put(out, text, min_u64((uint64_t)length, sizeof(text) - 1));
}

/* @text as a string of JSON: what would end it or is no letter is written in numbers. */
static void add_string(struct output *out, const char *text)
{
	put(out, "\"", 1);
	for (; *text; text++)
		if (*text >= ' ' && *text <= '~' && *text != '"' && *text != '\\')
			put(out, text, 1);
		else
			add(out, "\\u%04x", (uint8_t)*text);
	put(out, "\"", 1);
}

static void add_html(struct output *out, const char *text, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if (text[i] == '<' || text[i] == '&')
			add(out, "&#%d;", text[i]);
		else if (text[i] != '\r' && (text[i] >= ' ' || text[i] == '\n') && text[i] <= '~')
			put(out, text + i, 1);
}

static unsigned nr_kept_failures(void)
{
	return (unsigned)min_u64(progress.nr_failed, PROGRESS_FAILURES_MAX);
}

/* ---- JSON ---- */

size_t results_json(char *to, size_t size, const char *text, size_t nr_bytes)
{
	struct output out = {to, size, 0};
	enum results_verdict verdict = results_judge(text, nr_bytes);

	add(&out, "{\"verdict\": \"%s\", \"passed\": %u, \"failed\": %u, \"skipped\": %u,\n",
	    results_verdict_name(verdict), progress.nr_passed, progress.nr_failed,
	    progress.nr_skipped);
	add(&out, " \"failures\": [");
	for (unsigned i = 0; i < nr_kept_failures(); i++) {
		add(&out, "%s\n  {\"name\": ", i ? "," : "");
		add_string(&out, progress.failures[i].name);
		add(&out, ", \"reason\": ");
		add_string(&out, progress.failures[i].reason);
		add(&out, "}");
	}
	add(&out, "],\n \"panic\": ");
	add_string(&out, progress.panic);
	add(&out, ", \"frames\": [");
	for (unsigned i = 0; i < progress.nr_frames; i++) {
		add(&out, "%s", i ? ", " : "");
		add_string(&out, progress.frames[i]);
	}
	add(&out, "],\n \"ledger_balances\": %s, \"ledger_pages\": {",
	    progress.is_ledger_balanced ? "true" : "false");
	for (unsigned i = 0; i < progress.nr_ledger; i++) {
		add(&out, "%s", i ? ", " : "");
		add_string(&out, progress.ledger[i].name);
		add(&out, ": %llu", (unsigned long long)progress.ledger[i].nr_pages);
	}
	add(&out, "}}\n");
	return out.used;
}

/* ---- HTML ---- */

static const char page_head[] =
	"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Slabstick</title>\n"
	"<style>body{font:16px sans-serif;max-width:60em;margin:2em "
	"auto}h1{padding:.4em;color:#fff}"
	".PASS{background:#0b4f1f}.FAIL,.PANIC{background:#7a0c0c}.UNFINISHED{background:#7a5a0c}"
	"td{padding:0 1em 0 0}pre{background:#eee;padding:1em;overflow:auto}</style>\n";
static const char page_end[] = "</pre></html>\n";

static void add_failures(struct output *out)
{
	for (unsigned i = 0; i < nr_kept_failures(); i++) {
		const struct progress_failure *failure = &progress.failures[i];

		add(out, "<p><b>");
		add_html(out, failure->name, strlen(failure->name));
		add(out, "</b><br>");
		add_html(out, failure->reason, strlen(failure->reason));
		add(out, "</p>\n");
	}
	if (!progress.has_panicked)
		return;
	add(out, "<p><b>");
	add_html(out, progress.panic, strlen(progress.panic));
	add(out, "</b></p>\n");
}

size_t results_html(char *to, size_t size, const char *text, size_t nr_bytes)
{
	struct output out = {to, size - sizeof(page_end), 0};
	const char *name = results_verdict_name(results_judge(text, nr_bytes));

	put(&out, page_head, sizeof(page_head) - 1);
	add(&out, "<h1 class=\"%s\">%s</h1><p>%u passed, %u failed, %u skipped</p>\n", name, name,
	    progress.nr_passed, progress.nr_failed, progress.nr_skipped);
	add_failures(&out);
	add(&out, "<table>");
	for (unsigned i = 0; i < progress.nr_ledger; i++)
		add(&out, "<tr><td>%s<td>%llu pages\n", progress.ledger[i].name,
		    (unsigned long long)progress.ledger[i].nr_pages);
	add(&out, "</table><pre>\n");
	add_html(&out, text, nr_bytes);
	out.size = size;
	put(&out, page_end, sizeof(page_end) - 1);
	return out.used;
}
