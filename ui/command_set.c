#include "ui/command_set.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "ui/chat.h"
#include "ui/cli/nearest.h"
#include "ui/cli/settings.h"
#include "ui/commands.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof *(a))
#define VALUE_COLUMN  28 /* of the list: where the explanations begin */

/* Short names of the command line's options. */
static const char *full_name(const char *key)
{
	return !strcmp(key, "temp") ? "temperature" : key;
}

bool command_set_knows(const struct setting_info *info)
{
	return info->owner != SETTING_START;
}

/* ---- the chat's own ---- */

static float *float_setting(struct chat *chat, const char *key)
{
	struct sampler_settings *s = &chat->sampling;
	const struct {
		const char *key;
		float *value;
	} table[] = {
		{ "temperature", &s->temperature },
		{ "top_p", &s->top_p },
		{ "min_p", &s->min_p },
		{ "presence_penalty", &s->presence_penalty },
		{ "repeat_penalty", &s->repeat_penalty },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (!strcmp(table[i].key, key))
			return table[i].value;
	return NULL;
}

static void put_chat_setting(struct chat *chat, const char *key,
                             struct strbuf *out)
{
	const struct sampler_settings *s = &chat->sampling;
	const float *real = float_setting(chat, key);

	if (real)
		strbuf_printf(out, "%g", (double)*real);
	else if (!strcmp(key, "top_k"))
		strbuf_printf(out, "%d", s->top_k);
	else if (!strcmp(key, "seed"))
		strbuf_printf(out, "%llu", (unsigned long long)s->seed);
	else if (!strcmp(key, "max_tokens"))
		strbuf_printf(out, "%zu", chat->max_tokens);
	else /* think */
		strbuf_add_str(out,
		               chat->think == CHAT_THINK_OFF ? "off" : "on");
}

/* A value that its type allows. */
static void set_chat_setting(struct chat *chat, const char *key,
                             const char *value)
{
	float *real = float_setting(chat, key);
	uint64_t n = 0;
	double number;

	value_integer(value, &n);
	if (real && value_number(value, &number))
		*real = (float)number;
	else if (!strcmp(key, "top_k"))
		chat->sampling.top_k = (int)n;
	else if (!strcmp(key, "seed"))
		chat->sampling.seed = n;
	else if (!strcmp(key, "max_tokens"))
		chat->max_tokens = (size_t)n;
}

/* ---- all of them ---- */

/* false: this front end has no such setting. */
static bool put_setting(const struct command_host *host,
                        const struct setting_info *info, struct strbuf *out)
{
	if (info->owner == SETTING_SCREEN)
		return host->setting(host->arg, info->key, NULL, out);
	put_chat_setting(host->chat, info->key, out);
	return true;
}

static void show_all(const struct command_host *host)
{
	const struct setting_info *info;
	struct strbuf out = STRBUF_INIT;

	for (size_t i = 0; (info = settings_info(i)); i++) {
		struct strbuf value = STRBUF_INIT;
		int n;

		if (command_set_knows(info) &&
		    put_setting(host, info, &value)) {
			n = (int)strlen(info->key) + 3 + (int)value.len;
			strbuf_printf(&out, "  %s = %s%*s  %s\n", info->key,
			              value.bytes,
			              n < VALUE_COLUMN ? VALUE_COLUMN - n : 0,
			              "", info->help);
		}
		strbuf_free(&value);
	}
	host->show(host->arg, "Settings: /set KEY VALUE", out.bytes);
	strbuf_free(&out);
}

/* What it would always show may be a command, too. */
static void needs_screen(const struct command_host *host, const char *key)
{
	enum action action = action_named(key, strlen(key));
	bool told = action != ACTION_NONE && !action_needs_screen(action);

	chat_error(host->chat, "%s needs the full screen%s%s%s", key,
	           told ? "; /" : "", told ? key : "",
	           told ? " tells it once" : "");
}

static void show_one(const struct command_host *host,
                     const struct setting_info *info)
{
	struct strbuf value = STRBUF_INIT;

	if (put_setting(host, info, &value))
		chat_notice(host->chat, "%s = %s", info->key, value.bytes);
	else
		needs_screen(host, info->key);
	strbuf_free(&value);
}

static void set_one(const struct command_host *host,
                    const struct setting_info *info, const char *value)
{
	struct error err = { "" };

	if (value_check(&info->type, value, &err)) {
		chat_error(host->chat, "%s: %s", info->key, err.text);
	} else if (!strcmp(info->key, "think")) {
		commands_run(host, ACTION_THINK, value);
	} else {
		if (info->owner == SETTING_CHAT)
			set_chat_setting(host->chat, info->key, value);
		else
			host->setting(host->arg, info->key, value, NULL);
		show_one(host, info); /* as it came out */
	}
}

static void unknown(const struct command_host *host, const char *key)
{
	const char *names[64], *near;
	const struct setting_info *info;
	size_t n = 0;

	for (size_t i = 0; (info = settings_info(i)); i++)
		if (command_set_knows(info) && n < ARRAY_SIZE(names))
			names[n++] = info->key;
	near = nearest(key, names, n);
	if (settings_find(key))
		chat_error(host->chat,
		           "%s counts when confab starts: --set %s=...", key,
		           key);
	else
		chat_error(host->chat, "there is no setting %s; %s%s", key,
		           near ? "did you mean " : "/set lists them",
		           near ? near : "");
}

void command_set(const struct command_host *host, const char *argument)
{
	size_t n = strcspn(argument, " =");
	const char *value = argument + n;
	char *name = mem_dup(argument, n);
	const struct setting_info *info = settings_find(full_name(name));

	value += strspn(value, " =");
	if (!*name)
		show_all(host);
	else if (!info || !command_set_knows(info))
		unknown(host, name);
	else if (!*value)
		show_one(host, info);
	else
		set_one(host, info, value);
	free(name);
}
