"""Windows of every size."""
import random
import time

from harness import Confab, script, scripted, test, within


@scripted
def a_tiny_window_says_so_and_recovers(binary):
    with Confab(binary, env=script("ok")) as c:
        c.ready()
        c.resize(4, 19)
        c.wait("too small")
        c.resize(24, 80)
        c.ready()
        assert c.row(22) == " >"


@scripted
def what_is_wrapped_in_the_help_hangs_below_its_column(binary):
    with Confab(binary, env=script("ok")) as c:
        c.ready()
        c.keys("F1", "End")
        c.wait("choose another token")
        rows = c.rows()
        line = next(i for i, row in enumerate(rows)
                    if "choose another token" in row)
        column = rows[line].index("choose another token")
        assert rows[line + 1][:column].isspace(), c.text()
        assert rows[line + 1][column] != " ", c.text()


@scripted
def a_locale_of_ascii_does_not_change_the_screen(binary):
    for name in "LC_ALL", "LC_CTYPE", "LANG":
        with Confab(binary, env=script("größer") | {name: "C"}) as c:
            c.ready()
            c.say("schön")
            c.wait("größer")
            assert c.find("schön") and " ready · ctx " in c.text(), c.text()


@scripted
def the_smallest_window_works(binary):
    with Confab(binary, rows=5, cols=20, env=script("ok")) as c:
        c.wait(" >")
        c.say("hi")
        c.wait("ok")


@scripted
def growing_and_shrinking_keeps_what_is_read(binary):
    reply = "\n\n".join(f"Paragraph {i}: " + "some words " * 12
                        for i in range(80))
    with Confab(binary, env=script(reply, chunk=200)) as c:
        c.ready()
        c.ask("?")
        for _ in range(6):
            c.keys("PgUp")
        c.settle()
        first = next(r for r in c.rows() if "Paragraph" in r)
        number = first.split(":")[0].split()[-1]
        for cols in (60, 120, 40, 80):
            c.resize(24, cols)
            c.wait(lambda: any(f"Paragraph {number}" in r or
                               f"Paragraph {int(number) - 1}" in r or
                               f"Paragraph {int(number) + 1}" in r
                               for r in c.rows()[:8]), f"paragraph {number}")
            c.settle()


@scripted
def a_thousand_sizes_while_streaming(binary):
    generator = random.Random(2)
    reply = ("Some *text* with 日本語 and `code`.\n\n- a list\n- of things\n\n"
             "```c\nint x;\n```\n\n") * 200
    env = script(reply, "fin", chunk=9, rate=200)
    with Confab(binary, env=env) as c:
        c.ready()
        c.say("?")
        c.wait("replying")
        c.keys("F2")
        for _ in range(1000):
            c.resize(generator.randint(1, 200), generator.randint(1, 500))
            c.pump(0.008)
        c.resize(30, 100)
        c.wait(lambda: "replying" in c.status_line() or
               "ready" in c.status_line(), "life")
        c.keys("Esc", "Esc", "Esc")
        c.ready()
        c.settle()
        # A screen drawn from nothing is the same one.
        before = c.rows()
        c.screen.reset()
        c.keys("Ctrl-L")
        c.settle()
        assert c.rows() == before


@scripted
def two_hundred_thousand_lines_scroll_at_once(binary):
    reply = "".join(f"- line number {i}\n" for i in range(200000))
    with Confab(binary, env=script(reply, chunk=1 << 16)) as c:
        c.ready()
        c.ask("?", "line number 199999")

        def press(key, text):
            def action():
                c.keys(key)
                c.wait(text)
            return action

        # Keys, drawing, and the emulator's own time.
        bottom = press("Ctrl-End", "line number 199999")
        top = press("Ctrl-Home", "line number 0")
        within(0.3, press("PgUp", "line number 199970"), bottom)
        within(0.3, top, bottom)
        within(0.3, bottom, top)
