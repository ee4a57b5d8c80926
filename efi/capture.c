/*
 * The capture folder.
 *
 * Model
 *   A capture is a set of files that belong together. So machine.json goes
 *   first when an old capture is taken away and comes last when a new one is
 *   written: an interrupted or failed one is seen to be none.
 *
 *   A stick that is read-only or full is no reason to stop: one line says that
 *   there is no capture, and the boot goes on.
 *
 * Locking
 *   None: boot services, one CPU.
 */

#include "efi/capture.h"

#include "lib/string.h"
#include "log.h"

#define NAME_CHARS	16u
#define JSON_BYTES	512u

#define FOLDER_ATTRIBUTES	EFI_FILE_DIRECTORY
#define OPEN_MODES		(EFI_FILE_MODE_READ | EFI_FILE_MODE_WRITE)

static const char facts_name[] = "machine.json";

/* ---- machine.json ---- */

static void read_cpuid(uint32_t leaf, uint32_t registers[4])
{
	registers[0] = leaf;
	registers[2] = 0;
	__asm__("cpuid" : "+a"(registers[0]), "=b"(registers[1]), "+c"(registers[2]),
			  "=d"(registers[3]));
}

#define CPUID_EXTENDED	0x80000000u
#define CPUID_NAME	0x80000002u	/* to ..4: 16 bytes each */

void read_cpu_name(char name[CPU_NAME_BYTES])
{
	uint32_t registers[4];

	memset(name, 0, CPU_NAME_BYTES);
	read_cpuid(CPUID_EXTENDED, registers);
	for (uint32_t i = 0; i < 3 && registers[0] >= CPUID_NAME + 2; i++) {
		uint32_t part[4];

		read_cpuid(CPUID_NAME + i, part);
		memcpy(name + 16 * i, part, sizeof(part));
	}
}

/* Takes what JSON or a terminal could stumble over out of a firmware's text. */
static void make_plain(char *to, const char *from, size_t size)
{
	size_t length = 0;

	for (; *from && length + 1 < size; from++) {
		bool is_plain = *from >= ' ' && *from <= '~' && *from != '"' && *from != '\\';

		to[length++] = is_plain ? *from : '?';
	}
	to[length] = '\0';
}

static size_t write_json(char *to, size_t size, const struct capture_facts *facts)
{
	char cpu[CPU_NAME_BYTES], plain_cpu[CPU_NAME_BYTES], vendor[64];
	int length;

	read_cpu_name(cpu);
	make_plain(plain_cpu, cpu, sizeof(plain_cpu));
	make_plain(vendor, facts->vendor, sizeof(vendor));
	length = format_text(to, size,
			     "{\"desc_size\": %llu, \"desc_version\": %u,"
			     " \"self\": [%llu, %llu], \"bsp\": %u,\n"
			     " \"vendor\": \"%s\", \"revision\": %u, \"cpu\": \"%s\"}\n",
			     (unsigned long long)facts->descriptor_bytes, facts->descriptor_version,
			     (unsigned long long)facts->self.start,
			     (unsigned long long)facts->self.end, facts->running_apic_id, vendor,
			     facts->firmware_revision, plain_cpu);
	return (size_t)length < size ? (size_t)length : size - 1;
}

/* ---- Files ---- */

static void widen(CHAR16 to[NAME_CHARS], const char *from)
{
	unsigned i;

	for (i = 0; from[i] && i + 1 < NAME_CHARS; i++)
		to[i] = (CHAR16)from[i];
	to[i] = 0;
}

static EFI_STATUS open_file(EFI_FILE_HANDLE folder, const char *name, UINT64 modes,
			    EFI_FILE_HANDLE *file)
{
	CHAR16 wide[NAME_CHARS];

	widen(wide, name);
	return folder->Open(folder, file, wide, modes, 0);
}

/* Absent files are as good as removed. */
static EFI_STATUS remove_file(EFI_FILE_HANDLE folder, const char *name)
{
	EFI_FILE_HANDLE file;
	EFI_STATUS status = open_file(folder, name, OPEN_MODES, &file);

	if (status == EFI_NOT_FOUND)
		return EFI_SUCCESS;
	if (EFI_ERROR(status))
		return status;
	/* "Not deleted" comes as a warning, which is no error. */
	return file->Delete(file) == EFI_SUCCESS ? EFI_SUCCESS : EFI_WRITE_PROTECTED;
}

/* A full stick writes less than asked for. The file is closed in any case. */
static EFI_STATUS write_and_close(EFI_FILE_HANDLE file, struct bytes content)
{
	UINTN bytes = content.length;
	EFI_STATUS status = file->Write(file, &bytes, (void *)(uintptr_t)content.bytes);

	if (!EFI_ERROR(status) && bytes != content.length)
		status = EFI_VOLUME_FULL;
	if (!EFI_ERROR(status))
		status = file->Flush(file);
	file->Close(file);
	return status;
}

