/*
 * line_mode.h - the chat as plain lines: for screen readers, dumb terminals,
 * pipes
 *
 * No cursor movement and no colour: a prompt, what is typed, the reply as it
 * comes.  The slash commands are those of the full screen.  A line that ends in
 * a backslash goes on in the next one.  Ctrl-C stops the reply, or leaves.
 */
#ifndef CONFAB_LINE_MODE_H
#define CONFAB_LINE_MODE_H

struct error;
struct options;

/* Returns the exit status; err says why where it is not 0. */
int line_mode_run(const struct options *o, struct error *err);

#endif
