#ifndef TESTS_HOST_CAPTURE_H
#define TESTS_HOST_CAPTURE_H

/*
 * A captured machine on the host: the image's own code from raw bytes to the
 * topology. For build/host/replay and the fuzzers.
 */

#include "boot_info.h"
#include "efi/collect.h"
#include "mm/topology.h"

struct capture {
	struct memory_map map;
	struct firmware_tables tables;
	struct held_range self;		/* where the image was loaded; empty: unknown */
	uint32_t running_apic_id;
};

struct replayed {
	struct boot_info info;
	struct topology topology;
	struct map_report report;
	const char *fatal;		/* why the machine cannot be used, or NULL */
	void *arena, *scratch;		/* malloc'ed */
};

/* Runs @capture through the front end and the topology. Aborts when a verifier objects. */
void replay_capture(const struct capture *capture, struct replayed *replayed);

void replay_free(struct replayed *replayed);

#endif
