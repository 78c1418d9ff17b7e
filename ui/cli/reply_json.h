/*
 * reply_json.h - tokens and replies as lines of JSON
 *
 * The shape of `confab -p TEXT --json`, which scripts rely on: see JSON in the
 * manual page.  Figures are those that the sampler used: log-probabilities and
 * entropy in nats, at temperature 1, over the ids that have a token.
 */
#ifndef CONFAB_REPLY_JSON_H
#define CONFAB_REPLY_JSON_H

#include <stddef.h>

struct engine_event;
struct strbuf;
struct tokenizer;

/* Appends the line of an ENGINE_TOKEN event. */
void reply_json_token(struct strbuf *out, size_t turn,
                      const struct engine_event *event,
                      const struct tokenizer *t);

/* Appends the line of an ENGINE_FINISHED event.  text: [len], the whole reply.
 * conversation: its id, or NULL. */
void reply_json_end(struct strbuf *out, size_t turn,
                    const struct engine_event *event, const char *text,
                    size_t len, const char *conversation);

/* Appends "text":"..." of a token, its bytes made well-formed; nothing where t
 * is NULL. */
void reply_json_text(struct strbuf *out, const struct tokenizer *t, int id);

#endif
