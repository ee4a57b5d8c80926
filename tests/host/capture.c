/* The front end and the topology on a captured machine, checked by their verifiers. */

#include "tests/host/capture.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/align.h"
#include "log.h"
#include "mm/assert.h"
#include "mm/range.h"

#define REACH_END	(1ull << MAX_PHYS_BITS)

static void *allocate(uint64_t bytes)
{
	void *taken = calloc(1, bytes > 0 ? bytes : 1);

	if (!taken) {
		fprintf(stderr, "replay: no memory for %llu bytes\n", (unsigned long long)bytes);
		abort();
	}
	return taken;
}

static void require(bool is_right, const char *what, const struct violation *violation)
{
	if (is_right)
		return;
	fprintf(stderr, "replay: %s breaks %s: %s at %llu\n", what, violation->rule,
		violation->condition, (unsigned long long)violation->at);
	abort();
}

static void build_topology(struct replayed *replayed)
{
	struct violation violation = { "", "", 0 };
	uint64_t scratch_bytes = topology_bytes(&replayed->info);
	enum status status;

	replayed->scratch = allocate(scratch_bytes);
	status = topology_build(&replayed->topology, &replayed->info, replayed->scratch,
				scratch_bytes);
	if (status != STATUS_OK) {
		replayed->fatal = "no usable memory";
		return;
	}
	require(topology_verify(&replayed->topology, &violation), "the topology", &violation);
}

static const char *fatal_text(enum status status)
{
	switch (status) {
	case STATUS_BAD_LENGTH: return "the memory map's descriptors are shorter than their fields";
	case STATUS_ABSENT: return "the memory map is empty or has no usable memory";
	case STATUS_TOO_MANY: return "the memory map has too many entries";
	case STATUS_OK:
	case STATUS_BAD_TABLE:
	case STATUS_BAD_CHECKSUM:
	case STATUS_BAD_VALUE:
	case STATUS_NO_MEMORY:
	case STATUS_UNSUPPORTED:
	case STATUS_TIMEOUT:
	case STATUS_IO:
	case NR_STATUS:
		break;
	}
	return status_text(status);
}

void replay_capture(const struct capture *capture, struct replayed *replayed)
{
	uint32_t nr_held = capture->self.start < capture->self.end ? 1 : 0;
	struct violation violation = { "", "", 0 };
	struct arena arena = { 0 };
	uint32_t nr_descriptors;
	enum status status;

	*replayed = (struct replayed){ 0 };
	/* A map that is refused is refused again below, with its reason. */
	if (memory_map_measure(&capture->map, &nr_descriptors) != STATUS_OK)
		nr_descriptors = 0;
	arena.size_bytes = collect_arena_bytes(&capture->tables) +
			   memory_map_arena_bytes(nr_descriptors, nr_held);
	arena.base = allocate(arena.size_bytes);
	replayed->arena = arena.base;
	status = collect_tables(&capture->tables, capture->running_apic_id, &arena,
				&replayed->info);
	if (status == STATUS_OK)
		status = memory_map_settle(&capture->map, &capture->self, nr_held, REACH_END,
					   &arena, &replayed->info, &replayed->report);
	if (status != STATUS_OK) {
		replayed->fatal = fatal_text(status);
		log_line(LOG_ERROR, "memory map: %s", replayed->fatal);
		return;
	}
	require(range_verify(replayed->info.ranges, replayed->info.nr_ranges, &violation),
		"the range list", &violation);
	collect_map_findings(&replayed->report, &replayed->info);
	build_topology(replayed);
}

void replay_free(struct replayed *replayed)
{
	free(replayed->arena);
	free(replayed->scratch);
}
