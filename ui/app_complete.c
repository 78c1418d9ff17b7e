#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ui/app_state.h"
#include "ui/cli/installed_models.h"
#include "ui/cli/options.h"
#include "ui/command_set.h"

/* What may stand for the word under the cursor. */
struct offers {
	const char *word; /* [len], as far as it is typed */
	size_t len;
	char **list; /* [n], and a NULL */
	size_t n, capacity;
};

static void offer(struct offers *o, const char *text, size_t len)
{
	if (len < o->len || memcmp(text, o->word, o->len))
		return;
	o->list = mem_grow(o->list, o->n + 1, &o->capacity, sizeof *o->list);
	o->list[o->n++] = mem_dup(text, len);
	o->list[o->n] = NULL;
}

/* Words separated by blanks. */
static void offer_words(struct offers *o, const char *words)
{
	while (*words) {
		size_t n = strcspn(words, " ");

		offer(o, words, n);
		words += n;
		words += strspn(words, " ");
	}
}

static void offer_models(struct offers *o, const struct app *app)
{
	struct installed_models list = { 0 };

	installed_models_find(&list,
	                      options_setting(app->options, "model_path"));
	for (size_t i = 0; i < list.n; i++)
		offer(o, list.models[i].name, strlen(list.models[i].name));
	installed_models_free(&list);
}

static void offer_keys(struct offers *o)
{
	const struct setting_info *info;

	for (size_t i = 0; (info = settings_info(i)); i++)
		if (command_set_knows(info))
			offer(o, info->key, strlen(info->key));
}

static void offer_values(struct offers *o, const char *key)
{
	const struct setting_info *info = settings_find(key);

	if (info && info->type.kind == VALUE_CHOICE)
		offer_words(o, info->type.choices);
	else if (info && info->type.kind == VALUE_SWITCH)
		offer_words(o, "on off");
}

/* The first word of /set is a key, the second one its value. */
static void offer_setting(struct offers *o, const char *argument)
{
	char *key;

	if (argument == o->word) {
		offer_keys(o);
		return;
	}
	key = mem_dup(argument, strcspn(argument, " "));
	offer_values(o, key);
	free(key);
}

static void offer_arguments(struct offers *o, const struct app *app,
                            enum action action, const char *argument,
                            char *append)
{
	switch (action) {
	case ACTION_MODEL:
		if (memchr(o->word, '/', o->len))
			*append = '/';
		offer_models(o, app);
		return;
	case ACTION_SET:
		offer_setting(o, argument);
		return;
	case ACTION_THINK:
		offer_values(o, "think");
		return;
	case ACTION_HEAT:
		offer_values(o, "heat");
		return;
	case ACTION_DELETE:
		offer_words(o, "branch");
		return;
	case ACTION_WRITE:
	case ACTION_EXPORT:
	case ACTION_IMPORT:
		*append = '/'; /* files: readline's own */
		return;
	default:
		return;
	}
}

char **app_complete(struct app *app, const char *text, int start, int point,
                    char *append)
{
	struct offers o = { .word = text + start,
		            .len = (size_t)(point - start) };
	size_t n = strcspn(text, " ");

	if (*text != '/' || app->input != INPUT_SAY)
		return NULL;
	if (start == 0)
		return actions_complete(text, o.len);
	offer_arguments(&o, app, action_named(text + 1, n - 1),
	                text + n + strspn(text + n, " "), append);
	return o.list;
}
