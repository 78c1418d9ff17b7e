#include "tests/support.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/paths.h"
#include "base/strbuf.h"
#include "engine/sampler.h"
#include "library/conversation.h"
#include "library/import.h"
#include "library/library.h"
#include "library/odds_codec.h"

static uint64_t random_state = 1;

static uint32_t pick(uint32_t below)
{
	random_state = random_state * 6364136223846793005ull + 1;
	return (uint32_t)(random_state >> 33) % below;
}

static void add_token(struct message *m)
{
	struct token_odds *odds = message_add_odds(m);

	odds->id = (int)pick(151936);
	odds->logprob = -(float)pick(1 << 20) / 65536;
	odds->entropy = (float)pick(1 << 20) / 65536;
	odds->rank = 1 + (int)pick(pick(2) ? 4 : 150000);
	odds->sampled_prob = (float)pick(1 << 20) / (1 << 20);
	odds->n_top = TOKEN_TOP;
	for (int i = 0; i < TOKEN_TOP; i++) {
		odds->top[i].id = (int)pick(151936);
		odds->top[i].logprob = -(float)pick(1 << 20) / 65536;
		odds->top[i].cut = i < 5 ? 0 : 2;
		if (i % 3 == 0)
			odds->top[i].cut |= TOKEN_PENALISED;
		odds->top[i].sampled_prob =
			i < 5 ? (float)(1 + pick(1000)) / 1001 : 0;
	}
	ids_add(&m->ids, odds->id);
	strbuf_printf(&m->text, " t%d", odds->id);
}

static void same_message(const struct message *a, const struct message *b)
{
	assert_int_equal(a->id, b->id);
	assert_int_equal(a->parent, b->parent);
	assert_int_equal(a->role, b->role);
	assert_int_equal(a->text.len, b->text.len);
	assert_memory_equal(a->text.bytes, b->text.bytes, a->text.len);
	assert_int_equal(a->ids.n, b->ids.n);
	if (a->ids.n)
		assert_memory_equal(a->ids.data, b->ids.data,
		                    a->ids.n * sizeof(int));
	assert_int_equal(a->n_odds, b->n_odds);
	for (size_t i = 0; i < a->n_odds; i++) {
		const struct token_odds *x = &a->odds[i], *y = &b->odds[i];

		assert_int_equal(x->id, y->id);
		assert_true(x->logprob == y->logprob);
		assert_true(x->entropy == y->entropy);
		assert_int_equal(x->rank, y->rank);
		assert_true(x->sampled_prob == y->sampled_prob);
		assert_int_equal(x->n_top, y->n_top);
		for (int k = 0; k < x->n_top; k++) {
			assert_int_equal(x->top[k].id, y->top[k].id);
			assert_true(x->top[k].logprob == y->top[k].logprob);
			assert_true(x->top[k].sampled_prob ==
			            y->top[k].sampled_prob);
			assert_int_equal(x->top[k].cut, y->top[k].cut);
		}
	}
}

static struct library *open_library(const char *dir)
{
	struct error err = { "" };
	struct library *lib = library_open(dir, &err);

	if (!lib)
		fail_msg("%s", err.text);
	return lib;
}

static void save(struct library *lib, struct conversation *c)
{
	struct error err = { "" };

	if (library_save(lib, c, &err))
		fail_msg("%s", err.text);
}

static struct message *add(struct conversation *c, int64_t parent,
                           enum message_role role, const char *text)
{
	return conversation_add(c, parent, role, text, strlen(text));
}

static void a_token_takes_less_than_200_bytes(void **state)
{
	struct conversation *c = conversation_new();
	struct message *m = add(c, -1, ROLE_ASSISTANT, "");
	struct strbuf bytes = STRBUF_INIT;

	(void)state;
	for (int i = 0; i < 1000; i++)
		add_token(m);
	odds_encode(&bytes, m->odds, m->n_odds);
	assert_true(bytes.len < 200 * 1000);
	strbuf_free(&bytes);
	conversation_free(c);
}

static void damaged_odds_keep_what_came_before(void **state)
{
	struct conversation *c = conversation_new();
	struct message *m = add(c, -1, ROLE_ASSISTANT, ""), *copy;
	struct strbuf bytes = STRBUF_INIT;
	size_t one;

	(void)state;
	add_token(m);
	odds_encode(&bytes, m->odds, 1);
	one = bytes.len;
	add_token(m);
	odds_encode(&bytes, m->odds + 1, 1);
	for (size_t len = one + 1; len < bytes.len; len++) {
		copy = add(c, -1, ROLE_ASSISTANT, "");
		assert_int_equal(odds_decode(copy, bytes.bytes, len), -1);
		assert_int_equal(copy->n_odds, 1);
		assert_int_equal(copy->odds[0].id, m->odds[0].id);
	}
	for (int i = 0; i < 20000; i++) {
		bytes.bytes[pick((uint32_t)bytes.len)] ^= (char)(1 << pick(8));
		copy = add(c, -1, ROLE_ASSISTANT, "");
		odds_decode(copy, bytes.bytes, bytes.len);
		for (size_t k = 0; k < copy->n_odds; k++)
			assert_in_range(copy->odds[k].n_top, 0, TOKEN_TOP);
		conversation_remove(c, copy->id);
	}
	strbuf_free(&bytes);
	conversation_free(c);
}

