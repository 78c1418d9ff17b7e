/*
 * event.h - making the events of engine.h (engine_event_free() is here too)
 */
#ifndef CONFAB_EVENT_H
#define CONFAB_EVENT_H

#include "engine/engine.h"

struct engine_event *event_new(enum engine_event_type type, uint64_t request);
struct engine_event *event_new_failed(uint64_t request, const char *text,
                                      bool bad_file);
struct engine_event *event_new_notice(uint64_t request, const char *text);
struct engine_event *event_new_finished(uint64_t request,
                                        enum engine_finish reason);
/* Copies the token's bytes; ids without a token have none. */
struct engine_event *event_new_token(uint64_t request, size_t pos,
                                     const struct sample *sample,
                                     const struct tokenizer *tokenizer);

#endif
