#include "library/reply.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "library/thinking.h"
#include "text/tokenizer.h"

bool reply_is_stop(const struct engine_model *model, int id)
{
	for (size_t i = 0; i < model->n_stop_ids; i++)
		if (model->stop_ids[i] == id)
			return true;
	return false;
}

void reply_odds(struct token_odds *odds, const struct sample *sample)
{
	odds->id = sample->id;
	odds->logprob = (float)sample->logprob;
	odds->entropy = (float)sample->entropy;
	odds->rank = sample->rank;
	odds->sampled_prob = (float)sample->sampled_prob;
	odds->n_top = 0;
	for (int i = 0; i < sample->n_top && i < TOKEN_TOP; i++) {
		const struct candidate *from = &sample->top[i];
		unsigned penalised = from->penalised ? TOKEN_PENALISED : 0;

		odds->top[odds->n_top++] = (struct token_candidate){
			.id = from->id,
			.logprob = from->logprob,
			.sampled_prob = (float)from->sampled_prob,
			.cut = (uint8_t)(from->cut | penalised),
		};
	}
}

void reply_add_token(struct message *m, const struct sample *sample)
{
	while (m->n_odds < m->ids.n)
		message_add_odds(m);
	ids_add(&m->ids, sample->id);
	reply_odds(message_add_odds(m), sample);
}

enum message_state reply_state(enum engine_finish finish)
{
	switch (finish) {
	case ENGINE_STOP:
		return MESSAGE_DONE;
	case ENGINE_LENGTH:
		return MESSAGE_LENGTH;
	case ENGINE_CANCELLED:
		break;
	}
	return MESSAGE_INTERRUPTED;
}

static void add_number(struct strbuf *out, const char *key, float number)
{
	strbuf_printf(out, "\"%s\": ", key);
	json_write_float(out, number);
	strbuf_add_str(out, ", ");
}

static const char *const thinking_names[] = { "default", "on", "off" };

static enum chat_thinking thinking_of(const struct message *m,
                                      const struct reply_notes *notes,
                                      enum chat_thinking now)
{
	return m->ids.n && notes->has_think ? notes->think : now;
}

/* Of a reply that goes on: all that it has where something changed, else those of
 * which that was so before. */
static void add_tokens(struct strbuf *out, const char *key,
                       const struct message *m, bool changed, size_t before)
{
	size_t n = changed || before > m->ids.n ? m->ids.n : before;

	if (n)
		strbuf_printf(out, ", \"%s\": %zu", key, n);
}

/* What of its tokens is not as these settings and weights have it. */
static void add_earlier(struct strbuf *out, const struct message *m,
                        const struct reply_notes *before,
                        const struct sampler_settings *now,
                        uint64_t fingerprint)
{
	add_tokens(out, "earlier", m,
	           before->has_sampling &&
	                   !reply_same_sampling(&before->sampling, now),
	           before->earlier);
	add_tokens(out, "other_weights", m,
	           before->model_fingerprint &&
	                   before->model_fingerprint != fingerprint,
	           before->other_weights);
}

/* Spaced as json_write_python() does: what was written out and read in again is
 * the same string. */
void reply_begin(struct message *m, const struct engine_model *model,
                 const struct sampler_settings *sampling,
                 enum chat_thinking think)
{
	const char *chat_template =
		model->chat_template ? model->chat_template : "";
	struct strbuf out = STRBUF_INIT;
	struct reply_notes before;

	reply_read_notes(&before, m->extra);
	think = thinking_of(m, &before, think);
	strbuf_add_char(&out, '{');
	add_number(&out, "temperature", sampling->temperature);
	strbuf_printf(&out, "\"top_k\": %d, ", sampling->top_k);
	add_number(&out, "top_p", sampling->top_p);
	add_number(&out, "min_p", sampling->min_p);
	add_number(&out, "presence_penalty", sampling->presence_penalty);
	add_number(&out, "repeat_penalty", sampling->repeat_penalty);
	strbuf_printf(&out, "\"seed\": \"%llu\", ",
	              (unsigned long long)sampling->seed);
	strbuf_printf(&out, "\"model_fingerprint\": \"%016llx\", ",
	              (unsigned long long)model->fingerprint);
	strbuf_printf(&out, "\"template_fingerprint\": \"%016llx\", ",
	              (unsigned long long)hash64(chat_template,
	                                         strlen(chat_template)));
	strbuf_printf(&out, "\"think\": \"%s\"", thinking_names[think]);
	add_earlier(&out, m, &before, sampling, model->fingerprint);
	strbuf_add_char(&out, '}');
	free(m->extra);
	m->extra = strbuf_take(&out);
	free(m->model);
	m->model = mem_strdup(model->name);
	if (before.think_seconds >= 0 && thinking_is_over(&m->text))
		reply_note_thinking(m, before.think_seconds);
}

