#include "library/conversation.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/utf8.h"

static const char *const role_names[] = { "system", "user", "assistant",
	                                  "tool" };

const char *message_role_name(enum message_role role)
{
	return role_names[role];
}

int message_role_named(const char *name)
{
	for (int i = 0; i < 4; i++)
		if (!strcmp(role_names[i], name))
			return i;
	return -1;
}

const char *message_speaker(const struct message *m)
{
	switch (m->role) {
	case ROLE_SYSTEM:
		return "System";
	case ROLE_USER:
		return "You";
	case ROLE_TOOL:
		return "Tool";
	case ROLE_ASSISTANT:
		break;
	}
	return m->model ? m->model : "Assistant";
}

static const char *const state_names[] = { "done", "open", "length",
	                                   "interrupted" };

const char *message_state_name(enum message_state state)
{
	return state_names[state];
}

int message_state_named(const char *name)
{
	for (int i = 0; i < 4; i++)
		if (!strcmp(state_names[i], name))
			return i;
	return -1;
}

int64_t conversation_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void message_free(struct message *m)
{
	strbuf_free(&m->text);
	ids_free(&m->ids);
	free(m->odds);
	free(m->model);
	free(m->extra);
	free(m);
}

struct conversation *conversation_new(void)
{
	struct conversation *c = mem_zalloc(1, sizeof *c);

	c->title = mem_strdup("");
	c->leaf = -1;
	c->created_ms = c->updated_ms = conversation_now_ms();
	return c;
}

struct conversation *conversation_begin(const char *system)
{
	struct conversation *c = conversation_new();
	struct strbuf text = STRBUF_INIT;

	utf8_repair(&text, system ? system : "", system ? strlen(system) : 0);
	if (text.len)
		conversation_add(c, -1, ROLE_SYSTEM, text.bytes, text.len);
	strbuf_free(&text);
	return c;
}

void conversation_free(struct conversation *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n; i++)
		message_free(c->messages[i]);
	free(c->messages);
	free(c->id);
	free(c->title);
	free(c);
}

struct message *conversation_add(struct conversation *c, int64_t parent,
                                 enum message_role role, const char *text,
                                 size_t len)
{
	struct message *m = mem_zalloc(1, sizeof *m);

	assert(parent == -1 || conversation_message(c, parent));
	m->id = c->n ? c->messages[c->n - 1]->id + 1 : 0;
	m->parent = parent;
	m->role = role;
	m->text = (struct strbuf)STRBUF_INIT;
	strbuf_add(&m->text, text, len);
	m->created_ms = c->updated_ms = conversation_now_ms();
	c->messages =
		mem_grow(c->messages, c->n, &c->capacity, sizeof *c->messages);
	c->messages[c->n++] = m;
	c->leaf = m->id;
	return m;
}

/* Ids ascend, so the list is its own index. */
static size_t place_of(struct message **messages, size_t n, int64_t id)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (messages[middle]->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < n && messages[low]->id == id ? low : n;
}

size_t conversation_place(const struct conversation *c, int64_t id)
{
	return place_of(c->messages, c->n, id);
}

struct message *conversation_message(const struct conversation *c, int64_t id)
{
	size_t at = conversation_place(c, id);

	return at < c->n ? c->messages[at] : NULL;
}

size_t conversation_path(const struct conversation *c, struct message ***path)
{
	const struct message *m;
	size_t n = 0, i;

	for (m = conversation_message(c, c->leaf); m;
	     m = conversation_message(c, m->parent))
		n++;
	*path = mem_zalloc(n, sizeof **path);
	i = n;
	for (struct message *k = conversation_message(c, c->leaf); k;
	     k = conversation_message(c, k->parent))
		(*path)[--i] = k;
	return n;
}

struct message *conversation_last(const struct conversation *c,
                                  enum message_role role)
{
	struct message *m = conversation_message(c, c->leaf);

	while (m && m->role != role)
		m = conversation_message(c, m->parent);
	return m;
}

void conversation_tree_make(struct conversation_tree *tree,
                            const struct conversation *c)
{
	size_t *last_of = mem_zalloc(c->n, sizeof *last_of), last_root = 0;

	*tree = (struct conversation_tree){
		.first = mem_zalloc(c->n, sizeof *tree->first),
		.next = mem_zalloc(c->n, sizeof *tree->next),
	};
	for (size_t i = 0; i < c->n; i++) {
		int64_t parent = c->messages[i]->parent;
		size_t at = parent < 0 ? 0 : conversation_place(c, parent);
		size_t *first =
			parent < 0 ? &tree->first_root : &tree->first[at];
		size_t *last = parent < 0 ? &last_root : &last_of[at];

		if (*last)
			tree->next[*last - 1] = i + 1;
		else
			*first = i + 1;
		*last = i + 1;
	}
	free(last_of);
}

