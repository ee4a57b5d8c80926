#ifndef EFI_SCREEN_QR_H
#define EFI_SCREEN_QR_H

/* QR codes (ISO/IEC 18004), so that a telephone reads what is on the screen. See qr.c. */

#include "lib/compiler.h"
#include "status.h"

#define QR_VERSION_MAX 20u
#define QR_SIZE_MAX    (17u + 4u * QR_VERSION_MAX)
#define QR_TEXT_BYTES  666u /* what version 20 holds at level M */

/* The light margin that readers want on all sides. */
#define QR_QUIET 4u

struct qr {
	uint32_t size; /* modules on a side, without the margin */
	uint8_t is_dark[QR_SIZE_MAX][QR_SIZE_MAX];
	uint8_t is_function[QR_SIZE_MAX][QR_SIZE_MAX]; /* not for data */
};

/*
 * Makes the smallest code for @nr_bytes of @text: byte mode, error correction
 * level M. STATUS_BAD_LENGTH when there are more than QR_TEXT_BYTES.
 */
enum status qr_encode(struct qr *qr, const char *text, size_t nr_bytes) MUST_CHECK;

#endif
