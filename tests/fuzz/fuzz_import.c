/*
 * fuzz_import.c - any bytes are refused with a reason, or are conversations
 * that keep the tree's rules and survive being exported and imported again
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "base/utf8.h"
#include "library/conversation.h"
#include "library/export.h"
#include "library/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct conversation *c)
{
	struct message **path;

	if (!c->n || c->id || !c->title)
		abort();
	for (size_t i = 0; i < c->n; i++) {
		const struct message *m = c->messages[i];

		if (m->id < 0 || (i && m->id <= c->messages[i - 1]->id) ||
		    m->parent >= m->id || m->n_odds > m->ids.n ||
		    (m->parent != -1 && !conversation_message(c, m->parent)) ||
		    m->state == MESSAGE_OPEN ||
		    !utf8_valid(m->text.bytes, m->text.len))
			abort();
	}
	if (!conversation_message(c, c->leaf))
		abort();
	if (!conversation_path(c, &path))
		abort();
	free(path);
}

static void same(const struct conversation *a, const struct conversation *b)
{
	if (a->n != b->n || a->leaf != b->leaf)
		abort();
	for (size_t i = 0; i < a->n; i++) {
		const struct message *x = a->messages[i], *y = b->messages[i];

		if (x->id != y->id || x->parent != y->parent ||
		    x->role != y->role || x->text.len != y->text.len ||
		    memcmp(x->text.bytes, y->text.bytes, x->text.len) ||
		    x->ids.n != y->ids.n || x->n_odds != y->n_odds)
			abort();
	}
}

static void again(const struct conversation *c, enum export_format format)
{
	struct strbuf text = STRBUF_INIT;
	struct conversation **list;
	size_t n;

	export_conversation(&text, c, format, NULL);
	if (import_text(text.bytes, text.len, "again", &list, &n, NULL) ||
	    n != 1)
		abort();
	same(c, list[0]);
	import_free(list, n);
	strbuf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conversation **list;
	struct error err = { "" };
	struct strbuf page = STRBUF_INIT;
	size_t n;

	if (import_text((const char *)data, size, "fuzz", &list, &n, &err)) {
		if (strncmp(err.text, "fuzz: ", 6))
			abort();
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		check(list[i]);
		again(list[i], EXPORT_JSON);
		again(list[i], EXPORT_JSONL);
		export_conversation(&page, list[i], EXPORT_HTML, NULL);
		export_conversation(&page, list[i], EXPORT_MARKDOWN, NULL);
	}
	import_free(list, n);
	strbuf_free(&page);
	return 0;
}
