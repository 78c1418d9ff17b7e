#!/bin/sh
# Runs a test program and mends the one line of cmocka 1.1's TAP that the
# protocol reads as a failure: a skipped test is printed as "not ok N # SKIP".
status=$(mktemp)
trap 'rm -f "$status"' EXIT
{
	"$@"
	echo $? >"$status"
} | sed 's/^not ok \([0-9]*\) # SKIP \(.*\)/ok \1 - \2 # SKIP/'
exit "$(cat "$status")"
