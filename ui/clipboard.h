/*
 * clipboard.h - to the clipboard, only when a person asked for it
 *
 * By OSC 52, which reaches the clipboard through ssh and tmux where the terminal
 * allows it, and by a program where there is one: the setting copy_command, or
 * wl-copy, or xclip.
 */
#ifndef CONFAB_CLIPBOARD_H
#define CONFAB_CLIPBOARD_H

#include <stddef.h>

struct strbuf;

/* Appends the control sequence that puts the bytes into the clipboard. */
void clipboard_sequence(struct strbuf *out, const char *bytes, size_t len);

/* The program to use, or NULL; command: the person's own, or NULL. */
const char *clipboard_command(const char *command);

/* Hands the bytes to it; 0 when it took them. */
int clipboard_run(const char *command, const char *bytes, size_t len);

#endif
