#include "text/added_tokens.h"

#include <stdlib.h>

#include "base/mem.h"

/* A node's children are a list: child, then its siblings.  Node 0 is no node;
 * the list ends with it. */
struct node {
	unsigned char byte;
	int id; /* of the token that ends here, or -1 */
	size_t child, sibling;
};

struct added_tokens {
	struct node *nodes; /* [n], the first one unused */
	size_t n, capacity;
	size_t root[256]; /* by first byte, 0: no token begins with it */
};

struct added_tokens *added_tokens_new(void)
{
	struct added_tokens *tokens = mem_zalloc(1, sizeof(*tokens));

	tokens->n = 1;
	tokens->nodes = mem_zalloc(1, sizeof(*tokens->nodes));
	tokens->capacity = 1;
	return tokens;
}

void added_tokens_free(struct added_tokens *tokens)
{
	if (!tokens)
		return;
	free(tokens->nodes);
	free(tokens);
}

static size_t new_node(struct added_tokens *tokens, unsigned char byte,
                       size_t sibling)
{
	tokens->nodes = mem_grow(tokens->nodes, tokens->n, &tokens->capacity,
	                         sizeof(*tokens->nodes));
	tokens->nodes[tokens->n] = (struct node){ byte, -1, 0, sibling };
	return tokens->n++;
}

static size_t find_child(const struct added_tokens *tokens, size_t node,
                         unsigned char byte)
{
	size_t child = tokens->nodes[node].child;

	while (child && tokens->nodes[child].byte != byte)
		child = tokens->nodes[child].sibling;
	return child;
}

void added_tokens_put(struct added_tokens *tokens, const char *text, size_t len,
                      int id)
{
	unsigned char byte = (unsigned char)text[0];
	size_t node = tokens->root[byte], child, i;

	if (!node)
		node = tokens->root[byte] = new_node(tokens, byte, 0);
	for (i = 1; i < len; i++, node = child) {
		byte = (unsigned char)text[i];
		child = find_child(tokens, node, byte);
		if (!child) {
			child = new_node(tokens, byte,
			                 tokens->nodes[node].child);
			tokens->nodes[node].child = child;
		}
	}
	tokens->nodes[node].id = id;
}

bool added_tokens_empty(const struct added_tokens *tokens)
{
	return tokens->n == 1;
}

/* The length of the longest token that text begins with, or 0. */
static size_t longest(const struct added_tokens *tokens, const char *text,
                      size_t len, int *id)
{
	size_t node = tokens->root[(unsigned char)text[0]], i = 1, best = 0;

	while (node) {
		if (tokens->nodes[node].id >= 0) {
			best = i;
			*id = tokens->nodes[node].id;
		}
		if (i == len)
			break;
		node = find_child(tokens, node, (unsigned char)text[i++]);
	}
	return best;
}

bool added_tokens_find(const struct added_tokens *tokens, const char *text,
                       size_t len, size_t from, size_t *begin, size_t *end,
                       int *id)
{
	size_t n;

	for (; from < len; from++) {
		if (!tokens->root[(unsigned char)text[from]])
			continue;
		n = longest(tokens, text + from, len - from, id);
		if (!n)
			continue;
		*begin = from;
		*end = from + n;
		return true;
	}
	return false;
}
