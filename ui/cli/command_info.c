/*
 * confab info: what is in a checkpoint.
 */
#include "ui/cli/commands.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "checkpoint/checkpoint.h"
#include "engine/model_files.h"
#include "model/model.h"
#include "model/model_config.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"
#include "ui/cli/model_summary.h"
#include "ui/cli/options.h"
#include "ui/cli/output.h"

struct info {
	const struct checkpoint *cp;
	struct model_summary summary;
	struct model_config config; /* where has_config */
	bool has_config;
	struct tokenizer *tokenizer; /* NULL: none, or tokenizer_problem */
	enum chat_family family;
	bool family_known;
	struct error problem; /* why confab cannot run it, or "" */
	struct error tokenizer_problem;
};

/* ---- tensors that nobody reads ---- */

/* Whether name is one of the words, with ".weight" behind it. */
static bool is_weight(const char *name, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(words[i]);

		if (!strncmp(name, words[i], len) &&
		    !strcmp(name + len, ".weight"))
			return true;
	}
	return false;
}

/* A number below limit, and what follows the dot behind it; or NULL. */
static const char *skip_index(const char *name, long limit)
{
	char *rest;
	long index = strtol(name, &rest, 10);

	return rest > name && *rest == '.' && index >= 0 && index < limit
	               ? rest + 1
	               : NULL;
}

/* name without "model.layers.N." */
static bool is_layer_tensor(const struct model_config *c, const char *name)
{
	static const char *const common[] = {
		"input_layernorm",  "post_attention_layernorm",
		"self_attn.q_proj", "self_attn.k_proj",
		"self_attn.v_proj", "self_attn.o_proj",
		"self_attn.q_norm", "self_attn.k_norm",
	};
	static const char *const mlp[] = { "gate_proj", "up_proj",
		                           "down_proj" };
	static const char experts[] = "mlp.experts.";

	if (is_weight(name, common, 8))
		return true;
	if (!c->num_experts)
		return !strncmp(name, "mlp.", 4) && is_weight(name + 4, mlp, 3);
	if (!strcmp(name, "mlp.gate.weight"))
		return true;
	if (strncmp(name, experts, strlen(experts)))
		return false;
	name = skip_index(name + strlen(experts), c->num_experts);
	return name && is_weight(name, mlp, 3);
}

static bool is_expected(const struct model_config *c, const char *name)
{
	static const char layers[] = "model.layers.";

	if (!strcmp(name, "model.embed_tokens.weight") ||
	    !strcmp(name, "model.norm.weight"))
		return true;
	if (!strcmp(name, "lm_head.weight"))
		return !c->tie_word_embeddings;
	if (strncmp(name, layers, strlen(layers)))
		return false;
	name = skip_index(name + strlen(layers), c->num_hidden_layers);
	return name && is_layer_tensor(c, name);
}

static bool is_unexpected(const struct info *info, size_t i)
{
	return info->has_config &&
	       !is_expected(&info->config, checkpoint_tensor_name(info->cp, i));
}

/* ---- gathering ---- */

/* The loader is the judge of what can run. */
static void try_to_load(struct info *info)
{
	struct model_options options = { .threads = 1, .max_batch = 1 };

	model_free(model_load(info->cp, &options, &info->problem));
}

/* What a conversation needs: a model, its tokenizer, how it is sampled. */
static void judge(struct info *info)
{
	const struct checkpoint *cp = info->cp;
	struct sampler_settings settings;
	struct error *problem = &info->problem;

	try_to_load(info);
	if (*problem->text)
		return;
	if (*info->tokenizer_problem.text)
		*problem = info->tokenizer_problem;
	else if (model_files_have_tokenizer(cp, problem) &&
	         !model_files_fit(cp, info->tokenizer, info->config.vocab_size,
	                          problem))
		model_files_sampling(cp, &settings, problem);
}

static void gather(struct info *info, const struct checkpoint *cp)
{
	*info = (struct info){ .cp = cp };
	info->summary = model_summary_of(cp);
	info->has_config =
		!model_config_read(&info->config, checkpoint_config(cp),
	                           checkpoint_path(cp), NULL);
	info->family = chat_family_of(checkpoint_chat_template(cp),
	                              &info->family_known);
	if (model_files_have_tokenizer(cp, NULL))
		info->tokenizer =
			tokenizer_load(cp, NULL, &info->tokenizer_problem);
	judge(info);
}

