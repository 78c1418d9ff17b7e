/*
 * installed_models.h - the models that are on this machine already
 *
 * Looked for in this order:
 *	bundled         beside the program
 *	confab          $XDG_DATA_HOME/confab/models
 *	cache           $XDG_CACHE_HOME/confab/models: copies that --quant made
 *	model_path      the folders of that setting
 *	hugging-face    the hub cache: $HF_HUB_CACHE, $HF_HOME/hub, or
 *	                ~/.cache/huggingface/hub
 *	lm-studio       ~/.lmstudio/models, ~/.cache/lm-studio/models
 *
 * A model is a folder with a config.json or a .gguf file (of a split one, the
 * first part).  Nothing is opened here, so what is listed may still be broken
 * or of a kind that confab does not compute.  Folders that cannot be read are
 * passed over.
 */
#ifndef CONFAB_INSTALLED_MODELS_H
#define CONFAB_INSTALLED_MODELS_H

#include <stddef.h>

/* The origin of what may be removed: it can be made again. */
#define INSTALLED_MODELS_CACHE "cache"

struct installed_model {
	char *name; /* "confab-20m", "Qwen/Qwen3-4B", "qwen3-4b-q4_k_m" */
	char *path; /* for -m */
	const char *origin; /* "bundled", "hugging-face", ... */
};

struct installed_models {
	struct installed_model *models; /* [n], by origin, then by name */
	size_t n, capacity;
};

/* Fills the zero-initialised list.  model_path may be NULL. */
void installed_models_find(struct installed_models *list,
                           const char *model_path);
void installed_models_free(struct installed_models *list);

/* The first model of that name, or whose name ends in /NAME; letters of either
 * case are equal.  NULL: none.  Borrowed from the list. */
const char *installed_models_path(const struct installed_models *list,
                                  const char *name);

/* path, or with a leading "~/" replaced by $HOME.  Yours to free. */
char *installed_models_expand(const char *path);

#endif
