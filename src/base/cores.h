/*
 * cores.h - which processors this process may use, and how much of them
 *
 * Affinity mask (taskset, cpuset cgroups) and CPU quota (cgroup v2's cpu.max,
 * v1's cpu.cfs_quota_us, what containers are given) are both respected.  SMT
 * siblings share one core's arithmetic units, so they count once.
 */
#ifndef CONFAB_CORES_H
#define CONFAB_CORES_H

/* Logical processors in the affinity mask; at least 1. */
int cores_logical(void);

/* Physical cores with a processor in the affinity mask; at least 1. */
int cores_physical(void);

/* The same; fills processors[0..n) with the first allowed processor of each
 * core, as far as there are so many. */
int cores_list(int *processors, int n);

/* The CPU quota in processors, rounded to the nearest and at least 1; 0 where
 * there is none. */
int cores_quota(void);

#endif
