#include "ui/chat_prompt.h"

#include <stdlib.h>

#include "base/mem.h"
#include "library/conversation.h"
#include "library/reply.h"
#include "ui/chat.h"

int64_t chat_prompt_first(const struct chat *chat, int64_t last)
{
	const struct conversation *c = chat->conversation;
	const struct message *m = conversation_message(c, last);

	while (m && m->id > chat->first_seen) /* parents have smaller ids */
		m = conversation_message(c, m->parent);
	return m && m->id == chat->first_seen ? m->id : -1;
}

/* The path from the root to a message, without what is not to be seen. */
static size_t collect(const struct chat *chat, int64_t last,
                      struct chat_message **out)
{
	const struct conversation *c = chat->conversation;
	int64_t first = chat_prompt_first(chat, last);
	const struct message *m;
	size_t n = 0, i;

	for (m = conversation_message(c, last); m;
	     m = conversation_message(c, m->parent))
		n += m->id >= first || m->role == ROLE_SYSTEM;
	*out = mem_zalloc(n, sizeof **out);
	i = n;
	for (m = conversation_message(c, last); m;
	     m = conversation_message(c, m->parent))
		if (m->id >= first || m->role == ROLE_SYSTEM)
			(*out)[--i] = reply_as_chat(m, chat->model);
	return n;
}

static int render(const struct chat *chat, int64_t last,
                  const struct chat_options *options, struct strbuf *text,
                  struct ids *ids, struct error *err)
{
	struct chat_message *messages;
	size_t n = collect(chat, last, &messages);
	int result;

	result = chat_template_render(chat->family, messages, n, options,
	                              chat->model->tokenizer, text, ids, err);
	free(messages);
	return result;
}

int chat_prompt_render(const struct chat *chat, int64_t last, bool reply,
                       struct strbuf *text, struct ids *ids, struct error *err)
{
	struct chat_options options = { .add_generation_prompt = reply,
		                        .enable_thinking = chat->think };

	return render(chat, last, &options, text, ids, err);
}

int chat_prompt_before(const struct chat *chat, const struct message *m,
                       struct ids *ids, struct error *err)
{
	struct chat_options options = {
		.add_generation_prompt = true,
		.enable_thinking = reply_thinking(m, chat->think),
	};

	return render(chat, m->parent, &options, NULL, ids, err);
}

int chat_prompt_line(const struct chat *chat, struct ids *ids)
{
	const struct conversation *c = chat->conversation;
	const struct message *m = conversation_message(c, c->leaf);

	if (!m)
		return -1;
	if (m->role != ROLE_ASSISTANT || !chat_ids_hold(chat, m))
		return chat_prompt_render(chat, m->id, true, NULL, ids, NULL);
	if (chat_prompt_before(chat, m, ids, NULL))
		return -1;
	ids_append(ids, m->ids.data, m->ids.n);
	return 0;
}