void reply_note_thinking(struct message *m, double seconds)
{
	size_t len = m->extra ? strlen(m->extra) : 0;
	struct strbuf out = STRBUF_INIT;

	if (!len || m->extra[len - 1] != '}')
		return;
	strbuf_add(&out, m->extra, len - 1);
	strbuf_add_str(&out, ", \"think_seconds\": ");
	json_write_number(&out, round(seconds * 1e3) / 1e3);
	strbuf_add_char(&out, '}');
	free(m->extra);
	m->extra = strbuf_take(&out);
}

static void read_float(const struct json *object, const char *key, float *out)
{
	double number;

	if (json_number(json_get(object, key), &number))
		*out = (float)number;
}

static void read_sampling(struct sampler_settings *s, const struct json *object)
{
	int64_t top_k;

	read_float(object, "temperature", &s->temperature);
	if (json_integer(json_get(object, "top_k"), &top_k) && top_k > 0 &&
	    top_k <= INT32_MAX)
		s->top_k = (int)top_k;
	read_float(object, "top_p", &s->top_p);
	read_float(object, "min_p", &s->min_p);
	read_float(object, "presence_penalty", &s->presence_penalty);
	read_float(object, "repeat_penalty", &s->repeat_penalty);
}

static void read_tokens(size_t *n, const struct json *number)
{
	int64_t value;

	if (json_integer(number, &value) && value > 0)
		*n = (size_t)value;
}

static void read_thinking(struct reply_notes *notes, const char *name)
{
	for (int i = 0; name && i < 3; i++) {
		if (strcmp(name, thinking_names[i]))
			continue;
		notes->has_think = true;
		notes->think = (enum chat_thinking)i;
	}
}

void reply_read_notes(struct reply_notes *notes, const char *extra)
{
	struct json *object = NULL;
	const char *fingerprint;

	*notes = (struct reply_notes){ .sampling = { .top_p = 1,
		                                     .repeat_penalty = 1 },
		                       .think_seconds = -1 };
	if (extra)
		object = json_parse(extra, strlen(extra), "message", NULL);
	json_number(json_get(object, "think_seconds"), &notes->think_seconds);
	fingerprint = json_string(json_get(object, "model_fingerprint"));
	if (fingerprint)
		notes->model_fingerprint = strtoull(fingerprint, NULL, 16);
	read_thinking(notes, json_string(json_get(object, "think")));
	read_tokens(&notes->earlier, json_get(object, "earlier"));
	read_tokens(&notes->other_weights, json_get(object, "other_weights"));
	notes->has_sampling = json_is_number(json_get(object, "temperature"));
	if (notes->has_sampling)
		read_sampling(&notes->sampling, object);
	json_free(object);
}

enum chat_thinking reply_thinking(const struct message *m,
                                  enum chat_thinking now)
{
	struct reply_notes notes;

	reply_read_notes(&notes, m->extra);
	return thinking_of(m, &notes, now);
}

bool reply_same_sampling(const struct sampler_settings *a,
                         const struct sampler_settings *b)
{
	if (a->presence_penalty != b->presence_penalty ||
	    a->repeat_penalty != b->repeat_penalty ||
	    a->temperature != b->temperature)
		return false;
	/* Greedy asks for nothing else. */
	return a->temperature == 0 ||
	       (a->top_k == b->top_k && a->top_p == b->top_p &&
	        a->min_p == b->min_p);
}

bool reply_ids_hold(const struct message *m, const struct tokenizer *t)
{
	struct tokenizer_stream stream = { .n_held = 0 };
	struct strbuf text = STRBUF_INIT;
	bool hold = m->ids.n > 0;

	for (size_t i = 0; i < m->ids.n && hold; i++) {
		int id = m->ids.data[i];
		size_t len;
		const char *bytes = tokenizer_bytes(t, id, &len);

		hold = bytes && !tokenizer_is_special(t, id);
		if (hold)
			tokenizer_stream_add(&stream, bytes, len, &text);
	}
	/* Half a character at the end is shown when no more can come. */
	if (text.len != m->text.len)
		tokenizer_stream_end(&stream, &text);
	hold = hold && text.len == m->text.len &&
	       !memcmp(text.bytes, m->text.bytes, text.len);
	strbuf_free(&text);
	return hold;
}

bool reply_is_by(const struct message *m, const struct engine_model *model)
{
	return m->model && !strcmp(m->model, model->name);
}

struct chat_message reply_as_chat(const struct message *m,
                                  const struct engine_model *model)
{
	struct chat_message out = {
		.role = message_role_name(m->role),
		.content = m->text.bytes,
		.content_len = m->text.len,
	};

	if (m->role == ROLE_ASSISTANT && reply_is_by(m, model) &&
	    reply_ids_hold(m, model->tokenizer)) {
		out.ids = m->ids.data;
		out.n_ids = m->ids.n;
	}
	return out;
}

bool reply_ids_end_text(const struct message *m, const struct tokenizer *t)
{
	size_t end = m->text.len;

	for (size_t i = m->ids.n; i-- > 0;) {
		size_t len = 0;
		const char *bytes = tokenizer_bytes(t, m->ids.data[i], &len);

		if (!bytes || len > end ||
		    memcmp(m->text.bytes + end - len, bytes, len))
			return false;
		end -= len;
	}
	return true;
}