static uint64_t file_size(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : (uint64_t)st.st_size;
}

/* ---- JSON ---- */

static void add_text(struct strbuf *out, const char *key, const char *text)
{
	strbuf_printf(out, "\"%s\":", key);
	if (text && *text)
		json_write_string(out, text, strlen(text));
	else
		strbuf_add_str(out, "null");
	strbuf_add_char(out, ',');
}

static void add_object(struct strbuf *out, const char *key,
                       const struct json *value)
{
	strbuf_printf(out, "\"%s\":", key);
	if (value)
		json_write_python(out, value);
	else
		strbuf_add_str(out, "null");
	strbuf_add_char(out, ',');
}

static void add_files(struct strbuf *out, const struct checkpoint *cp)
{
	strbuf_add_str(out, "\"files\":[");
	for (size_t i = 0; i < checkpoint_n_files(cp); i++) {
		strbuf_add_str(out, i ? ",{" : "{");
		add_text(out, "path", checkpoint_file(cp, i));
		strbuf_printf(out, "\"bytes\":%llu}",
		              (unsigned long long)file_size(
				      checkpoint_file(cp, i)));
	}
	strbuf_add_str(out, "],");
}

static void add_tokenizer(struct strbuf *out, const struct tokenizer *t)
{
	size_t len;
	int id;

	if (!t) {
		strbuf_add_str(out, "\"tokenizer\":null,");
		return;
	}
	strbuf_printf(out, "\"tokenizer\":{\"ids\":%d,\"added\":[",
	              tokenizer_n_ids(t));
	for (size_t i = 0; i < tokenizer_n_added(t); i++) {
		const char *text;

		id = tokenizer_added_at(t, i);
		text = tokenizer_bytes(t, id, &len);
		strbuf_printf(out, "%s{\"id\":%d,\"text\":", i ? "," : "", id);
		json_write_string(out, text, len);
		strbuf_printf(out, ",\"special\":%s}",
		              tokenizer_is_special(t, id) ? "true" : "false");
	}
	strbuf_add_str(out, "]},");
}

static void add_shape(struct strbuf *out, const struct tensor *t)
{
	for (int d = 0; d < t->n_dims; d++)
		strbuf_printf(out, "%s%lld", d ? "," : "",
		              (long long)t->shape[d]);
}

static void add_tensors(struct strbuf *out, const struct info *info)
{
	const struct checkpoint *cp = info->cp;

	strbuf_add_str(out, "\"tensors\":[");
	for (size_t i = 0; i < checkpoint_n_tensors(cp); i++) {
		const struct tensor *t = checkpoint_tensor_at(cp, i);

		strbuf_add_str(out, i ? ",{" : "{");
		add_text(out, "name", checkpoint_tensor_name(cp, i));
		add_text(out, "type", dtype_info(t->dtype)->name);
		strbuf_add_str(out, "\"shape\":[");
		add_shape(out, t);
		strbuf_printf(out, "],\"bytes\":%zu,", t->bytes);
		add_text(out, "file", checkpoint_tensor_file(cp, i));
		strbuf_printf(out, "\"unexpected\":%s}",
		              is_unexpected(info, i) ? "true" : "false");
	}
	strbuf_add_str(out, "]}\n");
}

static void show_json(const struct info *info)
{
	const struct checkpoint *cp = info->cp;
	struct strbuf out = STRBUF_INIT;

	strbuf_add_char(&out, '{');
	add_text(&out, "name", checkpoint_name(cp));
	add_text(&out, "path", checkpoint_path(cp));
	add_text(&out, "format", checkpoint_format(cp));
	add_text(&out, "type", info->summary.type);
	strbuf_printf(&out, "\"parameters\":%llu,\"bytes\":%zu,",
	              (unsigned long long)info->summary.parameters,
	              checkpoint_bytes(cp));
	strbuf_printf(&out, "\"context\":%lld,",
	              (long long)info->summary.context);
	add_text(&out, "template_family", chat_family_name(info->family));
	strbuf_printf(&out, "\"template_known\":%s,",
	              info->family_known ? "true" : "false");
	add_text(&out, "problem", info->problem.text);
	add_text(&out, "tokenizer_problem", info->tokenizer_problem.text);
	add_object(&out, "config", checkpoint_config(cp));
	add_object(&out, "generation_config", checkpoint_generation_config(cp));
	add_files(&out, cp);
	add_tokenizer(&out, info->tokenizer);
	add_tensors(&out, info);
	output_add(out.bytes, out.len);
	strbuf_free(&out);
}

