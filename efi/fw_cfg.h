#ifndef EFI_FW_CFG_H
#define EFI_FW_CFG_H

/* QEMU's way to hand data to a guest, by I/O ports. */

#include "lib/compiler.h"
#include "status.h"

/*
 * Reads the item @name to @to, at most @size bytes. STATUS_ABSENT: not under
 * QEMU, or no such item; STATUS_TOO_MANY: it is longer, the beginning was read.
 */
enum status fw_cfg_read(const char *name, char *to, size_t size, size_t *bytes) MUST_CHECK;

#endif
