#include "text/tokenizer_json.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "text/tokenizer_source.h"

static struct source_text text_of(const char *string)
{
	return (struct source_text){ string, strlen(string) };
}

/* For messages: the "type" of a part, or what it is instead. */
static const char *type_of(const struct json *part)
{
	const char *type = json_string(json_get(part, "type"));

	if (type)
		return type;
	if (!part || json_is_null(part))
		return "none";
	return json_is_object(part) ? "(no type)" : "(no object)";
}

static bool has_type(const struct json *part, const char *type)
{
	return strcmp(type_of(part), type) == 0;
}

/* False, too, where it is absent. */
static bool flag_of(const struct json *object, const char *key, bool *out)
{
	const struct json *value = json_get(object, key);

	*out = json_is_true(value);
	return !value || json_is_bool(value);
}

static int read_normalizer(struct tokenizer_source *source,
                           const struct json *root, struct error *err)
{
	const struct json *normalizer = json_get(root, "normalizer");

	source->nfc = has_type(normalizer, "NFC");
	if (source->nfc || !normalizer || json_is_null(normalizer))
		return 0;
	return error_set(err, "%s: normalizer \"%s\", only NFC is known",
	                 source->path, type_of(normalizer));
}

/* A flag that would change the ids must be off. */
static int must_be_off(struct tokenizer_source *source, const char *where,
                       const struct json *object, const char *key,
                       struct error *err)
{
	const struct json *value = json_get(object, key);
	const char *string = json_string(value);

	if (!value || json_is_null(value) ||
	    (json_is_bool(value) && !json_is_true(value)) ||
	    (string && !*string))
		return 0;
	return error_set(err, "%s: %s: \"%s\" is set, which is not supported",
	                 source->path, where, key);
}

static int read_split(struct tokenizer_source *source, const struct json *split,
                      struct error *err)
{
	const char *regex =
		json_string(json_get(json_get(split, "pattern"), "Regex"));
	const char *behavior = json_string(json_get(split, "behavior"));

	if (!regex)
		return error_set(err,
		                 "%s: pre_tokenizer: Split without a "
		                 "pattern \"Regex\"",
		                 source->path);
	if (!behavior || strcmp(behavior, "Isolated") != 0)
		return error_set(err,
		                 "%s: pre_tokenizer: Split with behavior "
		                 "\"%s\", only Isolated is known",
		                 source->path, behavior ? behavior : "none");
	source->pattern = text_of(regex);
	return must_be_off(source, "pre_tokenizer", split, "invert", err);
}

static int read_pre_tokenizer(struct tokenizer_source *source,
                              const struct json *root, struct error *err)
{
	const struct json *sequence = json_get(root, "pre_tokenizer");
	const struct json *parts = json_get(sequence, "pretokenizers");
	const struct json *split = json_first(parts);
	const struct json *bytes = split ? json_next(split) : NULL;
	bool use_regex;

	if (!has_type(sequence, "Sequence") || !json_is_array(parts))
		return error_set(err,
		                 "%s: pre_tokenizer \"%s\", only a "
		                 "Sequence of Split and ByteLevel is known",
		                 source->path, type_of(sequence));
	if (json_count(parts) != 2 || !has_type(split, "Split") ||
	    !has_type(bytes, "ByteLevel"))
		return error_set(err,
		                 "%s: pre_tokenizer: a Sequence of %zu "
		                 "that begins with \"%s\", only Split and "
		                 "ByteLevel are known",
		                 source->path, json_count(parts),
		                 type_of(split));
	/* Absent means true. */
	if (!flag_of(bytes, "use_regex", &use_regex) || use_regex ||
	    !json_get(bytes, "use_regex"))
		return error_set(err,
		                 "%s: pre_tokenizer: ByteLevel with "
		                 "use_regex, which is not supported",
		                 source->path);
	if (must_be_off(source, "pre_tokenizer", bytes, "add_prefix_space",
	                err))
		return -1;
	return read_split(source, split, err);
}

static int read_decoder(struct tokenizer_source *source,
                        const struct json *root, struct error *err)
{
	const struct json *decoder = json_get(root, "decoder");

	if (has_type(decoder, "ByteLevel"))
		return 0;
	return error_set(err, "%s: decoder \"%s\", only ByteLevel is known",
	                 source->path, type_of(decoder));
}

static int read_vocab(struct tokenizer_source *source, const struct json *model,
                      struct error *err)
{
	const struct json *vocab = json_get(model, "vocab"), *entry;
	int64_t id;

	if (!json_is_object(vocab))
		return error_set(err, "%s: model: no object \"vocab\"",
		                 source->path);
	for (entry = json_first(vocab); entry; entry = json_next(entry)) {
		if (!json_integer(entry, &id))
			return error_set(err,
			                 "%s: vocab: the id of \"%.80s\" "
			                 "is no integer",
			                 source->path, json_key(entry));
		tokenizer_source_add_token(source, text_of(json_key(entry)),
		                           id);
	}
	return 0;
}

