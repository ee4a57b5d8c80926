/*
 * boot_info from copies of the firmware's tables.
 *
 * Model
 *   Every table is measured first; one that fails is as good as absent and says
 *   why. The counts size the arrays; then the tables are read into them and
 *   joined: MADT says which CPUs there are, SRAT where they are.
 *
 * Rules
 *   - the running CPU is cpus[0], whether or not the MADT has it
 *   - every APIC id comes once; the first entry of a table wins
 *   - affinity ranges are sorted by start
 *   - every table that is refused, and every enabled entry that is ignored,
 *     leaves a finding
 *
 * Locking
 *   None.
 */

#include "efi/collect.h"

#include "lib/sort.h"
#include "lib/string.h"
#include "log.h"
#include "mm/config.h"

/* The tables that passed, and what is in them. */
struct survey {
	struct srat_counts srat;
	struct madt_counts madt;
	struct hmat_counts hmat;
	uint32_t nr_localities;
	enum status srat_status, madt_status, slit_status, hmat_status;
};

/* A counted table that was refused holds nothing. */
static void survey_tables(const struct firmware_tables *tables, struct survey *survey)
{
	survey->srat_status = srat_measure(tables->srat, &survey->srat);
	if (survey->srat_status != STATUS_OK)
		survey->srat = (struct srat_counts){ 0 };
	survey->madt_status = madt_measure(tables->madt, &survey->madt);
	if (survey->madt_status != STATUS_OK)
		survey->madt = (struct madt_counts){ 0 };
	survey->slit_status = slit_measure(tables->slit, &survey->nr_localities);
	if (survey->slit_status != STATUS_OK)
		survey->nr_localities = 0;
	survey->hmat_status = hmat_measure(tables->hmat, &survey->hmat);
	if (survey->hmat_status != STATUS_OK)
		survey->hmat = (struct hmat_counts){ 0 };
}

/* A CPU with its place in a table: sorting by id, then place, puts the first entry first. */
struct cpu_key {
	uint32_t apic_id;
	uint32_t place;
	uint64_t domain;
};

static uint32_t nr_domains_of(const struct survey *survey)
{
	return survey->srat.nr_cpus + survey->srat.nr_initiators + survey->srat.nr_memory;
}

uint64_t collect_arena_bytes(const struct firmware_tables *tables)
{
	struct survey survey;

	survey_tables(tables, &survey);
	return arena_bytes_for(FINDINGS_MAX, sizeof(struct finding)) +
	       arena_bytes_for(survey.madt.nr_cpus + 1ull, sizeof(struct boot_cpu)) +
	       arena_bytes_for(survey.madt.nr_cpus, sizeof(uint32_t)) +
	       arena_bytes_for(survey.madt.nr_cpus + 1ull, sizeof(struct cpu_key)) +
	       arena_bytes_for(survey.srat.nr_cpus, sizeof(struct srat_cpu)) +
	       arena_bytes_for(survey.srat.nr_cpus, sizeof(struct cpu_key)) +
	       arena_bytes_for(survey.srat.nr_memory, sizeof(struct affinity_range)) +
	       arena_bytes_for(survey.srat.nr_initiators, sizeof(uint32_t)) +
	       arena_bytes_for(nr_domains_of(&survey), sizeof(uint32_t)) +
	       arena_bytes_for(survey.nr_localities, survey.nr_localities) +
	       arena_bytes_for(survey.hmat.nr_values, sizeof(struct hmat_value)) +
	       arena_bytes_for(survey.hmat.nr_values, sizeof(struct performance));
}

/* ---- SRAT ---- */

static bool affinity_comes_before(const void *a, const void *b, const void *arg)
{
	const struct affinity_range *x = a, *y = b;

	(void)arg;
	if (x->start != y->start)
		return x->start < y->start;
	if (x->end != y->end)
		return x->end < y->end;
	return x->domain < y->domain;
}

static bool key_comes_before(const void *a, const void *b, const void *arg)
{
	const struct cpu_key *x = a, *y = b;

	(void)arg;
	return x->apic_id != y->apic_id ? x->apic_id < y->apic_id : x->place < y->place;
}

static bool place_comes_before(const void *a, const void *b, const void *arg)
{
	(void)arg;
	return ((const struct cpu_key *)a)->place < ((const struct cpu_key *)b)->place;
}

/* The CPUs of the SRAT, by APIC id, each once. */
struct srat_index {
	struct cpu_key *keys;
	uint32_t nr_keys;
};

