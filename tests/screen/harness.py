"""The real program on a pseudo-terminal, and what its screen shows.

A terminal emulator (pyte) reads what the program writes.  Tests poll for what
they expect and never sleep for a guessed time.
"""
import atexit
import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import sys
import tempfile
import termios
import time

import pyte

KEYS = {
    "Enter": "\r", "Tab": "\t", "Esc": "\033", "Backspace": "\x7f",
    "Up": "\033[A", "Down": "\033[B", "Right": "\033[C", "Left": "\033[D",
    "Home": "\033[H", "End": "\033[F", "PgUp": "\033[5~", "PgDn": "\033[6~",
    "F1": "\033OP", "F2": "\033OQ", "F3": "\033OR", "F5": "\033[15~",
    "F6": "\033[17~", "Alt-Enter": "\033\r", "Shift-Up": "\033[1;2A",
    "Shift-Down": "\033[1;2B", "Ctrl-Home": "\033[1;5H",
    "Ctrl-End": "\033[1;5F", "Alt-[": "\033[", "Alt-]": "\033]",
}
KEYS.update({f"Ctrl-{chr(c)}": chr(c & 31) for c in range(65, 91)})

# A program started in the background ignores interrupts, by nohup a hangup too,
# and so would what it starts: the programs under test must not.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

TIMEOUT = float(os.environ.get("CONFAB_TEST_TIMEOUT", "30"))


def temporary_folder(prefix):
    """A fresh folder, gone when the tests are."""
    folder = tempfile.mkdtemp(prefix=prefix)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


class Screen(pyte.Screen):
    """pyte's, without the answers that it would type into the program, and
    with a fault mended."""

    def write_process_input(self, data):
        pass

    def delete_lines(self, count=None):
        # Where a line that was never written moved up, pyte 0.8.0 left the one
        # that it should have covered.
        for y in range(self.lines):
            self.buffer[y]
        super().delete_lines(count)


