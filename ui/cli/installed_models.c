#include "ui/cli/installed_models.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/paths.h"
#include "base/strbuf.h"
#include "checkpoint/quantized_copy.h"

#define MAX_DEPTH 3 /* folders below a place: LM Studio has OWNER/REPO/FILE */

char *installed_models_expand(const char *path)
{
	const char *home = getenv("HOME");

	if (path[0] != '~' || path[1] != '/' || !home || !*home)
		return mem_strdup(path);
	return paths_join(home, path + 2);
}

static bool is_dir(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

static bool has_config(const char *dir)
{
	char *path = paths_join(dir, "config.json");
	struct stat st;
	bool found = !stat(path, &st) && S_ISREG(st.st_mode);

	free(path);
	return found;
}

/* Length of the name without ".gguf", 0 where it has no such ending. */
static size_t gguf_stem(const char *name)
{
	size_t len = strlen(name);

	if (len <= 5 || strcasecmp(name + len - 5, ".gguf"))
		return 0;
	return len - 5;
}

/* Takes the "-00001-of-0000N" of a split model's first part off the stem; 0
 * where it is a later part. */
static size_t first_part_stem(const char *name, size_t stem)
{
	const char *part;

	if (stem <= 15)
		return stem;
	part = name + stem - 15;
	if (*part != '-' || strspn(part + 1, "0123456789") != 5 ||
	    memcmp(part + 6, "-of-", 4))
		return stem;
	return memcmp(part + 1, "00001", 5) ? 0 : stem - 15;
}

static void add(struct installed_models *list, const char *name, size_t len,
                const char *path, const char *origin)
{
	struct installed_model *model;

	list->models = mem_grow(list->models, list->n, &list->capacity,
	                        sizeof *list->models);
	model = &list->models[list->n++];
	model->name = mem_dup(name, len);
	model->path = mem_strdup(path);
	model->origin = origin;
}

static void add_gguf(struct installed_models *list, const char *file,
                     const char *path, const char *origin)
{
	size_t stem = gguf_stem(file);

	/* A vision projector is no model by itself. */
	if (!stem || !strncasecmp(file, "mmproj", 6))
		return;
	stem = first_part_stem(file, stem);
	if (stem)
		add(list, file, stem, path, origin);
}

/* All models below dir.  A folder that is a model gets `name`, or its own. */
static void scan(struct installed_models *list, const char *dir,
                 const char *name, const char *origin, int depth)
{
	DIR *stream = opendir(dir);
	struct dirent *entry;
	char *path;

	if (!stream)
		return;
	while ((entry = readdir(stream))) {
		if (entry->d_name[0] == '.')
			continue;
		path = paths_join(dir, entry->d_name);
		if (!is_dir(path)) {
			add_gguf(list, entry->d_name, path, origin);
		} else {
			if (has_config(path))
				add(list, name ? name : entry->d_name,
				    strlen(name ? name : entry->d_name), path,
				    origin);
			if (depth < MAX_DEPTH)
				scan(list, path, name, origin, depth + 1);
		}
		free(path);
	}
	closedir(stream);
}

static int by_name(const void *a, const void *b)
{
	const struct installed_model *x = a, *y = b;
	int order = strcasecmp(x->name, y->name);

	return order ? order : strcmp(x->path, y->path);
}

static void sort_from(struct installed_models *list, size_t first)
{
	if (list->n - first > 1)
		qsort(list->models + first, list->n - first,
		      sizeof *list->models, by_name);
}

static void scan_place(struct installed_models *list, const char *dir,
                       const char *origin)
{
	size_t first = list->n;

	scan(list, dir, NULL, origin, 1);
	sort_from(list, first);
}

static void scan_bundled(struct installed_models *list)
{
	char *path = paths_bundled_model();
	const char *slash = path ? strrchr(path, '/') : NULL;
	const char *name = slash ? slash + 1 : path;

	if (path)
		add(list, name, strlen(name), path, "bundled");
	free(path);
}

static void scan_own(struct installed_models *list)
{
	char *data = paths_user(PATHS_DATA, "models");
	char *cache = paths_user(PATHS_CACHE, QUANTIZED_COPY_FOLDER);

	if (data)
		scan_place(list, data, "confab");
	if (cache)
		scan_place(list, cache, INSTALLED_MODELS_CACHE);
	free(cache);
	free(data);
}

static void scan_model_path(struct installed_models *list, const char *dirs)
{
	size_t len;
	char *dir, *expanded;

	for (; *dirs; dirs += len + (dirs[len] == ':')) {
		len = strcspn(dirs, ":");
		if (!len)
			continue;
		dir = mem_dup(dirs, len);
		expanded = installed_models_expand(dir);
		scan_place(list, expanded, "model_path");
		free(expanded);
		free(dir);
	}
}

/* hub/models--OWNER--NAME/snapshots/COMMIT is the model "OWNER/NAME". */
static void scan_hub_entry(struct installed_models *list, const char *hub,
                           const char *entry)
{
	static const char prefix[] = "models--";
	struct strbuf name = STRBUF_INIT, dir = STRBUF_INIT;
	const char *owner = entry + strlen(prefix), *dashes;

	if (strncmp(entry, prefix, strlen(prefix)))
		return;
	dashes = strstr(owner, "--");
	if (dashes) {
		strbuf_add(&name, owner, (size_t)(dashes - owner));
		strbuf_add_char(&name, '/');
		owner = dashes + 2;
	}
	strbuf_add_str(&name, owner);
	strbuf_printf(&dir, "%s/%s/snapshots", hub, entry);
	scan(list, dir.bytes, name.bytes, "hugging-face", MAX_DEPTH - 1);
	strbuf_free(&name);
	strbuf_free(&dir);
}

/* huggingface_hub's constants.py: where its cache is.  Yours to free. */
static char *hub_dir(void)
{
	const char *hub = getenv("HF_HUB_CACHE"), *home = getenv("HF_HOME");
	const char *cache = getenv("XDG_CACHE_HOME");

	if (hub && *hub)
		return installed_models_expand(hub);
	if (home && *home)
		return paths_join(home, "hub");
	if (cache && *cache == '/')
		return paths_join(cache, "huggingface/hub");
	return installed_models_expand("~/.cache/huggingface/hub");
}

static void scan_hub(struct installed_models *list)
{
	char *hub = hub_dir();
	DIR *stream = opendir(hub);
	struct dirent *entry;
	size_t first = list->n;

	while (stream && (entry = readdir(stream)))
		scan_hub_entry(list, hub, entry->d_name);
	if (stream)
		closedir(stream);
	sort_from(list, first);
	free(hub);
}

static void scan_home(struct installed_models *list, const char *place,
                      const char *origin)
{
	char *dir = installed_models_expand(place);

	scan_place(list, dir, origin);
	free(dir);
}

void installed_models_find(struct installed_models *list,
                           const char *model_path)
{
	scan_bundled(list);
	scan_own(list);
	if (model_path)
		scan_model_path(list, model_path);
	scan_hub(list);
	scan_home(list, "~/.lmstudio/models", "lm-studio");
	scan_home(list, "~/.cache/lm-studio/models", "lm-studio");
}

void installed_models_free(struct installed_models *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->models[i].name);
		free(list->models[i].path);
	}
	free(list->models);
	*list = (struct installed_models){ 0 };
}

static bool has_name(const struct installed_model *model, const char *name)
{
	const char *slash = strrchr(model->name, '/');

	return !strcasecmp(model->name, name) ||
	       (slash && !strcasecmp(slash + 1, name));
}

const char *installed_models_path(const struct installed_models *list,
                                  const char *name)
{
	for (size_t i = 0; i < list->n; i++) {
		if (has_name(&list->models[i], name))
			return list->models[i].path;
	}
	return NULL;
}
