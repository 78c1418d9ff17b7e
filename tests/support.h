/*
 * support.h - what every unit test starts with: cmocka, files, checkpoints
 */
#ifndef CONFAB_TESTS_SUPPORT_H
#define CONFAB_TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* main() that runs an array of struct CMUnitTest and prints TAP. */
#define TEST_MAIN(tests)                                                       \
	int main(void)                                                         \
	{                                                                      \
		cmocka_set_message_output(CM_OUTPUT_TAP);                      \
		return cmocka_run_group_tests(tests, NULL, NULL);              \
	}

/* The path of tests/NAME, and of NAME in the top folder, in the source tree.
 * Yours to free. */
char *test_file(const char *name);
char *test_source(const char *name);

/* A fresh folder, removed with all it holds when the test ends.  Free the
 * string. */
char *test_tmp_dir(void);

/* Writes dir/name. */
void test_write(const char *dir, const char *name, const void *bytes,
                size_t len);

/* The folder of the synthetic checkpoint of tests/golden/model-NAME.json, made
 * on demand.  Free the string. */
char *test_synth(const char *name);

#endif
