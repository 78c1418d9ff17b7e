/*
 * export.h - a conversation as a file for others
 *
 *	md	the current branch as Markdown
 *	html	the current branch as one page without scripts: probabilities as
 *		heat and on hover, light or dark as the reader's system
 *	json	OpenAI's messages, with logprobs.content[] as in its chat
 *		completion object; the other branches and what OpenAI has no
 *		name for are in members called "confab"
 *	jsonl	a session a file: a header line, then a message a line, with
 *		parents; Hugging Face's Session Trace Simple Format, which
 *		llama.cpp's web UI writes and reads
 *
 * json and jsonl hold all there is: import.h gives the same tree back.  Text is
 * written as it is, bidi controls and all.
 */
#ifndef CONFAB_EXPORT_H
#define CONFAB_EXPORT_H

struct conversation;
struct strbuf;
struct tokenizer;

enum export_format { EXPORT_MARKDOWN, EXPORT_JSON, EXPORT_JSONL, EXPORT_HTML };

/* "md", "json", "jsonl", "html"; -1: none of them.  The second goes by what
 * follows the last dot of a path. */
int export_format_named(const char *name);
int export_format_of_path(const char *path);
const char *export_format_title(enum export_format format); /* "Markdown" */

/* Conversations keep ids, and only a tokenizer knows what they stand for. */
struct export_tokens {
	/* The tokenizer of the model with that name, or NULL: its tokens are
	 * exported as ids without text.  "": the one at hand, for tokens of an
	 * imported text, which no model wrote. */
	const struct tokenizer *(*of)(void *arg, const char *model);
	void *arg;
};

/* Appends the file. */
void export_conversation(struct strbuf *out, const struct conversation *c,
                         enum export_format format,
                         const struct export_tokens *tokens);

#endif
