#ifndef MM_BOOT_LOG_H
#define MM_BOOT_LOG_H

#include "mm/types.h"

/* What bring-up says of zones, nodes and memory, in the words of Linux's boot log. */

void log_boot_zones(void);	/* once the nodes are made */
void log_boot_memory(uint64_t nr_managed);

#endif