/* Sorts @keys by id and drops all but the first entry of each. */
static uint32_t drop_repeated_cpus(struct cpu_key *keys, uint32_t nr_keys)
{
	uint32_t nr_kept = 0;

	sort_items(keys, nr_keys, sizeof(*keys), key_comes_before, NULL);
	for (uint32_t i = 0; i < nr_keys; i++)
		if (nr_kept == 0 || keys[nr_kept - 1].apic_id != keys[i].apic_id)
			keys[nr_kept++] = keys[i];
	return nr_kept;
}

static void find_cpus_in_two_domains(const struct cpu_key *keys, uint32_t nr_keys,
				     struct boot_info *info)
{
	for (uint32_t i = 1; i < nr_keys; i++)
		if (keys[i].apic_id == keys[i - 1].apic_id && keys[i].domain != keys[i - 1].domain)
			boot_info_add_finding(info, "SratCpuInTwoDomains", SEVERITY_MEDIUM,
					      "SRAT puts CPU 0x%02x into domains %u and %u: the "
					      "first entry counts",
					      keys[i].apic_id, (uint32_t)keys[i - 1].domain,
					      (uint32_t)keys[i].domain);
}

static void index_srat_cpus(const struct srat_cpu *cpus, uint32_t nr_cpus, struct srat_index *index,
			    struct boot_info *info)
{
	for (uint32_t i = 0; i < nr_cpus; i++)
		index->keys[i] = (struct cpu_key){ cpus[i].apic_id, i, cpus[i].domain };
	sort_items(index->keys, nr_cpus, sizeof(*index->keys), key_comes_before, NULL);
	find_cpus_in_two_domains(index->keys, nr_cpus, info);
	index->nr_keys = drop_repeated_cpus(index->keys, nr_cpus);
}

static uint64_t domain_of_cpu(const struct srat_index *index, uint32_t apic_id)
{
	uint32_t start = 0, end = index->nr_keys;

	while (start < end) {
		uint32_t middle = start + (end - start) / 2;

		if (index->keys[middle].apic_id < apic_id)
			start = middle + 1;
		else
			end = middle;
	}
	if (start < index->nr_keys && index->keys[start].apic_id == apic_id)
		return index->keys[start].domain;
	return DOMAIN_NONE;
}

static enum status collect_srat(const struct firmware_tables *tables, const struct survey *survey,
				struct arena *arena, struct boot_info *info,
				struct srat_index *index)
{
	const struct srat_counts *counts = &survey->srat;
	struct srat srat = {
		.cpus = arena_take(arena, counts->nr_cpus, sizeof(*srat.cpus)),
		.memory = arena_take(arena, counts->nr_memory, sizeof(*srat.memory)),
		.initiators = arena_take(arena, counts->nr_initiators, sizeof(*srat.initiators)),
		.domains = arena_take(arena, nr_domains_of(survey), sizeof(*srat.domains)),
	};

	index->keys = arena_take(arena, counts->nr_cpus, sizeof(*index->keys));
	if (!srat.cpus || !srat.memory || !srat.initiators || !srat.domains || !index->keys)
		return STATUS_NO_MEMORY;
	info->affinity = srat.memory;
	info->initiators = srat.initiators;
	info->domains = srat.domains;
	if (survey->srat_status != STATUS_OK)
		return STATUS_OK;

	srat_read(tables->srat, &srat);
	info->nr_affinity = counts->nr_memory;
	info->nr_initiators = counts->nr_initiators;
	info->nr_domains = counts->nr_cpus + counts->nr_initiators;
	for (uint32_t i = 0; i < counts->nr_memory; i++)
		info->domains[info->nr_domains++] = srat.memory[i].domain;
	sort_items(srat.memory, counts->nr_memory, sizeof(*srat.memory), affinity_comes_before,
		   NULL);
	index_srat_cpus(srat.cpus, counts->nr_cpus, index, info);
	return STATUS_OK;
}

static void find_srat_oddities(const struct firmware_tables *tables, const struct survey *survey,
			       struct boot_info *info)
{
	const struct srat_counts *counts = &survey->srat;

