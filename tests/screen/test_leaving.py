"""Every way to leave gives the terminal back as it was found."""
import os
import resource
import signal
import time

from harness import Confab, Skip, script, scripted, test

# Pastes with brackets, news of the focus, and the ways a mouse reports.
OFF = [b"\033[?2004l", b"\033[?1004l"]
MOUSE = [b"\033[?1000l", b"\033[?1006l"]


def check_restored(c, before):
    assert c.termios() == before, "terminal modes differ"
    for sequence in OFF + MOUSE:
        on = sequence[:-1] + b"h"
        if sequence in MOUSE and on not in c.raw:
            continue
        assert c.raw.rfind(sequence) > c.raw.rfind(on), sequence
    assert c.raw.rfind(b"\033[?25h") > c.raw.rfind(b"\033[?25l"), "cursor"
    assert c.raw.rfind(b"\033[?1049l") > c.raw.rfind(b"\033[?1049h"), "screen"


def leave(binary, how, expected, busy=False, save=False):
    with Confab(binary, "--set", "mouse=on", term="xterm-256color",
                save=save) as c:
        before = c.untouched()
        c.ready()
        if busy:
            c.say("Tell me a long story about a dog.")
            c.wait("replying")
        assert c.termios() != before
        how(c)
        assert c.wait_exit() == expected, c.status
        check_restored(c, before)


@test
def quit_command(binary):
    leave(binary, lambda c: c.say("/quit"), 0)


@test
def control_d_on_an_empty_line(binary):
    leave(binary, lambda c: c.keys("Ctrl-D"), 0)


@test
def control_q_while_replying(binary):
    leave(binary, lambda c: c.keys("Ctrl-Q"), 0, busy=True)


def by_signal(number, busy):
    def run(binary):
        leave(binary, lambda c: c.kill(number), -number, busy)
    name = signal.Signals(number).name
    run.__name__ = f"{name}{'_while_replying' if busy else ''}"
    return test(run)


for _number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT,
                signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE,
                signal.SIGILL):
    by_signal(_number, _number in (signal.SIGTERM, signal.SIGSEGV))


def overflowing(binary, whose):
    env = script("some words", fault=whose)
    with Confab(binary, term="xterm-256color", env=env) as c:
        before = c.untouched()
        c.ready()
        c.say("?")
        assert c.wait_exit() == -signal.SIGSEGV, c.status
        check_restored(c, before)


@scripted
def a_stack_overflow_of_the_engine(binary):
    overflowing(binary, "engine")


@scripted
def a_stack_overflow_of_the_screen(binary):
    overflowing(binary, "screen")


@scripted
def memory_that_cannot_be_had(binary):
    if "ASAN_OPTIONS" in os.environ:
        raise Skip("a sanitizer has its own way to run out of memory")
    with Confab(binary, term="xterm-256color", env=script("ok")) as c:
        before = c.untouched()
        c.ready()
        with open(f"/proc/{c.pid}/statm") as statm:
            used = int(statm.read().split()[0]) * resource.getpagesize()
        resource.prlimit(c.pid, resource.RLIMIT_AS,
                         (used + (1 << 18), resource.RLIM_INFINITY))
        c.paste("x" * (1 << 20))
        assert c.wait_exit() == 1, c.status
        assert b"confab: out of memory" in c.raw
        check_restored(c, before)


def terminal_lost(binary, busy):
    """Closes the terminal; the process must end within a second."""
    c = Confab(binary, save=True)
    c.ready()
    if busy:
        c.say("Tell me a long story about a dog.")
        c.wait("replying")
    os.close(c.fd)
    began = time.monotonic()
    pid = 0
    while not pid and time.monotonic() - began < 3:
        pid, c.status = os.waitpid(c.pid, os.WNOHANG)
        time.sleep(0.005)
    if not pid:
        c.kill()
        os.waitpid(c.pid, 0)
    assert pid, "still running"
    assert time.monotonic() - began < 1, time.monotonic() - began


@test
def a_terminal_that_goes_away_ends_it_within_a_second(binary):
    for busy in (False, True):
        terminal_lost(binary, busy)


def suspend_and_return(binary, times):
    """Ctrl-Z and fg, idle and replying, half of them with a resize between."""
    with Confab(binary, term="xterm-256color", shell=True) as c:
        c.wait("shell$")
        before = c.termios()[:4]
        c.say(" ".join([binary] + c.options()))
        c.wait("ready")
        for i in range(times):
            if i % 3:
                c.say("Tell me a long story about a dog.")
                c.wait(lambda: "replying" in c.text() or i > 3, "replying")
            c.raw = b""
            c.keys("Ctrl-Z")
            c.wait(lambda: b"Stopped" in c.raw, "Stopped")
            c.wait(lambda: c.raw.rstrip().endswith(b"shell$"), "the prompt")
            assert b"\033[?1049l" in c.raw
            assert b"\033[?2004l" in c.raw
            assert c.termios()[:4] == before or i, "modes"
            if i % 2:
                c.resize(24 + i % 9, 80 + i % 31)
            c.raw = b""
            c.say("fg")
            c.wait(lambda: b"\033[?1049h" in c.raw, "the screen")
            c.keys("Esc")
            c.ready()
            assert c.row(c.screen.lines - 2).startswith(" >")
            c.say("/new")
            c.wait("a new conversation")
        c.ask("What is the capital of France?", "Paris")
        c.say("/quit")
        c.wait(lambda: c.raw.rstrip().endswith(b"shell$"), "the prompt")


@test
def suspending_gives_the_terminal_back_and_fg_takes_it_again(binary):
    suspend_and_return(binary, 4)


def rests(c):
    """Whether a second and a half pass without a byte or a tick."""
    written = len(c.raw)
    ticks = cpu_ticks(c.pid)
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        c.pump(0.1)
    return len(c.raw) == written and cpu_ticks(c.pid) - ticks <= 1


@test
def nothing_is_written_and_nothing_computed_when_idle(binary):
    with Confab(binary) as c:
        c.ready()
        c.settle(0.3)
        # On a machine under load its last words may come late.
        assert any(rests(c) for _ in range(5))


def cpu_ticks(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])
