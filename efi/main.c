/*
 * The boot sequence: firmware -> boot_info -> kernel address space -> memory
 * manager -> what `run=` asks for -> verdict.
 *
 * This is the one file that knows every folder. It decides the order of things
 * and what the outcome of a run is; how each is done stands elsewhere.
 */
#include <efi.h>

#include "arch.h"
#include "arch/x86_64/port.h"
#include "boot_info.h"
#include "efi/capture.h"
#include "efi/firmware.h"
#include "efi/lint.h"
#include "efi/memory_map.h"
#include "efi/options.h"
#include "efi/records.h"
#include "efi/results.h"
#include "efi/screen/screen.h"
#include "efi/shell.h"
#include "efi/show.h"
#include "efi/text.h"
#include "lib/string.h"
#include "log.h"
#include "mm/event.h"
#include "mm/harden.h"
#include "mm/init.h"
#include "mm/page_alloc.h"
#include "mm/page_use.h"
#include "mm/slab.h"
#include "mm/tables.h"
#include "mm/vmalloc.h"
#include "tests/bench/bench.h"
#include "tests/lecture/lecture.h"
#include "tests/live/stress.h"
#include "tests/live/ticks.h"
#include "tests/shell/verbs.h"
#include "tests/suites.h"

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system_table);

/* isa-debug-exit turns these into QEMU exit statuses 33, 35 (and 37 for a panic). */
enum verdict { VERDICT_PASSED = 0x10, VERDICT_FAILED = 0x11 };

#define DEFAULT_STRESS_SECONDS	10u
#define NS_PER_US		1000u
#define MS_PER_S		1000u
#define MAX_INTERRUPTS_HZ	10000u
#define REPORT_DELAY_US		3000000u	/* to read the screen */

/* The longest element of run= and show=. */
#define WORD_BYTES	32
#define GLOB_BYTES	128	/* of tests=: names of cases are sentences */

/* What happened while the shell runs. */
#define SHELL_EVENT_SLOTS	1024u

/* ---- What run= can ask for; each returns whether it went well ---- */

struct action {
	const char *name;
	bool (*run)(const struct boot_info *info);
};

/* Cycles spent on the screen beside the log. */
static uint64_t screen_cycles;

static bool verify_and_show(void)
{
	uint64_t started = arch_cycles();

	screen_refresh();
	screen_cycles += arch_cycles() - started;
	return mm_verify_all();
}

/* A name that is none, among others that are, must not look as if it had been tested. */
static void check_test_globs(void)
{
	const char *at = options_get("tests");
	char glob[GLOB_BYTES];

	while (at && options_next_item(&at, glob, sizeof(glob))) {
		struct nearest_word search = { .word = glob, .bytes = 0 };

		if (test_image_has(glob))
			continue;
		while (glob[search.bytes] && glob[search.bytes] != '.')
			search.bytes++;
		for (unsigned i = 0; i < nr_unit_suites; i++)
			text_try_word(&search, unit_suites[i]->name);
		for (unsigned i = 0; i < nr_live_suites; i++)
			text_try_word(&search, live_suites[i]->name);
		options_add_fault("tests", glob, "no case matches", search.nearest);
	}
}

static bool is_to_fail;		/* fail_nth= holds */

static void start_failures(void)
{
	is_to_fail = options_number("fail_nth", 0) > 0;
	if (is_to_fail)
		mm_fail_nth(options_number("fail_nth", 0));
}

/* Self-tests make requests fail where they know what must follow. */
static void refuse_failures(void)
{
	if (!is_to_fail)
		return;
	options_add_fault("fail_nth", options_get("fail_nth"),
			  "not with self-tests, which make requests fail themselves", NULL);
	is_to_fail = false;
	mm_fail_nth(0);
}

/* A number that never came must not look as if something had borne it. */
static void tell_failures(void)
{
	if (!is_to_fail)
		return;
	if (mm_fail_nth_struck())
		log_line(LOG_NOTICE, "fail_nth: request %s of CPU 0 was refused",
			 options_get("fail_nth"));
	else
		log_line(LOG_NOTICE, "fail_nth: CPU 0 made %llu requests, none was refused",
			 (unsigned long long)mm_fail_nth_count());
}