	if (survey->srat_status != STATUS_OK && survey->srat_status != STATUS_ABSENT)
		boot_info_add_finding(info, "SratMalformed", SEVERITY_HIGH,
				      "SRAT refused (%s): all memory and all CPUs form one node",
				      status_text(survey->srat_status));
	if (tables->srat2.bytes)
		boot_info_add_finding(info, "SratTwice", SEVERITY_MEDIUM,
				      "there are two SRATs: the first one in the root table "
				      "counts");
	if (counts->nr_empty_memory > 0)
		boot_info_add_finding(info, "SratRangeEmpty", SEVERITY_LOW,
				      "%u enabled SRAT ranges have no length: ignored",
				      counts->nr_empty_memory);
	if (counts->nr_wrapped_memory > 0)
		boot_info_add_finding(info, "SratRangeWraps", SEVERITY_MEDIUM,
				      "%u SRAT ranges reach past the end of the address space: "
				      "ignored",
				      counts->nr_wrapped_memory);
	if (counts->nr_no_cpus > 0)
		boot_info_add_finding(info, "SratCpuNoId", SEVERITY_LOW,
				      "%u enabled SRAT CPU entries have an id that means \"no "
				      "CPU\": ignored",
				      counts->nr_no_cpus);
}

/* ---- MADT ---- */

static struct boot_cpu make_cpu(const struct srat_index *index, uint32_t apic_id)
{
	return (struct boot_cpu){ apic_id, domain_of_cpu(index, apic_id) };
}

/* Fills cpus[]: the running one, then the others in table order. */
static void list_cpus(const struct cpu_key *keys, uint32_t nr_keys, uint32_t running_apic_id,
		      const struct srat_index *index, struct boot_info *info)
{
	uint32_t nr_ignored = 0;
	bool is_running_listed = false;

	info->cpus[info->nr_cpus++] = make_cpu(index, running_apic_id);
	for (uint32_t i = 0; i < nr_keys; i++) {
		if (keys[i].apic_id == running_apic_id)
			is_running_listed = true;
		else if (info->nr_cpus < MAX_CPUS)
			info->cpus[info->nr_cpus++] = make_cpu(index, keys[i].apic_id);
		else
			nr_ignored++;
	}
	if (nr_keys > 0 && !is_running_listed)
		boot_info_add_finding(info, "MadtNoRunningCpu", SEVERITY_MEDIUM,
				      "the running CPU 0x%02x is not in the MADT: added",
				      running_apic_id);
	if (nr_ignored > 0)
		boot_info_add_finding(info, "TooManyCpus", SEVERITY_MEDIUM,
				      "%u CPUs are left out: this program manages %u", nr_ignored,
				      MAX_CPUS);
}

static enum status collect_madt(const struct firmware_tables *tables, const struct survey *survey,
				uint32_t running_apic_id, const struct srat_index *index,
				struct arena *arena, struct boot_info *info)
{
	uint32_t nr_ids = survey->madt.nr_cpus, nr_keys;
	uint32_t *ids = arena_take(arena, nr_ids, sizeof(*ids));
	struct cpu_key *keys = arena_take(arena, nr_ids + 1ull, sizeof(*keys));

	info->cpus = arena_take(arena, nr_ids + 1ull, sizeof(*info->cpus));
	if (!ids || !keys || !info->cpus)
		return STATUS_NO_MEMORY;
	if (survey->madt_status == STATUS_OK)
		madt_read(tables->madt, ids);
	for (uint32_t i = 0; i < nr_ids; i++)
		keys[i] = (struct cpu_key){ ids[i], i, DOMAIN_NONE };
	nr_keys = drop_repeated_cpus(keys, nr_ids);
	if (nr_keys < nr_ids)
		boot_info_add_finding(info, "MadtCpuTwice", SEVERITY_LOW,
				      "%u enabled MADT entries repeat the id of another: each CPU "
				      "counts once",
				      nr_ids - nr_keys);
	sort_items(keys, nr_keys, sizeof(*keys), place_comes_before, NULL);
	list_cpus(keys, nr_keys, running_apic_id, index, info);
	info->local_apic_pa = survey->madt.local_apic_pa;
	return STATUS_OK;
}

static void find_madt_oddities(const struct survey *survey, struct boot_info *info)
{
	if (survey->madt_status == STATUS_ABSENT)
		boot_info_add_finding(info, "MadtAbsent", SEVERITY_MEDIUM,
				      "there is no MADT: only the running CPU is used");
	else if (survey->madt_status != STATUS_OK)
		boot_info_add_finding(info, "MadtMalformed", SEVERITY_HIGH,
				      "MADT refused (%s): only the running CPU is used",
				      status_text(survey->madt_status));
	if (survey->madt_status == STATUS_OK && survey->madt.nr_cpus == 0)
		boot_info_add_finding(info, "MadtNoCpu", SEVERITY_MEDIUM,
				      "the MADT enables no CPU: only the running one is used");
	if (survey->madt.is_cut)
		boot_info_add_finding(info, "MadtCut", SEVERITY_HIGH,
				      "the MADT breaks its format behind %u CPUs: those before the "
				      "fault are used, what is behind it is lost",
				      survey->madt.nr_cpus);
	if (survey->madt.nr_no_cpus > 0)
		boot_info_add_finding(info, "MadtCpuNoId", SEVERITY_LOW,
				      "%u enabled MADT entries have an id that means \"no CPU\": "
				      "ignored",
				      survey->madt.nr_no_cpus);
}

