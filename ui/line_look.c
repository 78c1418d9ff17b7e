#include "ui/line_look.h"

#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"
#include "library/conversation.h"
#include "ui/branch_map.h"
#include "ui/chat.h"
#include "ui/commands.h"
#include "ui/heat_lines.h"
#include "ui/line_tokens.h"
#include "ui/text_find.h"
#include "ui/transcript.h"

#define AROUND 100 /* bytes of a line that are told on each side of a match */

void line_look_init(struct line_look *look)
{
	*look = (struct line_look){ .message = -1, .token = SIZE_MAX };
}

void line_look_free(struct line_look *look)
{
	transcript_item_free(&look->item);
}

void line_look_reset(struct line_look *look)
{
	transcript_item_free(&look->item);
	look->item = (struct transcript_item){ 0 };
	look->message = -1;
	look->token = SIZE_MAX;
	look->after = ACTION_NONE;
}

struct transcript_item *line_look_item(struct line_look *look,
                                       const struct chat *chat,
                                       const struct message *m)
{
	struct transcript_item *item = &look->item;

	if (item->message != m || item->id != m->id)
		transcript_item_begin(item, m);
	item->number = conversation_place(chat->conversation, m->id) + 1;
	reply_read_notes(&item->notes, m->extra);
	transcript_item_spans(item, chat);
	return item;
}

void line_look_place(const struct command_host *host)
{
	struct chat *chat = host->chat;
	const struct conversation *c = chat->conversation;
	const struct message *m = conversation_message(c, c->leaf);
	struct strbuf words = STRBUF_INIT;

	if (!m || chat_is_busy(chat) || chat->notice.len)
		return;
	message_first_words(m, BRANCH_MAP_WORDS, &words);
	chat_notice(chat, "the last message is number %zu now, %s: %s",
	            conversation_place(c, m->id) + 1, message_speaker(m),
	            words.bytes);
	strbuf_free(&words);
}

/* ---- finding ---- */

/* The line that has a match, or of a long one the words around it. */
static struct text_range line_around(const struct strbuf *text,
                                     const struct text_range *match)
{
	size_t begin = match->begin, end = match->end;
	size_t first = begin > AROUND ? begin - AROUND : 0;
	size_t last = text->len - end > AROUND ? end + AROUND : text->len;

	while (begin > first && text->bytes[begin - 1] != '\n')
		begin--;
	while (begin == first && begin > 0 && begin < match->begin &&
	       !strchr(" \n", text->bytes[begin - 1]))
		first = ++begin;
	while (end < last && text->bytes[end] != '\n')
		end++;
	while (end == last && end < text->len && end > match->end &&
	       !strchr(" \n", text->bytes[end]))
		last = --end;
	return (struct text_range){ (uint32_t)begin, (uint32_t)end };
}

/* The lines of a message that have it; how often they do. */
static size_t add_matches(struct strbuf *out, const struct message *m,
                          size_t number, const char *query)
{
	struct text_range match = { 0, 0 };
	size_t told = 0, n = 0;

	for (; text_find(&m->text, match.end, query, &match); n++) {
		struct text_range r;

		if (match.begin < told)
			continue;
		r = line_around(&m->text, &match);
		strbuf_printf(out, "%zu %s: ", number, message_speaker(m));
		strbuf_add(out, m->text.bytes + r.begin, r.end - r.begin);
		strbuf_add_char(out, '\n');
		told = r.end;
	}
	return n;
}

/* Every message of the current path. */
static size_t search(struct strbuf *out, const struct conversation *c,
                     const char *query)
{
	struct message **path;
	size_t n = conversation_path(c, &path), n_matches = 0;

	for (size_t i = 0; i < n; i++)
		n_matches += add_matches(out, path[i],
		                         conversation_place(c, path[i]->id) + 1,
		                         query);
	free(path);
	return n_matches;
}

static void find(const struct command_host *host, const char *query)
{
	struct strbuf out = STRBUF_INIT, title = STRBUF_INIT;
	size_t n = 0;

	if (*query)
		n = search(&out, host->chat->conversation, query);
	strbuf_printf(&title, "\"%s\": %zu match%s", query, n,
	              n == 1 ? "" : "es");
	if (!*query)
		chat_notice(host->chat,
		            "/find TEXT tells the lines that have it");
	else if (!n)
		chat_notice(host->chat, "\"%s\" was not found", query);
	else
		host->show(host->arg, title.bytes, out.bytes);
	strbuf_free(&title);
	strbuf_free(&out);
}

/* ---- times ---- */

static void times(const struct command_host *host)
{
	const struct conversation *c = host->chat->conversation;
	struct strbuf out = STRBUF_INIT;
	struct message **path;
	size_t n = conversation_path(c, &path);

	for (size_t i = 0; i < n; i++) {
		char when[32];

		transcript_time(when, sizeof when, path[i]->created_ms);
		strbuf_printf(&out, "%zu %s, %s: ",
		              conversation_place(c, path[i]->id) + 1,
		              message_speaker(path[i]), when);
		message_first_words(path[i], BRANCH_MAP_WORDS, &out);
		strbuf_add_char(&out, '\n');
	}
	if (n)
		host->show(host->arg, "When each message was written",
		           out.bytes);
	else
		chat_notice(host->chat, "there is no message yet");
	strbuf_free(&out);
	free(path);
}

/* ---- heat ---- */

static void tell_marked(struct line_look *look, const struct command_host *host,
                        enum transcript_heat by, const struct message *m)
{
	struct strbuf out = STRBUF_INIT;

	heat_lines_add(&out, line_look_item(look, host->chat, m), by, 0,
	               m->text.len);
	host->show(host->arg, heat_lines_title(by), out.bytes);
	strbuf_free(&out);
}

/* Without a kind the last reply alone, by probability where none is set. */
static void heat(struct line_look *look, const struct command_host *host,
                 const char *kind)
{
	const struct message *m =
		conversation_last(host->chat->conversation, ROLE_ASSISTANT);

	if (*kind && !transcript_heat_named(kind, &look->heat)) {
		chat_error(host->chat,
		           "/heat off, probability, entropy or rank");
		return;
	}
	if (*kind && look->heat)
		chat_notice(host->chat, "replies are marked by %s", kind);
	else if (*kind)
		chat_notice(host->chat, "replies are not marked");
	else if (!m)
		chat_notice(host->chat, "there is no reply yet");
	if (m && (!*kind || look->heat))
		tell_marked(look, host,
		            look->heat ? look->heat : HEAT_PROBABILITY, m);
}

void line_look_reply(struct line_look *look, const struct chat *chat,
                     const struct message *m, size_t pos, struct strbuf *out)
{
	if (look->heat == HEAT_OFF) {
		strbuf_add(out, m->text.bytes + pos, m->text.len - pos);
		return;
	}
	heat_lines_add(out, line_look_item(look, chat, m), look->heat, pos,
	               m->text.len);
}

/* ---- the table ---- */

bool line_look_do(struct line_look *look, const struct command_host *host,
                  enum action action, const char *argument)
{
	switch (action) {
	case ACTION_FIND:
		find(host, argument);
		return true;
	case ACTION_TIMES:
		times(host);
		return true;
	case ACTION_HEAT:
		heat(look, host, argument);
		return true;
	case ACTION_RAW:
		chat_notice(host->chat, "lines are the text as it is");
		return true;
	case ACTION_FOLD:
		chat_notice(host->chat, "what the model thought stands in the "
		                        "reply; nothing is folded in lines");
		return true;
	default:
		return line_tokens_do(look, host, action, argument);
	}
}
