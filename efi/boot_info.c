/*
 * boot_info's arena, its findings, and its move into the kernel's address space.
 *
 * Model
 *   All arrays of a boot_info are taken from one piece of memory, front to back;
 *   nothing is given back. So one addition per pointer moves it.
 *
 * Locking
 *   None: one CPU fills it, nobody writes it afterwards.
 */

#include "boot_info.h"

#include "efi/arena.h"
#include "lib/align.h"
#include "lib/string.h"
#include "log.h"

const char *severity_name(enum severity severity)
{
	switch (severity) {
	case SEVERITY_INFO: return "info";
	case SEVERITY_LOW: return "low";
	case SEVERITY_MEDIUM: return "medium";
	case SEVERITY_HIGH: return "high";
	case NR_SEVERITIES: break;
	}
	return "none";
}

#define ARENA_ALIGN	8u

void *arena_take(struct arena *arena, uint64_t count, uint64_t item_bytes)
{
	uint64_t bytes, left_bytes = arena->size_bytes - arena->used_bytes;
	void *taken;

	if (__builtin_mul_overflow(count, item_bytes, &bytes) || bytes > UINT64_MAX - ARENA_ALIGN)
		return NULL;
	bytes = align_up(bytes, ARENA_ALIGN);
	if (bytes > left_bytes)
		return NULL;
	taken = arena->base + arena->used_bytes;
	arena->used_bytes += bytes;
	memset(taken, 0, bytes);
	return taken;
}

uint64_t arena_bytes_for(uint64_t count, uint64_t item_bytes)
{
	return align_up(count * item_bytes, ARENA_ALIGN);
}

static void move_pointer(void *pointer_to_pointer, uintptr_t offset)
{
	uintptr_t address;

	memcpy(&address, pointer_to_pointer, sizeof(address));
	if (address == 0)
		return;
	address += offset;
	memcpy(pointer_to_pointer, &address, sizeof(address));
}

void boot_info_move(struct boot_info *info, uintptr_t offset)
{
	move_pointer(&info->ranges, offset);
	move_pointer(&info->affinity, offset);
	move_pointer(&info->domains, offset);
	move_pointer(&info->cpus, offset);
	move_pointer(&info->initiators, offset);
	move_pointer(&info->distance.value, offset);
	move_pointer(&info->performance, offset);
	move_pointer(&info->findings, offset);
	move_pointer(&info->tables, offset);
}

static struct finding *next_finding(struct boot_info *info)
{
	if (info->nr_findings >= info->max_findings)
		return NULL;
	return &info->findings[info->nr_findings++];
}

static void mark_findings_full(struct boot_info *info)
{
	static const char text[] = "there are more findings than the list has room for";
	struct finding *end = &info->findings[info->max_findings - 1];

	end->label = "MoreFindings";
	end->severity = SEVERITY_INFO;
	memcpy(end->text, text, sizeof(text));
}

void boot_info_add_finding(struct boot_info *info, const char *label, enum severity severity,
			   const char *format, ...)
{
	struct finding *finding;
	va_list args;

	if (info->max_findings == 0)
		return;
	finding = next_finding(info);
	if (!finding) {
		mark_findings_full(info);
		return;
	}
	finding->label = label;
	finding->severity = severity;
	va_start(args, format);
	format_vtext(finding->text, sizeof(finding->text), format, args);
	va_end(args);
	log_line(LOG_NOTICE, "firmware: %s", finding->text);
}
