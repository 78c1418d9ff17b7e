#include "tests/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/available_memory.h"

/* MemAvailable at this moment, in bytes; 0 where there is no /proc. */
static size_t mem_available(void)
{
	FILE *f = fopen("/proc/meminfo", "r");
	char line[256];
	unsigned long kib = 0;

	while (f && fgets(line, sizeof line, f))
		sscanf(line, "MemAvailable: %lu", &kib);
	if (f)
		fclose(f);
	return (size_t)kib * 1024;
}

/* A quarter more leaves room for what other processes do meanwhile. */
static void it_is_no_more_than_the_kernel_has(void **state)
{
	size_t most = mem_available();

	(void)state;
	if (!most)
		skip();
	assert_true(available_memory() > 0);
	assert_true(available_memory() <= most + most / 4);
}

static void a_test_can_pretend(void **state)
{
	(void)state;
	available_memory_pretend(12345);
	assert_int_equal(available_memory(), 12345);
	available_memory_pretend(0);
	assert_true(available_memory() != 12345);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(it_is_no_more_than_the_kernel_has),
	cmocka_unit_test(a_test_can_pretend),
};

TEST_MAIN(tests)
