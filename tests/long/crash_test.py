#!/usr/bin/env python3
"""kill -9 at every system call, at random while a reply streams, and no room.

What was saved before must be whole afterwards; of what was being saved, all or
nothing; of an open reply, all but its last second.  tests/crash_test.py runs a
choice of this in `make check`.
"""
import concurrent.futures
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from cli_support import CONFAB, TMP, main, test

# The same front end; its engine writes what a test tells it to.
SCRIPTED = os.path.dirname(CONFAB) + "/tests/confab_scripted"
STEP = int(os.environ.get("CRASH_STEP", "1"))       # of system calls
KILLS = int(os.environ.get("CRASH_KILLS", "1000"))  # while streaming
LOCKS = int(os.environ.get("CRASH_LOCKS", "100"))

def environment(data, **more):
    return {"PATH": os.environ["PATH"], "HOME": TMP, "LANG": "C.UTF-8",
            "XDG_DATA_HOME": data, "XDG_CACHE_HOME": TMP + "/cache", **more}


def script(reply, chunk=1, rate=0):
    """What scripted_engine.c is to say."""
    folder = tempfile.mkdtemp(dir=TMP)
    with open(folder + "/1", "w") as file:
        file.write(reply)
    return {"SCRIPT_DIR": folder, "SCRIPT_CHUNK": str(chunk),
            "SCRIPT_RATE": str(rate)}


def run(binary, data, *args, status=0, env=None, prefix=(), **more):
    done = subprocess.run([*prefix, binary, *args],
                          env=environment(data, **(env or {})),
                          stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=60, **more)
    if status is not None and done.returncode != status:
        raise AssertionError("%s: status %d\n%s" % (
            args, done.returncode, done.stderr.decode()))
    return done.stdout.decode()


def everything(data):
    """Every conversation as it is exported, by id."""
    listed = [json.loads(line) for line in
              run(CONFAB, data, "list", "--json").splitlines()]
    return {entry["id"]: json.loads(run(CONFAB, data, "export", entry["id"],
                                        "--format", "json"))
            for entry in listed}


def can(*command):
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        return False


def skip(reason):
    print("# not looked at: " + reason)


STRACE = can("strace", "-f", "-qq", "-o", os.devnull, "true")
ROOM = can("unshare", "-Urm", "mount", "-t", "tmpfs", "none", "/mnt")


# ---- at every system call ----

def calls(data, binary, *args, env=None):
    """How many system calls a run makes."""
    log = tempfile.mktemp(dir=TMP)
    run(binary, data, *args, env=env,
        prefix=("strace", "-f", "-qq", "-o", log))
    with open(log) as file:
        n = sum(1 for line in file if re.match(r"\d+ +\w+\(", line))
    os.unlink(log)
    return n


def kill_at_every_call(base, check, binary, *args, env=None):
    """Runs a command on copies of a library, killed at its K-th call; check()
    gets the copy and what the library held before."""
    before = everything(base)
    probe = tempfile.mkdtemp(dir=TMP)
    shutil.copytree(base, probe, dirs_exist_ok=True)
    n = calls(probe, binary, *args, env=env)
    first = random.randrange(STEP) + 1

    def one(k):
        data = tempfile.mkdtemp(dir=TMP)
        shutil.copytree(base, data, dirs_exist_ok=True)
        run(binary, data, *args, env=env, status=None,
            prefix=("strace", "-f", "-qq", "-o", os.devnull, "-e",
                    "inject=all:signal=KILL:when=%d" % k))
        try:
            check(data, before)
        except Exception as error:
            raise AssertionError("killed at call %d of %d" % (k, n)) from error
        shutil.rmtree(data)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(one, range(first, n + 1, STEP)))
    print("# %d of %d calls" % (len(range(first, n + 1, STEP)), n))


def a_library():
    """Two conversations, one with two branches."""
    data = tempfile.mkdtemp(dir=TMP)
    run(SCRIPTED, data, "-p", "one", "-p", "two",
        env=script("an answer of some length " * 20, chunk=5))
    file = data + "/one.json"
    with open(file, "w") as out:
        json.dump({"messages": [{"role": "user", "content": "imported"}]}, out)
    run(CONFAB, data, "import", file)
    return data


def old_is_whole(data, before, changing=()):
    now = everything(data)
    for name, conversation in before.items():
        if name in changing:
            continue
        assert now[name] == conversation, name
    return {n: c for n, c in now.items() if n not in before}


