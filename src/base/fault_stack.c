#include "base/fault_stack.h"

#include <signal.h>
#include <stddef.h>

/* The kernel's frame with the AVX-512 registers is 3.5 KB, with AMX 11 KB; the
 * handler adds little. */
#define STACK_BYTES 32768

static _Thread_local _Alignas(64) unsigned char bytes[STACK_BYTES];

void fault_stack_use(void)
{
	stack_t stack = { .ss_sp = bytes, .ss_size = sizeof bytes }, old;

	if (!sigaltstack(NULL, &old) && !(old.ss_flags & SS_DISABLE))
		return;
	sigaltstack(&stack, NULL);
}