/* ["a", "b"], or the older "a b". */
static bool read_merge(const struct json *entry, struct source_text *left,
                       struct source_text *right)
{
	const struct json *first = json_first(entry);
	const char *string = json_string(entry), *space;

	if (string) {
		space = strchr(string, ' ');
		if (!space || strchr(space + 1, ' '))
			return false;
		*left = (struct source_text){ string,
			                      (size_t)(space - string) };
		*right = text_of(space + 1);
		return true;
	}
	if (!json_is_array(entry) || json_count(entry) != 2 ||
	    !json_string(first) || !json_string(json_next(first)))
		return false;
	*left = text_of(json_string(first));
	*right = text_of(json_string(json_next(first)));
	return true;
}

static bool is_version_line(const struct json *entry)
{
	const char *string = json_string(entry);

	return string && strncmp(string, "#version", 8) == 0;
}

static int read_merges(struct tokenizer_source *source,
                       const struct json *model, struct error *err)
{
	const struct json *merges = json_get(model, "merges"), *entry;
	struct source_text left, right;
	size_t i = 0;

	if (!json_is_array(merges))
		return error_set(err, "%s: model: no array \"merges\"",
		                 source->path);
	for (entry = json_first(merges); entry; entry = json_next(entry), i++) {
		if (is_version_line(entry))
			continue;
		if (!read_merge(entry, &left, &right))
			return error_set(err,
			                 "%s: merge %zu is neither "
			                 "\"a b\" nor [\"a\", \"b\"]",
			                 source->path, i);
		tokenizer_source_add_merge(source, left, right);
	}
	return 0;
}

static int read_model(struct tokenizer_source *source, const struct json *root,
                      struct error *err)
{
	static const char *const off[] = { "dropout", "unk_token",
		                           "continuing_subword_prefix",
		                           "end_of_word_suffix",
		                           "byte_fallback" };
	const struct json *model = json_get(root, "model");
	size_t i;

	if (!has_type(model, "BPE"))
		return error_set(err, "%s: model \"%s\", only BPE is known",
		                 source->path, type_of(model));
	for (i = 0; i < sizeof(off) / sizeof(off[0]); i++)
		if (must_be_off(source, "model", model, off[i], err))
			return -1;
	if (!flag_of(model, "ignore_merges", &source->ignore_merges))
		return error_set(err,
		                 "%s: model: ignore_merges is neither "
		                 "true nor false",
		                 source->path);
	if (read_vocab(source, model, err))
		return -1;
	return read_merges(source, model, err);
}

static int read_added_token(struct tokenizer_source *source,
                            const struct json *entry, size_t i,
                            struct error *err)
{
	static const char *const off[] = { "single_word", "lstrip", "rstrip" };
	const char *content = json_string(json_get(entry, "content"));
	struct source_added added = { .id = 0 };
	size_t k;

	if (!content || !json_integer(json_get(entry, "id"), &added.id) ||
	    !flag_of(entry, "special", &added.special) ||
	    !flag_of(entry, "normalized", &added.normalized))
		return error_set(err,
		                 "%s: added token %zu: id, content, "
		                 "special or normalized is missing or of a "
		                 "wrong type",
		                 source->path, i);
	for (k = 0; k < sizeof(off) / sizeof(off[0]); k++)
		if (must_be_off(source, "added_tokens", entry, off[k], err))
			return -1;
	added.text = text_of(content);
	tokenizer_source_add_added(source, &added);
	return 0;
}

static int read_added(struct tokenizer_source *source, const struct json *root,
                      struct error *err)
{
	const struct json *added = json_get(root, "added_tokens"), *entry;
	size_t i = 0;

	if (!added || json_is_null(added))
		return 0;
	if (!json_is_array(added))
		return error_set(err, "%s: added_tokens is no array",
		                 source->path);
	for (entry = json_first(added); entry; entry = json_next(entry))
		if (read_added_token(source, entry, i++, err))
			return -1;
	return 0;
}

int tokenizer_json_read(struct tokenizer_source *source, const char *text,
                        size_t len, const char *path, struct error *err)
{
	const struct json *root;

	source->path = path;
	root = source->json =
		json_parse_bounded(text, len, JSON_FILE_VALUES, path, err);
	if (!root)
		return -1;
	if (!json_is_object(root))
		return error_set(err, "%s: no JSON object", path);
	if (read_normalizer(source, root, err) ||
	    read_pre_tokenizer(source, root, err) ||
	    read_decoder(source, root, err) || read_model(source, root, err) ||
	    read_added(source, root, err))
		return -1;
	return 0;
}
