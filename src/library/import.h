/*
 * import.h - conversations out of other programs' files
 *
 *	OpenAI messages	[{"role","content"}..], {"messages":[..]}, or a list of
 *			those; as JSONL a conversation a line, or a message a line
 *	sessions	a {"type":"session"} line and {"type":"message"} lines:
 *			Hugging Face's Session Trace Simple Format, which
 *			llama.cpp's web UI exports, branches kept; also that
 *			program's former {"conv","messages"}
 *	ShareGPT	{"conversations":[{"from","value"}..]}, or a list of those
 *	confab's own	json and jsonl of export.h: the same tree, ids and odds
 *
 * What a file is shows in its first value; nobody has to say.  Content is text
 * and stays text, whatever control tokens it spells.  Tool calls and parts that
 * are no text are kept as text: <tool_call> as Qwen3 writes them, "[image_url]".
 */
#ifndef CONFAB_IMPORT_H
#define CONFAB_IMPORT_H

#include <stddef.h>

struct conversation;
struct error;

#define IMPORT_MAX_BYTES ((size_t)1 << 30)

/* Reads a file ("-": standard input) into a list of conversations without ids,
 * [*n], each and the list yours to free.  All or nothing: an error names the
 * file, the line, and the member at fault. */
int import_file(const char *path, struct conversation ***list, size_t *n,
                struct error *err);

/* The same from memory; what names the text in errors. */
int import_text(const char *text, size_t len, const char *what,
                struct conversation ***list, size_t *n, struct error *err);

void import_free(struct conversation **list, size_t n);

#endif
