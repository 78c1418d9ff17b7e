/*
 * chat_model.h - a chat's model comes, or does not
 *
 * A model that is being loaded replaces the one that is there when it has come:
 * a bad file, or a context that memory cannot hold, leaves what was in use.
 */
#ifndef CONFAB_CHAT_MODEL_H
#define CONFAB_CHAT_MODEL_H

#include <stdbool.h>
#include <stddef.h>

struct chat;
struct engine_model;

/* Starts loading; takes path.  context: tokens, 0: the model's. */
void chat_load(struct chat *chat, char *path, size_t context);

/* What the engine says of it.  Late: another load was asked for while this one
 * was under way, which has replaced the model all the same. */
void chat_model_came(struct chat *chat, const struct engine_model *model);
void chat_model_came_late(struct chat *chat, const struct engine_model *model);
void chat_model_failed(struct chat *chat, bool bad_file, const char *why);

#endif
