/*
 * progress.h - one line on standard error that says how far something is
 *
 * Only where standard error is a terminal; scripts see warnings alone.
 */
#ifndef CONFAB_PROGRESS_H
#define CONFAB_PROGRESS_H

#include <stdint.h>

#include "engine/engine.h"

/* What the engine is doing: "quantizing", "loading" or "reading". */
const char *progress_stage(enum engine_stage stage);

/* "loading 45%", or "loading" where total is 0: nobody knows how far it is.
 * Cheap to call often: it draws when the figure changes. */
void progress_show(const char *what, uint64_t done, uint64_t total);

/* Takes the line away; before anything else is printed. */
void progress_clear(void);

/* "confab: TEXT", for what a person may want to know and a script does not. */
void progress_note(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

/* The same for everybody: something is lost, though nothing failed. */
void progress_warn(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

#endif
