/*
 * file_lock.h - a file that one program at a time holds
 *
 * flock(2): the lock belongs to the descriptor, so closing it, or the end of
 * the process however it comes, gives it back, and nothing stale is left
 * behind.  The file has no content.
 */
#ifndef CONFAB_FILE_LOCK_H
#define CONFAB_FILE_LOCK_H

struct error;

/*
 * Does not wait.  0: *fd holds the lock until it is closed; programs that this
 * one starts do not inherit it.  1: another one holds it.  -1: the file cannot
 * be made or locked, says err.  The file is made with mode 0600 where there is
 * none, in a folder that is there; a link is refused.
 */
int file_lock_take(int *fd, const char *path, struct error *err);

#endif
