#!/usr/bin/python3
"""The long screen tests.  Debian's pyte belongs to Debian's Python."""
import os
import sys

python = "/usr/bin/python3"
confab = os.environ["CONFAB"]
os.execv(python if os.path.exists(python) else sys.executable,
         ["python3", os.environ["CONFAB_SRCDIR"] + "/tests/screen/run.py",
          confab, os.path.dirname(confab) + "/tests/confab_scripted", "--long"])
