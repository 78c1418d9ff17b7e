/*
 * import_tree.h - a conversation put together from messages in any order
 *
 * Files give a message's parent by a name that may stand further down.  The
 * messages are gathered here and brought into order at the end: parents first,
 * otherwise as they came, or by number where all have one.
 */
#ifndef CONFAB_IMPORT_TREE_H
#define CONFAB_IMPORT_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conversation;
struct error;
struct message;

struct import_node {
	char *key;    /* the file's name for it, or NULL */
	char *parent; /* key; NULL: a root */
	bool follows; /* the parent is the node before, whatever its key */
	struct message
		*message; /* NULL: an empty root that only holds others */
	int64_t number;   /* of the message, wanted; -1: any */

	/* While they are brought into order. */
	size_t above; /* place of the parent + 1; 0: none */
	int64_t id;   /* in the tree; -1: that of a holder without one */
	int mark;
};

struct import_tree {
	struct conversation *c;
	struct import_node *nodes; /* [n] */
	size_t n, capacity;
	char *leaf;                     /* key of the current one, or NULL */
	int64_t created_ms, updated_ms; /* of the conversation; -1: now */
};

void import_tree_init(struct import_tree *tree);
void import_tree_free(struct import_tree *tree); /* with c */

/* A new last node.  Valid until the next one. */
struct import_node *import_tree_add(struct import_tree *tree);

/* The conversation, yours; NULL where a parent is missing, two messages have
 * one key, or parents go round in a circle.  The tree is empty afterwards. */
struct conversation *import_tree_take(struct import_tree *tree,
                                      struct error *err);

#endif
