/*
 * What export.h puts beside the names that others know.  A file may claim what
 * it likes: numbers are checked here, and whether ids say what the text says
 * is checked when they would reach a model (reply.h).
 */
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "engine/sampler.h"
#include "library/conversation.h"
#include "library/import_parts.h"

/* False where it is no integer that fits. */
static bool get_int(const struct json *v, int64_t max, int *out)
{
	int64_t n;

	if (!json_integer(v, &n) || n < 0 || n > max)
		return false;
	*out = (int)n;
	return true;
}

static float get_float(const struct json *v)
{
	double number = 0;

	json_number(v, &number);
	return (float)number;
}

static int cut_named(const char *name)
{
	for (int i = SAMPLER_KEPT; name && i <= SAMPLER_CUT_GREEDY; i++)
		if (!strcmp(sampler_cut_name((enum sampler_cut)i), name))
			return i;
	return SAMPLER_KEPT;
}

static int get_candidates(struct token_odds *odds, const struct json *list,
                          struct error *err)
{
	for (const struct json *v = json_first(list); v; v = json_next(v)) {
		struct token_candidate *c = &odds->top[odds->n_top];

		if (odds->n_top == TOKEN_TOP)
			return 0;
		if (!get_int(json_get(v, "id"), INT32_MAX, &c->id))
			return error_set(err, "top_logprobs: an id is wrong");
		c->logprob = get_float(json_get(v, "logprob"));
		c->sampled_prob = get_float(json_get(v, "sampled_prob"));
		c->cut = (uint8_t)cut_named(json_string(json_get(v, "cut")));
		if (json_is_true(json_get(v, "penalised")))
			c->cut |= TOKEN_PENALISED;
		odds->n_top++;
	}
	return 0;
}

/* Others' logprobs have no ids: of no use without their tokenizer. */
static bool has_ids(const struct json *list)
{
	const struct json *first = json_first(list);

	return json_is_array(list) && first && json_get(first, "id");
}

static int get_odds(struct message *m, const struct json *list,
                    struct error *err)
{
	for (const struct json *v = json_first(list); v; v = json_next(v)) {
		struct token_odds *odds = message_add_odds(m);

		if (!get_int(json_get(v, "id"), INT32_MAX, &odds->id) ||
		    !get_int(json_get(v, "rank"), INT32_MAX, &odds->rank))
			return error_set(err,
			                 "logprobs.content[%zu]: its id or "
			                 "rank is wrong",
			                 m->n_odds - 1);
		if (!odds->rank)
			continue;
		odds->logprob = get_float(json_get(v, "logprob"));
		odds->entropy = get_float(json_get(v, "entropy"));
		odds->sampled_prob = get_float(json_get(v, "sampled_prob"));
		if (get_candidates(odds, json_get(v, "top_logprobs"), err))
			return -1;
	}
	if (m->n_odds > m->ids.n)
		return error_set(err, "logprobs: %zu tokens, but %zu ids",
		                 m->n_odds, m->ids.n);
	return 0;
}

static int get_ids(struct message *m, const struct json *list,
                   struct error *err)
{
	int id;

	for (const struct json *v = json_first(list); v; v = json_next(v)) {
		if (!get_int(v, INT32_MAX, &id))
			return error_set(err, "confab.ids[%zu]: is no id",
			                 m->ids.n);
		ids_add(&m->ids, id);
	}
	return 0;
}

static int get_own(struct message *m, const struct json *own, struct error *err)
{
	const char *state = json_string(json_get(own, "state"));
	const char *model = json_string(json_get(own, "model"));
	const struct json *extra = json_get(own, "extra");
	double seconds = 0;

	if (state && message_state_named(state) < 0)
		return error_set(err, "confab.state: \"%.32s\" is none", state);
	if (state)
		m->state = (enum message_state)message_state_named(state);
	if (m->state == MESSAGE_OPEN)
		m->state = MESSAGE_INTERRUPTED;
	if (model && !m->model)
		m->model = mem_strdup(model);
	if (json_is_object(extra)) {
		struct strbuf text = STRBUF_INIT;

		json_write_python(&text, extra);
		m->extra = strbuf_take(&text);
	}
	import_time(json_get(own, "created_ms"), &m->created_ms);
	json_number(json_get(own, "seconds"), &seconds);
	m->seconds = seconds > 0 ? seconds : 0;
	return get_ids(m, json_get(own, "ids"), err);
}

int import_own(struct message *m, const struct json *v, struct error *err)
{
	const struct json *own = json_get(v, "confab");
	const struct json *list = json_get(json_get(v, "logprobs"), "content");

	if (own && get_own(m, own, err))
		return -1;
	return has_ids(list) ? get_odds(m, list, err) : 0;
}
