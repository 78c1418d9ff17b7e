#!/bin/sh
# resume_test with its full numbers: 20 conversations of 256 tokens for each KV
# type, 1,000 damaged snapshots.
CONFAB_LONG=1 exec "$(dirname "$CONFAB")/tests/resume_test"
