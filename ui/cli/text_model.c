#include "ui/cli/text_model.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/paths.h"
#include "base/strbuf.h"
#include "checkpoint/checkpoint.h"
#include "text/tokenizer.h"
#include "ui/cli/options.h"

#define MAX_TEMPLATE (4 * 1024 * 1024)  /* bytes */
#define MAX_CONFIG   (64 * 1024 * 1024) /* bytes of tokenizer_config.json */

static bool is_dir(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

/* The template of tokenizer_config.json: one, or a list of named ones, of which
 * transformers takes "default". */
static const char *template_of(const struct json *config)
{
	const struct json *templates = json_get(config, "chat_template");
	const char *name;

	if (!json_is_array(templates))
		return json_string(templates);
	for (const struct json *t = json_first(templates); t;
	     t = json_next(t)) {
		name = json_string(json_get(t, "name"));
		if (name && !strcmp(name, "default"))
			return json_string(json_get(t, "template"));
	}
	return NULL;
}

static int read_template_config(struct text_model *m, const char *path,
                                struct error *err)
{
	struct json *config;

	if (!file_exists(path)) {
		m->family = chat_family_of(NULL, &m->family_known);
		return 0;
	}
	config = json_read(path, MAX_CONFIG, err);
	if (!config)
		return -1;
	m->family = chat_family_of(template_of(config), &m->family_known);
	json_free(config);
	return 0;
}

static int read_template_file(struct text_model *m, const char *path,
                              struct error *err)
{
	struct strbuf jinja = STRBUF_INIT;
	int result = file_read_regular(&jinja, path, MAX_TEMPLATE, err);

	if (!result)
		m->family = chat_family_of(jinja.bytes, &m->family_known);
	strbuf_free(&jinja);
	return result;
}

static int read_template(struct text_model *m, const char *dir,
                         struct error *err)
{
	char *file = paths_join(dir, "chat_template.jinja");
	char *config = paths_join(dir, "tokenizer_config.json");
	int result;

	if (file_exists(file))
		result = read_template_file(m, file, err);
	else
		result = read_template_config(m, config, err);
	free(file);
	free(config);
	return result;
}

static int open_dir(struct text_model *m, const char *dir,
                    const char *cache_dir, struct error *err)
{
	char *path = paths_join(dir, "tokenizer.json");
	int result = -1;

	m->tokenizer = tokenizer_load_json(path, cache_dir, err);
	if (m->tokenizer)
		result = read_template(m, dir, err);
	free(path);
	return result;
}

static int open_file(struct text_model *m, const char *path,
                     const char *cache_dir, struct error *err)
{
	m->checkpoint = checkpoint_open(path, err);
	if (!m->checkpoint)
		return -1;
	m->tokenizer = tokenizer_load(m->checkpoint, cache_dir, err);
	if (!m->tokenizer)
		return -1;
	m->family = chat_family_of(checkpoint_chat_template(m->checkpoint),
	                           &m->family_known);
	return 0;
}

int text_model_open_path(struct text_model *m, const char *path,
                         struct error *err)
{
	char *cache_dir = paths_user(PATHS_CACHE, NULL);
	int result;

	*m = (struct text_model){ .family_known = true };
	if (is_dir(path))
		result = open_dir(m, path, cache_dir, err);
	else
		result = open_file(m, path, cache_dir, err);
	if (result)
		text_model_close(m);
	free(cache_dir);
	return result;
}

int text_model_open(struct text_model *m, const struct options *o,
                    struct error *err)
{
	char *path = options_model_path(o, err);
	int result = -1;

	*m = (struct text_model){ .family_known = true };
	if (path)
		result = text_model_open_path(m, path, err);
	free(path);
	return result;
}

void text_model_close(struct text_model *m)
{
	tokenizer_free(m->tokenizer);
	checkpoint_free(m->checkpoint);
	*m = (struct text_model){ 0 };
}
