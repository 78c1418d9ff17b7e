"""What is shown, and scrolling through it."""
import re

from harness import Confab, script, scripted, test

DOCUMENT = """# A heading

Some *text* with **marks** and `code`.

- one
- two
  1. three

> a quote

| a | b |
|---|--:|
| 1 | 22 |

```python
def f(x):
    return x  # comment
```

The end.
"""


def shown(binary, reply, rows=40, cols=80, save=False, **settings):
    c = Confab(binary, rows=rows, cols=cols, save=save,
               env=script(reply, **settings))
    c.ready()
    c.ask("?")
    return c


@scripted
def markdown_is_laid_out(binary):
    with shown(binary, DOCUMENT) as c:
        assert c.rows()[4:23] == [
            " scripted", "   # A heading", "",
            "   Some text with marks and code.", "",
            "   • one", "   • two", "     1. three", "",
            "   │ a quote", "",
            "   a │  b", "   ──┼───", "   1 │ 22", "",
            "   ── python ── 1 ──", "   def f(x):",
            "       return x  # comment", ""], c.text()


@scripted
def raw_shows_what_was_written(binary):
    with shown(binary, DOCUMENT) as c:
        c.say("/raw")
        c.wait("   Some *text* with **marks** and `code`.")
        c.wait("   ```python")
        c.say("/raw")
        c.wait("   ── python ── 1 ──")


@scripted
def streaming_ends_in_the_same_screen_as_at_once(binary):
    screens = []
    for chunk, rate in ((1, 2000), (7, 100), (100000, 0)):
        with shown(binary, DOCUMENT * 2, chunk=chunk, rate=rate) as c:
            screens.append(c.rows()[1:37])
    assert screens[0] == screens[1] == screens[2]


@scripted
def a_reader_who_scrolled_up_stays_there(binary):
    reply = "\n\n".join(f"line {i}" for i in range(60))
    with Confab(binary, env=script(reply, "short", chunk=8, rate=40)) as c:
        c.ready()
        c.say("?")
        c.wait("line 15")
        c.keys("PgUp")
        c.wait("new line")
        c.settle(0.05, 0.3)
        top = c.row(1)
        c.wait(lambda: re.search("↓ [2-9]. new lines", c.text()), "more")
        assert c.row(1) == top
        c.keys("Ctrl-End")
        c.gone("new line")
        c.wait("line 59")


@scripted
def scrolling_goes_to_both_ends(binary):
    reply = "\n".join(f"- line {i}" for i in range(200))
    with shown(binary, reply, rows=24) as c:
        c.wait("• line 199")
        c.keys("Ctrl-Home")
        c.wait("• line 0")
        assert c.row(1) == " You"
        c.keys("PgDn")
        c.gone("• line 0")
        c.keys("Ctrl-End")
        c.wait("• line 199")
        c.keys("Shift-Up")
        c.wait(lambda: c.row(1) == " scripted", "the reply's beginning")
        c.keys("Shift-Up")
        c.wait(lambda: c.row(1) == " You", "the question")
        c.keys("Shift-Down")
        c.wait(lambda: c.row(1) == " scripted", "the reply's beginning")


@scripted
def a_search_walks_its_matches(binary):
    reply = "\n\n".join(f"Word {i} and NEEDLE {i}" if i % 20 == 0 else
                        f"Word {i}" for i in range(60))
    with shown(binary, reply, rows=24) as c:
        c.say("/find needle")
        c.wait("NEEDLE 40")
        row, col = c.find("NEEDLE 40")
        assert c.cell(row, col).bg != "default"
        c.keys("Tab", "N")
        c.wait("NEEDLE 20")
        c.keys("N")
        c.wait("NEEDLE 0")
        c.keys("n", "n")
        c.wait("NEEDLE 40")
        c.keys("Esc", "Esc")
        c.say("/find nowhere")
        c.wait('"nowhere" was not found')


