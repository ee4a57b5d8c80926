/*
 * build/host/unit [GLOB,...] [seed=N] [debug=WORD,...] [show=TABLE] [limit=SECONDS]:
 * the unit suites as a Linux program. debug= is that of the image: for kmalloc's caches
 * too; show= prints one of mm's tables, of each suite's machine after its cases, as often
 * as it is given; limit= is the time a case may take.
 *
 * Model
 *   Each suite runs in a process of its own, on a machine of its own: a panic, a
 *   sanitizer's report or an endless loop in one loses no other. Jumping out of
 *   the panic would cost less, but not end an endless loop, and the suites to
 *   come would run on what it left locked or half changed. (That suites bear what
 *   others leave behind the image shows, which runs all in one.)
 *
 *   `apart` lies in memory that the processes share: how far the suite came. The
 *   case's time is the process's alarm, whose default is to end it.
 *
 * Exit status 0: everything passed; 1: a case failed, a suite's process ended
 * early, or no case was chosen; 2: a word that is none.
 */

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"
#include "mm/harden.h"
#include "mm/init.h"
#include "mm/slab.h"
#include "mm/tables.h"
#include "tests/host/machine.h"
#include "tests/host/suites_host.h"
#include "tests/suites.h"

#define NR_JOINED_SUITES	128
#define MAX_SHOWN		16
#define DEFAULT_LIMIT_S		120u	/* the longest case takes some 3 s, alone on a machine */

#define MAX_LIMIT_S		86400u
#define EXIT_BAD_WORD		2

static struct {
	struct test_totals totals;
	const struct test_case *test;	/* that runs */
} *apart;

static unsigned limit_s = DEFAULT_LIMIT_S;

/* show=, in the order given. */
static const char *shown[MAX_SHOWN];
static unsigned nr_shown;

/* Those that start machines of their own come last: local_lock needs the one of all before. */
static const struct test_suite *const host_suites[] = {
	&suite_local_lock,
	&suite_rcu_threads,
	&suite_objects_stress,
	&suite_interrupts,
	&suite_thisnode,
	&suite_twice,
	&suite_machines,
	&suite_drain_machines,
	&suite_reclaim_machines,
	&suite_compact_machines,
	&suite_offline_machines,
	&suite_contig_machines,
	&suite_harden,
	&suite_maps,
	&suite_maps_soak,
	&suite_soak,
};

static void write_to_stdout(const char *text, size_t bytes)
{
	/* A program that cannot write has nobody left to tell. */
	if (fwrite(text, 1, bytes, stdout) != bytes || fflush(stdout) != 0)
		abort();
}

/* After each case: mm's rules hold, and nobody left this CPU locked. */
static bool is_all_in_order(void)
{
	if (host_is_open())
		return mm_verify_all();
	log_raw("  # the local lock or a spin lock is still held\n");
	host_local_depth = 0;
	host_is_masked = false;
	return false;
}

static void start_watch(const struct test_suite *suite, const struct test_case *test)
{
	(void)suite;
	apart->test = test;
	alarm(limit_s);
}

static bool end_watch(void)
{
	bool is_in_order = is_all_in_order();

	alarm(0);
	apart->test = NULL;
	return is_in_order;
}

/* In the suite's process. Returns its exit status. */
static int run_on_new_machine(const struct test_suite *suite, const char *globs)
{
	/* What a boot says is of interest when it panics. */
	log_mute(true);
	host_start_machine(&machine_four_nodes);
	log_mute(false);
	test_run_cases(suite, globs, &apart->totals);
	for (unsigned i = 0; i < nr_shown; i++)
		mm_show_table(shown[i]);
	if (mm_ledger_balances())
		return 0;
	mm_print_ledger();
	return 1;
}

static int wait_for(pid_t process)
{
	int status;

	while (waitpid(process, &status, 0) < 0)
		if (errno != EINTR)
			abort();
	return status;
}

