#include "base/queue.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"

struct node {
	struct node *next;
	void *message; /* owned while it is in the queue */
};

struct queue {
	pthread_mutex_t lock; /* guards all that follows */
	pthread_cond_t filled;
	struct node *head;  /* NULL: empty */
	struct node **tail; /* where the next node is hung */
	int pipe[2];        /* holds one byte iff head != NULL */
};

struct queue *queue_new(struct error *err)
{
	struct queue *queue = mem_zalloc(1, sizeof *queue);

	if (pipe2(queue->pipe, O_CLOEXEC | O_NONBLOCK)) {
		error_set(err, "a pipe between threads: %s", strerror(errno));
		free(queue);
		return NULL;
	}
	pthread_mutex_init(&queue->lock, NULL);
	pthread_cond_init(&queue->filled, NULL);
	queue->tail = &queue->head;
	return queue;
}

void queue_free(struct queue *queue, void (*free_message)(void *))
{
	void *message;

	if (!queue)
		return;
	while ((message = queue_pop(queue)))
		if (free_message)
			free_message(message);
	close(queue->pipe[0]);
	close(queue->pipe[1]);
	pthread_cond_destroy(&queue->filled);
	pthread_mutex_destroy(&queue->lock);
	free(queue);
}

/* One byte into an empty pipe, or the only one out of it: neither can block
 * or be interrupted half way. */
static void raise_fd(struct queue *queue)
{
	ssize_t n = write(queue->pipe[1], "", 1);

	assert(n == 1);
	(void)n;
}

static void lower_fd(struct queue *queue)
{
	char byte;
	ssize_t n = read(queue->pipe[0], &byte, 1);

	assert(n == 1);
	(void)n;
}

void queue_push(struct queue *queue, void *message)
{
	struct node *node = mem_alloc(sizeof *node);

	assert(message);
	*node = (struct node){ NULL, message };
	pthread_mutex_lock(&queue->lock);
	if (!queue->head)
		raise_fd(queue);
	*queue->tail = node;
	queue->tail = &node->next;
	pthread_cond_signal(&queue->filled);
	pthread_mutex_unlock(&queue->lock);
}

/* Called with the lock held and the queue not empty. */
static struct node *unhook(struct queue *queue)
{
	struct node *node = queue->head;

	queue->head = node->next;
	if (!queue->head) {
		queue->tail = &queue->head;
		lower_fd(queue);
	}
	return node;
}

static void *open_node(struct node *node)
{
	void *message = node ? node->message : NULL;

	free(node);
	return message;
}

void *queue_pop(struct queue *queue)
{
	struct node *node;

	pthread_mutex_lock(&queue->lock);
	node = queue->head ? unhook(queue) : NULL;
	pthread_mutex_unlock(&queue->lock);
	return open_node(node);
}

void *queue_wait(struct queue *queue)
{
	struct node *node;

	pthread_mutex_lock(&queue->lock);
	while (!queue->head)
		pthread_cond_wait(&queue->filled, &queue->lock);
	node = unhook(queue);
	pthread_mutex_unlock(&queue->lock);
	return open_node(node);
}

int queue_fd(const struct queue *queue)
{
	return queue->pipe[0];
}