static bool run_selftest(const struct boot_info *info)
{
	struct test_totals totals;

	check_test_globs();
	refuse_failures();
	totals = test_run_image(options_get("tests"), verify_and_show);

	(void)info;
	return totals.nr_failed == 0;
}

static bool run_bench(const struct boot_info *info)
{
	(void)info;
	return bench_run(options_get("bench"));
}

static bool run_lecture(const struct boot_info *info)
{
	(void)info;
	return lecture_run();
}

/* stress=SECONDS. One record for programs, one line for people. */
static bool run_stress(const struct boot_info *info)
{
	uint64_t seconds = options_number("stress", DEFAULT_STRESS_SECONDS);
	struct stress_totals totals;
	bool is_ok;

	(void)info;
	ticks_keep(true);
	is_ok = stress_run(0, min_u64(seconds, UINT64_MAX / MS_PER_S) * MS_PER_S, &totals);
	ticks_keep(false);
	ticks_quiet(true);
	is_ok &= mm_verify_all();
	ticks_quiet(false);
	log_raw("@stress seconds=%llu cpus=%u operations=%llu refused=%llu broken=%llu "
		"exchanged=%llu\n",
		(unsigned long long)seconds, totals.nr_cpus,
		(unsigned long long)totals.nr_operations, (unsigned long long)totals.nr_refused,
		(unsigned long long)totals.nr_broken, (unsigned long long)totals.nr_exchanged);
	log_line(LOG_NOTICE, "stress: %s", is_ok ? "passed" : "FAILED");
	return is_ok;
}

static bool run_nothing(const struct boot_info *info)
{
	(void)info;
	return true;
}

static void show_tables_of_acpi(const struct boot_info *info)
{
	show_acpi(info, arch_phys_to_virt);
}

static void show_said_and_made(const struct boot_info *info)
{
	show_firmware(info, mm_topology(), arch_phys_to_virt);
}

static void show_findings(const struct boot_info *info)
{
	lint_show(info, mm_topology());
}

static void show_page_tables(const struct boot_info *info)
{
	(void)info;
	arch_print_tables();
}

/* The machine for programs: what stays as it is. */
static void print_machine_records(const struct boot_info *info)
{
	char cpu[CPU_NAME_BYTES];

	read_cpu_name(cpu);
	records_print_machine(info, slabstick_version, cpu);
	mm_print_node_records();
}

static void show_records(const struct boot_info *info)
{
	print_machine_records(info);
	mm_print_zone_records();
	mm_print_ledger_records();
	mm_print_memory_record(arch_now_ns() / NS_PER_US);
}

/* What the firmware said, and the machine; those of mm are in mm_tables[]. */
struct machine_table {
	const char *name;
	void (*show)(const struct boot_info *info);
};

static const struct machine_table machine_tables[] = {
	{ "acpi", show_tables_of_acpi },
	{ "firmware", show_said_and_made },
	{ "findings", show_findings },
	{ "memmap", memory_map_log },
	{ "ptdump", show_page_tables },
	{ "records", show_records },
};

static bool show_table(const struct boot_info *info, const char *name)
{
	struct nearest_word search = { .word = name, .bytes = strlen(name) };

	for (unsigned i = 0; i < ARRAY_SIZE(machine_tables); i++) {
		if (strcmp(name, machine_tables[i].name) != 0)
			continue;
		machine_tables[i].show(info);
		return true;
	}
	log_fresh_line();
	if (mm_show_table(name))
		return true;
	for (unsigned i = 0; i < ARRAY_SIZE(machine_tables); i++)
		text_try_word(&search, machine_tables[i].name);
	for (unsigned i = 0; i < nr_mm_tables; i++)
		text_try_word(&search, mm_tables[i].name);
	options_add_fault("show", name, "no table is called that", search.nearest);
	return false;
}

