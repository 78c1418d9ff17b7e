/*
 * queue.h - a first-in first-out of owned messages between two threads, with a
 * file descriptor that is readable while it holds any
 *
 * Any number of threads may push and pop.  The pipe holds one byte iff the
 * list is not empty, so poll() on queue_fd() never spins and never misses.
 */
#ifndef CONFAB_QUEUE_H
#define CONFAB_QUEUE_H

struct error;
struct queue;

struct queue *queue_new(struct error *err);
/* Messages still inside are given to free_message (may be NULL). */
void queue_free(struct queue *queue, void (*free_message)(void *));

void queue_push(struct queue *queue, void *message); /* takes message, not NULL */
void *queue_pop(struct queue *queue);                /* NULL when empty */
void *queue_wait(struct queue *queue);               /* blocks until there is one */
int queue_fd(const struct queue *queue);

#endif