@scripted
def the_search_line_finds_while_one_types(binary):
    with shown(binary, "alpha beta gamma") as c:
        c.keys("Ctrl-S", "bet")
        c.wait(" find: bet")
        row, col = c.find("beta")
        assert c.cell(row, col).bg != "default"
        assert c.cell(row, col + 3).bg == "default"
        c.keys("Esc")
        c.gone("find:")


@scripted
def enter_stays_at_the_match_that_was_walked_to(binary):
    with shown(binary, "beta one\n\nbeta two\n\nbeta three") as c:
        c.keys("Ctrl-S", "beta", "Up", "Up")
        c.wait("match 2 of 3")
        c.keys("Enter")
        c.gone("find:")
        c.wait("match 2 of 3")
        c.say("/find beta")
        c.wait("match 1 of 3")


@scripted
def a_search_finds_what_is_still_coming(binary):
    reply = "say once upon a time again " * 6
    with Confab(binary, env=script(reply, chunk=2, rate=120)) as c:
        c.ready()
        c.say("/find once upon a time")
        c.say("?")
        c.wait("replying")
        c.ready()
        c.wait(" · 6 matches")


@scripted
def thinking_is_folded_and_opens(binary):
    reply = "<think>\nFirst I think\nabout it.\n</think>\n\nThe answer."
    with shown(binary, reply) as c:
        c.wait(re.compile(r"▸ thought for \d+ s"))
        c.wait("The answer.")
        assert "First I think" not in c.text()
        c.keys("Tab", "o")
        c.wait("First I think")
        c.wait("▾ thought")
        c.keys("o")
        c.gone("First I think")


@scripted
def the_help_screen_lists_the_keys(binary):
    with shown(binary, "x", rows=24) as c:
        c.keys("F1")
        c.wait(re.compile(r"^ Help +1-19 of \d+$", re.M))
        assert "Esc closes" in c.status_line()
        c.wait("/retry")
        c.keys("G")
        c.wait("/quit")
        last = re.search(r"^ Help +\d+-(\d+) of (\d+)", c.row(1))
        assert last.group(1) == last.group(2), c.row(1)
        c.keys("PgUp", "g")
        c.wait(" 1-19 of")
        c.keys("Esc")
        c.gone(" Help ")


@scripted
def an_unknown_command_suggests_the_nearest(binary):
    with shown(binary, "x") as c:
        c.say("/rtery")
        c.wait("/rtery is no command; did you mean /retry?")
        c.say("//not a command")
        c.wait("   /not a command")


@scripted
def progress_of_a_prompt_is_a_bar_with_rate_and_time(binary):
    with Confab(binary, env=script("x", prefill=20)) as c:
        c.ready()
        c.say("?")
        c.wait("reading ▕")
        c.wait(" tokens · ")
        c.wait(" s left")
        c.ready()
        c.gone("reading ▕")


@scripted
def a_cursor_that_cannot_be_hidden_stands_at_one_place(binary):
    with Confab(binary, env=script("alpha beta gamma"), term="vt100") as c:
        c.ready()
        c.ask("hello")
        for key in ("Tab", "Left", "Left", "F1", "Esc", "Tab"):
            c.keys(key)
            c.settle(0.1)
            place = c.screen.cursor.y, c.screen.cursor.x
            assert place == (23, 0) or (key, place) == ("Tab", (22, 3)), place


@scripted
def a_notice_is_whole_in_a_window_of_any_width(binary):
    with Confab(binary, rows=20, cols=320, env=script("ok")) as c:
        c.ready()
        name = "".join(f"{i:04d}" for i in range(200))
        c.say("/" + name)
        c.wait("is no command")
        told = "".join(row.lstrip() for row in c.rows())
        assert name in told, told


@scripted
def settings_are_shown_and_set(binary):
    with shown(binary, "x") as c:
        c.say("/set top_k 7")
        c.wait("top_k = 7")
        c.say("/set")
        c.wait("  top_k = 7")
        c.keys("Esc")
        c.say("/set top_p 7")
        c.wait("top_p: ")
        c.say("/set nonsense 1")
        c.wait('there is no setting nonsense')


