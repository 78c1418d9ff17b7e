/*
 * available_memory.h - how many bytes this process may still take
 *
 * What /proc/meminfo calls MemAvailable (free pages and page cache that can be
 * given up), or less where a cgroup, version 1 or 2, leaves less: its limit
 * minus what it uses, plus the file pages that it can give up.  A mapped
 * checkpoint is page cache and counts as available.
 */
#ifndef CONFAB_AVAILABLE_MEMORY_H
#define CONFAB_AVAILABLE_MEMORY_H

#include <stddef.h>

/* SIZE_MAX where nothing tells. */
size_t available_memory(void);

/* For tests: what available_memory() gives from now on; 0: the truth again. */
void available_memory_pretend(size_t bytes);

#endif
