#include "ui/command_set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "ui/chat.h"
#include "ui/cli/settings.h"
#include "ui/commands.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof *(a))

/* Short names of the command line's options. */
static const char *full_name(const char *key)
{
	return !strcmp(key, "temp") ? "temperature" : key;
}

static const struct setting_info *find_info(const char *key)
{
	const struct setting_info *info;

	for (size_t i = 0; (info = settings_info(i)); i++)
		if (!strcmp(info->key, key))
			return info;
	return NULL;
}

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

static bool set_integer(struct chat *chat, const char *key, uint64_t n)
{
	if (!strcmp(key, "top_k"))
		chat->sampling.top_k = (int)n;
	else if (!strcmp(key, "seed"))
		chat->sampling.seed = n;
	else if (!strcmp(key, "max_tokens"))
		chat->max_tokens = (size_t)n;
	else
		return false;
	return true;
}

/* A setting of the sampler's; false: it is none. */
static bool set_sampling(struct chat *chat, const char *key, const char *value,
                         struct error *err)
{
	const struct setting_info *info = find_info(key);
	float *real = float_setting(chat, key);
	uint64_t integer;
	double number;

	if (!info || (!real && strcmp(key, "top_k") && strcmp(key, "seed") &&
	              strcmp(key, "max_tokens")))
		return false;
	if (value_check(&info->type, value, err))
		return true;
	if (real && value_number(value, &number))
		*real = (float)number;
	else if (value_integer(value, &integer))
		set_integer(chat, key, integer);
	return true;
}

static void show_all(const struct command_host *host)
{
	const struct chat *chat = host->chat;
	const struct sampler_settings *s = &chat->sampling;
	struct strbuf out = STRBUF_INIT;

	strbuf_printf(&out,
	              "  temperature = %g\n  top_k = %d\n  top_p = %g\n"
	              "  min_p = %g\n  presence_penalty = %g\n"
	              "  repeat_penalty = %g\n  seed = %llu\n"
	              "  max_tokens = %zu\n  think = %s\n",
	              (double)s->temperature, s->top_k, (double)s->top_p,
	              (double)s->min_p, (double)s->presence_penalty,
	              (double)s->repeat_penalty, (unsigned long long)s->seed,
	              chat->max_tokens,
	              chat->think == CHAT_THINK_OFF ? "off" : "on");
	host->setting(host->arg, NULL, NULL, &out);
	host->show(host->arg, "Settings: /set KEY VALUE", out.bytes);
	strbuf_free(&out);
}

void command_set(const struct command_host *host, const char *argument)
{
	size_t n = strcspn(argument, " =");
	const char *value = argument + n;
	char *name = mem_dup(argument, n);
	const char *key = full_name(name);
	struct error err = { "" };
	bool on;

	value += strspn(value, " =");
	if (!*value) {
		show_all(host);
	} else if (!strcmp(key, "think") && value_switch(value, &on)) {
		commands_run(host, ACTION_THINK, value);
	} else if (set_sampling(host->chat, key, value, &err) ||
	           host->setting(host->arg, key, value, NULL)) {
		if (*err.text)
			chat_error(host->chat, "%s: %s", key, err.text);
		else
			chat_notice(host->chat, "%s = %s", key, value);
	} else {
		chat_error(host->chat, "there is no setting \"%s\"", key);
	}
	free(name);
}
