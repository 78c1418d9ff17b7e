#include "model/available_memory.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/strbuf.h"

/* Files of /proc and /sys are a few KiB. */
#define SMALL_FILE ((size_t)1 << 16)

static size_t pretended;

/* The number that follows `word` at the beginning of a line. */
static bool number_after(const char *text, const char *word, uint64_t *out)
{
	const char *line = text;
	size_t len = strlen(word);
	char *end;

	while (line && strncmp(line, word, len) != 0) {
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	if (!line)
		return false;
	*out = strtoull(line + len, &end, 10);
	return end != line + len;
}

/* folder/name, or name where folder is NULL; word as above, "" for a file that
 * is one number.  "max" is no number. */
static bool read_number(const char *folder, const char *name, const char *word,
                        uint64_t *out)
{
	struct strbuf path = STRBUF_INIT, text = STRBUF_INIT;
	bool found;

	if (folder)
		strbuf_printf(&path, "%s/", folder);
	strbuf_add_str(&path, name);
	found = !file_read(&text, path.bytes, SMALL_FILE, NULL) &&
	        number_after(text.bytes, word, out);
	strbuf_free(&path);
	strbuf_free(&text);
	return found;
}

/* What one cgroup folder leaves, UINT64_MAX without a limit. */
static uint64_t cgroup_leaves(const char *folder, bool v2)
{
	uint64_t limit, used, files = 0;

	if (!read_number(folder, v2 ? "memory.max" : "memory.limit_in_bytes",
	                 "", &limit) ||
	    !read_number(folder,
	                 v2 ? "memory.current" : "memory.usage_in_bytes", "",
	                 &used))
		return UINT64_MAX;
	read_number(folder, "memory.stat", v2 ? "file " : "total_cache ",
	            &files);
	used -= files < used ? files : used;
	return limit > used ? limit - used : 0;
}

/* A parent's limit binds its children: the least from the group up to the
 * mount.  In a container the group's path may lie outside what is mounted;
 * then the mount itself answers. */
static uint64_t cgroup_upwards(const char *mount, const char *group, bool v2)
{
	char *folder = mem_alloc(strlen(mount) + strlen(group) + 1);
	size_t top = strlen(mount);
	uint64_t least = UINT64_MAX;
	char *slash;

	strcat(strcpy(folder, mount), group);
	do {
		uint64_t leaves = cgroup_leaves(folder, v2);

		if (leaves < least)
			least = leaves;
		slash = strrchr(folder, '/');
		if (slash)
			*slash = '\0';
	} while (slash && strlen(folder) >= top);
	free(folder);
	return least;
}

/* One line of /proc/self/cgroup: "0::/user.slice" is version 2,
 * "9:memory:/docker/..." version 1. */
static uint64_t cgroup_by_line(const char *line)
{
	const char *controllers = strchr(line, ':');
	const char *group = controllers ? strchr(controllers + 1, ':') : NULL;

	if (!group)
		return UINT64_MAX;
	if (group == controllers + 1)
		return cgroup_upwards("/sys/fs/cgroup", group + 1, true);
	if (!strncmp(controllers, ":memory:", 8))
		return cgroup_upwards("/sys/fs/cgroup/memory", group + 1,
		                      false);
	return UINT64_MAX;
}

static uint64_t cgroup_available(void)
{
	struct strbuf text = STRBUF_INIT;
	uint64_t least = UINT64_MAX;
	char *line, *rest;

	if (!file_read(&text, "/proc/self/cgroup", SMALL_FILE, NULL)) {
		for (line = strtok_r(text.bytes, "\n", &rest); line;
		     line = strtok_r(NULL, "\n", &rest)) {
			uint64_t leaves = cgroup_by_line(line);

			if (leaves < least)
				least = leaves;
		}
	}
	strbuf_free(&text);
	return least;
}

size_t available_memory(void)
{
	uint64_t kib, least;

	if (pretended)
		return pretended;
	least = cgroup_available();
	if (read_number(NULL, "/proc/meminfo", "MemAvailable:", &kib) &&
	    kib < least / 1024)
		least = kib * 1024;
	return least < SIZE_MAX ? (size_t)least : SIZE_MAX;
}

void available_memory_pretend(size_t bytes)
{
	pretended = bytes;
}
