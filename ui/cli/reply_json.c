#include "ui/cli/reply_json.h"

#include <string.h>

#include "base/json.h"
#include "base/strbuf.h"
#include "engine/engine.h"
#include "text/tokenizer.h"

static const char *finish_name(enum engine_finish finish)
{
	switch (finish) {
	case ENGINE_STOP:
		return "stop";
	case ENGINE_LENGTH:
		return "length";
	case ENGINE_CANCELLED:
		break;
	}
	return "cancelled";
}

static void add_number(struct strbuf *out, const char *key, double number)
{
	strbuf_printf(out, ",\"%s\":", key);
	json_write_number(out, number);
}

void reply_json_text(struct strbuf *out, const struct tokenizer *t, int id)
{
	size_t len = 0;
	const char *bytes = t ? tokenizer_bytes(t, id, &len) : NULL;

	if (!t)
		return;
	strbuf_add_str(out, "\"text\":");
	json_write_string(out, bytes ? bytes : "", bytes ? len : 0);
}

static void add_candidate(struct strbuf *out, const struct candidate *c,
                          const struct tokenizer *t)
{
	strbuf_printf(out, "{\"id\":%d,", c->id);
	reply_json_text(out, t, c->id);
	strbuf_add_str(out, ",\"logprob\":");
	json_write_float(out, c->logprob);
	add_number(out, "sampled_prob", c->sampled_prob);
	strbuf_add_char(out, '}');
}

void reply_json_token(struct strbuf *out, size_t turn,
                      const struct engine_event *event,
                      const struct tokenizer *t)
{
	const struct sample *sample = &event->token.sample;
	const char *bytes = event->token.bytes;

	strbuf_printf(out, "{\"type\":\"token\",\"turn\":%zu,\"id\":%d,", turn,
	              sample->id);
	strbuf_add_str(out, "\"text\":");
	json_write_string(out, bytes, event->token.len);
	strbuf_add_str(out, ",\"bytes\":[");
	for (size_t i = 0; i < event->token.len; i++)
		strbuf_printf(out, "%s%d", i ? "," : "",
		              (unsigned char)bytes[i]);
	strbuf_add_char(out, ']');
	add_number(out, "logprob", sample->logprob);
	add_number(out, "entropy", sample->entropy);
	strbuf_printf(out, ",\"rank\":%d,\"top\":[", sample->rank);
	for (int i = 0; i < sample->n_top; i++) {
		if (i)
			strbuf_add_char(out, ',');
		add_candidate(out, &sample->top[i], t);
	}
	strbuf_add_str(out, "]}\n");
}

void reply_json_end(struct strbuf *out, size_t turn,
                    const struct engine_event *event, const char *text,
                    size_t len, const char *conversation)
{
	strbuf_printf(out, "{\"type\":\"reply\",\"turn\":%zu,\"text\":", turn);
	json_write_string(out, text, len);
	strbuf_printf(out,
	              ",\"finish\":\"%s\",\"prompt_tokens\":%zu,"
	              "\"reused_tokens\":%zu,\"reply_tokens\":%zu",
	              finish_name(event->finished.reason),
	              event->finished.prompt_tokens,
	              event->finished.reused_tokens,
	              event->finished.reply_tokens);
	add_number(out, "prefill_seconds", event->finished.prefill_seconds);
	add_number(out, "decode_seconds", event->finished.decode_seconds);
	strbuf_add_str(out, ",\"conversation\":");
	if (conversation)
		json_write_string(out, conversation, strlen(conversation));
	else
		strbuf_add_str(out, "null");
	strbuf_add_str(out, "}\n");
}
