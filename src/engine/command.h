/*
 * command.h - what the front end asks of the engine, owned
 *
 * The strings and arrays behind the public structs of engine.h are copied when
 * the command is made, so that the caller's may go at once.
 */
#ifndef CONFAB_COMMAND_H
#define CONFAB_COMMAND_H

#include <stdint.h>

#include "engine/engine.h"

enum command_type {
	COMMAND_LOAD,
	COMMAND_GENERATE,
	COMMAND_SCORE,
	COMMAND_SAVE_LINE,
	COMMAND_CANCEL, /* of the request with this number */
	COMMAND_STOP    /* the thread ends */
};

struct command {
	enum command_type type;
	uint64_t request;
	struct command *next; /* the mailbox's list of waiting requests */
	union {
		struct engine_load load;
		struct engine_generate generate;
		struct engine_score score;
		struct engine_save_line save_line;
	};
};

struct command *command_new(enum command_type type, uint64_t request);
struct command *command_new_load(uint64_t request,
                                 const struct engine_load *load);
struct command *command_new_generate(uint64_t request,
                                     const struct engine_generate *generate);
struct command *command_new_score(uint64_t request,
                                  const struct engine_score *score);
struct command *command_new_save_line(uint64_t request,
                                      const struct engine_save_line *save);
void command_free(struct command *command); /* NULL is fine */

#endif
