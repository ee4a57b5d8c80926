#ifndef TESTS_HOST_MAPS_H
#define TESTS_HOST_MAPS_H

/* What every memory map owes, checked on the machine that runs. */

#include "boot_info.h"

/*
 * Takes every page there is and gives it back: what zones count is what can be had,
 * and metadata costs no more than @info's ranges make it.
 */
void check_whole_map(const struct boot_info *info);

#endif
