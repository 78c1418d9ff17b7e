#include "ui/code_blocks.h"

#include <stdlib.h>

#include "library/conversation.h"
#include "ui/cells/document.h"
#include "ui/thought.h"

/* Looks into one reply; gives the number of its code blocks. */
static int look(const struct message *m, int index, struct strbuf *out,
                struct strbuf *language, int *found)
{
	struct thought thought = thought_find(m->text.bytes, m->text.len, false);
	const char *text = m->text.bytes + thought.body;
	struct document d = { 0 };
	int n;

	document_update(&d, text, m->text.len - thought.body);
	n = document_n_codes(&d);
	if (index >= 0 && index < n)
		*found = document_code(&d, text, index, out, language);
	document_free(&d);
	return n;
}

int code_block(const struct conversation *c, int number, struct strbuf *out,
               struct strbuf *language)
{
	struct message **path;
	size_t n = conversation_path(c, &path);
	int index = number - 1, found = -1;

	for (size_t i = 0; i < n && index >= 0 && found; i++)
		if (path[i]->role == ROLE_ASSISTANT)
			index -= look(path[i], index, out, language, &found);
	free(path);
	return found;
}
