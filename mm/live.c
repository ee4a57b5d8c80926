/*
 * The one live memory manager: what mm/init.c builds and every room may look at.
 */

#include "mm/live.h"

struct mm_live live;
