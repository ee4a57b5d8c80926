/*
 * The benchmark runner.
 *
 * Model
 *   A row is the median of NR_BENCH_BATCHES batches after one batch that warms
 *   up and is thrown away: the first touch of a cache or a section is another
 *   row's business. Reading the counter costs a fixed number of instructions,
 *   found once by reading it twice in a row and taken off every difference.
 *
 * Promises
 *   - the check loop, 3 instructions, reads exactly 3.00 under icount: before
 *     the first row and after the last
 *   - a record's unit is "instructions" only when that held at the start
 *
 * Cost
 *   Values are kept in hundredths, ratios in thousandths: no floating point.
 */

#include "tests/bench/bench.h"

#include "arch.h"
#include "lib/align.h"
#include "log.h"
#include "tests/bench/list.h"
#include "tests/glob.h"

#define NR_CHECK_ITERATIONS	100000u
#define CHECK_INSTRUCTIONS	3u
#define MAX_SETUP_INSTRUCTIONS	32u

/* Until another CPU has surely halted; each turn is a NR_CHECK_ITERATIONS loop. */
#define MAX_WAITS		100u

static uint64_t counter_cost;
static bool is_exact;			/* the check loop read 3.00 at the start */
static bool is_spoilt;
static uint64_t boot_mm_cycles, boot_log_cycles;
static uint64_t random_state = 0x51ab571cu;

/* Not inlined here either: the cost found by calibrate() is then that of every case's calls. */
NOINLINE uint64_t bench_start(void)
{
	return arch_cycles();
}

NOINLINE uint64_t bench_stop(uint64_t started)
{
	return arch_cycles() - started - counter_cost;
}

void bench_set_boot_cycles(uint64_t mm_cycles, uint64_t log_cycles)
{
	boot_mm_cycles = mm_cycles;
	boot_log_cycles = log_cycles;
}

uint64_t bench_random(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * 0x2545f4914f6cdd1du;
}

uint64_t bench_random_below(uint64_t bound)
{
	return ((bench_random() >> 32) * bound) >> 32;
}

void bench_shuffle(uint32_t *order, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++)
		order[i] = i;
	for (uint32_t i = nr; i > 1; i--) {
		uint32_t other = (uint32_t)bench_random_below(i);
		uint32_t kept = order[i - 1];

		order[i - 1] = order[other];
		order[other] = kept;
	}
}

/* ---- The check loop ---- */

static void run_check_loop(unsigned nr_ops)
{
	uint64_t left = nr_ops;

	__asm__ volatile("1:	nop\n"
			 "	dec	%0\n"
			 "	jnz	1b\n"
			 : "+r"(left) : : "cc");
}

/* The smallest of a few: on real hardware an interrupt of the platform may fall between. */
static void calibrate(void)
{
	uint64_t least = UINT64_MAX;

	counter_cost = 0;
	for (unsigned i = 0; i < NR_BENCH_BATCHES; i++)
		least = min_u64(least, bench_stop(bench_start()));
	counter_cost = least;
}

/* Whether @loop takes what it should. Set-up around it may cost a handful. */
static bool reads_exactly(void (*loop)(unsigned nr_ops))
{
	const uint64_t expected = (uint64_t)NR_CHECK_ITERATIONS * CHECK_INSTRUCTIONS;
	uint64_t started = bench_start();
	uint64_t cycles;

	loop(NR_CHECK_ITERATIONS);
	cycles = bench_stop(started);
	return cycles >= expected && cycles - expected <= MAX_SETUP_INSTRUCTIONS;
}

/* Whether the counter counts instructions: N1. */
static bool check_loop_is_exact(void)
{
	return reads_exactly(run_check_loop);
}

/* An emulator that runs CPUs in turns takes PAUSE for the end of a turn. */
static void run_offering_loop(unsigned nr_ops)
{
	uint64_t left = nr_ops;

	__asm__ volatile("1:	pause\n"
			 "	dec	%0\n"
			 "	jnz	1b\n"
			 : "+r"(left) : : "cc");
}

bool bench_is_alone(void)
{
	unsigned nr_waits = 0;

	if (!is_exact)
		return true;
	while (!reads_exactly(run_offering_loop))
		if (++nr_waits == MAX_WAITS)
			return false;
	return true;
}

void bench_spoil(const char *why)
{
	log_fresh_line();
	log_raw("# bench: %s\n", why);
	__atomic_store_n(&is_spoilt, true, __ATOMIC_RELAXED);
}

