#include "ui/inspector.h"

#include <stdio.h>
#include <stdlib.h>

#include "library/conversation.h"
#include "ui/app_state.h"
#include "ui/inspector_facts.h"
#include "ui/screen/inspector_view.h"

const struct token_odds *inspector_cursor_odds(struct app *app)
{
	struct transcript *t = &app->transcript;
	struct transcript_item *item = transcript_item(t, t->cursor_message);

	return item ? inspector_odds(&app->chat, item, t->cursor_token) : NULL;
}

static size_t position(struct app *app, const struct inspector_view *v,
                       const struct message *m)
{
	/* Asked before what was counted under another model. */
	size_t start = v->can_go_on ? app_reply_position(app, m) : SIZE_MAX;

	return start == SIZE_MAX ? SIZE_MAX : start + v->index;
}

/* How to come by what is not known. */
static void put_hint(struct inspector_view *v)
{
	if (!v->has_odds && !*v->note)
		snprintf(v->note, sizeof v->note, "%s",
		         v->index >= v->n
		                 ? "the next token: p computes its odds"
		                 : "p computes the prompt's odds");
}

void inspector_draw(struct app *app, struct canvas *c, struct rect r)
{
	struct transcript *t = &app->transcript;
	struct transcript_item *item = transcript_item(t, t->cursor_message);
	struct inspector_view v = { .pos = SIZE_MAX };
	float *bits = NULL;

	if (item)
		bits = inspector_facts(&v, &app->chat, item, t->cursor_token,
		                       &app->tried);
	if (v.has_token) {
		v.pos = position(app, &v, item->message);
		put_hint(&v);
	}
	v.choosing = app->choosing;
	v.choice = app->choice;
	v.focused = app->in_transcript;
	inspector_view_draw(&v, c, r);
	free(bits);
}
