/*
 * The stick the program was started from: options are read there and from two
 * other places, the capture is written there.
 *
 * Locking
 *   None: boot services, one CPU.
 */

#include "efi/firmware_state.h"

#include "arch.h"
#include "efi/capture.h"
#include "efi/fw_cfg.h"
#include "efi/options.h"
#include "efi/results.h"
#include "mm/types.h"

static EFI_FILE_HANDLE open_stick(void)
{
	static EFI_GUID file_system_guid = SIMPLE_FILE_SYSTEM_PROTOCOL;
	EFI_FILE_IO_INTERFACE *file_system = NULL;
	EFI_FILE_HANDLE root = NULL;

	if (EFI_ERROR(firmware.boot->HandleProtocol(firmware.loaded->DeviceHandle,
						    &file_system_guid, (void **)&file_system)))
		return NULL;
	if (EFI_ERROR(file_system->OpenVolume(file_system, &root)))
		return NULL;
	return root;
}

/* Fills @to as far as the file goes; some firmware gives less than was asked for. */
static EFI_STATUS read_file(EFI_FILE_HANDLE file, uint8_t *to, UINTN size, UINTN *nr_read)
{
	*nr_read = 0;
	while (*nr_read < size) {
		UINTN bytes = size - *nr_read;
		EFI_STATUS status = file->Read(file, &bytes, to + *nr_read);

		if (EFI_ERROR(status))
			return status;
		if (bytes == 0 || bytes > size - *nr_read)
			break;
		*nr_read += bytes;
	}
	return EFI_SUCCESS;
}

/* False when there is no such file. @text has room for one byte more than is read. */
static bool add_options_of_file(EFI_FILE_HANDLE root, const CHAR16 *path, const char *name,
				uint8_t *text)
{
	EFI_FILE_HANDLE file = NULL;
	UINTN nr_read;

	if (EFI_ERROR(root->Open(root, &file, (CHAR16 *)path, EFI_FILE_MODE_READ, 0)))
		return false;
	if (EFI_ERROR(read_file(file, text, OPTIONS_FILE_BYTES + 1, &nr_read)))
		options_add_fault(name, "", "cannot be read", NULL);
	else
		options_add_file(text, nr_read, name);
	file->Close(file);
	return true;
}

/* Windows hides the ending of a name that it has put there itself. */
static void add_options_of_stick(uint8_t *text)
{
	EFI_FILE_HANDLE root = open_stick();

	if (!root)
		return;
	if (!add_options_of_file(root, L"\\slabstick.cfg", "slabstick.cfg", text))
		add_options_of_file(root, L"\\slabstick.cfg.txt", "slabstick.cfg.txt", text);
	root->Close(root);
}

static void add_fw_cfg_options(uint8_t *text)
{
	size_t bytes;
	enum status status = fw_cfg_read("opt/slabstick/options", (char *)text,
					 OPTIONS_FILE_BYTES + 1, &bytes);

	firmware.has_fw_cfg_options = status == STATUS_OK || status == STATUS_TOO_MANY;
	if (firmware.has_fw_cfg_options)
		options_add_file(text, bytes, "fw_cfg");
}

static void apply_log_level(void)
{
	static const char names[NR_LOG_LEVELS][8] = { "error", "warn", "notice", "info", "debug" };

	for (unsigned i = 0; i < NR_LOG_LEVELS; i++)
		if (options_has("loglevel", names[i]))
			log_set_level((enum log_level)i);
}

void read_options(struct boot_info *info)
{
	uint8_t *text = take_pool(OPTIONS_FILE_BYTES + 1);

	if (!text)
		stop("firmware has no memory for the options");
	add_options_of_stick(text);
	if (firmware.loaded->LoadOptions)
		options_add_load_options(firmware.loaded->LoadOptions,
					 firmware.loaded->LoadOptionsSize);
	add_fw_cfg_options(text);
	firmware.boot->FreePool(text);
	apply_log_level();
	info->movable = options_memory("movablecore");
	set_bad_pages();
	options_line(info->command_line, sizeof(info->command_line));
	if (info->command_line[0])
		log_line(LOG_NOTICE, "Command line: %s", info->command_line);
}

void save_capture(const struct boot_info *info)
{
	struct capture_file files[NR_WANTED + 1] = { { "map.bin", firmware.map.bytes } };
	const struct capture_facts facts = {
		.descriptor_bytes = firmware.map.descriptor_bytes,
		.descriptor_version = firmware.map_version,
		.self = firmware.held[HELD_IMAGE],
		.running_apic_id = arch_apic_id(),
		.vendor = info->firmware_vendor,
		.firmware_revision = info->firmware_revision,
	};
	EFI_FILE_HANDLE root;

	if (options_has("capture", "no"))
		return;
	for (unsigned i = 0; i < NR_WANTED; i++)
		files[i + 1] = (struct capture_file){ wanted_tables[i].file,
						      wanted_tables[i].copy };
	root = open_stick();
	if (!root) {
		log_line(LOG_WARN, "capture: this program was not started from a file system");
		return;
	}
	capture_save(root, &facts, files, ARRAY_SIZE(files));
	root->Close(root);
}

