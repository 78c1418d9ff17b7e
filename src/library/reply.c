#include "library/reply.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/strbuf.h"
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

		odds->top[odds->n_top++] = (struct token_candidate){
			.id = from->id,
			.logprob = from->logprob,
			.sampled_prob = (float)from->sampled_prob,
			.cut = (uint8_t)from->cut,
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

/* Spaced as json_write_python() does: what was written out and read in again is
 * the same string. */
void reply_begin(struct message *m, const struct engine_model *model,
                 const struct sampler_settings *sampling)
{
	const char *chat_template =
		model->chat_template ? model->chat_template : "";
	struct strbuf out = STRBUF_INIT;

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
	strbuf_printf(&out, "\"template_fingerprint\": \"%016llx\"}",
	              (unsigned long long)hash64(chat_template,
	                                         strlen(chat_template)));
	free(m->extra);
	m->extra = strbuf_take(&out);
	free(m->model);
	m->model = mem_strdup(model->name);
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
	tokenizer_stream_end(&stream, &text);
	hold = hold && text.len == m->text.len &&
	       !memcmp(text.bytes, m->text.bytes, text.len);
	strbuf_free(&text);
	return hold;
}
