#include "tests/support.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/queue.h"

static int readable(const struct queue *queue)
{
	struct pollfd fd = { .fd = queue_fd(queue), .events = POLLIN };

	return poll(&fd, 1, 0);
}

static void messages_come_out_in_the_order_they_went_in(void **state)
{
	struct queue *queue = queue_new(NULL);
	int numbers[100];

	(void)state;
	assert_null(queue_pop(queue));
	for (int i = 0; i < 100; i++)
		queue_push(queue, &numbers[i]);
	for (int i = 0; i < 50; i++)
		assert_ptr_equal(queue_pop(queue), &numbers[i]);
	queue_push(queue, &numbers[0]);
	for (int i = 50; i < 100; i++)
		assert_ptr_equal(queue_wait(queue), &numbers[i]);
	assert_ptr_equal(queue_pop(queue), &numbers[0]);
	assert_null(queue_pop(queue));
	queue_free(queue, NULL);
}

static void the_descriptor_is_readable_iff_there_is_a_message(void **state)
{
	struct queue *queue = queue_new(NULL);
	int message;

	(void)state;
	for (int round = 0; round < 3; round++) {
		assert_int_equal(readable(queue), 0);
		queue_push(queue, &message);
		assert_int_equal(readable(queue), 1);
		queue_push(queue, &message);
		queue_pop(queue);
		assert_int_equal(readable(queue), 1);
		queue_wait(queue);
		assert_int_equal(readable(queue), 0);
		queue_pop(queue);
		assert_int_equal(readable(queue), 0);
	}
	queue_free(queue, NULL);
}

/* A pipe holds 64 KiB; the queue must not. */
static void a_hundred_thousand_messages_fit(void **state)
{
	struct queue *queue = queue_new(NULL);

	(void)state;
	for (int i = 0; i < 100000; i++)
		queue_push(queue, malloc(1));
	assert_int_equal(readable(queue), 1);
	queue_free(queue, free); /* the leak check counts them */
	queue_free(NULL, free);
}

#define N_SENDERS 4
#define N_EACH    20000

struct message {
	int sender, number;
};

static void *send_all(void *arg)
{
	static atomic_int next_sender;
	struct queue *queue = arg;
	int sender = atomic_fetch_add(&next_sender, 1);

	for (int i = 0; i < N_EACH; i++) {
		struct message *message = malloc(sizeof *message);

		*message = (struct message){ sender, i };
		queue_push(queue, message);
	}
	return NULL;
}

/* Sleeps in poll() like the front end: a missed byte would hang here. */
static void many_senders_lose_nothing_and_keep_their_order(void **state)
{
	struct queue *queue = queue_new(NULL);
	pthread_t senders[N_SENDERS];
	int next[N_SENDERS] = { 0 };

	(void)state;
	for (int i = 0; i < N_SENDERS; i++)
		pthread_create(&senders[i], NULL, send_all, queue);
	for (int got = 0; got < N_SENDERS * N_EACH;) {
		struct pollfd fd = { .fd = queue_fd(queue), .events = POLLIN };
		struct message *message;

		assert_int_equal(poll(&fd, 1, 10000), 1);
		while ((message = queue_pop(queue))) {
			assert_int_equal(message->number,
			                 next[message->sender]++);
			free(message);
			got++;
		}
	}
	for (int i = 0; i < N_SENDERS; i++)
		pthread_join(senders[i], NULL);
	assert_int_equal(readable(queue), 0);
	queue_free(queue, NULL);
}

struct receiver {
	struct queue *queue;
	pthread_t thread;
	int got;
};

static void *receive_until_stop(void *arg)
{
	struct receiver *self = arg;
	struct message *message;

	while ((message = queue_wait(self->queue))->sender >= 0) {
		self->got++;
		free(message);
	}
	free(message);
	return NULL;
}

static void many_receivers_share_what_is_sent(void **state)
{
	struct queue *queue = queue_new(NULL);
	struct receiver receivers[3];
	int got = 0;

	(void)state;
	for (int i = 0; i < 3; i++) {
		receivers[i] = (struct receiver){ .queue = queue };
		pthread_create(&receivers[i].thread, NULL, receive_until_stop,
		               &receivers[i]);
	}
	for (int i = 0; i < 20000 + 3; i++) {
		struct message *message = malloc(sizeof *message);

		message->sender = i < 20000 ? 0 : -1;
		queue_push(queue, message);
	}
	for (int i = 0; i < 3; i++) {
		pthread_join(receivers[i].thread, NULL);
		got += receivers[i].got;
	}
	assert_int_equal(got, 20000);
	assert_null(queue_pop(queue));
	queue_free(queue, NULL);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(messages_come_out_in_the_order_they_went_in),
	cmocka_unit_test(the_descriptor_is_readable_iff_there_is_a_message),
	cmocka_unit_test(a_hundred_thousand_messages_fit),
	cmocka_unit_test(many_senders_lose_nothing_and_keep_their_order),
	cmocka_unit_test(many_receivers_share_what_is_sent),
};

TEST_MAIN(tests)