/* ---- Rows ---- */

static uint64_t measure_batch(const struct bench_case *row)
{
	uint64_t started;

	if (row->measure)
		return row->measure(row->nr_ops);
	started = bench_start();
	row->run(row->nr_ops);
	return bench_stop(started);
}

static void insert_sorted(uint64_t *sorted, unsigned nr_sorted, uint64_t value)
{
	while (nr_sorted && sorted[nr_sorted - 1] > value) {
		sorted[nr_sorted] = sorted[nr_sorted - 1];
		nr_sorted--;
	}
	sorted[nr_sorted] = value;
}

/* @value per operation as text with two decimals, or with three for a ratio in thousandths. */
static void format_value(char *to, size_t bytes, const struct bench_case *row, uint64_t value)
{
	if (row->unit == BENCH_RATIO) {
		format_text(to, bytes, "%llu.%03llu", (unsigned long long)(value / 1000),
			    (unsigned long long)(value % 1000));
		return;
	}
	value = (value * 100 + row->nr_ops / 2) / row->nr_ops;
	format_text(to, bytes, "%llu.%02llu", (unsigned long long)(value / 100),
		    (unsigned long long)(value % 100));
}

static void print_row(const struct bench_case *row, const uint64_t *sorted, const char *unit)
{
	char median[32], least[32], most[32];

	format_value(median, sizeof(median), row, sorted[NR_BENCH_BATCHES / 2]);
	format_value(least, sizeof(least), row, sorted[0]);
	format_value(most, sizeof(most), row, sorted[NR_BENCH_BATCHES - 1]);
	log_fresh_line();
	log_raw("@bench name=%s %s=%s min=%s max=%s ops=%u batches=%u\n", row->name,
		row->unit == BENCH_RATIO ? "ratio" : unit, median, least, most, row->nr_ops,
		NR_BENCH_BATCHES);
}

static void run_row(const struct bench_case *row, const char *unit)
{
	uint64_t sorted[NR_BENCH_BATCHES];
	const char *why_skipped = row->prepare ? row->prepare() : NULL;

	if (why_skipped) {
		log_fresh_line();
		log_raw("# bench %s skipped: %s\n", row->name, why_skipped);
		return;
	}
	measure_batch(row);
	for (unsigned i = 0; i < NR_BENCH_BATCHES; i++)
		insert_sorted(sorted, i, measure_batch(row));
	if (row->finish)
		row->finish();
	print_row(row, sorted, unit);
}

static bool is_chosen(const char *globs, const struct bench_case *row)
{
	return !globs || !*globs || glob_list_matches(globs, row->name);
}

bool bench_run(const char *globs)
{
	unsigned nr_rows = 0;

	is_spoilt = false;
	calibrate();
	is_exact = check_loop_is_exact();
	for (unsigned i = 0; i < nr_bench_suites; i++) {
		const struct bench_suite *suite = bench_suites[i];

		for (unsigned j = 0; j < suite->nr_cases; j++) {
			if (!is_chosen(globs, &suite->cases[j]))
				continue;
			run_row(&suite->cases[j], is_exact ? "instructions" : "cycles");
			nr_rows++;
		}
	}
	log_fresh_line();
	if (!nr_rows)
		log_raw("# bench: no row matches %s\n", globs);
	if (is_exact && !check_loop_is_exact()) {
		log_raw("# bench: the check loop no longer reads 3.00\n");
		return false;
	}
	return nr_rows > 0 && !is_spoilt;
}

/* ---- The harness's own rows ---- */

static uint64_t measure_boot_mm(unsigned nr_ops)
{
	(void)nr_ops;
	return boot_mm_cycles;
}

static uint64_t measure_boot_log(unsigned nr_ops)
{
	(void)nr_ops;
	return boot_log_cycles;
}

static const char *prepare_boot(void)
{
	return boot_mm_cycles ? NULL : "the boot sequence measured nothing";
}

static const struct bench_case cases[] = {
	{ .name = "check_loop", .nr_ops = NR_CHECK_ITERATIONS, .run = run_check_loop },
	{ .name = "boot_mm", .nr_ops = 1, .measure = measure_boot_mm, .prepare = prepare_boot },
	{ .name = "boot_log", .nr_ops = 1, .measure = measure_boot_log, .prepare = prepare_boot },
};

BENCH_SUITE(harness, cases);