static EFI_STATUS write_file(EFI_FILE_HANDLE folder, const char *name, struct bytes content)
{
	EFI_FILE_HANDLE file;
	EFI_STATUS status = remove_file(folder, name);

	if (EFI_ERROR(status) || !content.bytes)
		return status;
	status = open_file(folder, name, OPEN_MODES | EFI_FILE_MODE_CREATE, &file);
	if (!EFI_ERROR(status))
		status = write_and_close(file, content);
	if (EFI_ERROR(status))
		(void)remove_file(folder, name);
	return status;
}

static EFI_STATUS open_folder(EFI_FILE_HANDLE parent, const char *name, EFI_FILE_HANDLE *folder)
{
	CHAR16 wide[NAME_CHARS];

	widen(wide, name);
	return parent->Open(parent, folder, wide, OPEN_MODES | EFI_FILE_MODE_CREATE,
			    FOLDER_ATTRIBUTES);
}

static EFI_STATUS write_all(EFI_FILE_HANDLE folder, const struct capture_facts *facts,
			    const struct capture_file *files, unsigned nr_files)
{
	char json[JSON_BYTES];
	EFI_STATUS status = remove_file(folder, facts_name);

	for (unsigned i = 0; i < nr_files && !EFI_ERROR(status); i++)
		status = write_file(folder, files[i].name, files[i].content);
	if (EFI_ERROR(status))
		return status;
	return write_file(folder, facts_name,
			  (struct bytes){ (const uint8_t *)json,
					  write_json(json, sizeof(json), facts) });
}

static const char *reason_of(EFI_STATUS status)
{
	if (status == EFI_WRITE_PROTECTED)
		return "the stick is write-protected";
	if (status == EFI_VOLUME_FULL)
		return "the stick is full";
	if (status == EFI_ACCESS_DENIED)
		return "the stick cannot be written";
	if (status == EFI_DEVICE_ERROR || status == EFI_VOLUME_CORRUPTED)
		return "the stick has an error";
	return "the firmware cannot write there";
}

/* A folder that stayed empty is not left behind; one with other files cannot be deleted. */
static void close_folder(EFI_FILE_HANDLE folder, bool is_failed)
{
	if (is_failed)
		(void)folder->Delete(folder);
	else
		folder->Close(folder);
}

void capture_save(EFI_FILE_HANDLE root, const struct capture_facts *facts,
		  const struct capture_file *files, unsigned nr_files)
{
	EFI_FILE_HANDLE outer, inner;
	EFI_STATUS status = open_folder(root, "slabstick", &outer);

	if (!EFI_ERROR(status)) {
		status = open_folder(outer, "capture", &inner);
		if (!EFI_ERROR(status)) {
			status = write_all(inner, facts, files, nr_files);
			close_folder(inner, EFI_ERROR(status));
		}
		close_folder(outer, EFI_ERROR(status));
	}
	if (EFI_ERROR(status))
		log_line(LOG_NOTICE, "capture: not saved: %s (status 0x%llx)", reason_of(status),
			 (unsigned long long)status);
	else
		log_line(LOG_INFO, "capture: saved to \\slabstick\\capture");
}

/* ---- Other files of the stick ---- */

/* Opens \slabstick\@folder; what was made empty for it stays. */
static EFI_STATUS open_stick_folder(EFI_FILE_HANDLE root, const char *folder,
				    EFI_FILE_HANDLE *inner)
{
	EFI_FILE_HANDLE outer;
	EFI_STATUS status = open_folder(root, "slabstick", &outer);

	if (EFI_ERROR(status))
		return status;
	status = open_folder(outer, folder, inner);
	outer->Close(outer);
	return status;
}

EFI_STATUS save_stick_file(EFI_FILE_HANDLE root, const char *folder, const char *name,
			   struct bytes content)
{
	EFI_FILE_HANDLE inner;
	EFI_STATUS status = open_stick_folder(root, folder, &inner);

	if (EFI_ERROR(status))
		return status;
	status = write_file(inner, name, content);
	inner->Close(inner);
	return status;
}

bool has_stick_file(EFI_FILE_HANDLE root, const char *folder, const char *name)
{
	EFI_FILE_HANDLE inner, file;
	bool is_there;

	if (EFI_ERROR(open_stick_folder(root, folder, &inner)))
		return false;
	is_there = !EFI_ERROR(open_file(inner, name, EFI_FILE_MODE_READ, &file));
	if (is_there)
		file->Close(file);
	inner->Close(inner);
	return is_there;
}
