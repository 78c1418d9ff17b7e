#!/bin/sh
# compare.sh - confab bench beside llama-bench, on the same file
#
#	LLAMA_BENCH="llama.cpp=/path/llama-bench ik=/path/llama-bench,-rtr,1" \
#		tests/bench/compare.sh MODEL.gguf [TEST...]
#
# A TEST is pp512 (a prompt of 512 tokens), tg64 (64 tokens one by one) or
# tg32@4096 (32 tokens after 4,096); all that are listed below when none is
# given.  LLAMA_BENCH names any number of programs, as NAME=PATH or PATH, each
# with more arguments after commas.  From the environment too:
#	CONFAB   the program (build/confab), CONFAB_ARGS more arguments for it
#	CONFAB_MODEL  what confab reads where it is not MODEL.gguf: the directory
#	         that the GGUF was made from
#	THREADS  for all (2)
#	ROUNDS   how often each test runs in each program (3)
#	FORCE    not empty: go on though the machine fails the check
#
# In every round each test runs once in each program, one right after the other
# (after the warm-up that all of them make), so that a ratio is one of the same
# minute; the table has the medians of the rates and of the rounds' ratios.
# Before every round the machine is checked: as many threads must make at least
# 0.9 times as many multiply-adds each as one alone does.  A round that begins
# otherwise is put off for a while and then is an error.
set -eu

tests="pp512 tg64 tg32@4096 pp2048"
threads=${THREADS:-2}
rounds=${ROUNDS:-3}
top=$(cd "$(dirname "$0")/../.." && pwd)
confab=${CONFAB:-$top/build/confab}

die() {
	echo "compare.sh: $*" >&2
	exit 1
}

[ $# -ge 1 ] || die "which model?  See the head of this file."
model=$1
shift
[ -r "$model" ] || die "$model: cannot be read"
[ -x "$confab" ] || die "$confab: not a program (CONFAB=...)"
[ $# -eq 0 ] || tests=$*

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
${CC:-cc} -O2 -pthread -o "$work/machine" "$top/tests/bench/machine.c"

# The number after "key": in JSON; null and nothing are "-".
json_number() {
	sed -n 's/.*"'"$1"'": *\([-+.0-9e]*\).*/\1/p' | tail -n 1 | grep . || echo -
}

# TEST into $kind (pp or tg), $n and $depth.
parse_test() {
	kind=$(expr "$1" : '\(..\)')
	n=$(expr "$1" : '..\([0-9]*\)') || n=0
	depth=$(expr "$1" : '.*@\([0-9]*\)$') || depth=0
	case $1 in
	pp[1-9]* | tg[1-9]*) ;;
	*) die "$1: not a test" ;;
	esac
}

run_confab() {
	case $kind in
	pp) set -- -p "$n" -n 0 ;;
	tg) set -- -p 0 -n "$n" ;;
	esac
	# shellcheck disable=SC2086
	"$confab" bench -m "${CONFAB_MODEL:-$model}" -t "$threads" "$@" \
		-d "$depth" -r 1 --json ${CONFAB_ARGS:-} >"$work/json" ||
		die "$confab failed"
	case $kind in
	pp) json_number prefill_tokens_per_second <"$work/json" ;;
	tg) json_number decode_tokens_per_second <"$work/json" ;;
	esac
	json_number decode_bytes_per_second <"$work/json" >"$work/used"
	json_number read_bytes_per_second <"$work/json" >"$work/read"
}

# PATH,ARGUMENT...  The name of the option for a depth differs between forks.
run_llama() {
	path=${1%%,*}
	more=$(expr "$1" : '[^,]*,\(.*\)' | tr , ' ') || more=
	case $kind in
	pp) set -- -p "$n" -n 0 ;;
	tg) set -- -p 0 -n "$n" ;;
	esac
	if [ "$depth" -gt 0 ]; then
		if "$path" --help 2>&1 | grep -q n-depth; then
			set -- "$@" -d "$depth"
		elif [ "$kind" = tg ]; then
			set -- -p 0 -n 0 -gp "$depth,$n"
		else
			echo -
			return
		fi
	fi
	# shellcheck disable=SC2086
	"$path" -m "$model" -t "$threads" "$@" -r 1 -o json $more \
		2>"$work/err" >"$work/json" || {
		cat "$work/err" >&2
		die "$path failed"
	}
	json_number avg_ts <"$work/json"
}

