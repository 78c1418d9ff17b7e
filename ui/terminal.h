/*
 * terminal.h - the terminal is given back as it was found, whatever happens
 *
 * Signals: INT, TERM, HUP, QUIT, WINCH, CONT and TSTP only write their number
 * into a pipe, which the poll loop reads.  ABRT, SEGV, BUS, FPE and their like
 * put the terminal right with async-signal-safe calls, on a stack of their own,
 * and are raised again.  A bus error on a page of a mapped model file names the
 * file and exits with status 3.  Where a library calls exit(), as readline does without
 * memory, the terminal is put right and the status is 1.
 */
#ifndef CONFAB_TERMINAL_H
#define CONFAB_TERMINAL_H

#include <stdbool.h>

struct error;

/* Remembers the terminal's modes, if there is a terminal, and takes over the
 * signals. */
int terminal_open(struct error *err);

/* What to write when the program dies: the sequences that undo everything the
 * screen switched on.  Copied; at most 511 bytes. */
void terminal_set_restore(const char *sequences);

/* The modes as they were, the signals as they were. */
void terminal_close(void);

int terminal_signal_fd(void);
int terminal_next_signal(void); /* 0: none */

/* Threads made between these two get no signals but those of their own faults. */
void terminal_block_signals(void);
void terminal_unblock_signals(void);

/* While another program has the terminal, its Ctrl-C is not meant for us. */
void terminal_ignore_keys(bool ignore);

/* Stops the process group, as Ctrl-Z does; returns when it goes on. */
void terminal_stop(void);

/* Dies of the signal, as if it had never been caught.  Returns only for those
 * that do not kill. */
void terminal_die(int signal_number);

#endif
