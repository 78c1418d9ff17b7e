#!/bin/sh
# resume.sh MODEL [TOKENS] - what a KV snapshot saves
#
# A conversation of about TOKENS (4,000) tokens is begun, which prefills it, and
# gone on with in a new process, which reads its snapshot.  Prints both times to
# the first token, without loading the model, as --json tells them
# (prefill_seconds, the reading included).  CONFAB is the program.
set -eu

confab=${CONFAB:-confab}
model=$1
tokens=${2:-4000}
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
export XDG_CACHE_HOME="$home/cache" XDG_DATA_HOME="$home/data"

ask() {
	"$confab" -m "$model" --temp 0 --max-tokens 1 --json "$@" </dev/null |
		grep '"type":"reply"'
}

field() { # LINE NAME
	printf '%s\n' "$1" | sed "s/.*\"$2\":\\([0-9.e+-]*\\).*/\\1/"
}

# Words that are one token each for most tokenizers.
text=$(awk -v n="$tokens" 'BEGIN {
	split("the old boat lay on a quiet shore and nobody knew its name", w)
	for (i = 0; i < n - 40; i++)
		printf "%s ", w[i * 7 % 13 + 1]
}')

first=$(ask -p "$text")
id=$(printf '%s\n' "$first" | sed 's/.*"conversation":"\([^"]*\)".*/\1/')
echo "snapshot of $(wc -c <"$home/cache/confab/kv/$id.kv") bytes"
resumed=$(ask -r "$id" -p "And then?")
for line in "$first" "$resumed"; do
	echo "$(field "$line" prompt_tokens) tokens," \
		"$(field "$line" reused_tokens) reused:" \
		"$(field "$line" prefill_seconds) s to the first token"
done
awk -v a="$(field "$first" prefill_seconds)" \
	-v b="$(field "$resumed" prefill_seconds)" \
	'BEGIN { printf "resuming is %.0f times as fast\n", a / b }'