static bool run_show(const struct boot_info *info)
{
	const char *at = options_get("show");
	char name[WORD_BYTES];
	bool is_ok = true;

	while (at && options_next_item(&at, name, sizeof(name)))
		is_ok &= show_table(info, name);
	for (unsigned i = 0; !options_get("show") && i < nr_mm_tables; i++)
		is_ok &= show_table(info, mm_tables[i].name);
	return is_ok;
}

static bool run_shell(const struct boot_info *info);

static const struct action actions[] = {
	{ "selftest", run_selftest },
	{ "show", run_show },
	{ "bench", run_bench },
	{ "lecture", run_lecture },
	{ "stress", run_stress },
	{ "shell", run_shell },
	{ "none", run_nothing },
};

/* What a user wants who names tables, rows or tests but no run=. */
static const char *default_actions(void)
{
	if (options_get("bench"))
		return "bench";
	if (options_get("stress"))
		return "stress";
	return options_get("show") ? "show,selftest" : "selftest";
}

static const char *wanted_actions(void)
{
	const char *what = options_get("run");
	const char *at = what;
	char name[WORD_BYTES];

	if (!what)
		return default_actions();
	if (options_next_item(&at, name, sizeof(name)))
		return what;
	options_add_fault("run", what, "it names no action", NULL);
	return default_actions();
}

static bool run_action(const char *name, const struct boot_info *info)
{
	struct nearest_word search = { .word = name, .bytes = strlen(name) };

	for (unsigned i = 0; i < ARRAY_SIZE(actions); i++) {
		if (strcmp(name, actions[i].name) == 0)
			return actions[i].run(info);
		text_try_word(&search, actions[i].name);
	}
	options_add_fault("run", name, "no action is called that", search.nearest);
	return false;
}

static void print_help(void)
{
	log_raw("run ACTION    ");
	for (unsigned i = 0; i < ARRAY_SIZE(actions); i++)
		log_raw(" %s", actions[i].name);
	log_raw("\nshow TABLE    ");
	for (unsigned i = 0; i < ARRAY_SIZE(machine_tables); i++)
		log_raw(" %s", machine_tables[i].name);
	for (unsigned i = 0; i < nr_mm_tables; i++)
		log_raw(" %s", mm_tables[i].name);
	log_raw("\n");
	for (unsigned i = 0; i < nr_shell_verbs; i++)
		log_raw("%-13s  %s\n", shell_verbs[i].name, shell_verbs[i].about);
	log_raw("KEY=VALUE ...  sets options: tests=buddy, stress=60, lecture=slab\n"
		"verify         checks every invariant\nquit           ends the run\n");
}

static const char *const shell_words[] = { "help", "quit", "run", "show", "verify" };

/* A command of the shell itself with a word too many, or one too few. False: it is another. */
static bool refuse_form(const char *line, size_t word_bytes)
{
	const bool is_bare = line[word_bytes] == '\0';

	for (unsigned i = 0; i < ARRAY_SIZE(shell_words); i++) {
		if (strlen(shell_words[i]) != word_bytes ||
		    strncmp(shell_words[i], line, word_bytes) != 0)
			continue;
		if (is_bare)
			log_raw("refused: %s needs a word; `help` lists them\n", shell_words[i]);
		else
			log_raw("refused: %s has no use for \"%s\"\n", shell_words[i],
				line + word_bytes + 1);
		return true;
	}
	return false;
}

static void refuse_command(const char *line)
{
	struct nearest_word search = { .word = line };

	while (line[search.bytes] && line[search.bytes] != ' ')
		search.bytes++;
	if (refuse_form(line, search.bytes))
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(shell_words); i++)
		text_try_word(&search, shell_words[i]);
	for (unsigned i = 0; i < nr_shell_verbs; i++)
		text_try_word(&search, shell_verbs[i].name);
	log_raw("unknown command \"%.*s\"", (int)search.bytes, line);
	if (search.nearest)
		log_raw("; did you mean \"%s\"?\n", search.nearest);
	else
		log_raw("; `help` lists them\n");
}