/* ---- Results of a former run ---- */

/*
 * Where a record may be: the same places at every start, the first that is free. Far from
 * both ends of memory, which firmware itself uses; a machine of 256 MiB has the last.
 */
static const uint64_t results_places[] = { 0x30000000, 0x18000000, 0xc000000, 0x8000000 };

#define RESULTS_PAGES	(RESULTS_BYTES / PAGE_SIZE)
#define STOP_US		10000000u
#define NAME_BYTES	16u
#define FILES_OF_DAY	100u
#define PAGE_EXTRA_BYTES (64u * 1024)

static const uint8_t exit_status_of[] = {
	[RESULTS_PASSED] = 0x10, [RESULTS_FAILED] = 0x11, [RESULTS_PANICKED] = 0x12,
	[RESULTS_UNFINISHED] = 0x12,
};

/* "20261129-3.": the first number that no file of today has. False: there is none left. */
static bool find_free_name(EFI_FILE_HANDLE root, char stem[NAME_BYTES])
{
	EFI_TIME now = { 0 };

	(void)firmware.system->RuntimeServices->GetTime(&now, NULL);	/* without one: 00000000 */
	for (unsigned i = 1; i < FILES_OF_DAY; i++) {
		char name[NAME_BYTES];

		format_text(stem, NAME_BYTES, "%04u%02u%02u-%u", now.Year % 10000u,
			    now.Month % 100u, now.Day % 100u, i);
		format_text(name, sizeof(name), "%s.txt", stem);
		if (!has_stick_file(root, "log", name))
			return true;
	}
	return false;
}

static EFI_STATUS save_result(EFI_FILE_HANDLE root, const char *stem, const char *ending,
			      const char *text, size_t bytes)
{
	char name[NAME_BYTES];

	format_text(name, sizeof(name), "%s.%s", stem, ending);
	return save_stick_file(root, "log", name, (struct bytes){ (const uint8_t *)text, bytes });
}

static EFI_STATUS save_results(EFI_FILE_HANDLE root, const char *stem,
			       const struct results_found *found)
{
	size_t size = 2 * found->nr_bytes + PAGE_EXTRA_BYTES;
	char *made = take_pool(size);
	EFI_STATUS status;

	if (!made)
		return EFI_OUT_OF_RESOURCES;
	status = save_result(root, stem, "txt", found->text, found->nr_bytes);
	if (!EFI_ERROR(status))
		status = save_result(root, stem, "json", made,
				     results_json(made, size, found->text, found->nr_bytes));
	if (!EFI_ERROR(status))
		status = save_result(root, stem, "html", made,
				     results_html(made, size, found->text, found->nr_bytes));
	firmware.boot->FreePool(made);
	return status;
}

/* Says what was found, and ends the program: the run that it is of has asked for that. */
static void NORETURN end_with_report(enum results_verdict verdict)
{
	console_say("\nThe result is %s. The machine can be switched off.\n",
		    results_verdict_name(verdict));
	arch_exit_emulator(exit_status_of[verdict]);
	firmware.boot->Stall(STOP_US);
	firmware.boot->Exit(firmware.image, EFI_SUCCESS, 0, NULL);
	arch_halt();
}

static void write_home(const struct results_found *found)
{
	enum results_verdict verdict = results_judge(found->text, found->nr_bytes);
	EFI_FILE_HANDLE root = open_stick();
	EFI_STATUS status = EFI_NOT_FOUND;
	char stem[NAME_BYTES] = "";

	if (root && find_free_name(root, stem))
		status = save_results(root, stem, found);
	if (root)
		root->Close(root);
	if (EFI_ERROR(status))
		log_line(LOG_WARN, "results: the last run's (%s) could not be written (0x%llx)",
			 results_verdict_name(verdict), (unsigned long long)status);
	else
		log_line(LOG_NOTICE, "results: the last run's (%s) are in \\slabstick\\log\\%s.*",
			 results_verdict_name(verdict), stem);
	console_say("\nResults of the last run: %s, %s%s\n", results_verdict_name(verdict),
		    EFI_ERROR(status) ? "not written" : "in \\slabstick\\log\\",
		    EFI_ERROR(status) ? "" : stem);
	if (found->is_report_wanted)
		end_with_report(verdict);
}

void bring_results_home(struct boot_info *info)
{
	for (unsigned i = 0; i < ARRAY_SIZE(results_places); i++) {
		uint64_t pa = results_places[i];
		struct results_found found;

		if (!try_take_pages_at(RESULTS_PAGES, pa))
			continue;
		if (results_find((const void *)pa, &found)) {
			write_home(&found);
			results_forget((void *)pa);
		}
		info->results_pa = pa;
		firmware.held[HELD_RESULTS] = (struct held_range){ .start = pa,
								    .end = pa + RESULTS_BYTES };
		return;
	}
	log_line(LOG_INFO, "results: no memory for them: they stay on the screen");
}
