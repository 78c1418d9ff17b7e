/*
 * engine.h - the door: commands in, events out
 *
 * One thread owns the model, its caches and the sampler.  The front end sends
 * commands, which return at once, and reads events when engine_fd() is
 * readable.  Every event carries the number of its request; events of a
 * cancelled request may still be under way, so compare.
 *
 * Requests are served in order.  The engine keeps the tokens that it has read,
 * of several branches and conversations, and reuses the longest common
 * beginning of a new prompt.  Each request ends with one event: LOADED,
 * FINISHED or FAILED.  Some 1,000 TOKEN events may wait unread; then the engine
 * rests until they are.
 *
 *	request = engine_generate(engine, &(struct engine_generate){ ... });
 *	... poll(engine_fd(engine)) ...
 *	while ((event = engine_next_event(engine))) {
 *		if (event->request == request)
 *			...
 *		engine_event_free(event);
 *	}
 */
#ifndef CONFAB_ENGINE_H
#define CONFAB_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/sampler.h"

struct engine;
struct error;
struct loaded_model; /* the engine's own */
struct tokenizer;

struct engine *engine_new(struct error *err); /* starts the thread */
void engine_free(struct engine *engine);    /* cancels all, joins the thread */
int engine_fd(const struct engine *engine); /* readable: an event waits */

/* ---- commands ---- strings and arrays are copied; 0 is never a request */

struct engine_load {
	const char *path;      /* Hugging Face directory or .gguf */
	const char *cache_dir; /* for compiled tokenizers; NULL: none */
	const char *quant;     /* compute with a copy of this type, which is kept
	                        * in cache_dir; NULL: with what is there */
	const char *kv_type;   /* "f16", "bf16", "q8_0"; NULL: f16, f32 if exact */
	size_t context;        /* tokens; more than the model was made for is
	                        * refused; 0: the model's own, or 32,768 or what
	                        * memory allows if that is less */
	size_t kv_memory;      /* bytes for branches and conversations that were
	                        * left, beyond the open one's; 0: half of what
	                        * model and context leave free */
	int threads;           /* 0: by the machine */
	bool exact;
	bool speculate;        /* see session_speculate() */
	bool warm;             /* read all pages first, with PROGRESS */
};
uint64_t engine_load(struct engine *engine, const struct engine_load *load);

struct engine_generate {
	const int *ids;      /* the whole prompt, in tokens */
	size_t n_ids;
	size_t n_prompt;     /* ids[n_prompt..] are the beginning of the reply,
	                      * already given (continue, "take this token");
	                      * they count as reply for the presence penalty
	                      * and for the seed's stream of random numbers.
	                      * 0: all of it is prompt */
	struct sampler_settings sampling;
	size_t max_tokens;   /* 0: as many as the context holds, which is the
	                      * limit in any case */
	const int *stop_ids; /* a sampled stop id ends the reply and is the
	                      * last TOKEN event */
	size_t n_stop_ids;
	const char *snapshot; /* file that may hold the prompt's beginning,
	                       * written by engine_save_line(); or NULL.  It is
	                       * read if it holds more than memory does; a
	                       * NOTICE tells when it was made otherwise */
	bool keep_snapshot;   /* another program may be writing it: what looks
	                       * damaged is not removed */
};
uint64_t engine_generate(struct engine *engine,
                         const struct engine_generate *generate);

/* A TOKEN event for every id: how likely it was (the first: rank 0 and no
 * candidates, as nothing came before it).  Always in exact arithmetic and at
 * temperature 1, in a cache of its own; up to max_context tokens.  logit_ids:
 * raw logits of these after each token are reported too.  Ends with FINISHED,
 * reason STOP. */
struct engine_score {
	const int *ids;
	size_t n_ids;
	const int *logit_ids;
	size_t n_logit_ids;
};
uint64_t engine_score(struct engine *engine, const struct engine_score *score);

