/*
 * replay.c - main() of a fuzz target for `make check`: runs it on every file
 * of its corpus once, and prints TAP
 *
 *	fuzz_NAME_replay [FILE...]
 *
 * Without arguments: tests/fuzz/corpus/NAME, NAME being CONFAB_FUZZ_NAME.  A
 * target that finds a fault aborts, which the test driver reports.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/file.h"
#include "base/strbuf.h"

#ifndef CONFAB_SRCDIR
#define CONFAB_SRCDIR "."
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int n_run;

static void replay(const char *path)
{
	struct strbuf bytes = STRBUF_INIT;
	struct error err;
	uint8_t *
		exact; /* without the 0 byte, so that a sanitizer sees the end */

	if (file_read(&bytes, path, (size_t)1 << 26, &err)) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	exact = malloc(bytes.len ? bytes.len : 1);
	for (size_t i = 0; i < bytes.len; i++)
		exact[i] = (uint8_t)bytes.bytes[i];
	LLVMFuzzerTestOneInput(exact, bytes.len);
	printf("ok %d - %s\n", ++n_run, path);
	fflush(stdout); /* before the next one aborts */
	free(exact);
	strbuf_free(&bytes);
}

static void replay_folder(const char *folder)
{
	struct dirent **entries;
	int n = scandir(folder, &entries, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		struct strbuf path = STRBUF_INIT;

		strbuf_printf(&path, "%s/%s", folder, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.')
			replay(path.bytes);
		strbuf_free(&path);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	if (argc == 1)
		replay_folder(CONFAB_SRCDIR
		              "/tests/fuzz/corpus/" CONFAB_FUZZ_NAME);
	printf("1..%d\n", n_run);
	return n_run ? 0 : 1;
}
