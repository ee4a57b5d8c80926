/*
 * build/host/replay DIR: a captured machine through the image's own code.
 *
 * Reads machine.json, map.bin and the tables that are there, and prints one
 * JSON object: what became fatal, usable memory, nodes, distances, fallback
 * orders (indices into "nodes"), messages. Exit status 0 when it was printed,
 * also for a machine that could not boot; 2 when DIR is no capture.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "mm/range.h"
#include "tests/host/capture.h"

#define FILE_BYTES_MAX		(64l << 20)
#define PATH_BYTES		4096
#define DESCRIPTOR_DEFAULT	48u

static void die(const char *format, ...) PRINTF(1, 2) NORETURN;
static void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("replay: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(2);
}

/* ---- Files ---- */

static uint8_t *read_whole(FILE *file, const char *path, size_t *length)
{
	long end;
	uint8_t *bytes;

	if (fseek(file, 0, SEEK_END) != 0 || (end = ftell(file)) < 0)
		die("%s: cannot be read", path);
	if (end > FILE_BYTES_MAX)
		die("%s: longer than %ld bytes", path, FILE_BYTES_MAX);
	/* One byte more, a 0, ends the text of machine.json. */
	bytes = malloc((size_t)end + 1);
	if (!bytes)
		die("%s: no memory", path);
	rewind(file);
	*length = fread(bytes, 1, (size_t)end, file);
	if (*length != (size_t)end)
		die("%s: cannot be read", path);
	bytes[end] = 0;
	return bytes;
}

/* The file @name in @folder; absent: bytes == NULL. */
static struct bytes read_file(const char *folder, const char *name)
{
	struct bytes content = { NULL, 0 };
	char path[PATH_BYTES];
	size_t length;
	FILE *file;

	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
		die("%s: the path is too long", folder);
	file = fopen(path, "rb");
	if (!file)
		return content;
	content.bytes = read_whole(file, path, &length);
	content.length = length;
	fclose(file);
	return content;
}

/* ---- machine.json: flat, so a key is found by its quoted name ---- */

static const char *find_value(const char *json, const char *key)
{
	char quoted[64];
	const char *at;

	snprintf(quoted, sizeof(quoted), "\"%s\"", key);
	at = strstr(json, quoted);
	if (!at)
		return NULL;
	at += strlen(quoted);
	at += strspn(at, " \t\r\n");
	if (*at != ':')
		die("machine.json: \"%s\" has no value", key);
	at++;
	return at + strspn(at, " \t\r\n");
}

static uint64_t read_number(const char *at, const char *key, const char **end)
{
	char *stop;
	uint64_t value = strtoull(at, &stop, 10);

	if (stop == at || *at == '-')
		die("machine.json: \"%s\" is not a number", key);
	*end = stop;
	return value;
}

static uint64_t number_or(const char *json, const char *key, uint64_t otherwise)
{
	const char *at = find_value(json, key);

	return at && strncmp(at, "null", 4) != 0 ? read_number(at, key, &at) : otherwise;
}

static struct held_range read_self(const char *json)
{
	const char *at = find_value(json, "self");
	struct held_range self = { 0, 0, false };

	if (!at || *at != '[')
		return self;
	at += 1 + strspn(at + 1, " \t\r\n");
	if (*at == ']')
		return self;
	self.start = read_number(at, "self", &at);
	at += strspn(at, " \t\r\n,");
	self.end = read_number(at, "self", &at);
	return self;
}

static void load_capture(const char *folder, struct capture *capture)
{
	struct bytes machine = read_file(folder, "machine.json");
	const char *json = (const char *)machine.bytes;

	if (!json)
		die("%s: there is no machine.json", folder);
	*capture = (struct capture){
		.map = {
			read_file(folder, "map.bin"),
			number_or(json, "desc_size", DESCRIPTOR_DEFAULT),
		},
		.tables = {
			.srat = read_file(folder, "srat.bin"),
			.srat2 = read_file(folder, "srat2.bin"),
			.slit = read_file(folder, "slit.bin"),
			.madt = read_file(folder, "madt.bin"),
			.hmat = read_file(folder, "hmat.bin"),
			.spcr = read_file(folder, "spcr.bin"),
			.fadt = read_file(folder, "fadt.bin"),
		},
		.self = read_self(json),
		.running_apic_id = (uint32_t)number_or(json, "bsp", 0),
	};
	free((void *)(uintptr_t)machine.bytes);
}

