#!/usr/bin/env python3
"""A choice of tests/long/crash_test.py, for every `make check`."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
os.environ.update(CRASH_STEP="41", CRASH_KILLS="16", CRASH_LOCKS="3")
os.execv(sys.executable, [sys.executable, HERE + "/long/crash_test.py"])
