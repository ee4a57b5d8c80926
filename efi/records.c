/*
 * What the firmware told of the machine, in records for programs.
 *
 * Model
 *   A record is a line: "@kind", then key=value words; a value with blanks stands
 *   between double quotes, and has none itself. Kinds and keys stay once released.
 *
 * Locking
 *   None: reads what nobody writes any more.
 */

#include "efi/records.h"

#include "log.h"
#include "mm/types.h"

#define QUOTED_BYTES	sizeof(((struct finding *)0)->text)

/* @text without what would end a quoted value or a line. */
static const char *quotable(const char *text, char to[QUOTED_BYTES])
{
	size_t used = 0;

	for (; *text && used < QUOTED_BYTES - 1; text++)
		to[used++] = *text == '"' ? '\'' : *text < ' ' || *text > '~' ? '?' : *text;
	to[used] = '\0';
	return to;
}

static bool continues(const struct mem_range *range, const struct mem_range *next)
{
	return next->start == range->end && next->type == range->type;
}

static void print_ranges(const struct boot_info *info)
{
	for (uint32_t i = 0; i < info->nr_ranges; i++) {
		uint64_t start = info->ranges[i].start;

		while (i + 1 < info->nr_ranges && continues(&info->ranges[i], &info->ranges[i + 1]))
			i++;
		log_raw("@range start=0x%llx end=0x%llx type=\"%s\"\n", (unsigned long long)start,
			(unsigned long long)info->ranges[i].end,
			mem_type_name(info->ranges[i].type));
	}
}

void records_print_machine(const struct boot_info *info, const char *version,
			   const char *cpu_name)
{
	char cpu[QUOTED_BYTES], vendor[QUOTED_BYTES];

	log_fresh_line();
	log_raw("@machine version=%s cpu=\"%s\" cpus=%u firmware=\"%s\" revision=0x%x "
		"firmware_pages=%llu overlap_pages=%llu\n", version,
		quotable(cpu_name, cpu), info->nr_cpus,
		quotable(info->firmware_vendor, vendor), info->firmware_revision,
		(unsigned long long)info->nr_firmware_pages,
		(unsigned long long)info->nr_overlap_pages);
	print_ranges(info);
}

void records_print_finding(const struct finding *finding)
{
	char text[QUOTED_BYTES];

	log_raw("@finding label=%s severity=%s text=\"%s\"\n", finding->label,
		severity_name(finding->severity), quotable(finding->text, text));
}
