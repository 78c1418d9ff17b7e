#include "ui/chat_tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "library/conversation.h"
#include "ui/chat.h"

static const char other_tokens[] =
	"the tokens that are kept of this reply do not make its text";

/* What is computed ends, and the branch can be returned to. */
static void leave_branch(struct chat *chat)
{
	chat_interrupt(chat);
	chat->leaf_before = chat->conversation->leaf;
}

void chat_retry(struct chat *chat)
{
	struct message *user = conversation_last(chat->conversation, ROLE_USER);

	if (!user) {
		chat_notice(chat, "there is nothing to answer yet");
		return;
	}
	leave_branch(chat);
	chat_answer(chat, user->id);
}

void chat_continue(struct chat *chat)
{
	struct conversation *c = chat->conversation;
	struct message *m;

	chat_interrupt(chat);
	m = conversation_message(c, c->leaf);
	if (m && m->role == ROLE_USER)
		chat_answer(chat, m->id);
	else if (!m || m->role != ROLE_ASSISTANT)
		chat_notice(chat, "there is no reply to go on with");
	else if (m->state == MESSAGE_DONE)
		chat_notice(chat, "the reply is complete; /retry answers once "
				  "more");
	else if (!chat_same_model(chat, m))
		chat_notice(chat, "another model wrote this reply: %s",
		            m->model ? m->model : "unknown");
	else if (!chat_ids_hold(chat, m))
		chat_notice(chat, "%s", other_tokens);
	else
		chat_extend(chat, m);
}

char *chat_undo(struct chat *chat)
{
	struct message *user;

	if (chat->n_queue)
		return chat->queue[--chat->n_queue];
	leave_branch(chat);
	user = conversation_last(chat->conversation, ROLE_USER);
	if (!user)
		return NULL;
	chat->conversation->leaf = user->parent;
	chat_save(chat);
	return mem_dup(user->text.bytes, user->text.len);
}

void chat_edit(struct chat *chat, int64_t id, const char *text)
{
	struct conversation *c = chat->conversation;
	const struct message *old;
	struct message *m;

	leave_branch(chat); /* may take away an empty reply: this one */
	old = conversation_message(c, id);
	if (!old)
		return;
	if (old->role == ROLE_SYSTEM) {
		chat_set_system(chat, text);
		return;
	}
	m = conversation_add(c, old->parent, old->role, text, strlen(text));
	chat_save(chat);
	if (m->role == ROLE_USER)
		chat_answer(chat, m->id);
}

void chat_branch(struct chat *chat, int64_t id)
{
	const struct message *m;

	leave_branch(chat); /* may take away an empty reply: this one */
	m = conversation_message(chat->conversation, id);
	if (!m)
		return;
	chat->conversation->leaf = id;
	if (m->role == ROLE_USER)
		chat_answer(chat, id);
	else
		chat_notice(chat, "the next message begins a branch here");
	chat_snapshot_changed(chat);
	chat_save(chat);
}

void chat_select(struct chat *chat, int64_t id)
{
	leave_branch(chat);
	conversation_select(chat->conversation, id);
	chat_snapshot_changed(chat);
	chat_save(chat);
}

void chat_sibling(struct chat *chat, int64_t id, int step)
{
	struct conversation *c = chat->conversation;
	struct message **siblings;
	size_t index, n;

	n = conversation_siblings(c, id, &siblings, &index);
	free(siblings);
	if (n < 2) {
		chat_notice(chat, "this message has no other branch");
		return;
	}
	leave_branch(chat); /* may take away an empty reply */
	n = conversation_siblings(c, id, &siblings, &index);
	if (n)
		conversation_select(
			c, siblings[(index + n + (size_t)(step + (int)n)) % n]->id);
	free(siblings);
	chat_snapshot_changed(chat);
	chat_save(chat);
}

bool chat_back(struct chat *chat)
{
	struct conversation *c = chat->conversation;
	int64_t leaf = chat->leaf_before;

	if (!conversation_message(c, leaf)) {
		chat_notice(chat, "no branch was left yet");
		return false;
	}
	leave_branch(chat);
	c->leaf = leaf;
	chat_snapshot_changed(chat);
	chat_save(chat);
	return true;
}

/* ---- copies ---- */

static void copy_odds(struct message *to, const struct message *from, size_t n)
{
	for (size_t i = 0; i < n && i < from->n_odds; i++)
		*message_add_odds(to) = from->odds[i];
}