/* Where a varint becomes longer, and probabilities that are nearly 0. */
static void numbers_at_the_borders_of_a_byte_come_back(void **state)
{
	static const int ids[] = { 0,     127,       128,       129,      16383,
		                   16384, (1 << 21), (1 << 28), INT32_MAX };
	struct conversation *c = conversation_new();
	struct message *m = add(c, -1, ROLE_ASSISTANT, "");
	struct message *copy = add(c, -1, ROLE_ASSISTANT, "");
	struct strbuf bytes = STRBUF_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
		struct token_odds *odds = message_add_odds(m);

		odds->id = odds->rank = ids[i];
		odds->n_top = 1;
		odds->top[0] = (struct token_candidate){
			.id = ids[i], .logprob = -90, .sampled_prob = 1e-38f
		};
	}
	odds_encode(&bytes, m->odds, m->n_odds);
	assert_int_equal(odds_decode(copy, bytes.bytes, bytes.len), 0);
	assert_int_equal(copy->n_odds, m->n_odds);
	for (size_t i = 0; i < m->n_odds; i++) {
		assert_int_equal(copy->odds[i].id, ids[i]);
		assert_int_equal(copy->odds[i].rank, ids[i]);
		assert_int_equal(copy->odds[i].top[0].id, ids[i]);
		assert_true(copy->odds[i].top[0].sampled_prob == 1e-38f);
	}
	strbuf_free(&bytes);
	conversation_free(c);
}

/* One token without candidates, of which bytes are exchanged: an id of more than 31
 * bits, too many candidates, a cut that there is not. */
static void odds_that_cannot_be_are_damage(void **state)
{
	struct conversation *c = conversation_new();
	struct message *m = add(c, -1, ROLE_ASSISTANT, "");
	struct token_odds *odds = message_add_odds(m);
	struct strbuf bytes = STRBUF_INIT, wrong = STRBUF_INIT;

	(void)state;
	odds->id = odds->rank = 1;
	odds->n_top = 1;
	odds_encode(&bytes, odds, 1);
	strbuf_add(&wrong, "\xff\xff\xff\xff\x0f", 5);
	strbuf_add(&wrong, bytes.bytes + 1, bytes.len - 1);
	assert_int_equal(odds_decode(m, wrong.bytes, wrong.len), -1);
	/* The last byte is the cut of the candidate. */
	bytes.bytes[bytes.len - 1] = SAMPLER_CUT_GREEDY;
	assert_int_equal(odds_decode(m, bytes.bytes, bytes.len), 0);
	bytes.bytes[bytes.len - 1] = SAMPLER_CUT_GREEDY + 1;
	assert_int_equal(odds_decode(m, bytes.bytes, bytes.len), -1);
	assert_int_equal(m->n_odds, 2);
	/* id, logprob, entropy, rank, sampled_prob, n_top */
	strbuf_clear(&wrong);
	strbuf_add(&wrong, bytes.bytes, 14);
	strbuf_add_char(&wrong, TOKEN_TOP + 1);
	for (int i = 0; i < 6 * (TOKEN_TOP + 1); i++)
		strbuf_add_char(&wrong, 0);
	assert_int_equal(odds_decode(m, wrong.bytes, wrong.len), -1);
	strbuf_free(&wrong);
	strbuf_free(&bytes);
	conversation_free(c);
}

static void what_was_saved_is_read_back_to_the_last_bit(void **state)
{
	char *dir = test_tmp_dir();
	struct library *lib = open_library(dir);
	struct conversation *c = conversation_new(), *back;
	struct message *m;
	struct error err = { "" };

	(void)state;
	m = add(c, -1, ROLE_SYSTEM, "be kind");
	m = add(c, m->id, ROLE_USER, "a\0b");
	strbuf_add(&m->text, "\0x\xff", 3);
	m = add(c, m->id, ROLE_ASSISTANT, "");
	m->model = strdup("confab-20m");
	m->extra = strdup("{\"temperature\":0.7}");
	for (int i = 0; i < 40;
	     i++) { /* a growing reply, flushed as it grows */
		m->state = MESSAGE_OPEN;
		add_token(m);
		if (i % 7 == 0)
			save(lib, c);
	}
	m->state = MESSAGE_DONE;
	conversation_auto_title(c);
	save(lib, c);
	add(c, 1, ROLE_ASSISTANT, "another");
	conversation_select(c, 2);
	save(lib, c);
	library_close(lib);

	lib = open_library(dir);
	back = library_read(lib, c->id, &err);
	assert_non_null(back);
	assert_string_equal(back->title, c->title);
	assert_int_equal(back->leaf, c->leaf);
	assert_int_equal(back->n, c->n);
	for (size_t i = 0; i < c->n; i++)
		same_message(c->messages[i], back->messages[i]);
	assert_string_equal(back->messages[2]->model, "confab-20m");
	assert_string_equal(back->messages[2]->extra, "{\"temperature\":0.7}");
	conversation_free(back);
	conversation_free(c);
	library_close(lib);
	free(dir);
}

/* What another program reads that opens the library now; yours to free. */
static struct conversation *read_anew(struct library **lib, const char *dir,
                                      const struct conversation *c)
{
	struct conversation *back;

	library_close(*lib);
	*lib = open_library(dir);
	back = library_read(*lib, c->id, NULL);
	assert_non_null(back);
	return back;
}

