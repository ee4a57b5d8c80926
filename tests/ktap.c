/*
 * The test runner: KTAP on the log, from arrays of suites.
 *
 * Model
 *   A run is a list of chosen suites, each with its chosen cases. A suite is
 *   one top-level point after its nested block of cases. State of the running
 *   case lives in `current`; a case ends passed, failed or skipped, and a
 *   failure outranks a skip.
 *
 * Promises
 *   - every plan line is followed by exactly as many points of its level, numbered
 *     from 1, unless the program dies in between
 *   - a suite's point is "not ok" if and only if one of its cases is, or the suite's
 *     own process ended early
 *   - the totals are the sum of the cases, not of the suites
 *   - a run in which nothing was chosen fails: a misspelt glob is no success
 *
 * Randomness
 *   Each case draws from its own stream, seeded by the run's seed and the
 *   case's name, so that a case repeats alone as it ran among others.
 *
 * Panics
 *   CHECK_PANICS sets panic_hook and jumps out of it. The local lock is given
 *   back, for the CPU must go on to answer interrupts. Whatever else the
 *   panicking code had locked or half changed stays so: such a case builds its
 *   own objects.
 *
 * Locking
 *   One thread runs cases. CHECK may fail on any CPU: the counter is atomic.
 */

#include "tests/test.h"

#include "arch.h"
#include "lib/string.h"
#include "mm/port.h"
#include "tests/glob.h"

/* More diagnostics of one case than this are counted, not printed. */
#define NR_FAILURES_SHOWN	8

#define DEFAULT_SEED		0x51ab571cu
#define MESSAGE_BYTES		256

static struct {
	const struct test_suite *suite;
	const struct test_case *test;
	unsigned nr_failures;
	bool is_skipped;
	bool has_printed_seed;
	uint64_t random_state;
	char skip_reason[MESSAGE_BYTES];
} current;

static uint64_t run_seed = DEFAULT_SEED;
static const struct test_hooks *hooks;

void *test_panic_jump[5];
void (*test_quiet_hook)(bool is_quiet);
static char panic_message[MESSAGE_BYTES];
static bool was_open_before_panic;	/* to be restored after it, as is the next */
static struct mm_local local_before_panic;

/* ---- Lines ---- */

static void nested_vline(const char *prefix, const char *format, va_list args)
{
	char text[MESSAGE_BYTES];

	format_vtext(text, sizeof(text), format, args);
	log_fresh_line();
	log_raw("  # %s%s\n", prefix, text);
}

void test_comment(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	nested_vline("", format, args);
	va_end(args);
}

void test_fail(const char *file, int line, const char *format, ...)
{
	unsigned nr_before = __atomic_fetch_add(&current.nr_failures, 1, __ATOMIC_RELAXED);
	char place[MESSAGE_BYTES];
	va_list args;

	if (nr_before >= NR_FAILURES_SHOWN)
		return;
	format_text(place, sizeof(place), "%s:%d: ", file, line);
	va_start(args, format);
	nested_vline(place, format, args);
	va_end(args);
}

void test_skip(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	format_vtext(current.skip_reason, sizeof(current.skip_reason), format, args);
	va_end(args);
	current.is_skipped = true;
}

/* ---- Randomness ---- */

/* FNV-1a: spreads names that differ in one letter over all bits. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * 0x100000001b3u;
	return hash;
}

static void seed_case(void)
{
	uint64_t hash = hash_text(run_seed ^ 0xcbf29ce484222325u, current.suite->name);

	hash = hash_text(hash, current.test->name);
	current.random_state = hash ? hash : 1;	/* xorshift never leaves 0 */
}

void test_set_seed(uint64_t seed)
{
	run_seed = seed;
}

uint64_t test_random(void)
{
	uint64_t x = current.random_state;

	if (!current.has_printed_seed) {
		current.has_printed_seed = true;
		test_comment("seed=%llu", (unsigned long long)run_seed);
	}
	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	current.random_state = x;
	return x * 0x2545f4914f6cdd1du;
}

uint64_t test_random_below(uint64_t bound)
{
	/* The high half is the better one; a bias of bound / 2^32 is of no matter here. */
	return bound <= UINT32_MAX ? ((test_random() >> 32) * bound) >> 32 : test_random() % bound;
}

/* ---- Expected panics ---- */

static NOINLINE void leave_panic(const char *message)
{
	format_text(panic_message, sizeof(panic_message), "%s", message);
	panic_hook = NULL;
	__builtin_longjmp(test_panic_jump, 1);
}

void test_panics_begin(void)
{
	was_open_before_panic = mm_port_mask();
	mm_port_unmask(was_open_before_panic);
	local_before_panic = mm_port_local_lock();
	mm_port_local_unlock(local_before_panic);
	panic_message[0] = '\0';
	panic_hook = leave_panic;
}

void test_panics_missing(const char *file, int line, const char *text)
{
	panic_hook = NULL;
	test_fail(file, line, "no panic, expected one with \"%s\"", text);
}