# Up to five minutes for a quiet moment.
check_machine() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		"$work/machine" "$threads" >"$work/check"
		read -r one all ratio <"$work/check"
		if awk "BEGIN { exit !($ratio >= 0.9 * $threads) }"; then
			echo "# round $1: 1 thread $one GFLOP/s," \
				"$threads threads $all: $ratio times"
			return
		fi
		[ -z "${FORCE:-}" ] || break
		sleep 30
	done
	echo "# round $1: $threads threads make $ratio times one's" \
		"multiply-adds: the machine is busy"
	[ -n "${FORCE:-}" ] || exit 1
}

# NAME:PROGRAM of each peer.
peers=
for peer in ${LLAMA_BENCH:-}; do
	name=$(expr "$peer" : '\([^/,]*\)=') || name=llama-bench
	path=${peer#"$name="}
	[ -x "${path%%,*}" ] || die "${path%%,*}: not a program"
	peers="$peers $name:$path"
done

echo "# $model, $threads threads, $rounds rounds"
round=0
while [ "$round" -lt "$rounds" ]; do
	round=$((round + 1))
	check_machine "$round"
	for test in $tests; do
		parse_test "$test"
		rate=$(run_confab)
		echo "$test confab $round $rate $(cat "$work/used")" \
			"$(cat "$work/read")" >>"$work/rates"
		for peer in $peers; do
			rate=$(run_llama "${peer#*:}")
			echo "$test ${peer%%:*} $round $rate - -" >>"$work/rates"
		done
	done
done

# Columns of rates: test, program, round, tokens/s, bytes/s used, bytes/s read.
awk -v tests="$tests" '
function median(list, n,    i, j, t, v) {
	n = split(list, v, " ")
	if (!n)
		return "-"
	for (i = 2; i <= n; i++)
		for (j = i; j > 1 && v[j - 1] + 0 > v[j] + 0; j--) {
			t = v[j]; v[j] = v[j - 1]; v[j - 1] = t
		}
	return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
}
function show(x, format) {
	return x == "-" ? "-" : sprintf(format, x)
}
{
	if (!($2 in seen)) {
		seen[$2] = 1
		name[++names] = $2
	}
	if ($4 == "-")
		next
	rates[$1, $2] = rates[$1, $2] " " $4
	if ($2 == "confab")
		own[$1, $3] = $4
	else
		ratios[$1, $2] = ratios[$1, $2] " " own[$1, $3] / $4
	if ($5 != "-" && $6 != "-" && $6 > 0)
		shares[$1] = shares[$1] " " 100 * $5 / $6
	if ($5 != "-")
		used[$1] = used[$1] " " $5 * 1e-9
}
END {
	printf "%-12s %10s %7s %9s", "tokens/s", "confab", "GB/s", "of read"
	for (i = 2; i <= names; i++)
		printf " %14s %7s", name[i], "ratio"
	printf "\n"
	n = split(tests, test, " ")
	for (t = 1; t <= n; t++) {
		printf "%-12s %10s %7s %9s", test[t],
			show(median(rates[test[t], "confab"]), "%.2f"),
			show(median(used[test[t]]), "%.1f"),
			show(median(shares[test[t]]), "%.0f%%")
		for (i = 2; i <= names; i++)
			printf " %14s %7s",
				show(median(rates[test[t], name[i]]), "%.2f"),
				show(median(ratios[test[t], name[i]]), "%.2f")
		printf "\n"
	}
}' "$work/rates"