class Confab:
    def __init__(self, binary, *args, rows=24, cols=80, env=None, term="linux",
                 home=None, cwd=None, save=False, shell=False):
        self.home = home or temporary_folder("confab-screen-")
        self.raw = b""          # all that was written
        self.status = None
        self.screen = Screen(cols, rows)
        self.stream = pyte.ByteStream(self.screen)
        environment = {
            "HOME": self.home, "TERM": term, "LANG": "C.UTF-8",
            "PATH": os.environ["PATH"], "TZ": "UTC",
            "XDG_DATA_HOME": self.home + "/data",
            "XDG_STATE_HOME": self.home + "/state",
            "XDG_CACHE_HOME": self.home + "/cache",
            "XDG_CONFIG_HOME": self.home + "/config",
        }
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS",
                     "LSAN_OPTIONS", "CONFAB_KERNELS"):
            if name in os.environ:
                environment[name] = os.environ[name]
        environment.update(env or {})
        command = [binary] + self.options(save) + list(args)
        if shell:
            command = ["/bin/bash", "--norc", "--noprofile", "-i"]
            environment["PS1"] = "shell$ "
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            # Whatever happens, the child must not go on as a second runner.
            try:
                if cwd:
                    os.chdir(cwd)
                os.execvpe(command[0], command, environment)
            finally:
                os._exit(127)
        # A program that dies while it is typed to reads no more.
        os.set_blocking(self.fd, False)
        self.resize(rows, cols)
        self.modes = None

    @staticmethod
    def options(save=False):
        return ["--temp", "0", "--seed", "1"] + ([] if save else ["--no-save"])

    # ---- in and out ----

    def pump(self, seconds=0.05):
        """Reads what comes within so many seconds; False at the end."""
        ready, _, _ = select.select([self.fd], [], [], seconds)
        if not ready:
            return True
        try:
            data = os.read(self.fd, 65536)
        except BlockingIOError:
            return True
        except OSError:
            data = b""
        if not data:
            return False
        self.raw += data
        self.stream.feed(data)
        return True

    def send(self, text):
        data = text if isinstance(text, bytes) else text.encode()
        while data:
            # A full terminal must not stop both of us.
            _, writable, _ = select.select([], [self.fd], [], 0.01)
            if writable:
                try:
                    data = data[os.write(self.fd, data[:4096]):]
                except BlockingIOError:
                    pass    # room for less, and perhaps nobody reads it
            if not self.pump(0):
                return  # there is nobody any more

    def keys(self, *names):
        """Keys by name, other strings as they are typed."""
        for name in names:
            self.send(KEYS.get(name, name))
            if name == "Esc":  # it must be one, and not Alt
                self.settle(0.08)   # until it was read,
                self.settle(0.08)   # and its time is over

    def say(self, text):
        self.keys(text, "Enter")

    def paste(self, text):
        self.send("\033[200~" + text + "\033[201~")

    def settle(self, quiet=0.15, limit=5):
        """Until nothing was written for a while."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            before = len(self.raw)
            if not self.pump(quiet):
                return
            if len(self.raw) == before and not self.drawing():
                return

    # ---- what is seen ----

    def row(self, i):
        line = self.screen.buffer[i]
        # The right half of a wide character is an empty cell for pyte.
        return "".join(line[x].data for x in range(self.screen.columns)
                       ).rstrip()

    def rows(self):
        return [self.row(i) for i in range(self.screen.lines)]

    def text(self):
        return "\n".join(self.rows())

    def cell(self, row, col):
        return self.screen.buffer[row][col]

    def find(self, text):
        """(row, column) of a text, or None."""
        for i, row in enumerate(self.rows()):
            if text in row:
                return i, row.index(text)
        return None

    def wait(self, condition, what=None, seconds=TIMEOUT):
        """Until a text is seen, a pattern (re.compile) is, or a function is
        true."""
        if isinstance(condition, str):
            what = what or condition
            check = lambda: condition in self.text()
        elif isinstance(condition, re.Pattern):
            what = what or condition.pattern
            check = lambda: condition.search(self.text())
        else:
            check = condition
        # A slow machine is no fault: the time is that without any news.
        latest = time.monotonic() + 10 * seconds
        end, known = 0, -1
        while known != len(self.raw) or time.monotonic() < end:
            if known != len(self.raw):
                known = len(self.raw)
                end = min(time.monotonic() + seconds, latest)
            if check():
                self.finish_frame()
                return self
            if not self.pump() or time.monotonic() > latest:
                break
        if check():
            return self
        raise AssertionError(f"waited for {what or condition!r}; the screen:\n"
                             + self.text())

    def drawing(self):
        """Whether the front end's thread is at work: it sleeps in poll() as
        soon as a frame is written out."""
        try:
            with open(f"/proc/{self.pid}/stat") as file:
                return file.read().rpartition(")")[2].split()[0] in "RD"
        except OSError:
            return False

    def finish_frame(self, limit=0.5):
        """A frame may come in pieces: what was waited for can be seen before
        the rest of it.  Reads on until nothing is left and its writer sleeps,
        twice, as a key may still be on its way into the terminal.  A stream that
        leaves no gap is not read for long."""
        end = time.monotonic() + limit
        quiet = 0
        while quiet < 2 and time.monotonic() < end:
            working = self.drawing()
            if select.select([self.fd], [], [], 0.002)[0]:
                quiet = 0
                if not self.pump(0):
                    break
            else:
                quiet = 0 if working else quiet + 1

    def gone(self, text, seconds=TIMEOUT):
        return self.wait(lambda: text not in self.text(), f"no {text!r}",
                         seconds)

    def status_line(self):
        return self.row(self.screen.lines - 1)

    def ready(self, seconds=TIMEOUT):
        """Until the status line says so, and its row has come whole."""
        self.wait(lambda: self.status_line().startswith(" ready"), "ready",
                  seconds)
        self.settle(0.04)
        return self.wait(lambda: self.status_line().startswith(" ready"),
                         "ready", seconds)

    def context(self):
        """What the status line says of the context: it changes with a reply."""
        found = re.search(r"ctx (\S+)", self.status_line())
        return found.group(1) if found else ""

    def ask(self, text, answer=None):
        """Sends a message and waits for the end of the reply."""
        before = self.context()
        self.say(text)
        self.wait(lambda: self.context() != before and
                  self.status_line().startswith(" ready"), "the reply")
        self.settle(0.04)
        if answer:
            self.wait(answer)

    # ---- the terminal ----

    def resize(self, rows, cols):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ,
                    struct.pack("HHHH", rows, cols, 0, 0))
        self.screen.resize(rows, cols)

    def termios(self):
        return termios.tcgetattr(self.fd)

    @staticmethod
    def untouched():
        """The modes of a terminal that no program has changed."""
        ends = pty.openpty()
        modes = termios.tcgetattr(ends[0])
        for end in ends:
            os.close(end)
        return modes

    # ---- its end ----

    def kill(self, number=signal.SIGKILL):
        os.kill(self.pid, number)

    def wait_exit(self, seconds=2 * TIMEOUT):
        """The exit status, or minus the signal's number."""
        end = time.monotonic() + seconds
        while self.status is None and time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = (os.WEXITSTATUS(status) if os.WIFEXITED(status)
                               else -os.WTERMSIG(status))
                while self.pump(0.05):
                    if not select.select([self.fd], [], [], 0.05)[0]:
                        break
                return self.status
            self.pump(0.02)
        if self.status is None:
            raise AssertionError("still running; the screen:\n" + self.text())
        return self.status

    def close(self):
        if self.status is None:
            try:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass
        try:
            os.close(self.fd)
        except OSError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


