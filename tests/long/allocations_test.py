#!/usr/bin/env python3
"""No memory, at any of the allocations of a start.

A preloaded library (fail_allocation.c) refuses the K-th one.  The program may
go on without it or leave with status 1 or 3 and one line that says so; it must
not crash or hang, and a full screen must be taken down.  In pipes K is every
number up to DENSE and a random choice above; on a terminal a random choice.
"""
import os
import pty
import random
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import time

HERE = os.path.dirname(os.path.abspath(__file__))
CONFAB = os.environ.get("CONFAB", HERE + "/../../build/confab")
DENSE = int(os.environ.get("DENSE", "3000"))
CHOSEN = 500

folder = tempfile.mkdtemp(prefix="confab-allocations-")
shim = folder + "/fail_allocation.so"
environment = {
    "PATH": os.environ["PATH"], "HOME": folder, "TERM": "xterm-256color",
    "LANG": "C.UTF-8", "LD_PRELOAD": shim,
    "XDG_DATA_HOME": folder + "/data", "XDG_CACHE_HOME": folder + "/cache",
    "XDG_STATE_HOME": folder + "/state", "XDG_CONFIG_HOME": folder + "/config",
}
# BLIS calls abort() when it gets no memory; that much is beyond us.
BLIS = "libblis: malloc() returned NULL"
HEADLESS = [CONFAB, "-p", "Hi", "--temp", "0", "--max-tokens", "2"]


def headless(k, **more):
    return subprocess.run(HEADLESS, env={**environment, "FAIL_AT": str(k), **more},
                          stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=30, text=True, errors="replace")


def judge(result):
    """What is wrong with how it ended, or None."""
    lines = result.stderr.splitlines()
    if result.returncode == 0:
        return None
    if BLIS in result.stderr:
        return None
    if result.returncode not in (1, 3):
        return f"status {result.returncode}"
    if len(lines) != 1 or not re.match(
            r"confab: .*(memory|temporarily unavailable)", lines[0]):
        return f"said {lines}"
    return None


def in_pipes(numbers):
    for k in numbers:
        fault = judge(headless(k))
        assert not fault, f"allocation {k}: {fault}"


def on_a_terminal(numbers):
    for k in numbers:
        pid, fd = pty.fork()
        if pid == 0:
            try:
                os.execve(CONFAB, [CONFAB, "--no-save"],
                          {**environment, "FAIL_AT": str(k)})
            finally:
                os._exit(127)
        watch(k, pid, fd)
        os.close(fd)


def watch(k, pid, fd):
    """Reads for as long as a start takes, then leaves; looks at the end."""
    written, asked, status = b"", False, None
    began = time.monotonic()
    while status is None:
        took = time.monotonic() - began
        if took > 20:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise AssertionError(f"allocation {k}: hangs")
        if not asked and (b"ready" in written or took > 3):
            asked = True
            os.write(fd, b"\x11")  # Ctrl-Q
        if select.select([fd], [], [], 0.02)[0]:
            try:
                written += os.read(fd, 65536)
            except OSError:
                pass
        done, code = os.waitpid(pid, os.WNOHANG)
        if done:
            status = code
    while select.select([fd], [], [], 0)[0]:  # what it wrote last
        try:
            written += os.read(fd, 65536)
        except OSError:
            break
    assert BLIS.encode() in written or \
        os.WIFEXITED(status) and os.WEXITSTATUS(status) in (0, 1, 2, 3), \
        f"allocation {k}: ended with {status:#x}: {written[-300:]}"
    assert written.rfind(b"\033[?1049l") >= written.rfind(b"\033[?1049h"), \
        f"allocation {k}: the screen is left up"
    modes = termios.tcgetattr(fd)
    assert modes[3] & termios.ECHO, f"allocation {k}: no echo"


def main():
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if not compiler:
        print("1..0 # SKIP no C compiler")
        return 0
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", shim,
                    HERE + "/fail_allocation.c"], check=True)
    headless(0)  # compiles the tokenizer, once
    counted = headless(0, COUNT_ALLOCATIONS="1")
    total = int(re.search(r"allocations (\d+)", counted.stderr).group(1))
    seed = int(os.environ.get("SEED", time.time()))
    chosen = random.Random(seed)
    above = chosen.sample(range(DENSE, max(total, DENSE + CHOSEN + 1)), CHOSEN)
    tests = [
        (f"pipes: each of the first {DENSE} and {CHOSEN} of {total}",
         lambda: in_pipes(list(range(1, DENSE)) + above)),
        (f"a terminal: {CHOSEN // 2} of {total}",
         lambda: on_a_terminal(chosen.sample(range(1, total), CHOSEN // 2))),
    ]
    failed = 0
    print(f"1..{len(tests)}\n# seed {seed}", flush=True)
    for i, (name, test) in enumerate(tests, 1):
        try:
            test()
            print(f"ok {i} - {name}", flush=True)
        except (AssertionError, subprocess.TimeoutExpired) as fault:
            failed += 1
            print(f"not ok {i} - {name}\n# {fault}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
