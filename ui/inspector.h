/*
 * inspector.h - from the token cursor to what the inspector shows
 */
#ifndef CONFAB_INSPECTOR_H
#define CONFAB_INSPECTOR_H

#include "ui/cells/canvas.h"

struct app;
struct token_odds;

void inspector_draw(struct app *app, struct canvas *c, struct rect r);

/* The odds under the cursor, also those of a peek; NULL: none are known. */
const struct token_odds *inspector_cursor_odds(struct app *app);

#endif
