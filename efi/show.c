/*
 * The firmware's own words: hex dumps, and a table of said against made.
 *
 * Model
 *   boot_info keeps a copy of each table. What a table says is counted from
 *   that copy by the same readers that boot used, so the two columns cannot come
 *   from different ideas of the format.
 *
 * Locking
 *   None: reads what nobody writes any more.
 */

#include "efi/show.h"

#include "lib/string.h"
#include "log.h"
#include "mm/range.h"

#define BYTES_PER_ROW	16u
#define COLUMN_BYTES	64u
#define MIB_SHIFT	20

/* ---- acpidump ---- */

static bool is_printable(uint8_t byte)
{
	return byte >= ' ' && byte <= '~';
}

static void show_row(uint32_t offset, const uint8_t *at, uint32_t count)
{
	char row[4 * BYTES_PER_ROW + 2];
	size_t used = 0;

	for (uint32_t i = 0; i < BYTES_PER_ROW; i++)
		used += (size_t)(i < count ? format_text(row + used, sizeof(row) - used, "%02X ",
							 at[i])
					   : format_text(row + used, sizeof(row) - used, "   "));
	row[used++] = ' ';
	for (uint32_t i = 0; i < count; i++)
		row[used++] = is_printable(at[i]) ? (char)at[i] : '.';
	row[used] = '\0';
	log_raw("    %04X: %s\n", offset, row);
}

void show_acpi_table(const char *signature, uint64_t pa, struct bytes table)
{
	log_fresh_line();
	log_raw("%s @ 0x%016llx\n", signature, (unsigned long long)pa);
	for (uint64_t at = 0; at < table.length; at += BYTES_PER_ROW)
		show_row((uint32_t)at, table.bytes + at,
			 table.length - at < BYTES_PER_ROW ? (uint32_t)(table.length - at)
							   : BYTES_PER_ROW);
	log_raw("\n");
}

static struct bytes table_bytes(const struct table_copy *copy, void *(*to_virtual)(uint64_t pa))
{
	return (struct bytes){ to_virtual(copy->copy_pa), copy->length };
}

void show_acpi(const struct boot_info *info, void *(*to_virtual)(uint64_t pa))
{
	for (uint32_t i = 0; i < info->nr_tables; i++)
		show_acpi_table(info->tables[i].signature, info->tables[i].firmware_pa,
				table_bytes(&info->tables[i], to_virtual));
}

/* ---- Said and made ---- */

static void show_line(const char *what, const char *said, const char *made)
{
	log_raw("%-14s %-54s %s\n", what, said, made);
}

/* The @index-th copy with @signature; absent: bytes == NULL. */
static struct bytes find_copy(const struct boot_info *info, const char *signature, uint32_t index,
			      void *(*to_virtual)(uint64_t pa))
{
	for (uint32_t i = 0; i < info->nr_tables; i++)
		if (strcmp(info->tables[i].signature, signature) == 0 && index-- == 0)
			return table_bytes(&info->tables[i], to_virtual);
	return (struct bytes){ NULL, 0 };
}

static void show_map(const struct boot_info *info)
{
	char said[COLUMN_BYTES], made[COLUMN_BYTES];
	uint64_t usable = range_bytes_of(info->ranges, info->nr_ranges, MEM_USABLE);

	format_text(said, sizeof(said), "%llu pages, %llu of them twice",
		    (unsigned long long)info->nr_firmware_pages,
		    (unsigned long long)info->nr_overlap_pages);
	format_text(made, sizeof(made), "%u ranges, %llu MiB usable", info->nr_ranges,
		    (unsigned long long)usable >> MIB_SHIFT);
	show_line("memory map", said, made);
}

static const char *verdict_text(enum srat_verdict verdict)
{
	switch (verdict) {
	case SRAT_USED: return "used";
	case SRAT_ABSENT: return "one node";
	case SRAT_OVERLAP: return "refused (overlap): one node";
	case SRAT_UNCOVERED: return "refused (RAM uncovered): one node";
	case SRAT_SHREDDED: return "refused (RAM changes domains every few MiB): one node";
	case SRAT_TOO_MANY_NODES: return "refused (too many nodes): one node";
	case SRAT_NO_NODE: return "refused (no node): one node";
	case NR_SRAT_VERDICTS: break;
	}
	return "unknown";
}

static void show_srat(const struct boot_info *info, const struct topology *topology,
		      struct bytes table)
{
	char said[COLUMN_BYTES], made[COLUMN_BYTES];
	struct srat_counts counts;
	enum status status = srat_measure(table, &counts);

	if (status == STATUS_OK)
		format_text(said, sizeof(said), "rev %u: CPUs %u on, %u off; ranges %u on, %u off",
			    counts.revision, counts.nr_cpus, counts.nr_disabled_cpus,
			    counts.nr_memory, counts.nr_disabled_memory);
	else
		format_text(said, sizeof(said), "%s", status_text(status));
	format_text(made, sizeof(made), "%s, %u nodes, %u initiators", verdict_text(topology->srat),
		    topology->nr_nodes, info->nr_initiators);
	show_line("SRAT", said, made);
}

