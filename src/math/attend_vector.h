/*
 * attend_vector.h - how the vector sets turn a run-time count of rows and a
 * dtype into constants
 *
 * Included by the vector files of attend.h and attend_q8.h alone.  Their inner
 * product is inlined once for each number of rows, so that its sums stay in
 * registers.
 */
#ifndef CONFAB_ATTEND_VECTOR_H
#define CONFAB_ATTEND_VECTOR_H

#include "math/unroll.h"

/* Statement f(n, ...) with n = rows, 1..ATTEND_ROWS, as a constant. */
#define ATTEND_SWITCH(rows, f, ...) \
	switch (rows) { \
	case 1: \
		f(1, __VA_ARGS__); \
		break; \
	case 2: \
		f(2, __VA_ARGS__); \
		break; \
	case 3: \
		f(3, __VA_ARGS__); \
		break; \
	case 4: \
		f(4, __VA_ARGS__); \
		break; \
	case 5: \
		f(5, __VA_ARGS__); \
		break; \
	case 6: \
		f(6, __VA_ARGS__); \
		break; \
	}

#endif
