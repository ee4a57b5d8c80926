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
