/*
 * Whole captures, through the topology and its verifier.
 *
 * Input: descriptor size (1 byte), APIC id of the running CPU (1 byte), a bit
 * per table that is there (1 byte); then for the map and each table in turn a
 * 16-bit length and its bytes.
 */

#include "tests/fuzz/input.h"

#include "tests/host/capture.h"

struct reader {
	const uint8_t *at;
	size_t left;
};

static size_t next_length(struct reader *reader)
{
	size_t length;

	if (reader->left < 2)
		return 0;
	length = read_le16(reader->at);
	reader->at += 2;
	reader->left -= 2;
	return length < reader->left ? length : reader->left;
}

static struct bytes next_part(struct reader *reader, const char *signature, bool is_there)
{
	size_t length = next_length(reader);
	struct bytes part = { NULL, 0 };

	if (is_there && signature) {
		part = fuzz_table(reader->at, length, signature);
	} else if (is_there) {
		uint8_t *copy = fuzz_array(length, 1);

		memcpy(copy, reader->at, length);
		part = (struct bytes){ copy, length };
	}
	reader->at += length;
	reader->left -= length;
	return part;
}

/* Each fallback order starts near and goes far, by SLIT and as a whole. */
static void check_orders(const struct topology *topology)
{
	uint32_t *order = fuzz_array(topology->nr_nodes, sizeof(*order));

	for (uint32_t nid = 0; nid < topology->nr_nodes; nid++) {
		uint32_t nr = topology_fallback_order(topology, nid, order);

		for (uint32_t i = 1; i < nr; i++)
			if (topology_distance(topology, nid, order[i - 1]) >
				    topology_distance(topology, nid, order[i]) ||
			    !topology_is_nearer(topology, nid, order[i - 1], order[i]))
				abort();
	}
	free(order);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader reader = { data + 3, size - 3 };
	struct replayed replayed;
	struct capture capture;

	if (size < 3)
		return 0;
	capture = (struct capture){ .running_apic_id = data[1] };
	capture.self = (struct held_range){ 0x200000, 0x280000, false };
	capture.map = (struct memory_map){ next_part(&reader, NULL, true), data[0] };
	capture.tables.srat = next_part(&reader, "SRAT", data[2] & 0x01);
	capture.tables.slit = next_part(&reader, "SLIT", data[2] & 0x02);
	capture.tables.madt = next_part(&reader, "APIC", data[2] & 0x04);
	capture.tables.hmat = next_part(&reader, "HMAT", data[2] & 0x08);
	capture.tables.srat2 = next_part(&reader, "SRAT", data[2] & 0x10);
	capture.tables.spcr = next_part(&reader, "SPCR", data[2] & 0x20);
	replay_capture(&capture, &replayed);
	if (!replayed.fatal)
		check_orders(&replayed.topology);
	replay_free(&replayed);
	fuzz_free(capture.map.bytes);
	fuzz_free(capture.tables.srat);
	fuzz_free(capture.tables.slit);
	fuzz_free(capture.tables.madt);
	fuzz_free(capture.tables.hmat);
	fuzz_free(capture.tables.srat2);
	fuzz_free(capture.tables.spcr);
	return 0;
}
