"""What takes longer: run.py --long, from make check-long."""
from harness import Confab, script, scripted, test
from test_leaving import suspend_and_return, terminal_lost


@test
def the_terminal_goes_away_twenty_times(binary):
    for i in range(20):
        terminal_lost(binary, i % 2)


@test
def fifty_suspends(binary):
    suspend_and_return(binary, 50)


def notices(binary, kind, focus):
    """What is sent when a reply of eleven seconds ends."""
    env = script("word " * 60, chunk=25, rate=1)
    with Confab(binary, "--set", f"notify={kind}", env=env) as c:
        c.ready()
        c.send(focus)
        began = len(c.raw)
        c.ask("?")
        return c.raw[began:]


@scripted
def the_end_of_a_long_reply_is_told_to_who_looks_elsewhere(binary):
    away, here = "\033[O", "\033[O\033[I"
    osc9 = b"\033]9;confab: the reply is complete\a"
    assert osc9 in notices(binary, "osc9", away)
    assert osc9 not in notices(binary, "osc9", here)
    assert b"\a" in notices(binary, "bell", away)
    assert b"\a" not in notices(binary, "off", away)
