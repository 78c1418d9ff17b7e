#include "library/import_tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "library/conversation.h"

void import_tree_init(struct import_tree *tree)
{
	*tree = (struct import_tree){ .c = conversation_new(),
		                      .created_ms = -1,
		                      .updated_ms = -1 };
}

static void free_nodes(struct import_tree *tree)
{
	for (size_t i = 0; i < tree->n; i++) {
		free(tree->nodes[i].key);
		free(tree->nodes[i].parent);
	}
	free(tree->nodes);
	free(tree->leaf);
	*tree = (struct import_tree){ 0 };
}

void import_tree_free(struct import_tree *tree)
{
	conversation_free(tree->c);
	free_nodes(tree);
}

struct import_node *import_tree_add(struct import_tree *tree)
{
	struct import_node *node;

	tree->nodes = mem_grow(tree->nodes, tree->n, &tree->capacity,
	                       sizeof *tree->nodes);
	node = &tree->nodes[tree->n++];
	*node = (struct import_node){ .number = -1, .id = -1 };
	return node;
}

/* ---- who is whose parent ---- */

struct name {
	const char *key;
	size_t place;
};

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->key,
	              ((const struct name *)b)->key);
}

/* The keys in order, [*n]; NULL where one is there twice. */
static struct name *sorted_names(const struct import_tree *tree, size_t *n,
                                 struct error *err)
{
	struct name *names = mem_zalloc(tree->n, sizeof *names);

	*n = 0;
	for (size_t i = 0; i < tree->n; i++)
		if (tree->nodes[i].key)
			names[(*n)++] = (struct name){ tree->nodes[i].key, i };
	qsort(names, *n, sizeof *names, compare_names);
	for (size_t i = 1; i < *n; i++) {
		if (strcmp(names[i].key, names[i - 1].key))
			continue;
		error_set(err, "two messages with the id \"%.64s\"",
		          names[i].key);
		free(names);
		return NULL;
	}
	return names;
}

static int find_parents(struct import_tree *tree, struct error *err)
{
	size_t n;
	struct name *names = sorted_names(tree, &n, err), *found;
	int status = 0;

	for (size_t i = 0; names && i < tree->n && !status; i++) {
		struct import_node *node = &tree->nodes[i];
		struct name wanted = { node->parent, 0 };

		if (node->follows)
			node->above = i;
		if (node->follows || !node->parent)
			continue;
		found = bsearch(&wanted, names, n, sizeof *names,
		                compare_names);
		if (found)
			node->above = found->place + 1;
		else
			status = error_set(err,
			                   "message %zu: its parent \"%.64s\" "
			                   "is not there",
			                   i + 1, node->parent);
	}
	free(names);
	return names ? status : -1;
}

/* ---- order ---- */

/* Appends a node whose parent has its place. */
static void place(struct import_tree *tree, struct message **ordered, size_t *n,
                  struct import_node *node)
{
	const struct import_node *above =
		node->above ? &tree->nodes[node->above - 1] : NULL;
	int64_t next = *n ? ordered[*n - 1]->id + 1 : 0;

	node->id = above ? above->id : -1;
	if (!node->message)
		return;
	node->message->parent = node->id;
	node->message->id =
		node->number >= next && node->number < MESSAGE_MAX_ID
			? node->number
			: next;
	node->id = node->message->id;
	ordered[(*n)++] = node->message;
}

enum { UNSEEN, ON_THE_WAY, PLACED };

/* Places a node after those above it. */
static int place_with_parents(struct import_tree *tree, size_t i, size_t *chain,
                              struct message **ordered, size_t *n,
                              struct error *err)
{
	size_t depth = 0;

	for (size_t at = i + 1; at; at = tree->nodes[at - 1].above) {
		struct import_node *node = &tree->nodes[at - 1];

		if (node->mark == PLACED)
			break;
		if (node->mark == ON_THE_WAY)
			return error_set(err, "message %zu is its own ancestor",
			                 at);
		node->mark = ON_THE_WAY;
		chain[depth++] = at - 1;
	}
	while (depth) {
		struct import_node *node = &tree->nodes[chain[--depth]];

		place(tree, ordered, n, node);
		node->mark = PLACED;
	}
	return 0;
}

struct numbered {
	int64_t number;
	size_t place;
};

static int compare_numbers(const void *a, const void *b)
{
	const struct numbered *x = a, *y = b;

	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

/* Nodes by number; as they came where some have none. */
static struct numbered *order_of(const struct import_tree *tree)
{
	struct numbered *order = mem_zalloc(tree->n, sizeof *order);
	bool all = true;

	for (size_t i = 0; i < tree->n; i++) {
		const struct import_node *node = &tree->nodes[i];

		order[i] = (struct numbered){ node->number, i };
		all = all && (node->number >= 0 || !node->message);
	}
	if (all)
		qsort(order, tree->n, sizeof *order, compare_numbers);
	return order;
}

static int bring_into_order(struct import_tree *tree, struct error *err)
{
	struct conversation *c = tree->c;
	struct message **ordered = mem_zalloc(c->n, sizeof *ordered);
	size_t *chain = mem_zalloc(tree->n, sizeof *chain), n = 0;
	struct numbered *order = order_of(tree);
	int status = 0;

	for (size_t i = 0; i < tree->n && !status; i++)
		status = place_with_parents(tree, order[i].place, chain,
		                            ordered, &n, err);
	if (!status && n)
		memcpy(c->messages, ordered, n * sizeof *ordered);
	if (!status)
		c->n = n;
	free(order);
	free(chain);
	free(ordered);
	return status;
}

static void set_leaf(struct import_tree *tree)
{
	struct conversation *c = tree->c;

	c->leaf = -1;
	if (c->n)
		conversation_select(c, c->messages[c->n - 1]->id);
	for (size_t i = 0; tree->leaf && i < tree->n; i++)
		if (tree->nodes[i].key && tree->nodes[i].id >= 0 &&
		    !strcmp(tree->nodes[i].key, tree->leaf))
			c->leaf = tree->nodes[i].id;
}

static void set_times(struct import_tree *tree)
{
	struct conversation *c = tree->c;

	if (tree->updated_ms >= 0)
		c->created_ms = c->updated_ms = tree->updated_ms;
	if (tree->created_ms >= 0)
		c->created_ms = tree->created_ms;
}

struct conversation *import_tree_take(struct import_tree *tree,
                                      struct error *err)
{
	struct conversation *c = tree->c;

	if (find_parents(tree, err) || bring_into_order(tree, err)) {
		import_tree_free(tree);
		return NULL;
	}
	set_leaf(tree);
	set_times(tree);
	free_nodes(tree);
	return c;
}