/* As many as before, but others: the odds of a prompt, computed a second time. */
static void odds_that_were_renewed_are_saved(void **state)
{
	char *dir = test_tmp_dir();
	struct library *lib = open_library(dir);
	struct conversation *c = conversation_new(), *back;
	struct message *m;

	(void)state;
	m = add(c, -1, ROLE_USER, "u");
	add_token(m);
	add_token(m);
	save(lib, c);
	m->odds[1].rank = 77;
	m->odds_renewed++;
	save(lib, c);
	add_token(m); /* what is added afterwards is added */
	save(lib, c);
	back = read_anew(&lib, dir, c);
	assert_int_equal(back->messages[0]->n_odds, 3);
	assert_int_equal(back->messages[0]->odds[1].rank, 77);
	assert_int_equal(back->messages[0]->odds[2].id, m->odds[2].id);
	conversation_free(back);
	conversation_free(c);
	library_close(lib);
	free(dir);
}

static void an_open_reply_comes_back_interrupted(void **state)
{
	char *dir = test_tmp_dir();
	struct library *lib = open_library(dir);
	struct conversation *c = conversation_new(), *back;
	struct message *m;

	(void)state;
	m = add(c, add(c, -1, ROLE_USER, "u")->id, ROLE_ASSISTANT, "");
	m->state = MESSAGE_OPEN;
	add_token(m);
	save(lib, c);
	back = read_anew(&lib, dir, c);
	assert_int_equal(back->messages[1]->state, MESSAGE_INTERRUPTED);
	assert_int_equal(back->messages[1]->n_odds, 1);
	conversation_free(back);
	conversation_free(c);
	library_close(lib);
	free(dir);
}

/* The end of a reply may bring no more text, an edit of a person no ids. */
static void whatever_changes_is_saved(void **state)
{
	char *dir = test_tmp_dir();
	struct library *lib = open_library(dir);
	struct conversation *c = conversation_new(), *back;
	struct message *m = add(c, -1, ROLE_ASSISTANT, "");

	(void)state;
	c->created_ms = c->updated_ms = 1700000000000;
	m->state = MESSAGE_OPEN;
	add_token(m);
	save(lib, c);
	m->state = MESSAGE_DONE;
	m->seconds = 1.5;
	save(lib, c);
	back = read_anew(&lib, dir, c);
	assert_int_equal(back->messages[0]->state, MESSAGE_DONE);
	assert_true(back->messages[0]->seconds == 1.5);
	assert_true(back->created_ms == 1700000000000);
	assert_true(back->updated_ms == 1700000000000);
	conversation_free(c);
	c = back;
	assert_int_equal(library_lock(lib, c->id, NULL), 0);
	strbuf_add_char(&c->messages[0]->text, '!');
	save(lib, c);
	back = read_anew(&lib, dir, c);
	assert_string_equal(back->messages[0]->text.bytes,
	                    c->messages[0]->text.bytes);
	conversation_free(c);
	c = back;
	assert_int_equal(library_lock(lib, c->id, NULL), 0);
	ids_add(&c->messages[0]->ids, 5);
	save(lib, c);
	back = read_anew(&lib, dir, c);
	assert_int_equal(back->messages[0]->ids.n, 2);
	conversation_free(c);
	/* Without the lock another program may have changed it. */
	strbuf_add_char(&back->messages[0]->text, '?');
	assert_int_equal(library_save(lib, back, NULL), -1);
	conversation_free(back);
	library_close(lib);
	free(dir);
}