/*
 * Writes the tokens that memory holds of ids, with their keys and values, to a
 * snapshot: of a line that has grown, what is new.  The folder is made.  Gives
 * way as soon as another request waits.  Ends with FINISHED (reason STOP, or
 * CANCELLED where it gave way) or FAILED; what it could not write is removed.
 */
struct engine_save_line {
	const char *path;     /* NAME.kv in a folder of snapshots */
	const int *ids;
	size_t n_ids;
	uint64_t disk_budget; /* bytes of all snapshots in the folder, of which
	                       * the least recently used go; 0: by the machine */
};
uint64_t engine_save_line(struct engine *engine,
                          const struct engine_save_line *save);

/* Ends a request within one token or one layer of a prompt; it still gets its
 * FINISHED (reason CANCELLED) or FAILED.  A finished or unknown one: nothing. */
void engine_cancel(struct engine *engine, uint64_t request);

/* ---- events ---- */

enum engine_event_type {
	ENGINE_PROGRESS,
	ENGINE_LOADED,
	ENGINE_TOKEN,
	ENGINE_NOTICE,
	ENGINE_FINISHED,
	ENGINE_FAILED
};

enum engine_stage {
	ENGINE_STAGE_QUANTIZE, /* total 0: another program is at it */
	ENGINE_STAGE_WEIGHTS,
	ENGINE_STAGE_PREFILL
};
enum engine_finish { ENGINE_STOP, ENGINE_LENGTH, ENGINE_CANCELLED };

/* Constant while this model is loaded; ENGINE_LOADED hands it over.  Valid
 * until the ENGINE_LOADED event that replaces it is freed, or engine_free().  A
 * load that failed or was cancelled replaces nothing. */
struct engine_model {
	char *name; /* "Qwen3-4B-Instruct-2507" */
	char *path;
	char *type;          /* of the most weights: "bf16", "q4_k" */
	char *chat_template; /* Jinja, or NULL */
	const struct tokenizer *tokenizer; /* immutable: share it freely */
	uint64_t fingerprint;
	size_t context;     /* tokens, as asked or the model's own */
	size_t max_context; /* tokens the model was made for */
	size_t weight_bytes;
	uint64_t parameters;
	size_t kv_bytes_per_token;
	int vocab_size;
	int threads;
	const char *kernels;              /* "avx512", ... */
	struct sampler_settings sampling; /* generation_config's, seed 0 */
	int *stop_ids;                    /* generation_config's eos_token_id */
	size_t n_stop_ids;
};

struct engine_event {
	enum engine_event_type type;
	uint64_t request;
	union {
		struct {
			enum engine_stage stage;
			uint64_t done, total; /* bytes; tokens (reused ones
			                       * excluded) */
		} progress;
		struct {
			const struct engine_model *model;
			double seconds;
			struct loaded_model *previous; /* owned */
		} loaded;
		struct {
			size_t pos;  /* position in the sequence, from 0 */
			char *bytes; /* what the token stands for, owned */
			size_t len;
			struct sample sample;
			float *logits; /* score: after this token,
			                * [n_logit_ids], owned, or NULL */
		} token;
		struct {
			enum engine_finish reason;
			size_t prompt_tokens; /* all of the prompt */
			size_t reused_tokens; /* of it, not computed */
			size_t restored_tokens; /* of these, read from a
			                         * snapshot */
			size_t reply_tokens;  /* sampled, a stop id included */
			double prefill_seconds, decode_seconds;
			double load_seconds;
		} finished;
		struct {
			char *text; /* one line for a person, owned; the
			             * request goes on */
		} notice;
		struct {
			char *text;    /* one line, owned */
			bool bad_file; /* the model's files are at fault */
		} failed;
	};
};

struct engine_event *engine_next_event(struct engine *engine); /* or NULL */
void engine_event_free(struct engine_event *event); /* NULL is fine */

#endif
