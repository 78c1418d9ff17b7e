/*
 * signals.h - signals and faults, where there is no screen to restore
 *
 * Commands end at once with 128 + the signal's number, which a shell shows for
 * a program that died of it too.  A reply has to be closed and saved first, so
 * `-p` asks for the signals to be noted instead.
 */
#ifndef CONFAB_SIGNALS_H
#define CONFAB_SIGNALS_H

#include <signal.h>
#include <stddef.h>

/* At the program's start: SIGPIPE is ignored (writes fail with EPIPE, so that a
 * reply is saved before the program ends with 128 + SIGPIPE), and so is SIGXFSZ
 * (EFBIG: the chat goes on unsaved); INT, TERM and HUP end the program with status
 * 128 + N, unless they were ignored when it was started (nohup); a model file that
 * shrinks under our mapping ends it with EXIT_BAD_FILE and its name; so does a want
 * of memory, with EXIT_FAILED.
 * The full screen installs its own handlers over these. */
void signals_init(void);

/* INT, TERM and HUP are blocked in this thread and those it starts later, and
 * noted by the first signals_wait(); the second one of a kind ends the program. */
void signals_note(void);

/* Undoes signals_note(): they end the program again, one that came meanwhile too. */
void signals_end(void);

/* For handlers of somebody else's: *count is not 0 while one is asked to leave.  NULL:
 * they are gone. */
void signals_watch(const volatile sig_atomic_t *count);

/* How many of len > 0 bytes a write to fd takes without waiting: all, as far as anyone
 * knows, unless signals are noted or watched.  Then this waits until fd takes some, but after a
 * signal no longer than a second: 0 says that it took none. */
size_t signals_writable(int fd, size_t len);

/* Waits until fd is readable, a noted signal has come, or timeout_ms (-1:
 * none) is over.  Returns the number of the signal that has come so far, or 0. */
int signals_wait(int fd, int timeout_ms);

#endif