static struct message *copy_below(struct conversation *c, int64_t parent,
                                  const struct message *from)
{
	struct message *m = conversation_add(c, parent, from->role,
	                                     from->text.bytes, from->text.len);

	ids_append(&m->ids, from->ids.data, from->ids.n);
	copy_odds(m, from, from->n_odds);
	m->state = from->state;
	m->seconds = from->seconds;
	m->created_ms = from->created_ms;
	m->model = from->model ? mem_strdup(from->model) : NULL;
	m->extra = from->extra ? mem_strdup(from->extra) : NULL;
	return m;
}

void chat_set_system(struct chat *chat, const char *text)
{
	struct conversation *c = chat->conversation;
	struct message **path;
	int64_t parent = -1;
	size_t n;

	chat_interrupt(chat);
	n = conversation_path(c, &path);
	c->leaf = -1;
	if (*text)
		parent = conversation_add(c, -1, ROLE_SYSTEM, text,
		                          strlen(text))
		                 ->id;
	for (size_t i = 0; i < n; i++)
		if (path[i]->role != ROLE_SYSTEM)
			parent = copy_below(c, parent, path[i])->id;
	chat->first_seen = -1;
	free(path);
	chat_save(chat);
}

/* ---- another token ---- */

/* A sibling with the tokens before index. */
static struct message *fork_at(struct chat *chat, const struct message *m,
                               size_t index)
{
	struct conversation *c = chat->conversation;
	struct message *fork;

	chat->leaf_before = c->leaf;
	fork = conversation_add(c, m->parent, m->role, "", 0);
	fork->state = MESSAGE_INTERRUPTED; /* until it goes on */
	fork->model = mem_strdup(m->model);
	fork->extra = m->extra ? mem_strdup(m->extra) : NULL;
	ids_append(&fork->ids, m->ids.data, index);
	copy_odds(fork, m, index);
	return fork;
}

/* The same odds as the old token had, told of another one of its list. */
static void add_taken_odds(struct message *fork, const struct token_odds *old,
                           int id)
{
	struct token_odds *odds;

	while (fork->n_odds < fork->ids.n - 1)
		message_add_odds(fork);
	odds = message_add_odds(fork);
	odds->id = id;
	for (int i = 0; i < old->n_top; i++) {
		if (old->top[i].id != id)
			continue;
		*odds = *old;
		odds->id = id;
		odds->rank = i + 1;
		odds->logprob = old->top[i].logprob;
		odds->sampled_prob = old->top[i].sampled_prob;
	}
}

bool chat_may_fork(struct chat *chat, const struct message *m)
{
	const char *why = NULL;

	if (m->role != ROLE_ASSISTANT)
		why = "only a reply can go on from another token";
	else if (!chat->model || chat->state == CHAT_LOADING)
		why = "the model is not there yet";
	else if (!chat_same_model(chat, m))
		why = "another model wrote this reply";
	else if (!chat_ids_hold(chat, m))
		why = other_tokens;
	if (why)
		chat_notice(chat, "%s", why);
	return !why;
}

/* Ends what is computed, of this reply or another one.  false: it cannot go on
 * from token index, or it was empty and is gone. */
static bool can_fork(struct chat *chat, const struct message *m, size_t index)
{
	int64_t id = m->id;

	if (!chat_may_fork(chat, m))
		return false;
	chat_interrupt(chat);
	m = conversation_message(chat->conversation, id);
	return m && index <= m->ids.n;
}

void chat_take_token(struct chat *chat, const struct message *m, size_t index,
                     int id)
{
	struct token_odds old = { 0 };
	const struct token_odds *peeked;
	struct message *fork;

	if (!can_fork(chat, m, index))
		return;
	peeked = chat_peeked(chat, m, index);
	if (index < m->n_odds)
		old = m->odds[index];
	else if (peeked)
		old = *peeked;
	fork = fork_at(chat, m, index);
	if (chat_is_stop(chat, id)) {
		chat_end_reply(chat, fork);
		return;
	}
	ids_add(&fork->ids, id);
	add_taken_odds(fork, &old, id);
	chat_extend(chat, fork);
}

void chat_take_text(struct chat *chat, const struct message *m, size_t index,
                    const char *text)
{
	struct message *fork;

	if (!*text || !can_fork(chat, m, index))
		return;
	fork = fork_at(chat, m, index);
	tokenizer_encode(chat->model->tokenizer, text, strlen(text),
	                 TOKENIZER_PLAIN, &fork->ids);
	while (fork->n_odds < fork->ids.n) {
		int id = fork->ids.data[fork->n_odds];

		message_add_odds(fork)->id = id;
	}
	chat_extend(chat, fork);
}
