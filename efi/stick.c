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

#define OPTIONS_BYTES		1024u

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

static void add_options_of_file(void)
{
	EFI_FILE_HANDLE root = open_stick();
	EFI_FILE_HANDLE file = NULL;
	char text[OPTIONS_BYTES];
	UINTN bytes = sizeof(text);

	if (!root)
		return;
	if (!EFI_ERROR(root->Open(root, &file, (CHAR16 *)L"\\slabstick.cfg", EFI_FILE_MODE_READ,
				  0))) {
		if (EFI_ERROR(file->Read(file, &bytes, text)))
			announce(LOG_WARN, "slabstick.cfg: cannot be read");
		else
			options_add(text, bytes, "slabstick.cfg");
		file->Close(file);
	}
	root->Close(root);
}

/* LoadOptions may be anything: GUIDs and the like are told from text and passed over. */
static void add_load_options(void)
{
	const CHAR16 *from = firmware.loaded->LoadOptions;
	UINTN length = firmware.loaded->LoadOptionsSize / sizeof(*from);
	char text[OPTIONS_BYTES];
	size_t start = 0;

	if (!from || length >= sizeof(text))
		return;
	for (UINTN i = 0; i < length; i++) {
		if (from[i] == 0) {
			length = i;
			break;
		}
		if (from[i] > '~' || (from[i] < ' ' && from[i] != '\t'))
			return;
		text[i] = (char)from[i];
	}
	/* A shell puts the program's name first. */
	while (start < length && text[start] != ' ' && text[start] != '=')
		start++;
	if (start < length && text[start] == '=')
		start = 0;
	options_add(text + start, length - start, "LoadOptions");
}

static void add_fw_cfg_options(void)
{
	char text[OPTIONS_BYTES];
	size_t bytes;
	enum status status = fw_cfg_read("opt/slabstick/options", text, sizeof(text), &bytes);

	if (status == STATUS_TOO_MANY)
		announce(LOG_WARN, "options: fw_cfg: cut after %u bytes", OPTIONS_BYTES);
	if (bytes > 0)
		options_add(text, bytes, "fw_cfg");
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
	add_options_of_file();
	add_load_options();
	add_fw_cfg_options();
	apply_log_level();
	info->movable = options_memory("movablecore");
	options_line(info->command_line, sizeof(info->command_line));
	if (info->command_line[0])
		announce(LOG_NOTICE, "Command line: %s", info->command_line);
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
		announce(LOG_WARN, "capture: this program was not started from a file system");
		return;
	}
	capture_save(root, &facts, files, ARRAY_SIZE(files));
	root->Close(root);
}
