/*
 * import_parts.h - what the formats of import.h share; nobody else includes it
 *
 * Errors name the member ("messages[3].content: ..."); import.c puts the file
 * and the line in front.
 */
#ifndef CONFAB_IMPORT_PARTS_H
#define CONFAB_IMPORT_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conversation;
struct error;
struct import_node;
struct import_tree;
struct json;
struct message;
struct strbuf;

/* One conversation as an object, or as a list of messages.  NULL: err. */
struct conversation *import_openai(const struct json *v, struct error *err);
struct conversation *import_sharegpt(const struct json *v, struct error *err);
struct conversation *import_conv(const struct json *v, struct error *err);

/* A session's records, one at a time. */
int import_session_begin(struct import_tree *tree, const struct json *header,
                         struct error *err);
int import_session_message(struct import_tree *tree, const struct json *record,
                           struct error *err);

/* One message, as OpenAI, a session or ShareGPT has it, at the end of the tree.
 * It follows the one before until the caller says otherwise. */
struct import_node *import_message(struct import_tree *tree,
                                   const struct json *v, struct error *err);
int import_turn(struct import_tree *tree, const struct json *v,
                struct error *err);

/* The member "confab" and the logprobs of a message, where there are any. */
int import_own(struct message *m, const struct json *v, struct error *err);

/* A time in milliseconds, now at the latest: what lies ahead would stay the newest.
 * False where there is none. */
bool import_time(const struct json *v, int64_t *ms);

/* Members that conversations have; a title is made one line. */
void import_title(struct conversation *c, const struct json *title);
void import_times(struct import_tree *tree, const struct json *created,
                  const struct json *updated);

#endif