/* The case that ran has its point all the same. Those that come after it have none. */
static void tell_early_end(int status, unsigned nr_done)
{
	const char *name = apart->test ? apart->test->name : "the end of the suite";

	log_fresh_line();
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		log_raw("  # no end within %u s\n", limit_s);
	else if (WIFSIGNALED(status))
		log_raw("  # signal %d (%s)\n", WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		log_raw("  # exit status %d\n", WEXITSTATUS(status));
	log_raw("  not ok %u %s\n", nr_done + 1, name);
}

static void run_in_process(const struct test_suite *suite, const char *globs,
			   struct test_totals *totals)
{
	unsigned nr_before = totals->nr_passed + totals->nr_failed + totals->nr_skipped;
	int status;
	pid_t process;

	apart->totals = *totals;
	apart->test = NULL;
	process = fork();
	if (process < 0)
		abort();
	if (process == 0) {
		/* Nobody would end it when this program is killed. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		exit(run_on_new_machine(suite, globs));
	}
	status = wait_for(process);
	*totals = apart->totals;
	if (status == 0)
		return;
	tell_early_end(status,
		       totals->nr_passed + totals->nr_failed + totals->nr_skipped - nr_before);
	totals->nr_failed++;
}

static struct test_totals run_all(const char *globs)
{
	const struct test_hooks hooks = {
		.begin = start_watch, .end = end_watch, .run_apart = run_in_process,
	};
	const struct test_suite *all[NR_JOINED_SUITES];
	unsigned nr = 0;

	apart = mmap(NULL, sizeof(*apart), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (apart == MAP_FAILED)
		abort();
	if (nr_unit_suites + ARRAY_SIZE(host_suites) > NR_JOINED_SUITES)
		abort();
	for (unsigned i = 0; i < nr_unit_suites; i++)
		all[nr++] = unit_suites[i];
	for (unsigned i = 0; i < ARRAY_SIZE(host_suites); i++)
		all[nr++] = host_suites[i];
	return test_run(all, nr, globs, &hooks);
}

static _Noreturn void refuse(const char *key, const char *text, const char *expected)
{
	fprintf(stderr, "%s%s: %s\n", key, text, expected);
	exit(EXIT_BAD_WORD);
}

/* All of @text, what stands behind @key, as a number from @least to @most. */
static uint64_t number_of(const char *key, const char *text, uint64_t least, uint64_t most)
{
	char *end;
	uint64_t number;

	errno = 0;
	number = strtoull(text, &end, 0);
	if (!isdigit((unsigned char)text[0]) || *end || errno || number < least || number > most)
		refuse(key, text, "a number was expected");
	return number;
}

static void set_seed(const char *text)
{
	uint64_t seed = number_of("seed=", text, 0, UINT64_MAX);

	slab_set_seed(seed);
	test_set_seed(seed);
}

/* Before any machine starts: kmalloc's caches are then debug caches too. */
static void set_debug(const char *words)
{
	if (!slab_set_debug(words))
		refuse("debug=", words, "a word of it is no debug option");
}

/* Whether @argument is an option of the image that hardens: all machines start with it. */
static bool take_hardening(const char *argument)
{
	static const struct { const char *option; unsigned flag; } hardenings[] = {
		{ "page_poison=yes", HARDEN_POISON },
		{ "init_on_alloc=yes", HARDEN_INIT_ON_ALLOC },
		{ "init_on_free=yes", HARDEN_INIT_ON_FREE },
	};
	static unsigned flags;
	bool is_known = false;

	for (unsigned i = 0; i < ARRAY_SIZE(hardenings); i++) {
		if (strcmp(argument, hardenings[i].option) != 0)
			continue;
		flags |= hardenings[i].flag;
		is_known = true;
	}
	slab_set_init(flags & HARDEN_INIT_ON_ALLOC, flags & HARDEN_INIT_ON_FREE);
	page_set_hardening(flags);
	return is_known;
}

/* Before any case runs, so that a misspelt name costs no time. */
static void add_shown(const char *name)
{
	for (unsigned i = 0; i < nr_mm_tables; i++) {
		if (strcmp(name, mm_tables[i].name) != 0)
			continue;
		if (nr_shown == MAX_SHOWN)
			refuse("show=", name, "so many tables are too many");
		shown[nr_shown++] = name;
		return;
	}
	fprintf(stderr, "show=%s: no table of mm; there are:", name);
	for (unsigned i = 0; i < nr_mm_tables; i++)
		fprintf(stderr, " %s", mm_tables[i].name);
	fputc('\n', stderr);
	exit(EXIT_BAD_WORD);
}

/* What follows @key in @argument, or NULL when that begins otherwise. */
static const char *value_of(const char *argument, const char *key)
{
	return strncmp(argument, key, strlen(key)) == 0 ? argument + strlen(key) : NULL;
}

int main(int argc, char **argv)
{
	const char *globs = NULL;
	struct test_totals totals;

	log_add_sink(write_to_stdout);
	slab_set_seed(1);	/* shuffles need one */
	for (int i = 1; i < argc; i++) {
		const char *debug = value_of(argv[i], "debug=");
		const char *seed = value_of(argv[i], "seed=");
		const char *guard = value_of(argv[i], "guard=");
		const char *tests = value_of(argv[i], "tests=");
		const char *limit = value_of(argv[i], "limit=");

		if (value_of(argv[i], "show="))
			add_shown(value_of(argv[i], "show="));
		else if (debug)
			set_debug(debug);
		else if (seed)
			set_seed(seed);
		else if (take_hardening(argv[i]))
			continue;
		else if (guard)
			slab_set_guard_interval(strtoull(guard, NULL, 0));
		else if (limit)
			limit_s = (unsigned)number_of("limit=", limit, 1, MAX_LIMIT_S);
		else
			globs = tests ? tests : argv[i];
	}
	totals = run_all(globs);
	return totals.nr_failed ? 1 : 0;
}
