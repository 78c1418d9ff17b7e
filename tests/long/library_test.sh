#!/bin/sh
# library_test with 1,000 databases that are damaged at random.
CONFAB_LONG=1 exec "$(dirname "$CONFAB")/tests/library_test"
