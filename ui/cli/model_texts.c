#include "ui/cli/model_texts.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ui/cli/installed_models.h"
#include "ui/cli/options.h"

void model_texts_init(struct model_texts *t, const struct options *o)
{
	*t = (struct model_texts){ .options = o };
}

void model_texts_free(struct model_texts *t)
{
	for (size_t i = 0; i < t->n; i++) {
		text_model_close(&t->models[i].opened);
		free(t->models[i].name);
	}
	free(t->models);
	*t = (struct model_texts){ 0 };
}

static struct model_text *add(struct model_texts *t, const char *name)
{
	struct model_text *m;

	t->models = mem_grow(t->models, t->n, &t->capacity, sizeof *t->models);
	m = &t->models[t->n++];
	*m = (struct model_text){ .name = mem_strdup(name) };
	return m;
}

void model_texts_add(struct model_texts *t, const char *name,
                     const struct tokenizer *tokenizer)
{
	add(t, name)->tokenizer = tokenizer;
	add(t, "")->tokenizer = tokenizer;
}

static void find(struct model_texts *t, struct model_text *m)
{
	struct installed_models list = { 0 };
	const char *path;

	installed_models_find(&list, options_setting(t->options, "model_path"));
	path = installed_models_path(&list, m->name);
	if ((path && !text_model_open_path(&m->opened, path, NULL)) ||
	    ((t->options->model || !*m->name) &&
	     !text_model_open(&m->opened, t->options, NULL)))
		m->tokenizer = m->opened.tokenizer;
	installed_models_free(&list);
}

static const struct tokenizer *of(void *arg, const char *name)
{
	struct model_texts *t = arg;
	struct model_text *m;

	for (size_t i = 0; i < t->n; i++)
		if (!strcmp(t->models[i].name, name))
			return t->models[i].tokenizer;
	m = add(t, name);
	find(t, m);
	return m->tokenizer;
}

struct export_tokens model_texts_tokens(struct model_texts *t)
{
	return (struct export_tokens){ of, t };
}

const char *model_texts_missing(const struct model_texts *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (!t->models[i].tokenizer && *t->models[i].name)
			return t->models[i].name;
	return NULL;
}
