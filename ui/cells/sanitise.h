/*
 * sanitise.h - the one gate between other people's bytes and the terminal
 *
 * A reply, a title, a model's name, the text of an error: all of it may hold
 * escape sequences, bidi overrides or characters that cannot be seen.  What
 * leaves this function moves no cursor, reorders nothing and hides nothing:
 *
 *	ill-formed UTF-8                        U+FFFD
 *	C0 controls and DEL                     their pictures (ESC: U+241B)
 *	C1 controls, bidi controls, zero-width  <U+202E>
 *	and other invisible characters, tags,
 *	unassigned code points
 *	U+200D, U+FE0F                          kept inside an emoji cluster,
 *	                                        else <U+200D>
 *	a combining mark on nothing             on a dotted circle
 *
 * It works cluster by cluster and is idempotent.  canvas_text() calls it for
 * every string, so nothing can go past it.
 */
#ifndef CONFAB_SANITISE_H
#define CONFAB_SANITISE_H

#include <stddef.h>

struct strbuf;

/* Appends one cluster (see cluster_length()) in the form that may be shown. */
void sanitise_cluster(struct strbuf *out, const char *cluster, size_t len);

/* Appends a whole text. */
void sanitise(struct strbuf *out, const char *text, size_t len);

#endif
