/*
 * export_parts.h - what the formats of export.h share; nobody else includes it
 */
#ifndef CONFAB_EXPORT_PARTS_H
#define CONFAB_EXPORT_PARTS_H

#include <stddef.h>

struct conversation;
struct export_tokens;
struct message;
struct strbuf;
struct token_candidate;
struct tokenizer;

void export_markdown(struct strbuf *out, const struct conversation *c);
void export_json(struct strbuf *out, const struct conversation *c,
                 const struct export_tokens *tokens);
void export_session(struct strbuf *out, const struct conversation *c,
                    const struct export_tokens *tokens);
void export_html(struct strbuf *out, const struct conversation *c,
                 const struct export_tokens *tokens);

/* A string of JSON.  import.h, like many readers, refuses "\u0000": a byte 0
 * becomes U+FFFD. */
void export_text(struct strbuf *out, const char *bytes, size_t len);

/* "key":"text", with a comma behind it; nothing where text is NULL. */
void export_string(struct strbuf *out, const char *key, const char *text);

/* What cut the candidate: "top_k", ...; "" nothing. */
const char *export_cut(const struct token_candidate *c);

/* ,"logprobs":{"content":[...]} where the message has odds. */
void export_logprobs(struct strbuf *out, const struct message *m,
                     const struct tokenizer *t);

/* ,"confab":{...}: the rest of what a message is. */
void export_own(struct strbuf *out, const struct message *m);

/* The tokenizer that the ids of a message belong to, or NULL.  A person's
 * message has those of the model that answered it. */
const struct tokenizer *export_tokenizer(const struct export_tokens *tokens,
                                         const struct conversation *c,
                                         const struct message *m);

/* How a message that is not whole ended, for a reader; NULL: it is whole. */
const char *export_ending(const struct message *m);

/* The title, or what stands for none. */
const char *export_title(const struct conversation *c);

/* "2026-11-24 14:05", local time. */
void export_time(struct strbuf *out, long long ms);

#endif