static void free_capture(const struct capture *capture)
{
	const struct bytes all[] = {
		capture->map.bytes, capture->tables.srat, capture->tables.srat2,
		capture->tables.slit, capture->tables.madt, capture->tables.hmat,
		capture->tables.spcr, capture->tables.fadt,
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		free((void *)(uintptr_t)all[i].bytes);
}

/* ---- Messages: what the log said, line by line ---- */

static struct {
	char *text;
	size_t bytes, capacity;
} messages;

static void keep_message(const char *text, size_t bytes)
{
	if (messages.bytes + bytes > messages.capacity) {
		messages.capacity = 2 * (messages.bytes + bytes);
		messages.text = realloc(messages.text, messages.capacity);
		if (!messages.text)
			die("no memory for messages");
	}
	memcpy(messages.text + messages.bytes, text, bytes);
	messages.bytes += bytes;
}

static void print_messages(void)
{
	const char *separator = "";

	for (size_t at = 0; at < messages.bytes;) {
		const char *line = messages.text + at;
		const char *end = memchr(line, '\n', messages.bytes - at);
		size_t length = end ? (size_t)(end - line) : messages.bytes - at;

		printf("%s\n  \"", separator);
		for (size_t i = 0; i < length; i++) {
			if (line[i] == '"' || line[i] == '\\')
				putchar('\\');
			putchar(line[i] >= ' ' && line[i] <= '~' ? line[i] : '?');
		}
		putchar('"');
		separator = ",";
		at += length + 1;
	}
}

/* ---- JSON ---- */

static void print_usable(const struct boot_info *info)
{
	const char *separator = "";

	for (uint32_t i = 0; i < info->nr_ranges;) {
		uint64_t start = info->ranges[i].start, end = start;

		/* Ranges of different firmware types that touch are one to the allocator. */
		for (; i < info->nr_ranges && info->ranges[i].type == MEM_USABLE &&
		       info->ranges[i].start == end; i++)
			end = info->ranges[i].end;
		if (start == end) {
			i++;
			continue;
		}
		printf("%s[%llu,%llu]", separator, (unsigned long long)start,
		       (unsigned long long)end);
		separator = ",";
	}
}

static int compare_ids(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void print_cpus(const struct topology *topology, uint32_t nid)
{
	uint32_t *ids = malloc((topology->nr_cpus + 1ull) * sizeof(*ids));
	uint32_t nr_ids = 0;

	if (!ids)
		die("no memory for CPUs");
	for (uint32_t i = 0; i < topology->nr_cpus; i++)
		if (topology->cpus[i].nid == nid)
			ids[nr_ids++] = topology->cpus[i].apic_id;
	qsort(ids, nr_ids, sizeof(*ids), compare_ids);
	for (uint32_t i = 0; i < nr_ids; i++)
		printf("%s%u", i > 0 ? "," : "", ids[i]);
	free(ids);
}

static void print_nodes(const struct topology *topology)
{
	for (uint32_t nid = 0; nid < topology->nr_nodes; nid++) {
		const struct topology_node *node = &topology->nodes[nid];
		const struct node_memory *memory = &topology->memory[node->first_memory];

		printf("%s\n  {\"pxm\": %u, \"mem\": [", nid > 0 ? "," : "", node->domain);
		for (uint32_t i = 0; i < node->nr_memory; i++)
			printf("%s[%llu,%llu]", i > 0 ? "," : "",
			       (unsigned long long)memory[i].start,
			       (unsigned long long)memory[i].end);
		printf("], \"cpus\": [");
		print_cpus(topology, nid);
		printf("]}");
	}
}

static void print_distances(const struct topology *topology)
{
	for (uint32_t from = 0; from < topology->nr_nodes; from++) {
		printf("%s[", from > 0 ? "," : "");
		for (uint32_t to = 0; to < topology->nr_nodes; to++)
			printf("%s%u", to > 0 ? "," : "", topology_distance(topology, from, to));
		printf("]");
	}
}

static void print_zonelists(const struct topology *topology)
{
	uint32_t *order = malloc((topology->nr_nodes + 1ull) * sizeof(*order));

	if (!order)
		die("no memory for zonelists");
	for (uint32_t nid = 0; nid < topology->nr_nodes; nid++) {
		uint32_t nr_order = topology_fallback_order(topology, nid, order);

		printf("%s[", nid > 0 ? "," : "");
		for (uint32_t i = 0; i < nr_order; i++)
			printf("%s%u", i > 0 ? "," : "", order[i]);
		printf("]");
	}
	free(order);
}

static void print_json(const struct replayed *replayed)
{
	bool is_usable = !replayed->fatal;

	if (is_usable)
		printf("{\"fatal\": null,\n\"usable\": [");
	else
		printf("{\"fatal\": \"%s\",\n\"usable\": [", replayed->fatal);
	if (is_usable)
		print_usable(&replayed->info);
	printf("],\n\"nodes\": [");
	if (is_usable)
		print_nodes(&replayed->topology);
	printf("],\n\"distance\": [");
	if (is_usable)
		print_distances(&replayed->topology);
	printf("],\n\"zonelists\": [");
	if (is_usable)
		print_zonelists(&replayed->topology);
	printf("],\n\"messages\": [");
	print_messages();
	printf("]}\n");
}

int main(int argc, char **argv)
{
	struct capture capture;
	struct replayed replayed;

	if (argc != 2)
		die("usage: replay DIR");
	load_capture(argv[1], &capture);
	log_set_level(LOG_NOTICE);
	log_add_sink(keep_message);
	replay_capture(&capture, &replayed);
	print_json(&replayed);
	replay_free(&replayed);
	free_capture(&capture);
	free(messages.text);
	if (fflush(stdout) != 0)
		die("cannot write");
	return 0;
}
