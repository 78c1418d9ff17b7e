#!/usr/bin/env python3
"""Conversations that are gone on with from their KV snapshots: confab -r -p.

What may not happen: another word than without a snapshot, or a failure that is
the snapshot's.
"""
import glob
import json
import os
import random
import shutil
import stat
import subprocess

from cli_support import (CONFAB, MODEL, TMP, chat, environment, main,
                         out, replies, start, test)

QUESTIONS = ["My name is Anna.", "What is the capital of France?",
             "What is my name?"]


def home(name):
    """Variables for a HOME of its own."""
    folder = os.path.join(TMP, name)
    os.makedirs(folder)
    return {"HOME": folder}


def snapshots(env):
    return glob.glob(env["HOME"] + "/.cache/confab/kv/*")


def ask(env, text, *args):
    return replies(chat("-p", text, "--json", *args, env=env))[0]


def never_stopped(env):
    return replies(chat("--json", *[word for q in QUESTIONS
                                    for word in ("-p", q)], env=env))


@test
def a_conversation_in_three_processes_is_that_of_one():
    whole = never_stopped(home("whole"))
    env = home("parts")
    parts = [ask(env, QUESTIONS[0])]
    for question in QUESTIONS[1:]:
        parts.append(ask(env, question, "-r"))
    for one, part in zip(whole, parts):
        for key in ("text", "prompt_tokens", "reused_tokens"):
            assert one[key] == part[key], (key, one, part)
    assert parts[2]["prompt_tokens"] - parts[2]["reused_tokens"] < 25


@test
def snapshots_are_for_their_owner_alone():
    env = home("private")
    before = os.umask(0)
    try:
        ask(env, QUESTIONS[0])
    finally:
        os.umask(before)
    path, = snapshots(env)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o700


@test
def a_conversation_that_is_removed_takes_its_snapshot_along():
    env = home("removed")
    id = ask(env, QUESTIONS[0])["conversation"]
    path, = snapshots(env)
    assert os.path.basename(path) == id + ".kv"
    out("rm", id, env=env)
    assert not snapshots(env)


@test
def what_is_not_to_be_kept_is_not():
    env = home("off")
    ask(env, QUESTIONS[0], "--no-save")
    ask(env, QUESTIONS[0], "--set", "snapshots=off")
    kept = ask(env, QUESTIONS[0])["conversation"]
    path, = snapshots(env)
    assert os.path.basename(path) == kept + ".kv"
    # A snapshot that is there is not read when they are turned off.
    off = ask(env, QUESTIONS[1], "-r", kept, "--set", "snapshots=off")
    assert off["reused_tokens"] == 0


@test
def the_budget_keeps_the_latest():
    env = home("budget")
    ids = []
    for i in range(4):
        ids.append(ask(env, "Tell me a story.", "--set", "kv_disk=3",
                       "--max-tokens", "100")["conversation"])
    sizes = [os.stat(path).st_size for path in snapshots(env)]
    assert sum(sizes) <= 3 << 20 and 1 <= len(sizes) < 4, sizes
    assert env["HOME"] + "/.cache/confab/kv/" + ids[-1] + ".kv" in \
        snapshots(env)


@test
def another_kv_type_computes_all_and_gives_the_same_words():
    env = home("other")
    one = never_stopped(home("other-whole"))
    ask(env, QUESTIONS[0])
    other = ask(env, QUESTIONS[1], "-r", "--kv-type", "bf16")
    assert other["reused_tokens"] == 0
    assert other["text"] == one[1]["text"]
    # It has taken the other's place.
    third = ask(env, QUESTIONS[2], "-r", "--kv-type", "bf16")
    assert third["reused_tokens"] > 0 and third["text"] == one[2]["text"]


@test
def a_process_that_is_killed_while_it_writes_leaves_no_wrong_word():
    whole = never_stopped(home("killed-whole"))
    for i in range(8):
        env = home("killed-%d" % i)
        ask(env, QUESTIONS[0])
        process = start("-m", MODEL, "--temp", "0", "-r", "-p", QUESTIONS[1],
                        "--json", env=env)
        while b'"type":"reply"' not in process.stdout.readline():
            pass
        # The snapshot is written now.
        try:
            process.wait(random.random() * 0.01)
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()
        last = ask(env, QUESTIONS[2], "-r")
        assert last["text"] == whole[2]["text"], last


# ---- disks that are no help ----

CAN_MOUNT = not subprocess.run(
    ["unshare", "-Urm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
    stderr=subprocess.DEVNULL).returncode if shutil.which("unshare") else False


def on_mount(env, options, *commands):
    """Runs confab's arguments one after the other, each with the cache's folder
    a mount of its own; gives what they wrote and what lies there at the end."""
    cache = env["HOME"] + "/.cache"
    os.makedirs(cache, exist_ok=True)
    script = 'mount -t tmpfs -o %s tmpfs "$0" || exit 99\n' % options
    for command in commands:
        script += "'%s' -m '%s' --temp 0 --json %s </dev/null || exit\n" % (
            CONFAB, MODEL, command)
    script += 'find "$0" -name "*.kv" | sed s/^/KV:/'
    done = subprocess.run(["unshare", "-Urm", "sh", "-c", script, cache],
                          env=environment(env), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=120)
    assert done.returncode == 0, done
    assert done.stderr == b"", done.stderr
    text = done.stdout.decode().splitlines()
    return ([json.loads(line) for line in text if '"type":"reply"' in line],
            [line for line in text if line.startswith("KV:")])


@test
def on_a_full_disk_the_chat_goes_on_without_a_snapshot():
    if not CAN_MOUNT:
        print("# no unshare -Urm here: nothing was tried")
        return
    whole = never_stopped(home("full-whole"))
    env = home("full")
    said, left = on_mount(env, "size=64k",
                          "-p '%s'" % QUESTIONS[0],
                          "-r -p '%s'" % QUESTIONS[1])
    assert [r["text"] for r in said] == [r["text"] for r in whole[:2]]
    assert said[1]["reused_tokens"] == 0
    assert not left


@test
def a_snapshot_gives_way_to_a_conversation():
    if not CAN_MOUNT:
        print("# no unshare -Urm here: nothing was tried")
        return
    env = home("giving-way")
    script = """mount -t tmpfs -o size=4m tmpfs "$HOME" || exit 99
        mkdir -p "$HOME/.cache/confab/kv"
        "$0" list || exit  # the database is there
        cat /dev/zero > "$HOME/.cache/confab/kv/old.kv" 2>/dev/null
        "$0" -m "$1" --temp 0 -p "My name is Anna." </dev/null || exit
        "$0" list
        ls "$HOME/.cache/confab/kv\""""
    done = subprocess.run(["unshare", "-Urm", "sh", "-c", script, CONFAB,
                           MODEL], env=environment(env), timeout=120,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 0 and done.stderr == b"", done
    assert b"My name is Anna." in done.stdout, done.stdout
    assert b"old.kv" not in done.stdout, done.stdout


@test
def a_read_only_disk_changes_nothing():
    if not CAN_MOUNT:
        print("# no unshare -Urm here: nothing was tried")
        return
    whole = never_stopped(home("readonly-whole"))
    env = home("readonly")
    said, left = on_mount(env, "ro", "-p '%s'" % QUESTIONS[0],
                          "-r -p '%s'" % QUESTIONS[1])
    assert [r["text"] for r in said] == [r["text"] for r in whole[:2]]
    assert not left


if __name__ == "__main__":
    main()
