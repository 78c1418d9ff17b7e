"""A conversation that is opened again goes on from its KV snapshot."""
import glob
import os
import re
import time

from harness import Confab, temporary_folder, test


def snapshots(home):
    return glob.glob(home + "/cache/confab/kv/*.kv")


def first_talk(binary, home):
    with Confab(binary, home=home, save=True) as c:
        c.ready()
        c.ask("My name is Anna.")
        used = int(c.context().split("/")[0])
        c.keys("Ctrl-D")
        assert c.wait_exit() == 0
    return used


@test
def leaving_writes_the_snapshot_and_resuming_reads_it(binary):
    home = temporary_folder("confab-screen-")
    used = first_talk(binary, home)
    assert len(snapshots(home)) == 1
    assert os.stat(snapshots(home)[0]).st_mode & 0o777 == 0o600
    with Confab(binary, "-r", home=home, save=True, cols=120) as c:
        c.ready()
        c.ask("What is my name?", "Anna")
        found = re.search(r"restored (\d+), computed (\d+)",
                          c.status_line())
        assert found, c.status_line()
        # All but the reply's end, which is read with the next prompt.
        assert used - 2 <= int(found[1]) <= used
        assert int(found[2]) < 25
        c.ask("And what is the capital of France?")
        assert "reused " in c.status_line(), c.status_line()


@test
def an_idle_chat_writes_the_snapshot(binary):
    home = temporary_folder("confab-screen-")
    with Confab(binary, home=home, save=True) as c:
        c.ready()
        c.ask("My name is Anna.")
        assert not snapshots(home)
        until = time.monotonic() + 15
        while not snapshots(home) and time.monotonic() < until:
            c.pump()
        assert snapshots(home)


@test
def another_kv_type_says_so_and_computes_all(binary):
    home = temporary_folder("confab-screen-")
    first_talk(binary, home)
    with Confab(binary, "-r", "--kv-type", "bf16", home=home, save=True,
                cols=120) as c:
        c.ready()
        c.say("What is my name?")
        c.wait("snapshot is of no use: its KV is f16, now it is bf16")


@test
def deleting_the_conversation_deletes_its_snapshot(binary):
    home = temporary_folder("confab-screen-")
    first_talk(binary, home)
    with Confab(binary, "-r", home=home, save=True) as c:
        c.ready()
        c.ask("What is my name?", "Anna")
        assert snapshots(home)
        c.say("/delete")
        c.wait("deleted: ")
        assert not snapshots(home)
        c.keys("Ctrl-D")
        assert c.wait_exit() == 0
    assert not snapshots(home)