void conversation_tree_free(struct conversation_tree *tree)
{
	free(tree->first);
	free(tree->next);
}

size_t conversation_siblings(const struct conversation *c, int64_t id,
                             struct message ***siblings, size_t *index)
{
	const struct message *self = conversation_message(c, id);
	size_t n = 0, capacity = 0;

	*siblings = NULL;
	*index = 0;
	for (size_t i = 0; self && i < c->n; i++) {
		struct message *m = c->messages[i];

		if (m->parent != self->parent)
			continue;
		if (m == self)
			*index = n;
		*siblings =
			mem_grow(*siblings, n, &capacity, sizeof **siblings);
		(*siblings)[n++] = m;
	}
	return n;
}

void conversation_select(struct conversation *c, int64_t id)
{
	size_t *newest, at;

	if (!conversation_message(c, id))
		return;
	newest = mem_zalloc(c->n, sizeof *newest); /* child; 0: none */
	for (size_t i = 0; i < c->n; i++)
		if (c->messages[i]->parent != -1)
			newest[conversation_place(c, c->messages[i]->parent)] =
				i;
	at = conversation_place(c, id);
	while (newest[at])
		at = newest[at];
	c->leaf = c->messages[at]->id;
	free(newest);
}

void conversation_remove(struct conversation *c, int64_t id)
{
	struct message **siblings, *m = conversation_message(c, id);
	int64_t parent, next = -1;
	size_t n, index, kept = 0;

	if (!m)
		return;
	parent = m->parent;
	n = conversation_siblings(c, id, &siblings, &index);
	for (size_t i = 0; i < n; i++)
		if (i != index)
			next = siblings[i]->id;
	free(siblings);

	/* Parents come before children, so one pass finds the whole branch:
	 * what is removed leaves the list, and its children find no parent. */
	for (size_t i = 0; i < c->n; i++) {
		m = c->messages[i];
		if (m->id != id &&
		    (m->parent == -1 ||
		     place_of(c->messages, kept, m->parent) < kept))
			c->messages[kept++] = m;
		else
			message_free(m);
	}
	c->n_removed += c->n - kept;
	c->n = kept;
	if (conversation_message(c, c->leaf))
		return;
	c->leaf = parent;
	if (next != -1)
		conversation_select(c, next);
}

struct token_odds *message_add_odds(struct message *m)
{
	struct token_odds *odds;

	m->odds = mem_grow(m->odds, m->n_odds, &m->odds_capacity,
	                   sizeof *m->odds);
	odds = &m->odds[m->n_odds++];
	*odds = (struct token_odds){ 0 };
	return odds;
}

void message_first_words(const struct message *m, size_t max,
                         struct strbuf *out)
{
	const char *text = m->text.bytes;
	size_t len = m->text.len, begin = out->len, word_end = begin;
	size_t n_written = 0, pos = 0;
	bool space = false;

	while (pos < len) {
		uint32_t cp;
		int n = utf8_decode(text + pos, len - pos, &cp);

		if (cp <= ' ') {
			word_end = out->len;
			space = out->len > begin;
		} else {
			n_written += space;
			if (n_written >= max) {
				if (word_end > begin)
					out->len = word_end;
				strbuf_add_str(out, "…");
				return;
			}
			if (space)
				strbuf_add_char(out, ' ');
			strbuf_add(out, text + pos, (size_t)n);
			n_written++;
			space = false;
		}
		pos += (size_t)n;
	}
}

static char *make_title(const struct conversation *c)
{
	struct strbuf title = STRBUF_INIT;

	for (size_t i = 0; i < c->n && !title.len; i++) {
		const struct message *m = c->messages[i];

		if (m->role == ROLE_USER)
			message_first_words(m, 48, &title);
	}
	return strbuf_take(&title);
}

void conversation_one_line(char *title)
{
	for (; *title; title++)
		if ((unsigned char)*title < ' ' || *title == 0x7f)
			*title = ' ';
}

void conversation_auto_title(struct conversation *c)
{
	if (*c->title)
		return;
	free(c->title);
	c->title = make_title(c);
}

bool conversation_title_is_auto(const struct conversation *c)
{
	char *title = make_title(c);
	bool is_auto = !strcmp(title, c->title);

	free(title);
	return is_auto;
}

bool conversation_is_said(const struct conversation *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->messages[i]->role != ROLE_SYSTEM)
			return true;
	return false;
}

void conversation_take_back(struct conversation *c, int64_t id)
{
	const struct message *m = conversation_message(c, id);
	bool automatic = conversation_title_is_auto(c);
	int64_t parent;

	if (!m)
		return;
	parent = m->parent;
	conversation_remove(c, id);
	c->leaf = parent;
	if (!automatic)
		return;
	*c->title = '\0';
	conversation_auto_title(c);
}
