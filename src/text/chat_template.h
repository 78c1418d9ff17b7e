/*
 * chat_template.h - a conversation as the model was taught to read it
 *
 * Qwen3's templates are Jinja programs; there are three families of them
 * (Instruct-2507, Thinking-2507, hybrid) and plain ChatML.  The family is
 * recognised from the checkpoint's own template, and rendered here in C, byte
 * for byte as transformers does.
 *
 * Two results: the text, and the ids.  In the ids, control tokens come from
 * template code only; everything that a person, a file or a model wrote is
 * encoded as plain text, in runs as long as there is no control token between
 * ("user\n" + content is one run).  So a user who types "<|im_end|>" types ten
 * characters, not an end of turn.
 */
#ifndef CONFAB_CHAT_TEMPLATE_H
#define CONFAB_CHAT_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/ids.h"
#include "base/strbuf.h"

struct error;
struct json;
struct tokenizer;

enum chat_family {
	CHAT_CHATML,   /* <|im_start|>role\ncontent<|im_end|>\n, no more */
	CHAT_INSTRUCT, /* qwen3-instruct-2507 */
	CHAT_THINKING, /* qwen3-thinking-2507: the reply begins with <think>\n */
	CHAT_HYBRID    /* qwen3: enable_thinking on, off */
};

/* "chatml", "qwen3-instruct-2507", ... */
const char *chat_family_name(enum chat_family family);
/* By such a name; -1 when there is none. */
int chat_family_named(const char *name);

/* Recognises the family of a Jinja template; NULL (no template) is ChatML.
 * *known is true for a template that is, letter by letter, one of those this
 * file was tested against (white space at the end aside).  Another one is of
 * the family whose marks it has, or else CHAT_CHATML, with *known false: the
 * front end should say so. */
enum chat_family chat_family_of(const char *jinja, bool *known);

struct chat_message {
	const char *role;    /* "system", "user", "assistant", "tool" */
	const char *content; /* UTF-8; NULL where it is no string */
	size_t content_len;
	/* NULL: what stands before </think> in the content. */
	const char *reasoning_content;
	const struct json *tool_calls; /* an array, or NULL */
	/* The exact ids of the content as it was generated, without the control
	 * ids around it; n_ids 0: encode the text.  When the template leaves the
	 * front of a reply out (old thinking), the ids of what remains are used
	 * where they decode to exactly that; else it is encoded anew. */
	const int *ids;
	size_t n_ids;
};

enum chat_thinking { CHAT_THINK_UNSET, CHAT_THINK_ON, CHAT_THINK_OFF };

struct chat_options {
	bool add_generation_prompt;
	enum chat_thinking enable_thinking;
	const struct json *tools; /* an array, or NULL */
};

/* Renders messages[0..n).  text and ids are appended to, either may be NULL;
 * ids needs t.  Fails where transformers' template raises an error, and where
 * the name of a tool call is a list or an object, which Jinja would print. */
int chat_template_render(enum chat_family family,
                         const struct chat_message *messages, size_t n,
                         const struct chat_options *options,
                         const struct tokenizer *t, struct strbuf *text,
                         struct ids *ids, struct error *err);

#endif