static void set_options(const char *line)
{
	char key[WORD_BYTES];
	const char *reason;
	size_t bytes = 0;

	for (; line[bytes] != '=' && bytes + 1 < sizeof(key); bytes++)
		key[bytes] = line[bytes];
	key[bytes] = '\0';
	reason = shell_boot_only(key);
	if (reason)
		log_raw("refused: %s= does nothing here: %s\n", key, reason);
	else
		options_add(line, strlen(line), "shell");
}

static bool is_assignment(const char *line)
{
	const char *equals = strstr(line, "="), *blank = strstr(line, " ");

	return equals && (!blank || equals < blank);
}

/* What the tab key offers: commands, then what follows `run` and `show`. */
static const char *shell_word(const char *line, bool is_first, unsigned i)
{
	if (!is_first && strncmp(line, "run ", 4) == 0)
		return i < ARRAY_SIZE(actions) ? actions[i].name : NULL;
	if (!is_first && strncmp(line, "show ", 5) == 0) {
		if (i < ARRAY_SIZE(machine_tables))
			return machine_tables[i].name;
		i -= (unsigned)ARRAY_SIZE(machine_tables);
		return i < nr_mm_tables ? mm_tables[i].name : NULL;
	}
	if (!is_first)
		return NULL;
	if (i < ARRAY_SIZE(shell_words))
		return shell_words[i];
	i -= (unsigned)ARRAY_SIZE(shell_words);
	return i < nr_shell_verbs ? shell_verbs[i].name : NULL;
}

/* One line of the shell. What it finds wrong it says: the run goes on. */
static void run_line(const struct boot_info *info, const char *line)
{
	while (*line == ' ')
		line++;
	if (strcmp(line, "run shell") == 0)
		log_raw("refused: this is the shell\n");
	else if (strncmp(line, "run ", 4) == 0)
		run_action(line + 4, info);
	else if (strncmp(line, "show ", 5) == 0)
		show_table(info, line + 5);
	else if (strcmp(line, "verify") == 0)
		log_raw("%s\n",
			mm_verify_all() ? "every invariant holds" : "a rule is broken, see above");
	else if (strcmp(line, "help") == 0)
		print_help();
	else if (is_assignment(line))
		set_options(line);
	else if (line[0] && !shell_do(line))
		refuse_command(line);
}

static void cut_blanks(char *line)
{
	size_t bytes = strlen(line);

	while (bytes > 0 && line[bytes - 1] == ' ')
		line[--bytes] = '\0';
}

/* The next line of script=, up to '|', without blanks around it. False: it is too long. */
static bool next_script_line(const char **at, char *line, size_t size)
{
	size_t bytes = 0, end = 0;

	for (; **at == ' '; (*at)++)
		;
	for (; **at && **at != '|'; (*at)++, bytes++) {
		if (bytes + 1 < size)
			line[bytes] = **at;
		if (**at != ' ')
			end = bytes + 1;
	}
	*at += **at == '|';
	line[end < size ? end : size - 1] = '\0';
	return end < size;
}

/* script=: each line is shown as if it had been typed. False: one said quit. */
static bool run_script(const struct boot_info *info)
{
	const char *at = options_get("script");
	char line[SHELL_LINE_BYTES];

	while (at && *at) {
		bool fits = next_script_line(&at, line, sizeof(line));

		log_raw("slabstick> %s\n", line);
		if (!fits)
			log_raw("refused: a line has up to %u letters\n", SHELL_LINE_BYTES - 1);
		else if (strcmp(line, "quit") == 0)
			return false;
		else
			run_line(info, line);
	}
	return true;
}

static bool run_shell(const struct boot_info *info)
{
	static struct mm_event ring[SHELL_EVENT_SLOTS];
	unsigned nr_faults = options_nr_faults();
	char line[SHELL_LINE_BYTES];

	log_fresh_line();
	mm_events_start(ring, SHELL_EVENT_SLOTS);
	shell_set_candidates(shell_word);
	if (run_script(info)) {
		print_help();
		while (shell_read_line("slabstick> ", line, sizeof(line))) {
			cut_blanks(line);
			if (strcmp(line, "quit") == 0)
				break;
			run_line(info, line);
		}
	}
	shell_give_all();
	mm_events_stop();
	options_set_nr_faults(nr_faults);
	return true;
}

