/*
 * snapshot_folder.h - how much disk all snapshots of a folder may take
 *
 * A snapshot's time of change is when it was used last (kv_snapshot.h).  Before
 * one grows, those that were not used for longest are removed until it fits.
 */
#ifndef CONFAB_SNAPSHOT_FOLDER_H
#define CONFAB_SNAPSHOT_FOLDER_H

#include <stdbool.h>
#include <stdint.h>

struct error;

/* The ending of a snapshot's name; other files of the folder are let alone. */
#define SNAPSHOT_ENDING ".kv"

/*
 * Makes the folder of path where there is none, and room for `bytes` bytes at
 * path, of which all snapshots together may take `budget`; 0: a quarter of what
 * they take and what the disk has free, 8 GiB at most.  Fails where that is less
 * than bytes; what was at path is removed then.
 */
int snapshot_folder_make_room(const char *path, uint64_t bytes, uint64_t budget,
                              struct error *err);

/* Removes all snapshots of the folder dir; true: there were some. */
bool snapshot_folder_clear(const char *dir);

#endif
