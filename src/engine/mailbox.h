/*
 * mailbox.h - the two queues between the front end's thread and the engine's
 *
 * All that the two threads share is here.  Commands and events change hands;
 * nobody looks at what was handed over.
 *
 * The engine's thread looks into the command queue between tokens and chunks
 * (mailbox_cancelled()), so a cancel needs no shared flag: it is a command that
 * overtakes.  Requests seen on the way wait in a list of the engine's own.
 */
#ifndef CONFAB_MAILBOX_H
#define CONFAB_MAILBOX_H

#include <stdbool.h>

struct command;
struct engine_event;
struct error;
struct mailbox;

struct mailbox *mailbox_new(struct error *err);
void mailbox_free(struct mailbox *box); /* when the thread has ended */

/* ---- the front end's side ---- */

void mailbox_send(struct mailbox *box, struct command *command); /* takes it */
struct engine_event *mailbox_receive(struct mailbox *box); /* NULL: none */
int mailbox_fd(const struct mailbox *box); /* readable: an event waits */

/* ---- the engine's side ---- */

/* The next request, which is the running one from now on; blocks.  NULL: the
 * thread shall end.  The caller owns it until the next call. */
struct command *mailbox_next(struct mailbox *box);

/* Is the running request to stop, because it was cancelled or the thread shall
 * end?  Requests that were cancelled before they began get their FINISHED. */
bool mailbox_cancelled(struct mailbox *box);

/* Does another request wait behind the running one? */
bool mailbox_has_waiting(struct mailbox *box);

/* Takes the event.  Never blocks; not for TOKEN. */
void mailbox_post(struct mailbox *box, struct engine_event *event);

/* Takes a TOKEN event.  Waits while too many of them are unread, and returns
 * false when the running request is cancelled meanwhile. */
bool mailbox_post_token(struct mailbox *box, struct engine_event *event);

#endif
