#!/bin/sh
# instructions_test.sh - instructions for one token, which no neighbour changes
#
# Callgrind counts what the bundled model needs for a token of a prompt and for
# one decoded token, draw and candidates included, in each kind of kernel that
# valgrind 3.19 can run (it knows no AVX-512).  The difference between two
# lengths leaves out what happens once.  Bounds are the count at the time of
# writing and a tenth; a change that needs more than that says why, and moves
# them.  (A prompt's count includes BLIS with the kernels it picks for the AVX2
# processor that valgrind shows: Debian 12's 0.9.0.)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if ! command -v valgrind >/dev/null; then
	echo "1..0 # SKIP there is no valgrind"
	exit 0
fi

# instructions KERNELS ARGUMENT... - of one confab bench
instructions() {
	kernels=$1
	shift
	CONFAB_KERNELS=$kernels valgrind --tool=callgrind \
		--callgrind-out-file=/dev/null \
		"$CONFAB" bench -m "$CONFAB_SRCDIR/data/confab-20m" -t 1 -r 1 \
		"$@" >"$work/out" 2>"$work/err" || {
		sed 's/^/# /' "$work/err"
		return 1
	}
	sed -n 's/.*Collected : //p' "$work/err"
}

# check KERNELS WHAT BOUND OPTION OTHER - thousands of instructions a token;
# each run reads its tokens twice, the first time to warm up.
number=0
check() {
	number=$((number + 1))
	name="$2 in $1 kernels: at most $3 thousand instructions a token"
	if few=$(instructions "$1" "$5" 0 "$4" 8) &&
		many=$(instructions "$1" "$5" 0 "$4" 24); then
		count=$(((many - few) / (2 * 16) / 1000))
		echo "# $count"
		[ "$count" -gt 0 ] && [ "$count" -le "$3" ] && {
			echo "ok $number - $name"
			return
		}
	fi
	echo "not ok $number - $name"
}

echo 1..4
check scalar prompt 6800 -p -n
check scalar decoding 54400 -n -p
check avx2 prompt 3100 -p -n
check avx2 decoding 12700 -n -p