/* SRAT against MADT, both ways. */
static void find_cpu_mismatch(const struct survey *survey, const struct srat_index *index,
			      struct boot_info *info)
{
	uint32_t nr_orphans = 0;

	if (survey->srat_status != STATUS_OK || survey->srat.nr_cpus == 0)
		return;
	for (uint32_t i = 0; i < info->nr_cpus; i++)
		nr_orphans += info->cpus[i].domain == DOMAIN_NONE;
	if (nr_orphans > 0)
		boot_info_add_finding(info, "MadtCpuNotInSrat", SEVERITY_MEDIUM,
				      "%u CPUs have no SRAT entry: they go to the first node with "
				      "memory",
				      nr_orphans);
	if (index->nr_keys > info->nr_cpus - nr_orphans)
		boot_info_add_finding(info, "SratCpuNotInMadt", SEVERITY_LOW,
				      "%u CPUs of the SRAT are not enabled in the MADT: ignored",
				      index->nr_keys - (info->nr_cpus - nr_orphans));
}

/* ---- SLIT, HMAT, SPCR, DBG2 ---- */

static enum status collect_slit(const struct firmware_tables *tables, const struct survey *survey,
				struct arena *arena, struct boot_info *info)
{
	uint32_t n = survey->nr_localities;

	info->distance.value = arena_take(arena, n, n);
	if (!info->distance.value)
		return STATUS_NO_MEMORY;
	info->distance.nr_localities = n;
	if (n > 0)
		slit_read(tables->slit, info->distance.value);
	else if (slit_is_all_local(tables->slit))
		boot_info_add_finding(info, "SlitAllTen", SEVERITY_MEDIUM,
				      "every distance in the SLIT is 10, it was never filled in: "
				      "10 and 20 are used");
	else if (survey->slit_status != STATUS_ABSENT)
		boot_info_add_finding(info, "SlitMalformed", SEVERITY_MEDIUM,
				      "SLIT refused (%s): distances 10 and 20 are used",
				      status_text(survey->slit_status));
	return STATUS_OK;
}

static enum status collect_hmat(const struct firmware_tables *tables, const struct survey *survey,
				struct arena *arena, struct boot_info *info)
{
	uint32_t nr_values = survey->hmat.nr_values;
	struct hmat_value *values = arena_take(arena, nr_values, sizeof(*values));

	info->performance = arena_take(arena, nr_values, sizeof(*info->performance));
	if (!values || !info->performance)
		return STATUS_NO_MEMORY;
	if (survey->hmat_status == STATUS_OK) {
		hmat_read(tables->hmat, values);
		info->nr_performance = hmat_join(values, nr_values, info->performance);
	} else if (survey->hmat_status != STATUS_ABSENT) {
		boot_info_add_finding(info, "HmatMalformed", SEVERITY_LOW, "HMAT refused: %s",
				      status_text(survey->hmat_status));
	}
	return STATUS_OK;
}

#define COM1_PORT	0x3F8u

static void collect_uart(const struct firmware_tables *tables, struct boot_info *info)
{
	enum status status = spcr_read(tables->spcr, &info->uart);

	if (status == STATUS_OK)
		return;
	if (status != STATUS_ABSENT)
		boot_info_add_finding(info, "SpcrUnused", SEVERITY_INFO,
				      "the serial console of the SPCR, %s, is of no use (%s): "
				      "trying that of the DBG2, or the first serial port",
				      spcr_device_name(tables->spcr), status_text(status));
	status = dbg2_read(tables->dbg2, &info->uart);
	if (status == STATUS_OK)
		return;
	if (status != STATUS_ABSENT)
		boot_info_add_finding(info, "Dbg2Unused", SEVERITY_INFO,
				      "no port for debuggers that the DBG2 names is a serial port "
				      "of use (%s): trying the first one",
				      status_text(status));
	info->uart = (struct uart_info){ UART_PORT, COM1_PORT, 0, 1 };
}

