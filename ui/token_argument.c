#include "ui/token_argument.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "engine/sampler.h"
#include "library/conversation.h"
#include "ui/chat.h"
#include "ui/cli/settings.h"
#include "ui/transcript_item.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof *(a))
#define MOST_TOKENS   1000000000 /* of a message: more than memory holds */

const char *token_argument(const char *text, size_t *index)
{
	size_t len = strcspn(text, " ");
	char *word = mem_dup(text, len);
	uint64_t n;
	bool ok = value_integer(word, &n) && n >= 1 && n <= MOST_TOKENS;

	free(word);
	if (!ok)
		return NULL;
	*index = (size_t)n - 1;
	return text + len + strspn(text + len, " ");
}

const char *token_of_item(struct chat *chat, const struct transcript_item *item,
                          const char *text, size_t *index)
{
	size_t n = item->spans.n, asked = *index;
	const char *rest = *text ? token_argument(text, &asked) : text;

	if (!rest || asked == SIZE_MAX) {
		chat_error(chat, "which token? /inspector gives their numbers");
		return NULL;
	}
	if (asked > n || !n) {
		chat_error(chat, "there is no token %zu, there are %zu",
		           asked + 1, n);
		return NULL;
	}
	*index = asked;
	return rest;
}

bool token_candidate(struct chat *chat, const struct token_odds *odds,
                     const char *number, size_t *choice)
{
	if (odds && token_argument(number, choice) &&
	    *choice < (size_t)odds->n_top)
		return true;
	chat_error(chat, "there is no candidate %s", number);
	return false;
}

char *token_unquoted(const char *text)
{
	size_t len = strlen(text);

	if (len >= 2 && text[0] == '"' && text[len - 1] == '"')
		return mem_dup(text + 1, len - 2);
	return mem_dup(text, len);
}

void token_try_begin(struct inspector_try *t, const struct sampler_settings *s)
{
	t->on = true;
	t->temperature = s->temperature;
	t->top_k = s->top_k;
	t->top_p = s->top_p;
	t->min_p = s->min_p;
}

/* One "KEY=VALUE", or a temperature alone. */
static int read_word(struct inspector_try *t, const char *word,
                     struct error *err)
{
	static const char *const keys[] = { "temperature", "top_k", "top_p",
		                            "min_p" };
	const char *equals = strchr(word, '=');
	const char *value = equals ? equals + 1 : word;
	size_t len = equals ? (size_t)(equals - word) : 0, k = 0;
	double number = 0;

	while (equals && k < ARRAY_SIZE(keys) &&
	       (strlen(keys[k]) != len || memcmp(keys[k], word, len)))
		k++;
	if (k == ARRAY_SIZE(keys))
		return error_set(err,
		                 "temperature, top_k, top_p and min_p can be "
		                 "tried, not %s",
		                 word);
	if (value_check(&settings_find(keys[k])->type, value, err))
		return -1;
	value_number(value, &number);
	if (k == 0)
		t->temperature = number;
	else if (k == 1)
		t->top_k = (int)number;
	else if (k == 2)
		t->top_p = number;
	else
		t->min_p = number;
	return 0;
}

int token_try_read(struct inspector_try *t, const char *text, struct error *err)
{
	struct inspector_try changed = *t;

	while (*text) {
		size_t len = strcspn(text, " ");
		char *word = mem_dup(text, len);
		int result = len ? read_word(&changed, word, err) : 0;

		free(word);
		if (result)
			return -1;
		text += len + (text[len] == ' ');
	}
	*t = changed;
	return 0;
}
