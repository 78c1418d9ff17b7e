#include "engine/mailbox.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/queue.h"
#include "engine/command.h"
#include "engine/event.h"

/* TOKEN events that may wait unread, each about 600 bytes.  A front end that
 * reads at all is never this far behind a model; `score` is. */
#define MAX_UNREAD 1024

struct mailbox {
	struct queue *commands;
	struct queue *events;

	pthread_mutex_t lock; /* guards the three below */
	pthread_cond_t changed;
	size_t unread; /* TOKEN events in `events` */
	bool knocked;  /* a command came since the last look */

	/* The engine's thread alone. */
	struct command *waiting; /* requests in order, owned */
	struct command **waiting_end;
	uint64_t running; /* the request being served, or 0 */
	bool cancelled;   /* it is to stop */
	bool stopping;    /* so is the thread */
};

struct mailbox *mailbox_new(struct error *err)
{
	struct mailbox *box = mem_zalloc(1, sizeof *box);

	pthread_mutex_init(&box->lock, NULL);
	pthread_cond_init(&box->changed, NULL);
	box->waiting_end = &box->waiting;
	box->commands = queue_new(err);
	if (!box->commands)
		goto fail;
	box->events = queue_new(err);
	if (!box->events)
		goto fail;
	return box;
fail:
	mailbox_free(box);
	return NULL;
}

static void free_command(void *command)
{
	command_free(command);
}

static void free_event(void *event)
{
	engine_event_free(event);
}

static struct command *first_waiting(struct mailbox *box)
{
	struct command *command = box->waiting;

	if (!command)
		return NULL;
	box->waiting = command->next;
	if (!box->waiting)
		box->waiting_end = &box->waiting;
	return command;
}

void mailbox_free(struct mailbox *box)
{
	struct command *command;

	if (!box)
		return;
	while ((command = first_waiting(box)))
		command_free(command);
	queue_free(box->commands, free_command);
	queue_free(box->events, free_event);
	pthread_cond_destroy(&box->changed);
	pthread_mutex_destroy(&box->lock);
	free(box);
}

/* ---- the front end's side ---- */

void mailbox_send(struct mailbox *box, struct command *command)
{
	queue_push(box->commands, command);
	pthread_mutex_lock(&box->lock);
	box->knocked = true;
	pthread_cond_signal(&box->changed);
	pthread_mutex_unlock(&box->lock);
}

struct engine_event *mailbox_receive(struct mailbox *box)
{
	struct engine_event *event = queue_pop(box->events);

	if (event && event->type == ENGINE_TOKEN) {
		pthread_mutex_lock(&box->lock);
		box->unread--;
		pthread_cond_signal(&box->changed);
		pthread_mutex_unlock(&box->lock);
	}
	return event;
}

int mailbox_fd(const struct mailbox *box)
{
	return queue_fd(box->events);
}

/* ---- the engine's side ---- */

/* A request that has not begun ends at once, not when its turn would come. */
static void cancel_waiting(struct mailbox *box, uint64_t request)
{
	struct command **link = &box->waiting, *command;

	while (*link && (*link)->request != request)
		link = &(*link)->next;
	command = *link;
	if (!command)
		return; /* finished long since */
	*link = command->next;
	if (!*link)
		box->waiting_end = link;
	command_free(command);
	mailbox_post(box, event_new_finished(request, ENGINE_CANCELLED));
}

static void accept(struct mailbox *box, struct command *command)
{
	switch (command->type) {
	case COMMAND_STOP:
		box->stopping = true;
		break;
	case COMMAND_CANCEL:
		if (command->request == box->running)
			box->cancelled = true;
		else
			cancel_waiting(box, command->request);
		break;
	case COMMAND_LOAD:
	case COMMAND_GENERATE:
	case COMMAND_SCORE:
	case COMMAND_SAVE_LINE:
		*box->waiting_end = command;
		box->waiting_end = &command->next;
		return;
	}
	command_free(command);
}

static void look(struct mailbox *box)
{
	struct command *command;

	pthread_mutex_lock(&box->lock);
	box->knocked = false;
	pthread_mutex_unlock(&box->lock);
	while ((command = queue_pop(box->commands)))
		accept(box, command);
}

struct command *mailbox_next(struct mailbox *box)
{
	struct command *command;

	box->running = 0;
	look(box);
	while (!box->waiting && !box->stopping) {
		accept(box, queue_wait(box->commands));
		look(box);
	}
	if (box->stopping)
		return NULL;
	command = first_waiting(box);
	box->running = command->request;
	box->cancelled = false;
	return command;
}

bool mailbox_cancelled(struct mailbox *box)
{
	look(box);
	return box->cancelled || box->stopping;
}

bool mailbox_has_waiting(struct mailbox *box)
{
	look(box);
	return box->waiting;
}

void mailbox_post(struct mailbox *box, struct engine_event *event)
{
	queue_push(box->events, event);
}

/* Until there is room for one more TOKEN or a command came.  True: room. */
static bool wait_for_room(struct mailbox *box)
{
	bool room;

	pthread_mutex_lock(&box->lock);
	while (box->unread >= MAX_UNREAD && !box->knocked)
		pthread_cond_wait(&box->changed, &box->lock);
	room = box->unread < MAX_UNREAD;
	if (room)
		box->unread++;
	pthread_mutex_unlock(&box->lock);
	return room;
}

bool mailbox_post_token(struct mailbox *box, struct engine_event *event)
{
	while (!wait_for_room(box)) {
		if (mailbox_cancelled(box)) {
			engine_event_free(event);
			return false;
		}
	}
	queue_push(box->events, event);
	return true;
}