@test
def a_save_that_is_killed_is_all_or_nothing():
    if not STRACE:
        return skip("strace cannot run")
    base = a_library()
    file = base + "/new.json"
    text = "a message that is saved whole or not at all " * 50
    with open(file, "w") as out:
        json.dump({"messages": [{"role": "user", "content": text}] * 4}, out)

    def check(data, before):
        new = old_is_whole(data, before)
        assert len(new) <= 1
        for conversation in new.values():
            assert [m["content"] for m in conversation["messages"]] == \
                [text] * 4
        run(CONFAB, data, "import", file)  # and it goes on

    kill_at_every_call(base, check, CONFAB, "import", file)


@test
def an_append_that_is_killed_loses_nothing_old():
    if not STRACE:
        return skip("strace cannot run")
    base = a_library()
    name = json.loads(run(CONFAB, base, "list", "--json").splitlines()[-1])["id"]
    reply = "the reply that comes with it"
    said = script(reply, chunk=4)

    def check(data, before):
        old_is_whole(data, before, changing=[name])
        now = everything(data)[name]["messages"]
        old = before[name]["messages"]
        assert now[:len(old)] == old
        new = [m["content"] for m in now[len(old):]]
        assert len(new) <= 2
        assert not new or new[0] == "three"
        assert len(new) < 2 or reply.startswith(new[1])
        run(SCRIPTED, data, "-r", name, "-p", "on", env=said)

    kill_at_every_call(base, check, SCRIPTED, "-r", name, "-p", "three",
                       env=said)


@test
def a_recovery_that_is_killed_can_be_recovered():
    if not STRACE:
        return skip("strace cannot run")
    base = tempfile.mkdtemp(dir=TMP)
    source = a_library()
    # A log that nobody had the time to put into the database.
    process = subprocess.Popen(
        [SCRIPTED, "-p", "last words"], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, env=environment(
            source, **script("word " * 400, chunk=5, rate=100)))
    time.sleep(1.5)
    process.kill()
    process.communicate()
    assert os.path.getsize(source + "/confab/conversations.db-wal") > 0
    shutil.copytree(source, base, dirs_exist_ok=True)

    def check(data, before):
        assert old_is_whole(data, before) == {}

    # everything() recovers it too, so it looks at a copy of its own.
    spare = tempfile.mkdtemp(dir=TMP)
    shutil.copytree(base, spare, dirs_exist_ok=True)
    want = everything(spare)
    n = calls(spare, CONFAB, "list")
    for k in range(random.randrange(STEP) + 1, n + 1, STEP):
        data = tempfile.mkdtemp(dir=TMP)
        shutil.copytree(base, data, dirs_exist_ok=True)
        run(CONFAB, data, "list", status=None,
            prefix=("strace", "-f", "-qq", "-o", os.devnull, "-e",
                    "inject=all:signal=KILL:when=%d" % k))
        check(data, want)
        shutil.rmtree(data)


# ---- while streaming ----

RATE = 100  # tokens a second, of 5 bytes each


