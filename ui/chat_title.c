#include "ui/chat_title.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "library/conversation.h"
#include "library/reply.h"
#include "ui/chat.h"
#include "ui/chat_prompt.h"
#include "ui/cli/options.h"

#define IDLE       2.0 /* seconds after a reply */
#define MAX_TOKENS 24
#define MAX_BYTES  80

static const char request[] =
	"Write a title for this conversation, of at most six words. "
	"Answer with the title alone.";

static bool is_wanted(const struct chat *chat)
{
	bool on = false;

	settings_switch(chat->options->settings, "auto_title", &on);
	return on;
}

void chat_title_wish(struct chat *chat)
{
	const struct conversation *c = chat->conversation;

	/* A model that always thinks first would take too long. */
	if (chat->family != CHAT_THINKING && is_wanted(chat) &&
	    conversation_title_is_auto(c))
		chat->title.due = clock_seconds() + IDLE;
}

/* The conversation with the request at its end.  It is a message only for as
 * long as it takes to render it. */
static int make_prompt(struct chat *chat)
{
	struct conversation *c = chat->conversation;
	int64_t leaf = c->leaf, updated_ms = c->updated_ms, id;
	enum chat_thinking think = chat->think;
	int status;

	id = conversation_add(c, leaf, ROLE_USER, request, strlen(request))->id;
	chat->think = CHAT_THINK_OFF;
	chat->prompt.n = 0;
	status = chat_prompt_render(chat, id, true, NULL, &chat->prompt, NULL);
	chat->think = think;
	conversation_remove(c, id);
	c->leaf = leaf;
	c->updated_ms = updated_ms;
	return status;
}

static void begin(struct chat *chat)
{
	struct sampler_settings greedy = { .top_p = 1, .repeat_penalty = 1 };

	chat->title.due = 0;
	if (make_prompt(chat) ||
	    chat->prompt.n + MAX_TOKENS > chat->model->context)
		return;
	strbuf_clear(&chat->title.text);
	chat->title.stream = (struct tokenizer_stream){ .n_held = 0 };
	chat_generate(chat, CHAT_TITLING, 0, &greedy, MAX_TOKENS);
}

double chat_title_tick(struct chat *chat)
{
	double left = chat->title.due - clock_seconds();

	if (chat->title.due == 0 || chat->state != CHAT_READY)
		return -1;
	if (left > 0)
		return left;
	begin(chat);
	return -1;
}

void chat_title_stop(struct chat *chat)
{
	chat->title.due = 0;
	if (chat->state == CHAT_TITLING)
		chat_interrupt(chat);
}

/* The first line, without the quotes and the full stop that models like. */
static char *clean(const struct strbuf *text)
{
	static const char around[] = " \t\"'*#.`";
	const char *begin = text->bytes + strspn(text->bytes, " \n\t\"'*#`");
	size_t n = strcspn(begin, "\r\n");

	if (n > MAX_BYTES)
		for (n = MAX_BYTES;
		     n && ((unsigned char)begin[n] & 0xc0) == 0x80;)
			n--;
	while (n && strchr(around, begin[n - 1]))
		n--;
	return mem_dup(begin, n);
}

static void use(struct chat *chat)
{
	char *title = clean(&chat->title.text);

	if (!*title) {
		free(title);
		return;
	}
	free(chat->conversation->title);
	chat->conversation->title = title;
	chat_save(chat);
}

void chat_title_event(struct chat *chat, const struct engine_event *event)
{
	struct chat_title *t = &chat->title;

	if (event->type == ENGINE_TOKEN &&
	    !reply_is_stop(chat->model, event->token.sample.id)) {
		tokenizer_stream_add(&t->stream, event->token.bytes,
		                     event->token.len, &t->text);
	} else if (event->type == ENGINE_FINISHED) {
		chat_end_request(chat);
		tokenizer_stream_end(&t->stream, &t->text);
		if (event->finished.reason != ENGINE_CANCELLED)
			use(chat);
		chat_say_next(chat);
	}
}
