#!/usr/bin/env python3
"""1,000 turns in one process leave its memory flat.

Line mode through pipes: a new conversation every 20 turns, so that the context
never fills; saved, as a user's would be.  Of those that were left kv_memory bounds
what is kept: some of them here, before memory is looked at first.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
CONFAB = os.environ.get("CONFAB", HERE + "/../../build/confab")
TURNS, EACH, SETTLED = 1000, 20, 200
ALLOWED_KB = 6144  # the library's own cache of pages grows to a bound

folder = tempfile.mkdtemp(prefix="confab-turns-")


def resident(pid):
    with open(f"/proc/{pid}/status") as file:
        return int(re.search(r"VmRSS:\s+(\d+) kB", file.read()).group(1))


def answer(program):
    """Reads up to the note that ends each of these replies."""
    line = ""
    while not line.startswith("* cut at the limit"):
        line = program.stdout.readline()
        assert line, "ended early: " + program.stderr.read()


def main():
    environment = {"PATH": os.environ["PATH"], "HOME": folder, "TERM": "dumb",
                   "LANG": "C.UTF-8"}
    program = subprocess.Popen(
        [CONFAB, "--temp", "0", "--max-tokens", "2", "--set", "kv_memory=8"],
        env=environment,
        text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, bufsize=1)
    print("1..1", flush=True)
    settled = 0
    for turn in range(1, TURNS + 1):
        if turn % EACH == 0:
            program.stdin.write("/new\n")
        program.stdin.write(f"Say the number {turn}.\n")
        program.stdin.flush()
        answer(program)
        if turn == SETTLED:
            settled = resident(program.pid)
    grown = resident(program.pid) - settled
    program.stdin.close()
    program.wait(20)
    shutil.rmtree(folder, ignore_errors=True)
    good = grown <= ALLOWED_KB and program.returncode == 0
    print(f"{'ok' if good else 'not ok'} 1 - {TURNS} turns: {settled} kB after "
          f"{SETTLED}, {grown:+} kB since, status {program.returncode}")
    return not good


if __name__ == "__main__":
    sys.exit(main())
