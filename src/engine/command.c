#include "engine/command.h"

#include <stdlib.h>

#include "base/mem.h"

static char *copy_string(const char *s)
{
	return s ? mem_strdup(s) : NULL;
}

static int *copy_ids(const int *ids, size_t n)
{
	return mem_dup(ids, n * sizeof *ids);
}

struct command *command_new(enum command_type type, uint64_t request)
{
	struct command *command = mem_zalloc(1, sizeof *command);

	command->type = type;
	command->request = request;
	return command;
}

struct command *command_new_load(uint64_t request,
                                 const struct engine_load *load)
{
	struct command *command = command_new(COMMAND_LOAD, request);

	command->load = *load;
	command->load.path = copy_string(load->path);
	command->load.cache_dir = copy_string(load->cache_dir);
	command->load.kv_type = copy_string(load->kv_type);
	command->load.quant = copy_string(load->quant);
	return command;
}

struct command *command_new_generate(uint64_t request,
                                     const struct engine_generate *generate)
{
	struct command *command = command_new(COMMAND_GENERATE, request);

	command->generate = *generate;
	command->generate.ids = copy_ids(generate->ids, generate->n_ids);
	command->generate.stop_ids =
		copy_ids(generate->stop_ids, generate->n_stop_ids);
	command->generate.snapshot = copy_string(generate->snapshot);
	return command;
}

struct command *command_new_score(uint64_t request,
                                  const struct engine_score *score)
{
	struct command *command = command_new(COMMAND_SCORE, request);

	command->score = *score;
	command->score.ids = copy_ids(score->ids, score->n_ids);
	command->score.logit_ids =
		copy_ids(score->logit_ids, score->n_logit_ids);
	return command;
}

struct command *command_new_save_line(uint64_t request,
                                      const struct engine_save_line *save)
{
	struct command *command = command_new(COMMAND_SAVE_LINE, request);

	command->save_line = *save;
	command->save_line.path = copy_string(save->path);
	command->save_line.ids = copy_ids(save->ids, save->n_ids);
	return command;
}

/* The copies are this command's own; only the public structs call them const. */
static void free_copy(const void *copy)
{
	free((void *)copy);
}

void command_free(struct command *command)
{
	if (!command)
		return;
	switch (command->type) {
	case COMMAND_LOAD:
		free_copy(command->load.path);
		free_copy(command->load.cache_dir);
		free_copy(command->load.kv_type);
		free_copy(command->load.quant);
		break;
	case COMMAND_GENERATE:
		free_copy(command->generate.ids);
		free_copy(command->generate.stop_ids);
		free_copy(command->generate.snapshot);
		break;
	case COMMAND_SCORE:
		free_copy(command->score.ids);
		free_copy(command->score.logit_ids);
		break;
	case COMMAND_SAVE_LINE:
		free_copy(command->save_line.path);
		free_copy(command->save_line.ids);
		break;
	case COMMAND_CANCEL:
	case COMMAND_STOP:
		break;
	}
	free(command);
}
