/*
 * Ends .rodata on a page boundary.
 *
 * gnu-efi's linker script puts .rodata at the head of .data, the .rodata
 * sections in link order. This object is linked last, so its section comes
 * last: what lies before image_rodata_end is read-only data, and what follows,
 * from a page boundary on, is writable.
 */
	.section .rodata.end, "a", @progbits
	.globl image_rodata_end
	.hidden image_rodata_end
	.balign 4096
image_rodata_end:
	.byte 0			/* keeps the symbol inside this section */

	.section .note.GNU-stack, "", @progbits
