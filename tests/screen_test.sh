#!/bin/sh
# The screen tests, for the test driver: the program, and the same front end
# over an engine that says what a test wrote down.  Debian's python3-pyte
# belongs to Debian's Python, which need not be the first on the path.
python=/usr/bin/python3
[ -x "$python" ] || python=python3
exec "$python" "$CONFAB_SRCDIR/tests/screen/run.py" "$CONFAB" \
	"$(dirname "$CONFAB")/tests/confab_scripted"