/* The listener of a lecture sees the lecture, and what goes wrong. */
static bool is_lecture_alone(void)
{
	const char *run = options_get("run");

	return run && strcmp(run, "lecture") == 0 && !options_get("loglevel");
}

/* Harnesses read KTAP: a run without self-tests is a test with one point, itself. */
static void print_outcome(const char *what, bool is_ok)
{
	log_fresh_line();
	log_raw("KTAP version 1\n1..1\n%s 1 run=%s\n", is_ok ? "ok" : "not ok", what);
	log_raw("# Totals: pass:%d fail:%d xfail:0 xpass:0 skip:0 error:0\n", is_ok, !is_ok);
	log_raw("%d passed, %d failed, 0 skipped\n", is_ok, !is_ok);
}

/* How a run ends is told to whoever reads the serial line, though he pauses just now. */
static void wait_for_reader(void)
{
	if (arch_serial_is_paused())
		log_line(LOG_WARN, "serial: nobody reads; the end waits for up to a minute");
	arch_serial_settle();
}

/*
 * interrupts=HZ: from now on handlers allocate, in the image whose handlers may. False: they
 * do not.
 */
static bool start_interrupts(void)
{
	uint64_t hz = options_number("interrupts", 0);

	if (hz == 0)
		return false;
	if (!port_is_irqsafe() || hz > MAX_INTERRUPTS_HZ) {
		options_add_fault("interrupts", options_get("interrupts"),
				  "handlers of this image do not allocate, or not that often",
				  NULL);
		return false;
	}
	if (ticks_start((unsigned)hz))
		return true;
	panic_at(__FILE__, __LINE__, "no timer interrupts");
}

static bool stop_interrupts(void)
{
	struct tick_totals totals;
	bool is_ok;

	ticks_stop(&totals);
	is_ok = totals.nr_broken == 0 && totals.nr_silent_cpus == 0 && totals.nr_taken > 0;
	log_raw("@interrupts ticks=%llu taken=%llu refused=%llu broken=%llu areas=%llu silent=%u\n",
		(unsigned long long)totals.nr_ticks, (unsigned long long)totals.nr_taken,
		(unsigned long long)totals.nr_refused, (unsigned long long)totals.nr_broken,
		(unsigned long long)totals.nr_areas, totals.nr_silent_cpus);
	log_line(LOG_NOTICE, "interrupts: %s", is_ok ? "passed" : "FAILED");
	return is_ok;
}

static enum verdict run_actions(const struct boot_info *info)
{
	const char *what = wanted_actions();
	const char *at = what;
	char name[WORD_BYTES];
	bool has_tests = false;
	bool has_interrupts = start_interrupts();
	bool is_ok = true;

	while (options_next_item(&at, name, sizeof(name))) {
		is_ok &= run_action(name, info);
		has_tests |= strcmp(name, "selftest") == 0;
	}
	wait_for_reader();
	tell_failures();
	if (has_interrupts)
		is_ok &= stop_interrupts();
	is_ok &= is_lecture_alone() ? mm_ledger_balances() : mm_print_ledger();
	if (is_lecture_alone())
		print_machine_records(info);	/* at the end, for those who draw it */
	mm_print_zone_records();
	mm_print_ledger_records();
	is_ok &= options_nr_faults() == 0;
	if (!has_tests)
		print_outcome(what, is_ok);
	return is_ok ? VERDICT_PASSED : VERDICT_FAILED;
}

/* ---- Start and end ---- */

/* Cycles spent in the log's devices: they depend on the screen, not on what is logged about. */
static uint64_t device_cycles;
static uint64_t started_cycles;