/* Without them the machine is reset and timed in other ways: arch/x86_64. */
static void collect_power(const struct firmware_tables *tables, struct boot_info *info)
{
	struct fadt_facts facts;
	enum status status = fadt_read(tables->fadt, &info->power, &facts);

	if (facts.nr_contradictions > 0)
		boot_info_add_finding(info, "FadtContradicts", SEVERITY_LOW,
				      "%u addresses of the FADT differ in their 32-bit and 64-bit "
				      "form: the 64-bit one counts", facts.nr_contradictions);

	if (status == STATUS_OK)
		status = dsdt_find_s5(tables->dsdt, &info->power);
	if (status != STATUS_OK)
		log_line(LOG_DEBUG, "ACPI: power switch not known: %s", status_text(status));
}

/* Into the arena, with what was found before there was one. */
static enum status move_findings(struct arena *arena, struct boot_info *info)
{
	struct finding *findings = arena_take(arena, FINDINGS_MAX, sizeof(*findings));

	if (!findings)
		return STATUS_NO_MEMORY;
	if (info->nr_findings > 0)
		memcpy(findings, info->findings, info->nr_findings * sizeof(*findings));
	info->findings = findings;
	info->max_findings = FINDINGS_MAX;
	return STATUS_OK;
}

enum status collect_tables(const struct firmware_tables *tables, uint32_t running_apic_id,
			   struct arena *arena, struct boot_info *info)
{
	struct srat_index index = { NULL, 0 };
	struct survey survey;
	enum status status;

	survey_tables(tables, &survey);
	status = move_findings(arena, info);
	if (status != STATUS_OK)
		return status;
	find_srat_oddities(tables, &survey, info);
	find_madt_oddities(&survey, info);
	status = collect_srat(tables, &survey, arena, info, &index);
	if (status == STATUS_OK)
		status = collect_madt(tables, &survey, running_apic_id, &index, arena, info);
	if (status == STATUS_OK)
		status = collect_slit(tables, &survey, arena, info);
	if (status == STATUS_OK)
		status = collect_hmat(tables, &survey, arena, info);
	if (status != STATUS_OK)
		return status;
	find_cpu_mismatch(&survey, &index, info);
	collect_uart(tables, info);
	collect_power(tables, info);
	return STATUS_OK;
}

/* ---- The memory map's oddities ---- */

static void add_if_any(struct boot_info *info, uint32_t count, const char *label,
		       enum severity severity, const char *what)
{
	if (count > 0)
		boot_info_add_finding(info, label, severity, "%u entries of the memory map %s",
				      count, what);
}

void collect_map_findings(const struct map_report *report, struct boot_info *info)
{
	add_if_any(info, report->nr_empty, "MapEntryEmpty", SEVERITY_LOW, "have no page: ignored");
	add_if_any(info, report->nr_wrapping, "MapEntryWraps", SEVERITY_MEDIUM,
		   "reach past the end of the address space: ignored");
	add_if_any(info, report->nr_unaligned, "MapEntryUnaligned", SEVERITY_MEDIUM,
		   "start inside a page: usable memory loses the partial pages");
	add_if_any(info, report->nr_lost_to_alignment, "MapEntryNoWholePage", SEVERITY_LOW,
		   "hold no whole page: ignored");
	add_if_any(info, report->nr_unknown_types, "MapTypeUnknown", SEVERITY_LOW,
		   "have a type no specification names: not used");
	add_if_any(info, report->nr_not_cached, "MapNotCached", SEVERITY_LOW,
		   "are RAM that cannot be cached for write-back: not used");
	add_if_any(info, report->nr_soft_reserved, "MapSoftReserved", SEVERITY_INFO,
		   "are RAM set aside for special purposes: not used");
	add_if_any(info, report->nr_non_volatile, "MapNonVolatile", SEVERITY_INFO,
		   "call conventional memory non-volatile: used as RAM");
	if (info->nr_overlap_pages > 0)
		boot_info_add_finding(info, "MapOverlap", SEVERITY_MEDIUM,
				      "the memory map gives %llu pages more than once: the "
				      "stricter type counts",
				      (unsigned long long)info->nr_overlap_pages);
	if (report->tail_bytes > 0)
		boot_info_add_finding(info, "MapTail", SEVERITY_LOW,
				      "%llu bytes behind the last whole entry of the memory map: "
				      "ignored",
				      (unsigned long long)report->tail_bytes);
	if (report->beyond_reach_bytes > 0)
		boot_info_add_finding(info, "MapBeyondReach", SEVERITY_HIGH,
				      "%llu MiB of RAM lie beyond the addresses this program can "
				      "reach: not used",
				      (unsigned long long)report->beyond_reach_bytes >> 20);
}
