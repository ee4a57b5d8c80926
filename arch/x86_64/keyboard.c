/*
 * The keyboard of a PC: an 8042 controller, or what firmware makes look like one.
 *
 * Model
 *   Polled. Scan codes of set 1, to which the controller translates; make codes become
 *   characters of a US layout, or the bytes a terminal would send for the key (cursor
 *   keys are three). What is no key of ours is passed over. A machine without the
 *   controller reads 0xFF for its status and has no keys.
 *
 * Locking
 *   None: one CPU reads.
 */

#include "arch.h"
#include "arch/x86_64/insn.h"
#include "lib/string.h"

#define PORT_DATA		0x60
#define PORT_STATUS		0x64
#define STATUS_FULL		0x01u
#define STATUS_IS_MOUSE		0x20u
#define STATUS_NOTHING		0xffu

#define CODE_RELEASED		0x80u
#define CODE_EXTENDED		0xe0u
#define CODE_CONTROL		0x1du
#define CODE_LEFT_SHIFT		0x2au
#define CODE_RIGHT_SHIFT	0x36u

#define CONTROL_MASK		0x1fu	/* control-C is 'c' & this */
#define PENDING_BYTES		4u

/* From code 0x00 on: set 1 is the order of the keys of a PC of 1981. */
static const char plain[] =
	"\0\x1b" "1234567890-=\x08\tqwertyuiop[]\r\0asdfghjkl;'`\0\\zxcvbnm,./\0*\0 ";
static const char shifted[] =
	"\0\x1b" "!@#$%^&*()_+\x08\tQWERTYUIOP{}\r\0ASDFGHJKL:\"~\0|ZXCVBNM<>?\0*\0 ";

static const struct {
	uint8_t code;
	char final;		/* of ESC [ x */
} cursor_keys[] = {
	{ 0x48, 'A' }, { 0x50, 'B' }, { 0x4d, 'C' }, { 0x4b, 'D' }, { 0x47, 'H' }, { 0x4f, 'F' },
};

static struct {
	bool is_shifted, is_control, is_extended;
	char pending[PENDING_BYTES];
	unsigned nr_pending;
} keyboard;

static bool take_code(uint8_t *code)
{
	uint8_t status = in8(PORT_STATUS);

	if (status == STATUS_NOTHING || !(status & STATUS_FULL))
		return false;
	*code = in8(PORT_DATA);
	return !(status & STATUS_IS_MOUSE);
}

static int cursor_key(uint8_t code)
{
	for (unsigned i = 0; i < ARRAY_SIZE(cursor_keys); i++) {
		if (cursor_keys[i].code != code)
			continue;
		keyboard.pending[0] = cursor_keys[i].final;
		keyboard.pending[1] = '[';
		keyboard.nr_pending = 2;
		return '\x1b';
	}
	return -1;
}

static int character(uint8_t code)
{
	const char *map = keyboard.is_shifted ? shifted : plain;

	if (code >= sizeof(plain) - 1 || !map[code])
		return -1;
	return keyboard.is_control ? map[code] & (int)CONTROL_MASK : map[code];
}

static int key_of(uint8_t code)
{
	const bool is_pressed = !(code & CODE_RELEASED);
	const bool was_extended = keyboard.is_extended;
	const uint8_t key = code & (uint8_t)~CODE_RELEASED;

	keyboard.is_extended = code == CODE_EXTENDED;
	if (keyboard.is_extended)
		return -1;
	if (key == CODE_CONTROL)
		keyboard.is_control = is_pressed;
	else if (!was_extended && (key == CODE_LEFT_SHIFT || key == CODE_RIGHT_SHIFT))
		keyboard.is_shifted = is_pressed;
	else if (is_pressed)
		return was_extended ? cursor_key(key) : character(key);
	return -1;
}

int arch_keyboard_read(void)
{
	uint8_t code;

	if (keyboard.nr_pending)
		return keyboard.pending[--keyboard.nr_pending];
	return take_code(&code) ? key_of(code) : -1;
}
