#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "library/conversation.h"
#include "library/import_parts.h"
#include "library/import_tree.h"

/* A session's header, or "conv" of the former format. */
int import_session_begin(struct import_tree *tree, const struct json *header,
                         struct error *err)
{
	const struct json *own = json_get(header, "confab");
	const char *leaf = json_string(json_get(header, "currNode"));

	if (!json_is_object(header))
		return error_set(err, "the conversation must be an object");
	import_tree_init(tree);
	import_title(tree->c, json_get(header, "name"));
	import_times(tree, json_get(own, "created_ms"),
	             json_get(header, "lastModified"));
	if (leaf && *leaf)
		tree->leaf = mem_strdup(leaf);
	return 0;
}

/* Our own files number their messages. */
static int64_t number_of(const struct json *message)
{
	int64_t id;

	if (!json_integer(json_get(json_get(message, "confab"), "id"), &id) ||
	    id < 0)
		return -1;
	return id;
}

/* The empty message that all others hang from. */
static bool is_holder(const struct json *message)
{
	const char *type = json_string(json_get(message, "type"));
	const char *content = json_string(json_get(message, "content"));

	return type && !strcmp(type, "root") && (!content || !*content);
}

static int add(struct import_tree *tree, const struct json *message,
               struct error *err)
{
	const char *key = json_string(json_get(message, "id"));
	const struct json *parent = json_get(message, "parent");
	struct import_node *node;

	if (!json_is_object(message))
		return error_set(err, "must be an object");
	node = is_holder(message) ? import_tree_add(tree)
	                          : import_message(tree, message, err);
	if (!node)
		return -1;
	node->number = number_of(message);
	if (key)
		node->key = mem_strdup(key);
	if (json_string(parent))
		node->parent = mem_strdup(json_string(parent));
	/* Without parents a session is a line, message by message. */
	if (parent)
		node->follows = false;
	return 0;
}

int import_session_message(struct import_tree *tree, const struct json *record,
                           struct error *err)
{
	if (!add(tree, json_get(record, "message"), err))
		return 0;
	error_prefix(err, "message");
	return -1;
}

struct conversation *import_conv(const struct json *v, struct error *err)
{
	const struct json *list = json_get(v, "messages");
	struct import_tree tree;
	size_t i = 0;

	if (import_session_begin(&tree, json_get(v, "conv"), err))
		return NULL;
	for (const struct json *m = json_first(list); m; m = json_next(m)) {
		if (add(&tree, m, err)) {
			error_prefix(err, "messages[%zu]", i);
			import_tree_free(&tree);
			return NULL;
		}
		i++;
	}
	return import_tree_take(&tree, err);
}