def stream_and_kill(number):
    """Kills a reply and gives the seconds of it that were lost."""
    data = tempfile.mkdtemp(dir=TMP)
    words = "".join("%04d " % i for i in range(600))
    process = subprocess.Popen(
        [SCRIPTED, "-p", "go", "--json"], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, env=environment(
            data, **script(words, chunk=5, rate=RATE)))
    random.seed(number)
    deadline = time.monotonic() + random.uniform(0.1, 3.5)
    seen = []
    while time.monotonic() < deadline:
        line = process.stdout.readline()
        if not line or json.loads(line)["type"] != "token":
            break
        seen.append(time.monotonic())
    process.kill()
    end = time.monotonic()
    process.communicate()
    (conversation,) = everything(data).values()
    messages = [m["content"] for m in conversation["messages"]]
    assert messages[0] == "go"
    kept = messages[1] if len(messages) > 1 else ""
    assert words.startswith(kept)
    shutil.rmtree(data)
    lost = seen[len(kept) // 5:]
    return end - lost[0] if lost else 0.0


@test
def a_reply_loses_its_last_second_at_most():
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        lost = sorted(pool.map(stream_and_kill, range(KILLS)))
    print("# %d kills: lost %.2f s in the middle, %.2f s at most" % (
        len(lost), lost[len(lost) // 2], lost[-1]))
    # A second between two saves, and what a loaded machine takes for one.
    assert lost[-1] < 1.5


# ---- locks ----

@test
def killed_programs_leave_no_lock_behind():
    data = a_library()
    name = json.loads(run(CONFAB, data, "list", "--json").splitlines()[-1])["id"]
    said = script("word " * 400, chunk=5, rate=50)
    for _ in range(LOCKS):
        process = subprocess.Popen(
            [SCRIPTED, "-r", name, "-p", "go", "--json"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            env=environment(data, **said))
        assert process.stdout.readline()
        run(CONFAB, data, "rename", name, "no", status=4)
        run(SCRIPTED, data, "-r", name, "-p", "no", status=4, env=said)
        process.kill()
        process.communicate()
        run(CONFAB, data, "rename", name, "yes")


# ---- no room ----

def in_small_room(part):
    """Runs this file's part of that name where it may mount."""
    if not ROOM:
        return skip("unshare cannot mount")
    done = subprocess.run(
        ["unshare", "-Urm", sys.executable, os.path.abspath(__file__), part],
        env=dict(os.environ, CONFAB=CONFAB), capture_output=True, timeout=60)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()


class Chat:
    """Line mode, a line in and what comes out."""

    def __init__(self, data, *replies):
        folder = tempfile.mkdtemp(dir=TMP)
        for i, reply in enumerate(replies, 1):
            with open("%s/%d" % (folder, i), "w") as file:
                file.write(reply)
        self.process = subprocess.Popen(
            [SCRIPTED], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env=environment(data, SCRIPT_DIR=folder, SCRIPT_CHUNK="100",
                            SCRIPT_CONTEXT="200000"))

    def say(self, text):
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()

    def wait(self, text):
        while True:
            line = self.process.stdout.readline().decode()
            assert line, "waited for " + text
            if text in line:
                return line

    def leave(self):
        self.process.stdin.close()
        assert self.process.wait(30) == 0


def mount(*args):
    subprocess.run(["mount", *args], check=True)


def full_disk():
    data = tempfile.mkdtemp(dir=TMP)
    mount("-t", "tmpfs", "-o", "size=64k", "none", data)
    chat = Chat(data, "first answer", "second answer", "third answer")
    chat.say("first")
    chat.wait("* not saved: ")
    chat.wait("first answer")
    chat.say("second")
    chat.wait("second answer")
    mount("-o", "remount,size=8m", data)
    chat.say("third")
    chat.wait("* saved again")
    chat.wait("third answer")
    chat.leave()
    (conversation,) = everything(data).values()
    assert [m["content"] for m in conversation["messages"]] == [
        "first", "first answer", "second", "second answer", "third",
        "third answer"]


def full_later():
    """A disk that fills while there is a library on it."""
    data = tempfile.mkdtemp(dir=TMP)
    mount("-t", "tmpfs", "-o", "size=8m", "none", data)
    chat = Chat(data, "first answer", "long " * 20000, "third answer", "end")
    chat.say("first")
    chat.wait("first answer")
    used = sum(os.path.getsize(data + "/confab/" + f)
               for f in os.listdir(data + "/confab"))
    mount("-o", "remount,size=%dk" % (used // 1024 + 40), data)
    chat.say("second")
    chat.wait("long long")
    chat.wait("* not saved: ")
    chat.say("third")
    chat.wait("third answer")
    before = everything(data)
    assert len(before) == 1
    mount("-o", "remount,size=16m", data)
    chat.say("fourth")
    chat.wait("* saved again")
    chat.leave()
    (conversation,) = everything(data).values()
    assert len(conversation["messages"]) == 8
    assert conversation["messages"][3]["content"] == "long " * 20000


def read_only_folder():
    data = tempfile.mkdtemp(dir=TMP)
    mount("-t", "tmpfs", "-o", "size=8m", "none", data)
    with open(data + "/a.json", "w") as out:
        json.dump({"messages": [{"role": "user", "content": "kept"}]}, out)
    run(CONFAB, data, "import", data + "/a.json")
    before = everything(data)
    mount("-o", "remount,ro", data)
    assert everything(data) == before
    chat = Chat(data, "an answer", "another")
    chat.say("hello")
    chat.wait("* not saved: ")
    chat.wait("an answer")
    (name,) = before
    chat.say("/open " + name)
    chat.wait("cannot be written: reading only")
    chat.say("more")
    chat.wait("another")
    chat.leave()
    run(CONFAB, data, "rename", name, "no", status=1)
    mount("-o", "remount,rw", data)
    assert everything(data) == before


PARTS = {"full_disk": full_disk, "full_later": full_later,
         "read_only_folder": read_only_folder}


@test
def a_full_disk_is_told_and_what_was_said_is_saved_when_there_is_room():
    in_small_room("full_disk")


@test
def a_disk_that_fills_loses_nothing_that_was_saved():
    in_small_room("full_later")


@test
def a_folder_that_cannot_be_written_can_be_read():
    in_small_room("read_only_folder")


if len(sys.argv) > 1 and sys.argv[1] in PARTS:
    PARTS[sys.argv[1]]()
else:
    main()