@scripted
def times_and_numbers_are_shown_on_request(binary):
    with shown(binary, "x") as c:
        assert "#1" not in c.text()
        c.say("/times")
        c.wait("· #1")
        c.wait("· #2")


@test
def themes_change_and_no_color_has_none(binary):
    with Confab(binary, term="xterm-256color") as c:
        c.ready()
        c.settle()
        dark = c.raw
        c.raw = b""
        c.say("/set theme light")
        c.wait("theme = light")
        c.settle()
        assert b"48;5;25" in c.raw or b"38;5;25" in c.raw
        assert b"38;5;" in dark
    with Confab(binary, term="xterm-256color", env={"NO_COLOR": "1"}) as c:
        c.ready()
        c.ask("Hello!")
        assert not re.search(rb"\033\[[0-9;]*\b[34][0-8][0-9;]*m", c.raw)


@test
def sixteen_and_eight_colours_and_none_work(binary):
    for term in ("linux", "xterm-256color", "screen", "vt100", "xterm"):
        with Confab(binary, term=term) as c:
            c.ready()
            c.ask("What is the capital of France?", "Paris")


@test
def an_unknown_terminal_is_an_error(binary):
    with Confab(binary, term="no-such-terminal") as c:
        assert c.wait_exit() == 1
        assert b"no-such-terminal" in c.raw


@scripted
def the_context_is_that_of_the_branch_on_the_screen(binary):
    with shown(binary, "a long reply of many words " * 4, rows=24,
               save=True) as c:
        used = c.context()
        assert not used.startswith("0/"), used
        c.say("/new")
        c.wait("ctx 0/4,096 0%")
        c.say("/open ?")
        c.wait(lambda: not c.context().startswith("0/"), "its tokens")
        home = c.home
        c.keys("Ctrl-D")
        c.wait_exit()
    with Confab(binary, "-r", env=script("x"), home=home, save=True) as c:
        c.ready()
        resumed = int(c.context().split("/")[0])
        # The token that ended the reply is not in the branch.
        assert abs(resumed - int(used.split("/")[0])) <= 1, (resumed, used)


@scripted
def a_window_that_shrinks_brings_no_new_lines(binary):
    with shown(binary, "many words that wrap " * 60, rows=24, cols=120) as c:
        c.keys("Tab", "g")
        c.wait("#1")
        c.resize(12, 40)
        c.wait(lambda: c.row(10).startswith(" >"), "the small screen")
        c.settle()
        assert "new lines" not in c.text(), c.text()


@scripted
def a_search_counts_its_matches(binary):
    with shown(binary, "the cat and the dog and the end", rows=24,
               chunk=0) as c:
        c.keys("Ctrl-S", "the")
        c.wait(" · 3 matches")
        c.keys("Enter")
        c.wait(" · match 3 of 3")
        c.keys("F2", "n")
        c.wait(" · match 1 of 3")
        c.keys("n")
        c.wait(" · match 2 of 3")
        c.wait('"▁the"  id')   # the token cursor stands there, too
        c.keys("F2", "Esc")
        c.gone(" · match")
        c.keys("Ctrl-S", "zebra")
        c.wait(" · 0 matches")
        c.keys("Enter")
        c.wait('"zebra" was not found')


@scripted
def the_footer_names_the_keys_that_count(binary):
    with shown(binary, "alpha beta", rows=24, cols=100, save=True) as c:
        assert "F1 help" in c.status_line()
        c.keys("F3")
        c.wait("Conversations 1/1")
        assert "Esc closes" in c.status_line()
        assert "F2 inspector" not in c.status_line()
        c.keys("F2")
        c.wait("Enter takes the title")
        c.keys("Ctrl-U", "Greek", "Enter")
        c.wait("title: Greek")
        c.keys("F1")     # help is there, too
        c.wait(" Help ")
        c.keys("Esc")
        c.wait("Conversations 1/1")
        assert "title: Greek" not in c.text(), "a notice of the past"
        c.keys("Esc")
        c.wait("alpha beta")
        c.keys("Tab", "r")
        c.wait("ready · raw")
