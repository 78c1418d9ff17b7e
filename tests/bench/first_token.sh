#!/bin/sh
# first_token.sh MODEL.gguf [TOKENS] - from the command to the first token
#
# Whole processes, loading included, with the file in the page cache: confab
# answers a prompt of TOKENS (1,000) tokens with one token, and llama-bench
# (LLAMA_BENCH, as in compare.sh) reads as many and makes one, once, without its
# warm-up.  Medians of ROUNDS (3) seconds, and how many times confab's the
# others' are.  CONFAB is the program, THREADS are for all (2).
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
confab=${CONFAB:-$top/build/confab}
model=$1
tokens=${2:-1000}
threads=${THREADS:-2}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# One token a word for most tokenizers.
awk -v n="$tokens" 'BEGIN {
	split("the old boat lay on a quiet shore and nobody knew its name", w)
	for (i = 0; i < n - 12; i++)
		printf "%s ", w[i * 7 % 13 + 1]
}' >"$work/prompt"

# Runs a command; its seconds, a line of NAME's file.
timed() {
	name=$1
	shift
	start=$(date +%s.%N)
	"$@" >"$work/out" 2>"$work/err" </dev/null || {
		cat "$work/err" >&2
		exit 1
	}
	echo "$(date +%s.%N) $start" | awk '{ print $1 - $2 }' >>"$work/$name.s"
}

cat "$model" >/dev/null
round=0
while [ "$round" -lt "${ROUNDS:-3}" ]; do
	round=$((round + 1))
	timed 0confab "$confab" -m "$model" -t "$threads" --no-save --json \
		--temp 0 --max-tokens 1 -p "$(cat "$work/prompt")"
	grep -o '"prompt_tokens":[0-9]*' "$work/out" >"$work/tokens"
	for peer in ${LLAMA_BENCH:-}; do
		name=$(expr "$peer" : '\([^/,]*\)=') || name=llama-bench
		path=${peer#"$name="}
		more=$(expr "$path" : '[^,]*,\(.*\)' | tr , ' ') || more=
		cold=--no-warmup
		"${path%%,*}" --help 2>&1 | grep -q -e "$cold" || cold="-w 0"
		# shellcheck disable=SC2086
		timed "1$name" "${path%%,*}" -m "$model" -t "$threads" -r 1 \
			-p 0 -n 0 -pg "$tokens,1" $cold $more
	done
done

echo "# $model, $(cat "$work/tokens") of confab's, $threads threads"
for file in "$work"/*.s; do
	name=$(basename "$file" .s)
	sort -n "$file" | awk -v name="${name#?}" '
		{ v[NR] = $1 }
		END { print name, v[int((NR + 1) / 2)] }'
done | awk '
	NR == 1 { own = $2 }
	{ printf "%-14s %7.2f s  %5.2f times\n", $1, $2, $2 / own }'
