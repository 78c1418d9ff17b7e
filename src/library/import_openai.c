#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "library/conversation.h"
#include "library/import_parts.h"
#include "library/import_tree.h"

static char *key_of(int64_t id)
{
	struct strbuf key = STRBUF_INIT;

	strbuf_printf(&key, "%lld", (long long)id);
	return strbuf_take(&key);
}

/* Our own files say where in the tree a message is. */
static void set_place(struct import_node *node, const struct json *own)
{
	int64_t id, parent;

	if (!json_integer(json_get(own, "id"), &id) || id < 0 ||
	    !json_integer(json_get(own, "parent"), &parent) || parent < -1)
		return;
	node->key = key_of(id);
	node->number = id;
	node->follows = false;
	if (parent >= 0)
		node->parent = key_of(parent);
}

static int get_messages(struct import_tree *tree, const struct json *list,
                        const char *name, struct error *err)
{
	size_t i = 0;

	for (const struct json *v = json_first(list); v; v = json_next(v)) {
		struct import_node *node = import_message(tree, v, err);

		if (!node) {
			error_prefix(err, "%s[%zu]", name, i);
			return -1;
		}
		set_place(node, json_get(v, "confab"));
		i++;
	}
	return 0;
}

static void get_own(struct import_tree *tree, const struct json *own)
{
	int64_t leaf;

	import_times(tree, json_get(own, "created_ms"),
	             json_get(own, "updated_ms"));
	if (json_integer(json_get(own, "leaf"), &leaf) && leaf >= 0)
		tree->leaf = key_of(leaf);
}

struct conversation *import_openai(const struct json *v, struct error *err)
{
	const struct json *own = json_get(v, "confab"), *list = v;
	struct import_tree tree;

	if (!json_is_array(v))
		list = json_get(v, "messages");
	import_tree_init(&tree);
	if (get_messages(&tree, list, "messages", err) ||
	    get_messages(&tree, json_get(own, "branches"), "confab.branches",
	                 err)) {
		import_tree_free(&tree);
		return NULL;
	}
	import_title(tree.c, json_get(v, "title"));
	get_own(&tree, own);
	return import_tree_take(&tree, err);
}

struct conversation *import_sharegpt(const struct json *v, struct error *err)
{
	const struct json *list = v, *system = json_get(v, "system");
	struct import_tree tree;
	size_t i = 0;

	if (!json_is_array(v))
		list = json_get(v, "conversations");
	import_tree_init(&tree);
	if (json_string(system) && *json_string(system)) {
		struct import_node *node = import_tree_add(&tree);
		const char *text = json_string(system);

		node->message = conversation_add(tree.c, -1, ROLE_SYSTEM, text,
		                                 strlen(text));
	}
	for (const struct json *t = json_first(list); t; t = json_next(t)) {
		if (import_turn(&tree, t, err)) {
			error_prefix(err, "conversations[%zu]", i);
			import_tree_free(&tree);
			return NULL;
		}
		i++;
	}
	import_title(tree.c, json_get(v, "title"));
	return import_tree_take(&tree, err);
}