static void write_serial(const char *text, size_t bytes)
{
	uint64_t started = arch_cycles();

	arch_serial_write(text, bytes);
	device_cycles += arch_cycles() - started;
}

static void write_screen(const char *text, size_t bytes)
{
	uint64_t started = arch_cycles();

	screen_write(text, bytes);
	device_cycles += arch_cycles() - started;
}

static void start_log(const struct boot_info *info)
{
	enum status serial = arch_serial_init(&info->uart);
	enum status screen = screen_init(&info->framebuffer,
					 arch_device_to_virt(info->framebuffer.base_pa),
					 arch_now_ns);

	if (info->results_pa) {
		results_start(arch_phys_to_virt(info->results_pa));
		log_add_sink(results_write);
	}
	if (is_lecture_alone()) {
		log_set_level(LOG_WARN);
		if (options_nr_faults() == 0)	/* what is wrong with words was said before */
			log_forget();
	}
	if (serial == STATUS_OK)
		log_add_sink(write_serial);
	else
		log_line(LOG_WARN, "serial: %s; the log goes to the screen alone",
			 status_text(serial));
	if (screen == STATUS_OK)
		log_add_sink(write_screen);
	else if (screen != STATUS_ABSENT)
		log_line(LOG_WARN, "framebuffer: %s, not used", status_text(screen));
}

/* The words that are none; the others were taken. */
static void check_debug_words(const char *words)
{
	const char *known;
	char word[WORD_BYTES];

	while (options_next_item(&words, word, sizeof(word))) {
		struct nearest_word search = { .word = word, .bytes = strlen(word) };
		bool is_known = false;

		for (unsigned i = 0; (known = slab_debug_word(i)) != NULL; i++) {
			is_known |= strcmp(known, word) == 0;
			text_try_word(&search, known);
		}
		if (!is_known)
			options_add_fault("debug", word, "no check is called that", search.nearest);
	}
}

static bool is_yes(const char *key)
{
	const char *value = options_get(key);

	return value && strcmp(value, "yes") == 0;
}

static void set_hardening(void)
{
	bool on_alloc = is_yes("init_on_alloc"), on_free = is_yes("init_on_free");

	slab_set_init(on_alloc, on_free);
	page_set_hardening((is_yes("page_poison") ? HARDEN_POISON : 0) |
			   (on_alloc ? HARDEN_INIT_ON_ALLOC : 0) |
			   (on_free ? HARDEN_INIT_ON_FREE : 0));
}

static void start_memory(const struct boot_info *info)
{
	const char *debug = options_get("debug");
	uint64_t seed = options_number("seed", arch_cycles());
	uint64_t device_cycles_before = device_cycles;
	uint64_t started, all_cycles, log_cycles;

	slab_set_guard_interval(options_number("guard", 0));
	slab_set_seed(seed);
	test_set_seed(seed);
	if (debug && !slab_set_debug(debug))
		check_debug_words(debug);
	set_hardening();
	started = arch_cycles();
	mm_init(info);
	all_cycles = arch_cycles() - started;
	log_cycles = device_cycles - device_cycles_before;
	bench_set_boot_cycles(all_cycles - log_cycles, log_cycles);
}

/* What the screen says of the machine. */
static void describe_machine(const struct boot_info *info)
{
	struct screen_facts facts;
	uint64_t nr_pages = 0;

	format_text(facts.version, sizeof(facts.version), "%s", slabstick_version);
	read_cpu_name(facts.machine);
	for (uint32_t i = 0; i < info->nr_ranges; i++)
		if (info->ranges[i].type == MEM_USABLE)
			nr_pages += (info->ranges[i].end - info->ranges[i].start) >> PAGE_SHIFT;
	format_text(facts.memory, sizeof(facts.memory),
		    "%u CPUs, %u nodes, %llu MiB usable; firmware %s", info->nr_cpus,
		    mm_topology()->nr_nodes, (unsigned long long)(nr_pages >> (20 - PAGE_SHIFT)),
		    info->firmware_vendor);
	screen_set_facts(&facts);
}

