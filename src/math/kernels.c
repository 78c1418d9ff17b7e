#include "math/kernels.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#ifdef __x86_64__
#include <cpuid.h>
#endif
#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "base/error.h"
#include "math/ask_for.h"
#include "math/kernels_set.h"

static const struct kernels *_Atomic in_use;
atomic_bool ask_for_near;

#ifdef __x86_64__
/* Bits that not every compiler has names for: of leaf 7, in EDX, bf16 and tiles;
 * of its subleaf 1, in EAX (Intel SDM 2, CPUID). */
#define CPUID_AMX      (1u << 22 | 1u << 24)
#define CPUID_AVX_VNNI (1u << 4)

/* The one processor whose packed kernels lose by asking memory: packed_walk.h.  AMD's
 * family 25 with AVX-512; the other of that family, Zen 3, is without. */
static bool is_zen_4(void)
{
	unsigned int a, b, c, d;

	return __builtin_cpu_is("amd") && __get_cpuid(1, &a, &b, &c, &d) &&
	       (a >> 8 & 15) + (a >> 20 & 255) == 25;
}

/* Intel's processors multiply pairs of bf16 at half the rate of float32 (Sapphire
 * Rapids: 87 of 175 GFLOP/s a core), AMD's at twice that rate. */
static bool multiplies_bf16(void)
{
	return __builtin_cpu_supports("avx512bf16") &&
	       !__builtin_cpu_is("intel");
}

/*
 * AMX with bf16.  The 8 KB of a thread's tiles are not saved unless the process has
 * asked Linux for them (5.16; Documentation/arch/x86/xstate.rst), which says no to
 * a processor without, too.
 */
static bool multiplies_tiles(void)
{
#ifdef __linux__
	const int request = 0x1023, tiles = 18; /* ARCH_REQ_XCOMP_PERM */
	unsigned int a, b, c, d;

	return __builtin_cpu_supports("avx512bf16") &&
	       __get_cpuid_count(7, 0, &a, &b, &c, &d) &&
	       (d & CPUID_AMX) == CPUID_AMX &&
	       !syscall(SYS_arch_prctl, request, tiles);
#else
	return false;
#endif
}

static bool has_avx_vnni(void)
{
	unsigned int a, b, c, d;

	return __get_cpuid_count(7, 1, &a, &b, &c, &d) && a & CPUID_AVX_VNNI;
}

static const struct kernels *avx512(void)
{
	if (!__builtin_cpu_supports("avx512f") ||
	    !__builtin_cpu_supports("avx512bw") ||
	    !__builtin_cpu_supports("avx512vl") ||
	    !__builtin_cpu_supports("avx512dq") ||
	    !__builtin_cpu_supports("avx512vnni"))
		return NULL;
	if (!multiplies_bf16())
		return &kernels_avx512;
	return is_zen_4() ? &kernels_avx512_zen4 : &kernels_avx512_bf16;
}

static const struct kernels *amx(void)
{
	return avx512() && multiplies_tiles() ? &kernels_avx512_amx : NULL;
}

static const struct kernels *avx2(void)
{
	/* Every processor with AVX2 and FMA has F16C. */
	if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
		return NULL;
	return has_avx_vnni() ? &kernels_avx2_vnni : &kernels_avx2;
}
#else
static const struct kernels *amx(void)
{
	return NULL;
}

static const struct kernels *avx512(void)
{
	return NULL;
}

static const struct kernels *avx2(void)
{
	return NULL;
}
#endif

const struct kernels *kernels_by_name(const char *name)
{
	if (strcmp(name, "amx") == 0)
		return amx();
	if (strcmp(name, "avx512") == 0)
		return avx512();
	if (strcmp(name, "avx2") == 0)
		return avx2();
	return strcmp(name, "scalar") == 0 ? &kernels_scalar : NULL;
}

/* NULL: no set is named. */
static const char *wanted(void)
{
	const char *name = getenv("CONFAB_KERNELS");

	return name && *name ? name : NULL;
}

static const struct kernels *choose(void)
{
	const char *name = wanted();
	const struct kernels *set = name ? kernels_by_name(name) : NULL;

	if (!set)
		set = amx();
	if (!set)
		set = avx512();
	if (!set)
		set = avx2();
	return set ? set : &kernels_scalar;
}

/* Threads that meet here choose alike, so it does not matter who wins. */
const struct kernels *kernels_get(void)
{
	const struct kernels *set =
		atomic_load_explicit(&in_use, memory_order_relaxed);

	if (!set) {
		set = choose();
		kernels_use(set);
	}
	return set;
}

void kernels_use(const struct kernels *set)
{
	atomic_store_explicit(&ask_for_near, set && set->asks_near,
	                      memory_order_relaxed);
	atomic_store_explicit(&in_use, set, memory_order_relaxed);
}

int kernels_check(struct error *err)
{
	const char *name = wanted();

	if (!name || kernels_by_name(name))
		return 0;
	return error_set(err,
	                 "CONFAB_KERNELS=%s: not a set of kernels that "
	                 "this processor can run (scalar, avx2, avx512, amx)",
	                 name);
}
