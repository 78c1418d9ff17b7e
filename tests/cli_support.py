"""What the tests of the built program share: running it, and TAP.

CONFAB is the program, CONFAB_SRCDIR the source tree; both have defaults for a
build in the source tree.  Everything happens in a HOME of its own.
"""
import atexit
import fcntl
import json
import os
import pty
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
SRC = os.environ.get("CONFAB_SRCDIR", os.path.dirname(HERE))
CONFAB = os.path.abspath(os.environ.get("CONFAB", "./confab"))
MODEL = os.path.join(SRC, "data", "confab-20m")
GOLDEN = os.path.join(SRC, "tests", "golden")
TMP = tempfile.mkdtemp(prefix="confab-cli-")
atexit.register(shutil.rmtree, TMP, ignore_errors=True)
HOME = os.path.join(TMP, "home")
TESTS = []
SLOW = {"CONFAB_KERNELS": "scalar"}  # some 10 ms a token, to be interrupted

# A program started in the background ignores interrupts, by nohup a hangup too,
# and so would what it starts: the programs under test must not.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# ---- TAP ----


def test(function):
    """Marks a test; its name is the sentence it proves."""
    TESTS.append(function)
    return function


def main():
    """Runs all tests, or those that the command line names."""
    os.mkdir(HOME)
    wanted = [t for t in TESTS
              if len(sys.argv) < 2 or t.__name__ in sys.argv[1:]]
    print("1..%d" % len(wanted), flush=True)
    failed = 0
    for number, function in enumerate(wanted, 1):
        try:
            function()
            word = "ok"
        except Exception:
            word = "not ok"
            failed += 1
            for line in traceback.format_exc().splitlines():
                print("# " + line)
        print("%s %d - %s" % (word, number,
                              function.__name__.replace("_", " ")),
              flush=True)
    sys.exit(1 if failed else 0)


# ---- running it ----


def environment(extra=None):
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("CONFAB_", "XDG_", "HF_"))}
    env.update(HOME=HOME, TERM="xterm", LC_ALL="C.UTF-8")
    env.update(extra or {})
    return env


def confab(*args, stdin=b"", env=None, status=0, **more):
    """Runs confab to its end and returns the finished process.  Its standard
    input is text, or what can be read from."""
    if isinstance(stdin, str):
        stdin = stdin.encode()
    given = {"input" if isinstance(stdin, bytes) else "stdin": stdin}
    done = subprocess.run([CONFAB, *args], env=environment(env),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=120, **given, **more)
    if done.returncode != status:
        raise AssertionError("confab %s: status %d, expected %d\n%s" % (
            " ".join(map(str, args)), done.returncode, status,
            done.stderr.decode(errors="replace")))
    return done


def out(*args, **more):
    return confab(*args, **more).stdout.decode()


def chat(*args, **more):
    return out("-m", MODEL, "--temp", "0", *args, **more)


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def replies(text):
    return [line for line in lines(text) if line["type"] == "reply"]


def error(*args, status, **more):
    """The one line on standard error of a run that fails."""
    done = confab(*args, status=status, **more)
    text = done.stderr.decode()
    assert text.startswith("confab: "), text
    assert text.count("\n") == 1 and text.endswith("\n"), text
    return text[len("confab: "):-1]


def start(*args, env=None, **more):
    return subprocess.Popen([CONFAB, *args], env=environment(env),
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, bufsize=0, **more)


def on_a_terminal(*args, columns=100):
    """What confab writes when its standard output is a terminal."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ,
                struct.pack("HHHH", 30, columns, 0, 0))
    process = subprocess.Popen([CONFAB, *args], env=environment(),
                               stdin=subprocess.DEVNULL, stdout=slave,
                               stderr=subprocess.PIPE)
    os.close(slave)
    seen = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:
            break
        if not piece:
            break
        seen += piece
    os.close(master)
    process.communicate()
    assert process.returncode == 0
    return seen


def golden(name):
    with open(os.path.join(GOLDEN, name), encoding="utf-8") as file:
        return json.load(file)