/* ---- text ---- */

static void put(const char *text)
{
	output_text(text, strlen(text));
	output_text_end();
}

static void put_row(const char *label, const char *text)
{
	output_printf("%-12s ", label);
	put(text);
	output_str("\n");
}

static void put_json(const char *label, const struct json *value)
{
	struct strbuf text = STRBUF_INIT;

	if (!value)
		return;
	json_write_python(&text, value);
	put_row(label, text.bytes);
	strbuf_free(&text);
}

static void put_head(const struct info *info)
{
	const struct checkpoint *cp = info->cp;
	char parameters[16], bytes[16];

	model_summary_count(parameters, info->summary.parameters);
	model_summary_bytes(bytes, checkpoint_bytes(cp));
	put_row("name", checkpoint_name(cp));
	put_row("path", checkpoint_path(cp));
	put_row("format", checkpoint_format(cp));
	output_printf("%-12s %s in %s, %s\n", "parameters", parameters,
	              info->summary.type, bytes);
	output_printf("%-12s %s%s\n", "template",
	              chat_family_name(info->family),
	              info->family_known ? "" : " (unknown, read as such)");
	if (info->tokenizer)
		output_printf("%-12s %d ids, %zu of them added tokens\n",
		              "tokenizer", tokenizer_n_ids(info->tokenizer),
		              tokenizer_n_added(info->tokenizer));
	else
		put_row("tokenizer", *info->tokenizer_problem.text
		                             ? info->tokenizer_problem.text
		                             : "none");
	put_row("can run", *info->problem.text ? info->problem.text : "yes");
	put_json("config", checkpoint_config(cp));
	put_json("generation", checkpoint_generation_config(cp));
}

static void put_types(const struct checkpoint *cp)
{
	size_t counts[DTYPE_COUNT] = { 0 }, bytes[DTYPE_COUNT] = { 0 };
	char size[16];

	for (size_t i = 0; i < checkpoint_n_tensors(cp); i++) {
		const struct tensor *t = checkpoint_tensor_at(cp, i);

		counts[t->dtype]++;
		bytes[t->dtype] += t->bytes;
	}
	for (int d = 0; d < DTYPE_COUNT; d++) {
		if (!counts[d])
			continue;
		model_summary_bytes(size, bytes[d]);
		output_printf("%-12s %zu tensors, %s\n",
		              dtype_info((enum dtype)d)->name, counts[d], size);
	}
}

static void put_files(const struct checkpoint *cp)
{
	char size[16];

	for (size_t i = 0; i < checkpoint_n_files(cp); i++) {
		model_summary_bytes(size, file_size(checkpoint_file(cp, i)));
		output_printf("%-12s ", "file");
		put(checkpoint_file(cp, i));
		output_printf(", %s\n", size);
	}
}

static void put_tensor(const struct info *info, size_t i)
{
	const struct tensor *t = checkpoint_tensor_at(info->cp, i);
	struct strbuf shape = STRBUF_INIT;
	char size[16];

	model_summary_bytes(size, t->bytes);
	add_shape(&shape, t);
	output_printf("  %-8s [%s], %s  ", dtype_info(t->dtype)->name,
	              shape.bytes, size);
	put(checkpoint_tensor_name(info->cp, i));
	output_str(is_unexpected(info, i) ? "  (unexpected, not read)\n"
	                                  : "\n");
	strbuf_free(&shape);
}

static void show_text(const struct info *info)
{
	put_head(info);
	put_files(info->cp);
	put_types(info->cp);
	output_str("tensors\n");
	for (size_t i = 0; i < checkpoint_n_tensors(info->cp); i++)
		put_tensor(info, i);
}

int command_info(const struct options *o, struct error *err)
{
	char *path =
		options_find_model(o, o->n_args ? o->args[0] : o->model, err);
	struct checkpoint *cp = path ? checkpoint_open(path, err) : NULL;
	struct info info;

	free(path);
	if (!cp)
		return EXIT_BAD_FILE;
	gather(&info, cp);
	o->json ? show_json(&info) : show_text(&info);
	tokenizer_free(info.tokenizer);
	checkpoint_free(cp);
	return EXIT_OK;
}
