/*
 * external_editor.h - write a text in $VISUAL or $EDITOR
 */
#ifndef CONFAB_EXTERNAL_EDITOR_H
#define CONFAB_EXTERNAL_EDITOR_H

struct error;
struct strbuf;

/* Replaces text with what the editor left of it.  The terminal must have been
 * given back; returns when the editor is done.  -1: text is as it was. */
int external_editor(struct strbuf *text, struct error *err);

#endif
