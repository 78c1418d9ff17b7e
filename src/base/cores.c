#include "base/cores.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/strbuf.h"

#define SMALL_FILE 65536 /* bytes; files of /proc and /sys that are read here */

/* The mask of this process, for machines of any size: the kernel says EINVAL
 * until the set is large enough.  NULL where it cannot be had. */
static cpu_set_t *allowed(int *n_bits)
{
	for (*n_bits = 1024; *n_bits <= 1 << 20; *n_bits *= 4) {
		cpu_set_t *set = CPU_ALLOC(*n_bits);

		if (!set)
			return NULL;
		if (!sched_getaffinity(0, CPU_ALLOC_SIZE(*n_bits), set))
			return set;
		CPU_FREE(set);
	}
	return NULL;
}

int cores_logical(void)
{
	int n_bits, n;
	cpu_set_t *set = allowed(&n_bits);

	if (!set)
		return 1;
	n = CPU_COUNT_S(CPU_ALLOC_SIZE(n_bits), set);
	CPU_FREE(set);
	return n > 0 ? n : 1;
}

/* Is one of the siblings below cpu allowed too?  Then the core has been
 * counted.  The list reads "0,64" or "0-1". */
static bool sibling_before(int cpu, const cpu_set_t *set, int n_bits)
{
	struct strbuf list = STRBUF_INIT;
	char path[96], *p;
	bool found = false;

	snprintf(path, sizeof path,
	         "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list",
	         cpu);
	/* No topology: each processor is a core. */
	file_read(&list, path, SMALL_FILE, NULL);
	p = list.bytes;
	while (*p >= '0' && *p <= '9' && !found) {
		long first = strtol(p, &p, 10), last = first;

		if (*p == '-')
			last = strtol(p + 1, &p, 10);
		for (long i = first; i <= last && i < cpu && i < n_bits; i++)
			if (CPU_ISSET_S(i, CPU_ALLOC_SIZE(n_bits), set))
				found = true;
		if (*p == ',')
			p++;
	}
	strbuf_free(&list);
	return found;
}

int cores_list(int *processors, int n)
{
	int n_bits, count = 0;
	cpu_set_t *set = allowed(&n_bits);

	if (!set)
		return 1;
	for (int cpu = 0; cpu < n_bits; cpu++) {
		if (!CPU_ISSET_S(cpu, CPU_ALLOC_SIZE(n_bits), set) ||
		    sibling_before(cpu, set, n_bits))
			continue;
		if (count < n)
			processors[count] = cpu;
		count++;
	}
	CPU_FREE(set);
	return count > 0 ? count : 1;
}

int cores_physical(void)
{
	return cores_list(NULL, 0);
}

/* "200000 100000" is two processors, "max 100000" and -1 are no limit. */
static int quota_in(const char *text, const char *period_text)
{
	char *end;
	long quota = strtol(text, &end, 10);
	long period = strtol(period_text ? period_text : end, NULL, 10);

	if (end == text || quota <= 0 || period <= 0)
		return 0;
	quota = (quota + period / 2) / period;
	return quota < 1 ? 1 : quota > 1 << 20 ? 1 << 20 : (int)quota;
}

/* The quota of one cgroup folder, of either version; 0: none. */
static int quota_of(const char *folder, bool v2)
{
	struct strbuf path = STRBUF_INIT, quota = STRBUF_INIT;
	struct strbuf period = STRBUF_INIT;
	int result = 0;

	strbuf_printf(&path, "%s/%s", folder,
	              v2 ? "cpu.max" : "cpu.cfs_quota_us");
	if (file_read(&quota, path.bytes, SMALL_FILE, NULL))
		goto done;
	strbuf_clear(&path);
	strbuf_printf(&path, "%s/cpu.cfs_period_us", folder);
	if (!v2 && file_read(&period, path.bytes, SMALL_FILE, NULL))
		goto done;
	result = quota_in(quota.bytes, v2 ? NULL : period.bytes);
done:
	strbuf_free(&path);
	strbuf_free(&quota);
	strbuf_free(&period);
	return result;
}

/* A parent's quota binds its children: the smallest from the cgroup up to the
 * mount.  In a container the path may lie outside what is mounted; then only
 * the mount itself answers, which is what the container was given. */
static int quota_upwards(const char *mount, const char *group, bool v2)
{
	char *folder = mem_alloc(strlen(mount) + strlen(group) + 1);
	size_t top = strlen(mount);
	int least = 0;

	strcat(strcpy(folder, mount), group);
	for (;;) {
		int quota = quota_of(folder, v2);
		char *slash;

		if (quota && (!least || quota < least))
			least = quota;
		slash = strrchr(folder, '/');
		if (!slash || (size_t)(slash - folder) < top)
			break;
		*slash = '\0';
	}
	free(folder);
	return least;
}

/* Has a comma-separated list of controllers the word "cpu"? */
static bool lists_cpu(const char *controllers, size_t len)
{
	for (size_t i = 0; i + 3 <= len; i++)
		if (!memcmp(controllers + i, "cpu", 3) &&
		    (i == 0 || controllers[i - 1] == ',') &&
		    (i + 3 == len || controllers[i + 3] == ','))
			return true;
	return false;
}

/* One line of /proc/self/cgroup: "0::/user.slice" is version 2,
 * "4:cpu,cpuacct:/docker/..." version 1. */
static int quota_by_line(const char *line)
{
	const char *controllers = strchr(line, ':');
	const char *group = controllers ? strchr(controllers + 1, ':') : NULL;

	if (!group)
		return 0;
	controllers++;
	if (controllers == group)
		return quota_upwards("/sys/fs/cgroup", group + 1, true);
	if (lists_cpu(controllers, (size_t)(group - controllers)))
		return quota_upwards("/sys/fs/cgroup/cpu", group + 1, false);
	return 0;
}

int cores_quota(void)
{
	struct strbuf text = STRBUF_INIT;
	int least = 0;
	char *save = NULL;

	file_read(&text, "/proc/self/cgroup", SMALL_FILE, NULL);
	for (char *line = strtok_r(text.bytes, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		int quota = quota_by_line(line);

		if (quota && (!least || quota < least))
			least = quota;
	}
	strbuf_free(&text);
	return least;
}
