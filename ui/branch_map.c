#include "ui/branch_map.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "library/conversation.h"

#define DEEPEST 90 /* bytes in front of a line: some thirty forks */

/* A line still to be written. */
struct pending {
	size_t at;            /* place of the message */
	struct strbuf before; /* what stands in front of it */
	const char *fork;     /* its own branch of a fork, or "" */
	const char *below;    /* the same for what follows it */
};

struct map {
	const struct conversation *c;
	struct conversation_tree tree;
	bool *current;           /* [c->n] */
	bool plain;              /* in words */
	struct pending *pending; /* [n], the next one last */
	size_t n, capacity;
};

static void push(struct map *map, size_t at, const struct strbuf *before,
                 const char *fork, const char *below)
{
	struct pending *p;

	map->pending = mem_grow(map->pending, map->n, &map->capacity,
	                        sizeof *map->pending);
	p = &map->pending[map->n++];
	*p = (struct pending){ at, STRBUF_INIT, fork, below };
	strbuf_add(&p->before, before->bytes, before->len);
}

/* Those of one parent, in their order: the last is pushed first. */
static void push_children(struct map *map, size_t first,
                          const struct strbuf *before)
{
	const size_t *next = map->tree.next;
	size_t bottom = map->n;

	if (first && !next[first - 1]) {
		push(map, first - 1, before, "", "");
		return;
	}
	for (size_t i = first; i; i = next[i - 1])
		push(map, i - 1, before, next[i - 1] ? "├─ " : "└─ ",
		     next[i - 1] ? "│  " : "   ");
	for (size_t a = bottom, b = map->n; a + 1 < b; a++, b--) {
		struct pending swap = map->pending[a];

		map->pending[a] = map->pending[b - 1];
		map->pending[b - 1] = swap;
	}
}

/* What the drawing shows by its lines, where one message has several after it. */
static void add_plain(const struct map *map, struct strbuf *out,
                      const struct pending *p)
{
	const struct message *m = map->c->messages[p->at];

	strbuf_printf(out, "%zu %s", p->at + 1, message_speaker(m));
	if (*p->fork && m->parent >= 0)
		strbuf_printf(out, ", after %zu",
		              conversation_place(map->c, m->parent) + 1);
	strbuf_add_str(out, map->current[p->at] ? ", here: " : ": ");
}

static void add_line(struct map *map, struct strbuf *out)
{
	struct pending p = map->pending[--map->n];
	const struct message *m = map->c->messages[p.at];

	if (map->plain)
		add_plain(map, out, &p);
	else
		strbuf_printf(out, " %s%s%s %zu %s: ", p.before.bytes, p.fork,
		              map->current[p.at] ? "●" : "○", p.at + 1,
		              message_speaker(m));
	message_first_words(m, BRANCH_MAP_WORDS, out);
	strbuf_add_char(out, '\n');
	if (p.before.len < DEEPEST)
		strbuf_add_str(&p.before, p.below);
	push_children(map, map->tree.first[p.at], &p.before);
	strbuf_free(&p.before);
}

void branch_map(struct strbuf *out, const struct conversation *c, bool plain)
{
	struct map map = { .c = c, .plain = plain };
	struct strbuf nothing = STRBUF_INIT;
	struct message **path;
	size_t n = conversation_path(c, &path);

	map.current = mem_zalloc(c->n, sizeof *map.current);
	for (size_t i = 0; i < n; i++)
		map.current[conversation_place(c, path[i]->id)] = true;
	conversation_tree_make(&map.tree, c);
	push_children(&map, map.tree.first_root, &nothing);
	while (map.n)
		add_line(&map, out);
	conversation_tree_free(&map.tree);
	free(map.pending);
	free(map.current);
	free(path);
}

int64_t branch_map_message(const struct conversation *c, size_t number)
{
	return number && number <= c->n ? c->messages[number - 1]->id : -1;
}
