/*
 * app.h - the full screen
 *
 * One thread, one poll loop: keys, the engine's events, signals.  It sleeps
 * until one of them comes, and draws at most 30 times a second.
 */
#ifndef CONFAB_APP_H
#define CONFAB_APP_H

struct error;
struct options;

/* Returns the exit status; err says why where it is not 0.  A signal that asked
 * to leave is raised again, once the terminal is as it was. */
int app_run(const struct options *o, struct error *err);

#endif
