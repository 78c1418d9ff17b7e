/*
 * fault_stack.h - a stack for the handler when a thread's own is used up
 *
 * A handler with SA_ONSTACK runs on the alternate stack of the thread that
 * faulted.  Without one a stack overflow ends the process before anybody can
 * give the terminal back: sigaltstack(2).  Every thread calls this first.
 */
#ifndef CONFAB_FAULT_STACK_H
#define CONFAB_FAULT_STACK_H

/* Of the calling thread, until it ends.  One that is there stays: a sanitizer
 * brings its own. */
void fault_stack_use(void);

#endif