void test_panics_check(const char *file, int line, const char *text)
{
	(void)mm_port_mask();
	mm_port_unmask(was_open_before_panic);
	mm_port_local_unlock(local_before_panic);
	if (!strstr(panic_message, text))
		test_fail(file, line, "panic \"%s\", expected one with \"%s\"", panic_message,
			  text);
}

/* ---- Running ---- */

static bool is_chosen(const struct test_suite *suite, const struct test_case *test,
		      const char *globs)
{
	if (!globs || !*globs)
		return !suite->is_hidden;
	if (suite->is_hidden && !glob_list_names_suite(globs, suite->name))
		return false;
	return glob_list_matches_case(globs, suite->name, test->name);
}

unsigned test_count_cases(const struct test_suite *suite, const char *globs)
{
	unsigned nr_chosen = 0;

	for (unsigned i = 0; i < suite->nr_cases; i++)
		nr_chosen += is_chosen(suite, &suite->cases[i], globs);
	return nr_chosen;
}

/*
 * So the last line of a hung machine's screen, or of its log, names the case, and
 * tools/qemu.py ends a boot whose line stays open too long. The runner keeps the
 * time, for a case may hang with interrupts off.
 */
static void show_case(const struct test_case *test)
{
	log_fresh_line();
	log_raw("  # %s", test->name);
}

static void print_case_result(unsigned number)
{
	if (current.nr_failures > NR_FAILURES_SHOWN)
		test_comment("%u more failed checks not shown",
			     current.nr_failures - NR_FAILURES_SHOWN);
	if (hooks->does_show_case)
		log_restart_line();
	else
		log_fresh_line();
	if (current.nr_failures)
		log_raw("  not ok %u %s\n", number, current.test->name);
	else if (current.is_skipped)
		log_raw("  ok %u %s # SKIP %s\n", number, current.test->name,
			current.skip_reason);
	else
		log_raw("  ok %u %s\n", number, current.test->name);
}

static void run_case(const struct test_suite *suite, const struct test_case *test, unsigned number,
		     struct test_totals *totals)
{
	memset(&current, 0, sizeof(current));
	current.suite = suite;
	current.test = test;
	seed_case();

	if (hooks->begin)
		hooks->begin(suite, test);
	if (hooks->does_show_case)
		show_case(test);
	log_mute(true);
	test->run();
	log_mute(false);
	panic_hook = NULL;
	if (hooks->end && !hooks->end())
		test_fail(__FILE__, __LINE__, "a verifier found a broken rule after this case");

	print_case_result(number);
	if (current.nr_failures)
		totals->nr_failed++;
	else if (current.is_skipped)
		totals->nr_skipped++;
	else
		totals->nr_passed++;
}

void test_run_cases(const struct test_suite *suite, const char *globs,
		    struct test_totals *totals)
{
	unsigned case_number = 0;

	for (unsigned i = 0; i < suite->nr_cases; i++)
		if (is_chosen(suite, &suite->cases[i], globs))
			run_case(suite, &suite->cases[i], ++case_number, totals);
}

static void run_suite(const struct test_suite *suite, unsigned number, const char *globs,
		      struct test_totals *totals)
{
	struct test_totals before = *totals, of_suite;

	log_fresh_line();
	log_raw("  KTAP version 1\n  # Subtest: %s\n  1..%u\n", suite->name,
		test_count_cases(suite, globs));
	if (hooks->run_apart)
		hooks->run_apart(suite, globs, totals);
	else
		test_run_cases(suite, globs, totals);

	log_fresh_line();
	log_raw("%s %u %s\n", totals->nr_failed == before.nr_failed ? "ok" : "not ok", number,
		suite->name);
	of_suite = (struct test_totals){ totals->nr_passed - before.nr_passed,
					 totals->nr_failed - before.nr_failed,
					 totals->nr_skipped - before.nr_skipped };
	if (hooks->suite_end)
		hooks->suite_end(suite, &of_suite);
}

static void print_totals(const struct test_totals *totals)
{
	log_raw("# Totals: pass:%u fail:%u xfail:0 xpass:0 skip:%u error:0\n", totals->nr_passed,
		totals->nr_failed, totals->nr_skipped);
	log_raw("%u passed, %u failed, %u skipped\n", totals->nr_passed, totals->nr_failed,
		totals->nr_skipped);
}

struct test_totals test_run(const struct test_suite *const suites[], unsigned nr_suites,
			    const char *globs, const struct test_hooks *wanted_hooks)
{
	struct test_totals totals = { 0, 0, 0 };
	unsigned nr_chosen_suites = 0, number = 0;

	hooks = wanted_hooks;
	for (unsigned i = 0; i < nr_suites; i++)
		nr_chosen_suites += test_count_cases(suites[i], globs) > 0;

	log_fresh_line();
	log_raw("KTAP version 1\n1..%u\n", nr_chosen_suites ? nr_chosen_suites : 1);
	for (unsigned i = 0; i < nr_suites; i++)
		if (test_count_cases(suites[i], globs) > 0)
			run_suite(suites[i], ++number, globs, &totals);
	if (!nr_chosen_suites) {
		log_raw("not ok 1 no case matches tests=%s\n", globs ? globs : "");
		totals.nr_failed++;
	}
	print_totals(&totals);
	return totals;
}