static void show_verdict(const struct boot_info *info, enum verdict verdict)
{
	static const char unusable_options[] =
		"Some words of its options could not be used: see \"options:\" in the log.";
	const struct verdict_facts facts = {
		.is_passed = verdict == VERDICT_PASSED,
		.reason = options_nr_faults() ? unusable_options : NULL,
		.findings = info->findings,
		.nr_findings = info->nr_findings,
	};

	screen_show_verdict(&facts);
}

/* The last word, whatever the log level. */
static void print_verdict(enum verdict verdict)
{
	log_fresh_line();
	if (verdict == VERDICT_PASSED)
		log_raw("slabstick: all is well\n");
	else if (options_nr_faults() > 0)
		log_raw("slabstick: FAILED: %u of the words of its options could not be used, see "
			"\"options:\" above\n", options_nr_faults());
	else
		log_raw("slabstick: FAILED, see above\n");
}

/* How long it all took, and how much of it devices: the budget of the screen. */
static void print_cycles(void)
{
	log_raw("@run cycles=%llu device_cycles=%llu us=%llu\n",
		(unsigned long long)(arch_cycles() - started_cycles),
		(unsigned long long)(device_cycles + screen_cycles),
		(unsigned long long)(arch_now_ns() / NS_PER_US));
}

/* The next start writes the results to the stick. Returns when the machine did not obey. */
static void reset_for_report(const struct boot_info *info)
{
	if (info->results_pa == 0)
		log_line(LOG_WARN, "end=report: there is no memory that could keep the results");
	results_ask_for_report();
	arch_delay_us(REPORT_DELAY_US);
	arch_reboot();
}

/* As end= says; @status is for an emulator. Returns where the machine halts, or did not obey. */
static void end_as_told(const struct boot_info *info, unsigned status)
{
	const char *end = options_get("end");

	if (!end || strcmp(end, "exit") == 0)
		arch_exit_emulator(status);
	else if (strcmp(end, "poweroff") == 0)
		arch_power_off();
	else if (strcmp(end, "reboot") == 0)
		arch_reboot();
	else if (strcmp(end, "report") == 0)
		reset_for_report(info);
}

static void NORETURN end_run(const struct boot_info *info, enum verdict verdict)
{
	print_cycles();
	print_verdict(verdict);
	show_verdict(info, verdict);
	arch_serial_settle();
	end_as_told(info, verdict);
	log_line(LOG_NOTICE, "halted: the machine can be switched off");
	arch_halt();
}

/* What end_panic() and start_cpus() look at. */
static struct boot_info *told_info;

static void end_panic(unsigned status)
{
	end_as_told(told_info, status);
}

static void start_cpus(void)
{
	uint64_t nr_wanted = min_u64(options_number("cpus", MAX_CPUS), told_info->nr_cpus);
	unsigned nr_running = arch_start_cpus(told_info, (unsigned)nr_wanted);

	if (nr_running < nr_wanted && told_info->trampoline_pa != 0)
		boot_info_add_finding(told_info, "CpuAbsent", SEVERITY_MEDIUM,
				      "%llu of %u CPUs do not run, though the MADT enables them: "
				      "they did not answer, or there was no memory for them",
				      (unsigned long long)(nr_wanted - nr_running),
				      told_info->nr_cpus);
}

static void run_kernel(const struct boot_info *info)
{
	start_cpus();
	start_failures();
	if (!is_lecture_alone()) {
		lint_show(info, mm_topology());
		print_machine_records(info);
	}
	screen_show_memory(info, mm_topology(), mm_page_use);
	end_run(info, run_actions(info));
}

static void kernel_main(struct boot_info *info)
{
	started_cycles = arch_cycles();
	told_info = info;
	panic_end = end_panic;
	arch_init(info);
	start_log(info);
	memory_map_log(info);
	start_memory(info);
	describe_machine(info);
	arch_leave_boot_stack(run_kernel, info);
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system_table)
{
	struct boot_info *info = firmware_collect(image, system_table);

	arch_enter_kernel(info, kernel_main);
}