static void show_slit(const struct boot_info *info, struct bytes table)
{
	char said[COLUMN_BYTES];
	uint32_t nr_localities;
	enum status status = slit_measure(table, &nr_localities);

	if (status == STATUS_OK)
		format_text(said, sizeof(said), "%u localities", nr_localities);
	else
		format_text(said, sizeof(said), "%s", status_text(status));
	show_line("SLIT", said, info->distance.nr_localities > 0 ? "used" : "distances 10 and 20");
}

static void show_madt(const struct boot_info *info, const struct topology *topology,
		      struct bytes table)
{
	char said[COLUMN_BYTES], made[COLUMN_BYTES];
	struct madt_counts counts;
	enum status status = madt_measure(table, &counts);

	if (status == STATUS_OK)
		format_text(said, sizeof(said), "CPUs %u on (%u x2APIC), %u off; %u others",
			    counts.nr_cpus, counts.nr_x2apic_cpus, counts.nr_disabled,
			    counts.nr_other);
	else
		format_text(said, sizeof(said), "%s", status_text(status));
	format_text(made, sizeof(made), "%u CPUs, %u without SRAT entry", info->nr_cpus,
		    topology->nr_orphan_cpus);
	show_line("MADT", said, made);
}

static void show_hmat(const struct boot_info *info, struct bytes table)
{
	char said[COLUMN_BYTES], made[COLUMN_BYTES];
	struct hmat_counts counts;
	enum status status = hmat_measure(table, &counts);

	if (status == STATUS_OK)
		format_text(said, sizeof(said), "rev %u: %u matrices, %u values", counts.revision,
			    counts.nr_matrices, counts.nr_values);
	else
		format_text(said, sizeof(said), "%s", status_text(status));
	format_text(made, sizeof(made), "%u pairs", info->nr_performance);
	show_line("HMAT", said, made);
}

/* Tables that are known and kept, but decide nothing here. */
static void show_known(const char *signature, struct bytes table, const char *made)
{
	char said[COLUMN_BYTES];

	if (table.bytes)
		format_text(said, sizeof(said), "%llu bytes", (unsigned long long)table.length);
	else
		format_text(said, sizeof(said), "absent");
	show_line(signature, said, made);
}

static void show_uart(const struct boot_info *info, struct bytes table)
{
	char made[COLUMN_BYTES];

	format_text(made, sizeof(made), "console at %s 0x%llx",
		    info->uart.space == UART_PORT ? "port" : "memory",
		    (unsigned long long)info->uart.base);
	show_known("SPCR", table, made);
}

static void show_node(const struct boot_info *info, const struct topology *topology, uint32_t nid)
{
	const struct topology_node *node = &topology->nodes[nid];
	char what[16], said[COLUMN_BYTES], made[COLUMN_BYTES];
	uint64_t said_bytes = 0;
	uint32_t nr_ranges = 0;

	for (uint32_t i = 0; i < info->nr_affinity; i++)
		if (info->affinity[i].domain == node->domain) {
			said_bytes += info->affinity[i].end - info->affinity[i].start;
			nr_ranges++;
		}
	format_text(what, sizeof(what), "PXM %u", node->domain);
	format_text(said, sizeof(said), "%u ranges, %llu MiB", nr_ranges,
		    (unsigned long long)said_bytes >> MIB_SHIFT);
	format_text(made, sizeof(made), "node %u: %llu MiB usable in %u pieces, %u CPUs", nid,
		    (unsigned long long)node->usable_bytes >> MIB_SHIFT, node->nr_memory,
		    node->nr_cpus);
	show_line(what, said, made);
}

void show_firmware(const struct boot_info *info, const struct topology *topology,
		   void *(*to_virtual)(uint64_t pa))
{
	log_fresh_line();
	show_line("", "what the firmware said", "what we made of it");
	show_map(info);
	show_srat(info, topology, find_copy(info, "SRAT", 0, to_virtual));
	if (find_copy(info, "SRAT", 1, to_virtual).bytes)
		show_line("second SRAT", "there", "not read");
	show_slit(info, find_copy(info, "SLIT", 0, to_virtual));
	show_madt(info, topology, find_copy(info, "APIC", 0, to_virtual));
	show_hmat(info, find_copy(info, "HMAT", 0, to_virtual));
	show_uart(info, find_copy(info, "SPCR", 0, to_virtual));
	show_known("DBG2", find_copy(info, "DBG2", 0, to_virtual),
		   "a console where the SPCR has none");
	show_known("MSCT", find_copy(info, "MSCT", 0, to_virtual),
		   "not needed: counts possible, not present");
	show_known("CEDT", find_copy(info, "CEDT", 0, to_virtual),
		   "not needed: RAM comes from the map");
	for (uint32_t nid = 0; nid < topology->nr_nodes; nid++)
		show_node(info, topology, nid);
}