# ---- what a machine under load must not decide ----

def within(seconds, action, again=None, tries=5):
    """The best of a few tries must take no longer.  again() undoes one."""
    took = []
    while len(took) < tries:
        began = time.monotonic()
        action()
        took.append(time.monotonic() - began)
        if took[-1] < seconds:
            return
        if again:
            again()
    raise AssertionError(f"never within {seconds} s: {took}")


# ---- what must not be in the bytes ----

ALLOWED = re.compile(
    rb"\033\[[0-9;]*[A-HJKLMPSTXZ`abcdefghlmnrsu@]"   # CSI that curses sends
    rb"|\033\[\?[0-9;]+[chlmsr]"                        # private modes
    rb"|\033\[[<=>?!]?[0-9;]*[cpqtuh]"
    rb"|\033[()][0-9A-B]|\033[=>78M]|\033\]R|\033%[G@]")


def foreign_sequences(raw):
    """Control bytes in a stream that no known sequence explains."""
    rest = ALLOWED.sub(b"", raw)
    return [rest[max(0, m.start() - 20):m.end() + 20]
            for m in re.finditer(rb"\033|\x9b|[\x01-\x06\x0b\x0c\x10-\x1a]",
                                 rest)
            if not (m.group() == b"\x9b" and m.start() and
                    rest[m.start() - 1] >= 0x80)]


# ---- the tests and their order ----

TESTS = []


def test(function):
    """Marks a function (binary) -> None as a test; its name is the sentence."""
    TESTS.append(function)
    return function


class Skip(Exception):
    pass


def scripted(function):
    """A test that needs the scripted engine."""
    function.scripted = True
    return test(function)


def script(*replies, **settings):
    """The environment that makes the engine say these replies."""
    directory = temporary_folder("confab-script-")
    for i, reply in enumerate(replies, 1):
        with open(f"{directory}/{i}", "wb") as file:
            file.write(reply if isinstance(reply, bytes) else reply.encode())
    env = {"SCRIPT_DIR": directory}
    env.update({f"SCRIPT_{k.upper()}": str(v) for k, v in settings.items()})
    return env
