#include "math/gemm.h"

#include <stdio.h>
#include <stdlib.h>

#include <blis.h>

#ifdef __x86_64__
#include <cpuid.h>
#include <string.h>

/* AMD's families above 0x19 (Zen 3 and 4) came after BLIS 0.9.0, and so did
 * processors of other makers with the same instructions.  Intel's are told
 * apart by their instructions, not by their number. */
static bool unknown_to_blis(void)
{
	unsigned eax, ebx, ecx, edx, family;
	char maker[13] = "";

	if (!__get_cpuid(0, &eax, &ebx, &ecx, &edx))
		return false;
	memcpy(maker, &ebx, 4);
	memcpy(maker + 4, &edx, 4);
	memcpy(maker + 8, &ecx, 4);
	if (strcmp(maker, "GenuineIntel") == 0)
		return false;
	if (strcmp(maker, "AuthenticAMD") != 0)
		return true;
	if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx))
		return false;
	family = (eax >> 8 & 15) + (eax >> 20 & 255);
	return family > 0x19;
}

void gemm_choose_arch(void)
{
	arch_t arch = BLIS_ARCH_GENERIC;
	char number[16];

	/* Where it is set nothing is written, so that gemm_init() may ask again. */
	if (getenv("BLIS_ARCH_TYPE") || !unknown_to_blis())
		return;
	if (__builtin_cpu_supports("avx512f") &&
	    __builtin_cpu_supports("avx512dq") &&
	    __builtin_cpu_supports("avx512bw") &&
	    __builtin_cpu_supports("avx512vl"))
		arch = BLIS_ARCH_SKX;
	else if (__builtin_cpu_supports("avx2") &&
	         __builtin_cpu_supports("fma"))
		arch = BLIS_ARCH_HASWELL;
	if (arch == BLIS_ARCH_GENERIC)
		return;
	snprintf(number, sizeof number, "%d", (int)arch);
	setenv("BLIS_ARCH_TYPE", number, 0);
}
#else
void gemm_choose_arch(void)
{
}
#endif

void gemm_init(void)
{
	gemm_choose_arch();
	bli_init();
}

void gemm(float *c, size_t c_stride, const float *a, size_t a_stride,
          const float *b, size_t b_stride, bool b_transposed, size_t m,
          size_t n, size_t k, float alpha, bool add)
{
	float beta = add ? 1 : 0;
	rntm_t one_thread;

	bli_rntm_init(&one_thread);
	bli_rntm_set_num_threads(1, &one_thread);
	bli_sgemm_ex(BLIS_NO_TRANSPOSE,
	             b_transposed ? BLIS_TRANSPOSE : BLIS_NO_TRANSPOSE,
	             (dim_t)m, (dim_t)n, (dim_t)k, &alpha, (float *)a,
	             (inc_t)a_stride, 1, (float *)b, (inc_t)b_stride, 1, &beta,
	             c, (inc_t)c_stride, 1, NULL, &one_thread);
}
