/*
 * engine_support.h - an engine as a test drives it
 */
#ifndef CONFAB_TESTS_ENGINE_SUPPORT_H
#define CONFAB_TESTS_ENGINE_SUPPORT_H

#include "engine/engine.h"

/* Always the likeliest token. */
extern const struct sampler_settings test_greedy;

/* The next event, yours to free.  Fails the test when none comes within a
 * minute: a hang is a failure. */
struct engine_event *test_next_event(struct engine *engine);

#endif