static void words_find_titles_and_messages_and_no_operator(void **state)
{
	char *dir = test_tmp_dir();
	struct library *lib = open_library(dir);
	struct conversation *a = conversation_new(), *b = conversation_new();
	struct library_entry *entries;
	struct error err = { "" };
	size_t n;

	(void)state;
	add(a, -1, ROLE_USER, "Kyoto in November");
	add(b, -1, ROLE_USER, "baking bread");
	save(lib, a);
	b->updated_ms = a->updated_ms + 1000;
	save(lib, b);
	assert_int_equal(library_list(lib, NULL, 0, &entries, &n, &err), 0);
	assert_int_equal(n, 2);
	assert_string_equal(entries[0].id, b->id); /* newest first */
	assert_string_equal(entries[1].preview, "Kyoto in November");
	library_entries_free(entries, n);
	assert_int_equal(library_list(lib, "novem", 0, &entries, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_string_equal(entries[0].id, a->id);
	library_entries_free(entries, n);
	assert_int_equal(library_rename(lib, b->id, "Sourdough", &err), 0);
	assert_int_equal(library_list(lib, "sourdough", 0, &entries, &n, &err),
	                 0);
	assert_int_equal(n, 1);
	library_entries_free(entries, n);
	assert_int_equal(library_list(lib, "a\" OR b* NEAR(", 0, &entries, &n,
	                              &err),
	                 0);
	assert_int_equal(n, 0);
	library_entries_free(entries, n);
	assert_int_equal(library_remove(lib, a->id, &err), 0);
	assert_int_equal(library_list(lib, "kyoto", 0, &entries, &n, &err), 0);
	assert_int_equal(n, 0);
	library_entries_free(entries, n);
	assert_int_equal(library_remove(lib, a->id, &err), -1);
	conversation_free(a);
	conversation_free(b);
	library_close(lib);
	free(dir);
}

static struct conversation *saved(struct library *lib, const char *title,
                                  const char *text)
{
	struct conversation *c = conversation_new();

	add(c, -1, ROLE_USER, text);
	free(c->title);
	c->title = strdup(title);
	save(lib, c);
	return c;
}

static size_t count(struct library *lib, const char *words, size_t limit)
{
	struct library_entry *entries;
	struct error err = { "" };
	size_t n;

	if (library_list(lib, words, limit, &entries, &n, &err))
		fail_msg("%s", err.text);
	for (size_t i = 1; i < n; i++)
		assert_true(entries[i - 1].updated_ms >= entries[i].updated_ms);
	library_entries_free(entries, n);
	return n;
}

static void all_words_must_be_there_the_last_may_be_a_beginning(void **state)
{
	char *dir = test_tmp_dir();
	struct library *lib = open_library(dir);
	struct conversation *c[] = {
		saved(lib, "Trip to Kyoto", "warm coats, Größe and résumé"),
		saved(lib, "Bread", "warm ovens"),
		saved(lib, "Both", "Kyoto has warm bread"),
	};

	(void)state;
	assert_int_equal(count(lib, "warm", 0), 3);
	assert_int_equal(count(lib, "warm", 2), 2);
	assert_int_equal(count(lib, "kyoto", 0), 2); /* a title, a message */
	assert_int_equal(count(lib, "warm ki", 0), 0);
	assert_int_equal(count(lib, "warm ky", 0), 1);
	assert_int_equal(count(lib, "wa coats", 0), 0);
	assert_int_equal(count(lib, "RESUME grosse", 0), 0);
	assert_int_equal(count(lib, "RESUME größe", 0), 1);
	assert_int_equal(count(lib, "yot rip", 0), 1); /* parts of a title */
	assert_int_equal(count(lib, "  ", 0), 3);
	for (int i = 0; i < 3; i++)
		conversation_free(c[i]);
	library_close(lib);
	free(dir);
}

/* In the locale "C", too, which this is. */
static void letters_beyond_ascii_have_a_case_in_titles_too(void **state)
{
	char *dir = test_tmp_dir();
	struct library *lib = open_library(dir);
	struct conversation *c[] = {
		saved(lib, "Ärger im Büro", "about it"),
		saved(lib, "Поездка в Киото", "about that"),
	};

	(void)state;
	assert_int_equal(count(lib, "ärger", 0), 1);
	assert_int_equal(count(lib, "BÜRO", 0), 1);
	assert_int_equal(count(lib, "киОТО поездка", 0), 1);
	assert_int_equal(count(lib, "buro", 0), 0);
	for (int i = 0; i < 2; i++)
		conversation_free(c[i]);
	library_close(lib);
	free(dir);
}

/* The text is longer than what is shown of it. */
static void is_shown(struct library *lib, const char *words, const char *part)
{
	struct library_entry *entries;
	struct error err = { "" };
	size_t n;

	assert_int_equal(library_list(lib, words, 0, &entries, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_non_null(strstr(entries[0].snippet, part));
	library_entries_free(entries, n);
}

static void a_hit_is_shown_also_where_its_marks_were_not_typed(void **state)
{
	char *dir = test_tmp_dir(), text[900];
	struct library *lib = open_library(dir);
	struct conversation *c;

	(void)state;
	/* The last mark is a character of its own. */
	snprintf(text, sizeof text,
	         "ÄÖÜ %0200d and then a crème brûlée came %0200d she didn’t "
	         "want %0200d cafeÌ noir",
	         0, 0, 0);
	c = saved(lib, "Dinner", text);
	is_shown(lib, "creme BRULEE", "a crème brûlée came");
	is_shown(lib, "crème BRULEE", "a crème brûlée came");
	is_shown(lib, "Didn't", "she didn’t want");
	is_shown(lib, "CAFÉ", "cafeÌ noir");
	is_shown(lib, "aou", "ÄÖÜ 000");
	conversation_free(c);
	library_close(lib);
	free(dir);
}

static void a_conversation_is_found_by_words_that_no_other_has(void **state)
{
	char *dir = test_tmp_dir(), *found;
	struct library *lib = open_library(dir);
	struct conversation *a = saved(lib, "Trip to Kyoto", "warm coats"),
			    *b = saved(lib, "Bread rolls", "Kyoto ovens");
	struct error err = { "" };

	(void)state;
	found = library_find_any(lib, a->id, &err);
	assert_string_equal(found, a->id);
	free(found);
	found = library_find_any(lib, "kyoto", &err); /* the title is first */
	assert_string_equal(found, a->id);
	free(found);
	found = library_find_any(lib, "ovens", &err);
	assert_string_equal(found, b->id);
	free(found);
	/* Two titles; and no id has the letter. */
	assert_null(library_find_any(lib, "o", &err));
	assert_non_null(strstr(err.text, "more than one"));
	assert_null(library_find_any(lib, "boats", &err));
	assert_string_equal(err.text, "boats: no such conversation");
	assert_null(library_find_any(lib, " ", &err));
	/* What removes asks for an id. */
	assert_null(library_find(lib, "ovens", &err));
	conversation_free(a);
	conversation_free(b);
	library_close(lib);
	free(dir);
}

static void the_tail_is_the_end_of_the_current_branch(void **state)
{
	char *dir = test_tmp_dir();
	struct library *lib = open_library(dir);
	struct conversation *c = saved(lib, "", "one"), *tail;
	struct error err = { "" };

	(void)state;
	add(c, 0, ROLE_ASSISTANT, "two");
	add(c, 1, ROLE_USER, "three");
	add(c, 0, ROLE_ASSISTANT, "other");
	c->leaf = 2;
	save(lib, c);
	tail = library_tail(lib, c->id, 2, &err);
	assert_int_equal(tail->n, 2);
	assert_string_equal(tail->messages[0]->text.bytes, "two");
	assert_int_equal(tail->messages[0]->role, ROLE_ASSISTANT);
	assert_string_equal(tail->messages[1]->text.bytes, "three");
	conversation_free(tail);
	tail = library_tail(lib, c->id, 9, &err);
	assert_int_equal(tail->n, 3);
	conversation_free(tail);
	conversation_free(c);
	library_close(lib);
	free(dir);
}

static void a_library_of_the_first_schema_is_migrated(void **state)
{
	char *dir = test_tmp_dir();
	struct library *lib = open_library(dir);
	struct conversation *c = saved(lib, "Kyoto", "warm"), *copy;
	struct error err = { "" };
	struct strbuf path = STRBUF_INIT;
	sqlite3 *db;

	(void)state;
	library_close(lib);
	strbuf_printf(&path, "%s/conversations.db", dir);
	assert_int_equal(sqlite3_open(path.bytes, &db), SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(db,
	                     "INSERT INTO search (rowid, text, conversation)"
	                     " SELECT -rowid, title, id FROM conversations;"
	                     "PRAGMA user_version = 1",
	                     NULL, NULL, NULL),
		SQLITE_OK);
	sqlite3_close(db);
	lib = open_library(dir);
	copy = library_read(lib, c->id, &err);
	assert_string_equal(copy->messages[0]->text.bytes, "warm");
	assert_int_equal(count(lib, "kyoto", 0), 1);
	assert_int_equal(library_rename(lib, c->id, "Nara", &err), 0);
	assert_int_equal(count(lib, "kyoto", 0), 0);
	conversation_free(copy);
	conversation_free(c);
	library_close(lib);
	strbuf_free(&path);
	free(dir);
}

/* ---- damage ---- */

#define MANY 60

static char marker[] = "damage0000";

/* MANY conversations of 4 messages, each with its number in its texts. */
static void make_many(const char *dir)
{
	struct library *lib = open_library(dir);
	char text[64];

	for (int i = 0; i < MANY; i++) {
		struct conversation *c = conversation_new();

		for (int k = 0; k < 4; k++) {
			struct message *m;

			snprintf(text, sizeof text, "damage%04d number %d", i,
			         k);
			m = add(c, k - 1, k % 2 ? ROLE_ASSISTANT : ROLE_USER,
			        text);
			for (int t = 0; t < 8 && k % 2; t++)
				add_token(m);
		}
		conversation_auto_title(c);
		save(lib, c);
		library_unlock(lib, c->id);
		conversation_free(c);
	}
	library_close(lib); /* the last one out empties the log */
}

static void read_database(const char *dir, struct strbuf *out)
{
	char *path = paths_join(dir, "conversations.db");
	struct error err = { "" };

	if (file_read(out, path, (size_t)1 << 30, &err))
		fail_msg("%s", err.text);
	free(path);
}

/* The conversations that are listed and read as they were made. */
static int count_whole(const char *dir, int *listed)
{
	struct error err = { "" };
	struct library *lib = library_open(dir, &err);
	struct library_entry *entries;
	size_t n = 0;
	int whole = 0;

	*listed = 0;
	if (!lib || library_list(lib, NULL, 0, &entries, &n, &err)) {
		assert_true(*err.text);
		library_close(lib);
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		struct conversation *c = library_read(lib, entries[i].id, &err);

		whole += c && c->n == 4 && !c->damaged &&
		         !memcmp(c->messages[3]->text.bytes, "damage", 6);
		conversation_free(c);
	}
	*listed = (int)n;
	library_entries_free(entries, n);
	library_close(lib);
	return whole;
}

/* The end is missing: what is there is read, and nothing is written. */
static void a_cut_file_is_read(void **state)
{
	char *dir = test_tmp_dir(), *path = paths_join(dir, "conversations.db");
	struct strbuf bytes = STRBUF_INIT;
	struct error err = { "" };
	struct library *lib;
	int listed;

	(void)state;
	make_many(dir);
	read_database(dir, &bytes);
	assert_int_equal(truncate(path, (off_t)bytes.len - 4096), 0);
	assert_true(count_whole(dir, &listed) >= MANY - 1);
	assert_int_equal(listed, MANY);
	lib = library_open(dir, &err);
	assert_non_null(lib);
	assert_true(library_is_read_only(lib));
	assert_string_equal(err.text, "");
	library_close(lib);
	strbuf_free(&bytes);
	free(path);
	free(dir);
}

/* As on a full disk: the log cannot be kept beside the file. */
static void what_cannot_be_opened_can_be_read(void **state)
{
	char *dir = test_tmp_dir();
	struct library_entry *entries;
	struct rlimit before, none;
	struct error err = { "" };
	struct library *lib;
	size_t n;

	(void)state;
	make_many(dir);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	lib = library_open(dir, &err);
	assert_null(lib);
	lib = library_open_for_reading(dir, &err);
	setrlimit(RLIMIT_FSIZE, &before);
	assert_non_null(lib);
	assert_true(library_is_read_only(lib));
	assert_int_equal(library_list(lib, NULL, 0, &entries, &n, &err), 0);
	assert_int_equal(n, MANY);
	library_entries_free(entries, n);
	library_close(lib);
	free(dir);
}

/* What a killed program leaves: the last changes are in the log alone. */
static void the_log_of_a_killed_program_is_read(void **state)
{
	char *from = test_tmp_dir(), *to = test_tmp_dir();
	static const char *const files[] = { "conversations.db",
		                             "conversations.db-wal",
		                             "conversations.db-shm" };
	struct library_entry *entries;
	struct error err = { "" };
	struct library *lib = library_open(from, &err);
	struct conversation *c = conversation_begin(NULL);
	size_t n;

	(void)state;
	assert_non_null(lib);
	conversation_add(c, -1, ROLE_USER, "newest", 6);
	assert_int_equal(library_save(lib, c, &err), 0);
	for (size_t i = 0; i < 3; i++) {
		struct strbuf bytes = STRBUF_INIT;
		char *path = paths_join(from, files[i]);

		assert_int_equal(file_read(&bytes, path, SIZE_MAX, &err), 0);
		test_write(to, files[i], bytes.bytes, bytes.len);
		strbuf_free(&bytes);
		free(path);
	}
	conversation_free(c);
	library_close(lib);
	lib = library_open_for_reading(to, &err);
	assert_non_null(lib);
	assert_false(library_is_behind(lib));
	assert_int_equal(library_list(lib, NULL, 0, &entries, &n, &err), 0);
	assert_int_equal(n, 1);
	library_entries_free(entries, n);
	library_close(lib);
	free(from);
	free(to);
}

static void a_lost_page_hides_nothing_else(void **state)
{
	char *dir = test_tmp_dir();
	struct strbuf bytes = STRBUF_INIT;
	const size_t page = 4096;
	int listed, pages = 0;

	(void)state;
	make_many(dir);
	read_database(dir, &bytes);
	assert_int_equal(count_whole(dir, &listed), MANY);
	for (size_t at = page; at + page <= bytes.len; at += page) {
		struct strbuf copy = STRBUF_INIT;
		bool texts;

		strbuf_add(&copy, bytes.bytes, bytes.len);
		texts = memmem(copy.bytes + at, page, marker, 6);
		memset(copy.bytes + at, 0xa5, page);
		test_write(dir, "conversations.db", copy.bytes, copy.len);
		/* A page holds some ten conversations' texts or four's odds;
		 * what else can be lost is the schema's own tables. */
		if (count_whole(dir, &listed) >= MANY - 24 &&
		    listed >= MANY - 1)
			pages++;
		else if (texts)
			print_message("# page %zu: %d listed\n", at / page,
			              listed);
		strbuf_free(&copy);
	}
	assert_true(pages >= (int)(bytes.len / page) * 9 / 10);
	strbuf_free(&bytes);
	free(dir);
}

static void bytes_at_random_never_crash_it(void **state)
{
	int n = getenv("CONFAB_LONG") ? 1000 : 40, opened = 0, listed;
	char *dir = test_tmp_dir();
	struct strbuf bytes = STRBUF_INIT;

	(void)state;
	make_many(dir);
	read_database(dir, &bytes);
	for (int i = 0; i < n; i++) {
		struct strbuf copy = STRBUF_INIT;

		strbuf_add(&copy, bytes.bytes, bytes.len);
		for (uint32_t k = 1 + pick(40); k--;)
			copy.bytes[pick((uint32_t)copy.len)] = (char)pick(256);
		if (!pick(4))
			copy.len = pick((uint32_t)copy.len);
		test_write(dir, "conversations.db", copy.bytes, copy.len);
		count_whole(dir, &listed);
		opened += listed > 0;
		strbuf_free(&copy);
	}
	assert_true(opened > n / 2);
	strbuf_free(&bytes);
	free(dir);
}

static void an_id_is_found_by_its_beginning_or_last(void **state)
{
	char *dir = test_tmp_dir(), *found, part[4];
	struct library *lib = open_library(dir);
	struct conversation *c = conversation_new();
	struct error err = { "" };

	(void)state;
	assert_null(library_find(lib, "last", &err));
	assert_non_null(strstr(err.text, "no conversation"));
	add(c, -1, ROLE_USER, "x");
	save(lib, c);
	snprintf(part, sizeof part, "%.3s", c->id);
	found = library_find(lib, part, &err);
	assert_string_equal(found, c->id);
	free(found);
	found = library_find(lib, "last", &err);
	assert_string_equal(found, c->id);
	free(found);
	assert_null(library_find(lib, "", &err));
	assert_null(library_find(lib, "zzzzzzz", &err));
	conversation_free(c);
	library_close(lib);
	free(dir);
}

static void a_removed_branch_is_gone_and_its_ids_are_free(void **state)
{
	char *dir = test_tmp_dir();
	struct library *lib = open_library(dir);
	struct conversation *c = conversation_new(), *back;
	int64_t user = add(c, -1, ROLE_USER, "u")->id, reply;

	(void)state;
	reply = add(c, user, ROLE_ASSISTANT, "gone")->id;
	add(c, reply, ROLE_USER, "below");
	save(lib, c);
	conversation_remove(c, reply);
	assert_int_equal(library_remove_message(lib, c->id, reply, NULL), 0);
	add(c, user, ROLE_ASSISTANT, "new!"); /* as long as the old one */
	save(lib, c);
	back = library_read(lib, c->id, NULL);
	assert_non_null(back);
	assert_int_equal(back->n, 2);
	assert_string_equal(back->messages[1]->text.bytes, "new!");
	conversation_free(back);
	conversation_free(c);
	library_close(lib);
	free(dir);
}

static void remove_file(const char *dir, const char *name)
{
	char *path = paths_join(dir, name);

	assert_int_equal(unlink(path), 0);
	free(path);
}

static void a_library_that_is_gone_is_not_written_and_leaves_the_next_one_alone(
	void **state)
{
	char *dir = test_tmp_dir();
	char *log = paths_join(dir, "conversations.db-wal");
	struct library *lib = open_library(dir), *next, *third;
	struct conversation *c = conversation_new(), *d = conversation_new();
	struct conversation *back;
	struct error err = { "" };

	(void)state;
	add(c, -1, ROLE_USER, "x");
	save(lib, c);
	assert_false(library_is_gone(lib));
	remove_file(dir, "conversations.db");
	remove_file(dir, "conversations.db-wal");
	remove_file(dir, "conversations.db-shm");
	next = open_library(dir);
	add(d, -1, ROLE_USER, "y");
	save(next, d);
	assert_true(library_is_gone(lib));
	assert_false(library_is_gone(next));
	add(c, 0, ROLE_ASSISTANT, "z");
	assert_int_equal(library_save(lib, c, &err), -1);
	assert_non_null(strstr(err.text, "conversations.db: was moved"));
	library_close(lib);
	/* Its log is not that of the one that was closed. */
	assert_int_equal(access(log, F_OK), 0);
	third = open_library(dir);
	back = library_read(third, d->id, NULL);
	assert_non_null(back);
	conversation_free(back);
	library_close(third);
	library_close(next);
	conversation_free(c);
	conversation_free(d);
	free(log);
	free(dir);
}

static void what_follows_an_imported_message_of_the_highest_id_is_kept(
	void **state)
{
	static const char file[] =
		"[{\"role\":\"user\",\"content\":\"q\","
		"\"confab\":{\"id\":1099511627775,\"parent\":-1}}]";
	char *dir = test_tmp_dir();
	struct library *lib = open_library(dir);
	struct conversation **list, *back;
	struct error err = { "" };
	size_t n;

	(void)state;
	assert_int_equal(import_text(file, strlen(file), "f", &list, &n, &err),
	                 0);
	assert_int_equal(list[0]->messages[0]->id, MESSAGE_MAX_ID - 1);
	add(list[0], MESSAGE_MAX_ID - 1, ROLE_ASSISTANT, "a");
	add(list[0], MESSAGE_MAX_ID, ROLE_USER, "and on");
	save(lib, list[0]);
	back = library_read(lib, list[0]->id, &err);
	assert_non_null(back);
	assert_false(back->damaged);
	assert_int_equal(back->n, 3);
	for (size_t i = 0; i < back->n; i++)
		same_message(list[0]->messages[i], back->messages[i]);
	conversation_free(back);
	import_free(list, n);
	library_close(lib);
	free(dir);
}

static void the_second_writer_is_told_and_a_killed_one_leaves_no_lock(
	void **state)
{
	char *dir = test_tmp_dir();
	struct library *lib = open_library(dir);
	struct conversation *c = conversation_new();
	struct error err = { "" };
	int ready[2], status;
	char byte;

	(void)state;
	add(c, -1, ROLE_USER, "x");
	save(lib, c);
	library_unlock(lib, c->id);
	for (int i = 0; i < 20; i++) {
		pid_t pid;

		assert_int_equal(pipe(ready), 0);
		pid = fork();
		if (pid == 0) {
			struct library *mine = library_open(dir, NULL);

			if (mine && library_lock(mine, c->id, NULL) == 0 &&
			    write(ready[1], "x", 1) == 1)
				pause();
			_exit(1);
		}
		assert_int_equal(read(ready[0], &byte, 1), 1);
		assert_int_equal(library_lock(lib, c->id, &err), 1);
		assert_non_null(strstr(err.text, c->id));
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		close(ready[0]);
		close(ready[1]);
		assert_int_equal(library_lock(lib, c->id, &err), 0);
		library_unlock(lib, c->id);
	}
	conversation_free(c);
	library_close(lib);
	free(dir);
}

static void eight_writers_lose_no_message(void **state)
{
	char *dir = test_tmp_dir();
	struct library_entry *entries;
	struct library *lib;
	size_t n, messages = 0;
	int status;

	(void)state;
	library_close(open_library(dir));
	for (int w = 0; w < 8; w++) {
		if (fork())
			continue;
		struct library *mine = library_open(dir, NULL);
		struct conversation *c = conversation_new();
		int bad = !mine;

		for (int i = 0; i < 100 && !bad; i++) {
			add(c, c->leaf, ROLE_USER, "message");
			bad = library_save(mine, c, NULL);
		}
		_exit(bad);
	}
	for (int w = 0; w < 8; w++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	lib = open_library(dir);
	assert_int_equal(library_list(lib, NULL, 0, &entries, &n, NULL), 0);
	for (size_t i = 0; i < n; i++)
		messages += entries[i].messages;
	assert_int_equal(n, 8);
	assert_int_equal(messages, 800);
	library_entries_free(entries, n);
	library_close(lib);
	free(dir);
}

static void a_killed_writer_loses_nothing_it_had_saved(void **state)
{
	char *dir = test_tmp_dir();

	(void)state;
	library_close(open_library(dir));
	for (int round = 0; round < 30; round++) {
		struct library *lib;
		struct library_entry *entries;
		struct conversation *back;
		size_t n, saved = 0, count;
		int report[2], status;
		char bytes[256];
		ssize_t got;
		pid_t pid;

		assert_int_equal(pipe(report), 0);
		pid = fork();
		if (pid == 0) {
			struct library *mine = library_open(dir, NULL);
			struct conversation *c = conversation_new();

			for (;;) {
				add(c, c->leaf, ROLE_USER, "message");
				if (library_save(mine, c, NULL) ||
				    write(report[1], "s", 1) != 1)
					_exit(1);
			}
		}
		close(report[1]);
		usleep(5000 + pick(20000));
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		while ((got = read(report[0], bytes, sizeof bytes)) > 0)
			saved += (size_t)got;
		close(report[0]);
		lib = open_library(dir);
		assert_int_equal(library_list(lib, NULL, 1, &entries, &n, NULL),
		                 0);
		count = 0;
		if (n) {
			back = library_read(lib, entries[0].id, NULL);
			assert_non_null(back);
			count = back->n;
			conversation_free(back);
			assert_int_equal(library_remove(lib, entries[0].id,
			                                NULL),
			                 0);
		}
		assert_in_range(count, saved, saved + 1);
		library_entries_free(entries, n);
		library_close(lib);
	}
	free(dir);
}

/* A library whose file claims that schema. */
static void schema_is_refused(const char *pragma)
{
	char *dir = test_tmp_dir();
	struct strbuf path = STRBUF_INIT;
	struct error err = { "" };
	sqlite3 *db;

	library_close(open_library(dir));
	strbuf_printf(&path, "%s/conversations.db", dir);
	assert_int_equal(sqlite3_open(path.bytes, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, pragma, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_null(library_open(dir, &err));
	assert_non_null(strstr(err.text, "this program knows"));
	strbuf_free(&path);
	free(dir);
}

static void a_file_that_is_no_database_and_a_newer_one_are_refused(void **state)
{
	char *dir = test_tmp_dir(), junk[4096];
	struct error err = { "" };

	(void)state;
	schema_is_refused("PRAGMA user_version = 1000");
	schema_is_refused("PRAGMA user_version = -1");
	memset(junk, 'x', sizeof junk);
	test_write(dir, "conversations.db", junk, sizeof junk);
	assert_null(library_open(dir, &err));
	assert_non_null(strstr(err.text, "conversations.db"));
	free(dir);
}

static void nobody_else_may_read_whatever_the_umask(void **state)
{
	mode_t mask = umask(0);
	char *top = test_tmp_dir(), dir[256], path[300];
	struct library *lib;
	struct conversation *c = conversation_new();
	struct stat st;

	(void)state;
	snprintf(dir, sizeof dir, "%s/data", top);
	lib = open_library(dir);
	add(c, -1, ROLE_USER, "x");
	save(lib, c);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	for (int i = 0; i < 3; i++) {
		static const char *const ends[] = { "", "-wal", "-shm" };

		snprintf(path, sizeof path, "%s/conversations.db%s", dir,
		         ends[i]);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
	conversation_free(c);
	library_close(lib);
	umask(mask);
	free(top);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_token_takes_less_than_200_bytes),
	cmocka_unit_test(damaged_odds_keep_what_came_before),
	cmocka_unit_test(numbers_at_the_borders_of_a_byte_come_back),
	cmocka_unit_test(odds_that_cannot_be_are_damage),
	cmocka_unit_test(what_was_saved_is_read_back_to_the_last_bit),
	cmocka_unit_test(odds_that_were_renewed_are_saved),
	cmocka_unit_test(an_open_reply_comes_back_interrupted),
	cmocka_unit_test(whatever_changes_is_saved),
	cmocka_unit_test(words_find_titles_and_messages_and_no_operator),
	cmocka_unit_test(all_words_must_be_there_the_last_may_be_a_beginning),
	cmocka_unit_test(letters_beyond_ascii_have_a_case_in_titles_too),
	cmocka_unit_test(a_hit_is_shown_also_where_its_marks_were_not_typed),
	cmocka_unit_test(a_conversation_is_found_by_words_that_no_other_has),
	cmocka_unit_test(the_tail_is_the_end_of_the_current_branch),
	cmocka_unit_test(a_library_of_the_first_schema_is_migrated),
	cmocka_unit_test(a_cut_file_is_read),
	cmocka_unit_test(what_cannot_be_opened_can_be_read),
	cmocka_unit_test(the_log_of_a_killed_program_is_read),
	cmocka_unit_test(a_lost_page_hides_nothing_else),
	cmocka_unit_test(bytes_at_random_never_crash_it),
	cmocka_unit_test(an_id_is_found_by_its_beginning_or_last),
	cmocka_unit_test(a_removed_branch_is_gone_and_its_ids_are_free),
	cmocka_unit_test(
		a_library_that_is_gone_is_not_written_and_leaves_the_next_one_alone),
	cmocka_unit_test(
		what_follows_an_imported_message_of_the_highest_id_is_kept),
	cmocka_unit_test(
		the_second_writer_is_told_and_a_killed_one_leaves_no_lock),
	cmocka_unit_test(eight_writers_lose_no_message),
	cmocka_unit_test(a_killed_writer_loses_nothing_it_had_saved),
	cmocka_unit_test(
		a_file_that_is_no_database_and_a_newer_one_are_refused),
	cmocka_unit_test(nobody_else_may_read_whatever_the_umask),
};

TEST_MAIN(tests)
