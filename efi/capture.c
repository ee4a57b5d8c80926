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

#define INFO_BYTES	512u	/* of a file or a volume, with a name */
#define FOLDER_CLUSTERS	2u	/* its own, and one for a parent that grows */

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

/* What is free as the firmware counts it; where it does not, all that is asked for. */
static bool has_room(EFI_FILE_HANDLE root, UINT64 nr_clusters)
{
	static EFI_GUID info_guid = EFI_FILE_SYSTEM_INFO_ID;
	_Alignas(EFI_FILE_SYSTEM_INFO) uint8_t buffer[INFO_BYTES];
	const EFI_FILE_SYSTEM_INFO *info = (const EFI_FILE_SYSTEM_INFO *)buffer;
	UINTN bytes = sizeof(buffer);

	if (EFI_ERROR(root->GetInfo(root, &info_guid, &bytes, buffer)))
		return true;
	return info->FreeSpace >= nr_clusters * info->BlockSize;
}

static bool is_folder(EFI_FILE_HANDLE file)
{
	static EFI_GUID info_guid = EFI_FILE_INFO_ID;
	_Alignas(EFI_FILE_INFO) uint8_t buffer[INFO_BYTES];
	UINTN bytes = sizeof(buffer);

	return !EFI_ERROR(file->GetInfo(file, &info_guid, &bytes, buffer)) &&
	       (((const EFI_FILE_INFO *)buffer)->Attribute & EFI_FILE_DIRECTORY) != 0;
}

/* A folder of a stick, and whether it was made by opening it: then it may go again. */
struct folder {
	EFI_FILE_HANDLE file;
	bool is_new;
};

/*
 * Opens the folder, or makes it. EFI_ALREADY_STARTED: a file has its name. Firmware that
 * has no room for a folder leaves its name behind all the same, leading to the root: so
 * room is asked for first.
 */
static EFI_STATUS open_folder(EFI_FILE_HANDLE root, EFI_FILE_HANDLE parent, const char *name,
			      struct folder *folder)
{
	CHAR16 wide[NAME_CHARS];
	EFI_STATUS status;

	widen(wide, name);
	status = parent->Open(parent, &folder->file, wide, OPEN_MODES, 0);
	folder->is_new = status == EFI_NOT_FOUND;
	if (folder->is_new && !has_room(root, FOLDER_CLUSTERS))
		return EFI_VOLUME_FULL;
	if (folder->is_new)
		status = parent->Open(parent, &folder->file, wide,
				      OPEN_MODES | EFI_FILE_MODE_CREATE, FOLDER_ATTRIBUTES);
	if (EFI_ERROR(status) || is_folder(folder->file))
		return status;
	folder->file->Close(folder->file);
	return EFI_ALREADY_STARTED;
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
	if (status == EFI_ALREADY_STARTED)
		return "a file of the stick has the name of a folder";
	return "the firmware cannot write there";
}

/* A folder that was made in vain is not left behind; one with other files cannot be deleted. */
static void close_folder(const struct folder *folder, bool is_failed)
{
	if (is_failed && folder->is_new)
		(void)folder->file->Delete(folder->file);
	else
		folder->file->Close(folder->file);
}

void capture_save(EFI_FILE_HANDLE root, const struct capture_facts *facts,
		  const struct capture_file *files, unsigned nr_files)
{
	struct folder outer, inner;
	EFI_STATUS status = open_folder(root, root, "slabstick", &outer);

	if (!EFI_ERROR(status)) {
		status = open_folder(root, outer.file, "capture", &inner);
		if (!EFI_ERROR(status)) {
			status = write_all(inner.file, facts, files, nr_files);
			close_folder(&inner, EFI_ERROR(status));
		}
		close_folder(&outer, EFI_ERROR(status));
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
				    struct folder *inner)
{
	struct folder outer;
	EFI_STATUS status = open_folder(root, root, "slabstick", &outer);

	if (EFI_ERROR(status))
		return status;
	status = open_folder(root, outer.file, folder, inner);
	close_folder(&outer, EFI_ERROR(status));
	return status;
}

EFI_STATUS save_stick_file(EFI_FILE_HANDLE root, const char *folder, const char *name,
			   struct bytes content)
{
	struct folder inner;
	EFI_STATUS status = open_stick_folder(root, folder, &inner);

	if (EFI_ERROR(status))
		return status;
	status = write_file(inner.file, name, content);
	inner.file->Close(inner.file);
	return status;
}

bool has_stick_file(EFI_FILE_HANDLE root, const char *folder, const char *name)
{
	EFI_FILE_HANDLE file;
	struct folder inner;
	bool is_there;

	if (EFI_ERROR(open_stick_folder(root, folder, &inner)))
		return false;
	is_there = !EFI_ERROR(open_file(inner.file, name, EFI_FILE_MODE_READ, &file));
	if (is_there)
		file->Close(file);
	inner.file->Close(inner.file);
	return is_there;
}
