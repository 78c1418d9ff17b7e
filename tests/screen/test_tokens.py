"""The inspector and the token cursor."""
import json
import math
import os
import re
import shutil

from harness import Confab, script, scripted, temporary_folder, test

HERE = os.path.dirname(os.path.abspath(__file__))


def inspected(binary, rows=40, cols=120, reply="alpha beta gamma delta"):
    c = Confab(binary, rows=rows, cols=cols, env=script(reply, chunk=0))
    c.ready()
    c.ask("?")
    c.keys("F2")
    c.wait(re.compile("entropy| bits"))
    return c


def token(c):
    found = re.search(r"token (\d+) of (\d+)", c.text())
    return int(found.group(1)), int(found.group(2))


@scripted
def the_pane_stands_beside_or_below(binary):
    with inspected(binary) as c:
        row, col = c.find("inspector   ")
        assert row == 1 and col > 60
        c.resize(24, 80)
        c.wait(lambda: (c.find("inspector ──") or (0, 0))[1] == 1,
               "the pane below")
        assert c.find("inspector ──")[0] > 8
        c.keys("F2")
        c.gone("inspector ──")


@scripted
def the_smallest_pane_has_candidates(binary):
    with inspected(binary, rows=12, cols=40) as c:
        c.wait('"elta" p .900 rank 1')
        c.wait(re.compile(r"▸ 1 elta +█+ \.900 +\.900"))
        c.keys("Enter")
        c.wait("take another token")


@scripted
def no_window_is_so_small_that_the_pane_leaves_its_place(binary):
    with inspected(binary, rows=5, cols=120) as c:
        c.keys("t")
        c.wait("try other settings")
        assert "top_p" not in c.row(3), c.row(3)
        c.keys("t")
        c.resize(5, 80)
        c.keys("Tab")
        c.wait(lambda: c.row(3) == " >", "an empty line")
    # Three rows of a notice leave one to the pane.
    with Confab(binary, rows=8, cols=30, env=script("alpha beta")) as c:
        c.ready()
        c.ask("hello")
        c.keys("F2", "Enter")
        c.wait("this reply do not make its")
        assert c.row(2) == " the tokens that are kept of", c.row(2)


@scripted
def figures_of_other_settings_are_told(binary):
    with inspected(binary) as c:
        assert "sampled at" not in c.text()
        c.keys("Tab")
        c.say("/set temp 0.8")
        c.wait("sampled at temp 0")
        c.say("/set temp 0")
        c.gone("sampled at temp 0")


@scripted
def figures_of_another_model_are_told(binary):
    env = script("alpha beta gamma", chunk=0)
    with Confab(binary, "--max-tokens", "5", env=env, save=True) as c:
        c.ready()
        c.ask("?")
        c.wait("cut at the limit of tokens; /continue goes on")
        c.say("/quit")
        c.wait_exit()
    env["SCRIPT_NAME"] = "another"
    with Confab(binary, "-r", env=env, home=c.home, rows=40, cols=120) as c:
        c.ready()
        c.keys("F2")
        c.wait("written by scripted")
        # Its tokens are the same ones here, so their odds are shown.
        c.wait("entropy")
        # What /continue could not do is not promised.
        c.wait(re.compile(r"^ +cut at the limit of tokens +│", re.M))
        c.keys("p")
        c.wait("another model wrote this reply: its odds are kept")


@test
def figures_of_other_weights_are_told(binary):
    def told(c, i):
        c.wait(f"token {i} of")
        c.settle(0.04)
        return "by other weights of this name" in c.text()

    with Confab(binary, "--max-tokens", "4", save=True) as c:
        c.ready()
        c.ask("Tell me a story about a dog.")
        c.wait("cut at the limit of tokens")
        c.say("/quit")
        c.wait_exit()
    with Confab(binary, "-r", "--quant", "q8_0", "--max-tokens", "4",
                rows=40, cols=120, home=c.home, save=True) as c:
        c.ready()
        c.keys("F2")
        assert told(c, 4)
        c.keys("F6")
        c.wait("token 8 of 8")
        c.ready()
        for i in range(8, 0, -1):
            assert told(c, i) == (i <= 4), c.text()
            c.keys("Left")


@scripted
def odds_of_other_tokens_are_not_walked(binary):
    env = script("alpha beta gamma delta epsilon zeta eta theta iota kappa")
    with Confab(binary, env=env, save=True) as c:
        c.ready()
        c.ask("?")
        c.say("/quit")
        c.wait_exit()
    env["SCRIPT_NAME"] = "another"
    with Confab(binary, "-r", env=env, home=c.home, rows=40, cols=120) as c:
        c.ready()
        c.keys("F2", "g")
        c.wait("token 1 of 1")
        for key in "nm":
            c.keys(key)
            c.wait("there is none in this direction")
            assert token(c) == (1, 1), c.text()
            c.keys("Left")
            c.gone("there is none in this direction")
        c.keys("G")
        c.wait("written by scripted")
        last = token(c)
        c.keys("M")
        c.wait("no odds are known in this message")
        c.keys("N")
        c.wait("there is none in this direction")
        assert token(c) == last, c.text()
    with Confab(binary, "-r", env=env, home=c.home, term="dumb") as c:
        c.say("/next")
        c.wait("there is none in this direction")
        c.say("/surprising")
        c.wait("no odds are known in this message")


@scripted
def arrows_walk_the_tokens(binary):
    with inspected(binary) as c:
        i, n = token(c)
        assert i == n
        c.keys("Left")
        c.wait(f"token {n - 1} of {n}")
        c.keys("Left")
        c.wait(f"token {n - 2} of {n}")
        c.keys("Right")
        c.wait(f"token {n - 1} of {n}")
        c.keys("Up")  # into the question
        c.wait("p computes the prompt's odds")


@scripted
def the_cursor_goes_with_the_page(binary):
    reply = "\n\n".join(f"paragraph number {i}" for i in range(100))
    with Confab(binary, env=script(reply, chunk=0)) as c:
        c.ready()
        c.ask("?")
        c.keys("Tab", "Home")
        c.wait("▸?")
        c.keys("PgDn", "PgDn")
        c.wait("paragraph number 18")
        c.wait(lambda: any(r.startswith("  ▸paragraph") for r in c.rows()),
               "the cursor in the window")
        top = c.row(1).replace("▸", " ")
        c.keys("Down")      # which does not jump back
        c.settle()
        assert c.row(1).replace("▸", " ") == top, c.text()
        c.keys("PgUp")
        c.wait(lambda: any(r.startswith("  ▸paragraph") for r in c.rows()))
        c.keys("End")
        c.wait("  ▸paragraph number 99")


def streaming(binary):
    """A program with its inspector open, asked for a long reply."""
    reply = "one two three four five six seven eight nine ten " * 20
    c = Confab(binary, rows=40, cols=120,
               env=script(reply, chunk=0, rate=30))
    c.ready()
    c.keys("F2")
    c.keys("Tab")
    c.say("go")
    return c


@scripted
def the_inspector_follows_the_stream_until_the_reader_moves(binary):
    with streaming(binary) as c:
        c.wait(lambda: "token " in c.text() and token(c)[0] > 20 and
               token(c)[0] == token(c)[1], "the newest token")
        c.wait(lambda: token(c)[0] > 30 and token(c)[0] == token(c)[1],
               "the newest token")
        c.keys("Tab", "Left")
        c.wait(lambda: token(c)[0] < token(c)[1], "the cursor to stay behind")
        i, n = token(c)
        c.wait(lambda: token(c)[1] > n + 10, "more tokens")
        assert token(c)[0] == i


@scripted
def what_is_chosen_does_not_move_on_with_the_stream(binary):
    with streaming(binary) as c:
        c.wait("replying")
        c.keys("Tab")
        c.wait(lambda: "token " in c.text() and token(c)[0] > 5, "tokens")
        c.keys("Enter")
        c.wait(lambda: token(c)[1] > token(c)[0] + 10, "more tokens")
        chosen = token(c)[0]
        c.wait(lambda: token(c)[1] > chosen + 20, "more tokens")
        assert token(c)[0] == chosen


@scripted
def n_goes_to_uncertain_tokens(binary):
    with inspected(binary, reply="one two three four five six seven " * 6) as c:
        c.keys("g", "n")
        c.wait("entropy 2.")
        first = token(c)[0]
        c.keys("n")
        c.wait(lambda: token(c)[0] > first, "the next one")
        c.keys("N")
        c.wait(lambda: token(c)[0] == first, "the one before")
        c.keys("m")
        c.wait("rank 2")


@scripted
def heat_cycles_and_says_so(binary):
    with inspected(binary) as c:
        row, col = c.find("amma")  # of probability .74
        plain = c.cell(row, col).bg
        c.keys("h")
        c.wait("heat: probability")
        c.wait("p≥.8  ≥.5  ≥.2  ≥.05  less")
        assert c.cell(row, col).bg != plain
        c.keys("h")
        c.wait("heat: entropy")
        c.wait("≤.5 bits  ≤1  ≤2  ≤3.5  more")
        c.keys("h")
        c.wait("rank 1  2  ≤4  ≤10  more")
        c.keys("h")
        c.gone("heat:")
        c.gone("≤10")
        assert c.cell(row, col).bg == plain


@test
def heat_has_marks_without_colours(binary):
    with Confab(binary, term="vt100") as c:
        c.ready()
        c.ask("Tell me a story about a dog.")
        c.keys("Tab", "h")
        c.wait("heat: probability")
        marked = sum(c.cell(y, x).underscore or c.cell(y, x).reverse
                     for y in range(5, 20) for x in range(3, 70))
        assert marked > 3


@test
def another_token_is_taken_and_the_reply_goes_on(binary):
    with Confab(binary, rows=40, cols=120) as c:
        c.ready()
        c.ask("Tell me a story about a dog.")
        c.keys("F2", "g")
        # The first token of the reply.
        c.keys("Down")
        c.wait("token 1 of")
        for _ in range(3):
            c.keys("Right")
        c.wait("token 4 of")
        c.keys("Enter")
        c.wait("take another token")
        c.keys("Enter")
        c.wait(" confab-20m  2/2")
        c.ready()
        # One token was computed, all before it was there.
        computed = int(c.status_line().split("computed ")[1].split(" ")[0])
        assert computed <= 1, c.status_line()
        c.keys("[")
        c.wait(" confab-20m  1/2")


@scripted
def a_token_is_taken_while_another_reply_comes(binary):
    with Confab(binary, rows=40, cols=120,
                env=script("alpha beta gamma delta", "x" * 3000,
                           "epsilon", chunk=0, rate=50)) as c:
        c.ready()
        c.ask("one")
        c.say("two")
        c.wait("xxx")
        c.keys("Tab", "g", "Down")
        c.wait("#4")
        c.keys("i")
        c.wait(" instead: ")
        c.keys("omega", "Enter")
        c.wait(" scripted  2/2")
        c.ready()
        # The reply that was left was stopped, not forgotten.
        c.keys("[")
        c.wait(" scripted  1/2")
        c.wait("stopped; /continue goes on")


@test
def the_branch_equals_a_fresh_run_of_the_same_words(binary):
    with Confab(binary, rows=40, cols=120) as c:
        c.ready()
        c.ask("Tell me a story about a dog.")
        c.keys("Tab", "g", "Down", "Right", "Right", "Enter", "Enter")
        c.wait(" confab-20m  2/2")
        c.ready()
        branch = c.rows()[4:30]
        c.keys("F6") # complete: nothing changes
        c.wait("the reply is complete")


@test
def the_list_and_all_others_are_the_whole(binary):
    """Also where not all of the list has room."""
    with Confab(binary, rows=24, cols=110) as c:
        c.ready()
        c.ask("Tell me a story about a dog.")
        c.keys("F2", "g", "Down", "n")
        c.wait("entropy")
        for size in ((24, 110), (40, 120), (24, 80)):
            c.resize(*size)
            c.wait("all others")
            c.settle()
            row, col = c.find("raw  ")
            shown = [float(line[col:].split()[0]) for line in c.rows()[row + 1:]
                     if re.match(r" ?(▸| )+\d+ \S|.*all others",
                                 line[line.rfind("│") + 1:] if size[1] > 99
                                 else line[35:])]
            assert len(shown) > 6, c.text()
            assert abs(sum(shown) - 1) < 0.0006 * len(shown), (shown, c.text())


def to_the_open_end(c, seen):
    """Behind the last token of a story that was cut, with the odds there."""
    c.ready()
    c.ask("Tell me a story about a dog.")
    c.keys("F2", "Right")
    c.wait(seen)
    c.keys("p")
    c.wait("all others")


@test
def the_odds_of_a_token_taken_at_the_open_end_are_kept(binary):
    with Confab(binary, "--max-tokens", "6", rows=40, cols=120) as c:
        to_the_open_end(c, "after token 6")
        c.keys("Enter")
        c.wait("take another token")
        c.keys("Down", "Enter")
        c.wait(" confab-20m  2/2")
        c.ready()
        c.keys(*["Left"] * 6)
        c.wait("token 7 of 13")
        c.wait("rank 2")
        spark = re.search(r"surprisal ([▁-█·]+)$", c.text(), re.M)
        assert len(spark.group(1)) == 13, c.text()
        assert "·" not in spark.group(1), c.text()


@test
def any_text_can_stand_instead_of_a_token(binary):
    with Confab(binary, rows=40, cols=120) as c:
        c.ready()
        c.ask("Tell me a story about a dog.")
        c.keys("Tab", "g", "Down")
        c.wait("#2")
        c.keys("i")
        c.wait(" instead: ")
        c.keys("Zebras are", "Enter")
        c.wait("Zebras are")
        c.wait(" confab-20m  2/2")
        c.ready()


@test
def the_odds_of_the_prompt_are_computed_on_request(binary):
    with Confab(binary, rows=40, cols=120) as c:
        c.ready()
        c.ask("What is the capital of France?", "Paris")
        c.keys("F2", "g")
        c.keys("Up", "Up", "Up")
        c.wait("p computes the prompt's odds")
        c.keys("p")
        c.wait("rank ")
        assert "all others" in c.text()


def a_model_of_single_bytes():
    """The bundled one, whose tokenizer has no merges and other ids."""
    bundled = os.path.join(HERE, "../../data/confab-20m")
    folder = os.path.join(temporary_folder("confab-bytes-"), "bytes")
    shutil.copytree(bundled, folder)
    with open(folder + "/tokenizer.json", "r+") as file:
        tokenizer = json.load(file)
        vocab = tokenizer["model"]["vocab"]
        ends = min(vocab.values()) + max(vocab.values())
        tokenizer["model"].update(
            merges=[], vocab={k: ends - v for k, v in vocab.items()})
        file.seek(0)
        file.truncate()
        json.dump(tokenizer, file)
    return folder


@test
def another_model_reads_a_message_in_its_own_tokens(binary):
    other = a_model_of_single_bytes()
    for look, seen in (("/inspector 1", "p computes"), ("/score 1", "rank ")):
        with Confab(binary, rows=40, cols=120) as c:
            c.ready()
            c.ask("What is the capital of France?", "France is Paris.")
            c.say(look)
            c.wait("token 1 of 7")
            c.wait(seen)
            c.ready()
            c.keys("Tab")
            c.say("/model " + other)
            c.wait("bytes · bf16")
            c.ready()
            c.say("/inspector 1")
            c.wait("token 1 of 30")
            c.wait("p computes")


@test
def the_next_token_is_shown_at_the_open_end(binary):
    with Confab(binary, "--max-tokens", "4", rows=40, cols=120) as c:
        to_the_open_end(c, "the next token: p computes its odds")
        c.keys("Enter", "Enter")
        c.wait(" confab-20m  2/2")


@test
def the_likeliest_alternatives_are_explored(binary):
    with Confab(binary, rows=40, cols=120) as c:
        c.ready()
        c.ask("Tell me a story about a dog.")
        c.keys("F2", "b")
        c.wait("└ ")
        c.ready()
        assert len([r for r in c.rows() if "├ " in r or "└ " in r]) >= 3
        # Nothing of it is in the conversation.
        assert "2/2" not in c.text()


@test
def other_settings_are_tried_without_the_model(binary):
    with Confab(binary, rows=40, cols=120) as c:
        c.ready()
        c.ask("Tell me a story about a dog.")
        c.keys("F2", "t")
        c.wait("try other settings")
        c.wait("temp 0.00")
        c.keys("Right", "Right")
        c.wait("temp 0.10")
        c.wait("would be")
        c.keys("Down", "Right")
        c.wait("top_k ")
        c.keys("t")
        c.gone("try other settings")


@test
def what_is_tried_is_what_stands_there(binary):
    """Steps from what is no float: 0.6 less 12 of 0.05 is none, and greedy."""
    with Confab(binary, "--temp", "0.6", rows=40, cols=120) as c:
        c.ready()
        c.ask("Tell me a story about a dog.")
        c.keys("F2", "t")
        c.wait("temp 0.60")
        c.keys(*["Left"] * 12)
        c.wait("temp 0.00")
        c.wait("cut greedy")


def shown(c):
    """Number, id, entropy and surprisal of the token in the inspector."""
    found = re.search(r"token (\d+) of .*id (\d+) .*entropy (\S+) bits"
                      r".*surprisal (\d\S*)", c.text(), re.DOTALL)
    return found and (int(found[1]), int(found[2]), float(found[3]),
                      float(found[4]))


@test
def the_figures_on_the_screen_are_those_of_the_reference(binary):
    """All tokens of the first reply, read off the inspector."""
    with open(HERE + "/../golden/chat-confab-20m.json") as file:
        turn = json.load(file)[0]["turns"][0]
    with Confab(binary, "--exact", rows=40, cols=120) as c:
        c.ready()
        c.ask(turn["user"])
        c.wait(turn["reply"])
        tokens = [t for t in turn["tokens"] if t["id"] != 1]
        c.keys("F2", "g", "Down")
        c.wait("token 1 of")
        n = token(c)[1]
        for i in range(n):
            want = turn["tokens"][i]
            c.wait(lambda: shown(c) is not None and
                   shown(c)[:2] == (i + 1, want["id"]), f"token {i + 1}")
            # Two decimals are shown, and the arithmetic has its share.
            for figure, nats in zip(shown(c)[2:],
                                    (want["entropy"], -want["logprob"])):
                assert abs(figure - nats / math.log(2)) < 0.006, (i, c.text())
            c.keys("Right")


@test
def no_figure_is_cut_below_the_transcript(binary):
    with Confab(binary, "--max-tokens", "3", cols=80) as c:
        c.ready()
        c.ask("Zebra quantum recommendation !! 99")
        c.keys("F2", "i", " recommendation", "Enter")
        c.wait(" confab-20m  2/2")
        c.ready()
        while "recommendation\"" not in c.text():
            c.keys("Left")
            c.settle(0.04)
        # What stands before it was there.
        pos = re.search(r"reused (\d+)", c.status_line())[1]
        assert re.search(rf'"▁recommendation"  id \d+  pos {pos}$', c.text(),
                         re.M), c.text()
        assert re.search(r"bytes 20 72 65 63 [0-9a-f ]*…$", c.text(), re.M)
        c.keys("g", "p")
        c.wait("surprisal ")
        c.ready()
        most = 0
        for i in range(token(c)[1]):
            c.wait(f"token {i + 1} of")
            c.settle(0.04)
            bits = re.search(r"bits  surprisal (\d+\.\d*)", c.text())[1]
            assert re.fullmatch(r"\d+\.\d\d", bits), c.text()
            most = max(most, float(bits))
            c.keys("Right")
        assert most >= 10
        while '"▁recommendation"' not in c.text():
            c.keys("Left")
            c.settle(0.04)
        odds = re.search(r"rank \d+", c.text())[0] + " " + \
            re.search(r"entropy (\S+ bits)", c.text())[1]
        c.resize(12, 40)
        c.wait(odds)


def panels(c, last):
    """What the panel shows of every token, from the first message on."""
    seen = []

    def panel():
        left = c.find("inspector   ")[1] - 1
        return "\n".join(row[left:] for row in c.rows()[1:c.screen.lines - 3])

    c.keys("g")
    c.wait("token 1 of")
    message = 0
    while True:
        c.finish_frame()
        now = panel()
        if seen and now == seen[-1]:
            break
        seen.append(now)
        assert len(seen) < 200
        if f"token {last} of {last}" in now and message == 3:
            break
        at = token(c)
        message += at[0] == at[1]
        c.keys("Right")
        # The last token of a message is followed by the first of the next.
        c.wait(lambda: c.find("inspector   ") and token(c) != at,
               "the next token")
    return seen


@test
def every_figure_is_the_same_after_quitting(binary):
    with Confab(binary, rows=60, cols=200, save=True) as c:
        c.ready()
        c.ask("My name is Anna.")
        c.ask("What is the capital of France?", "Paris")
        c.keys("F2", "g", "p")
        c.wait("surprisal")
        c.ready()
        c.keys("G")
        c.wait(lambda: token(c)[0] == token(c)[1], "the end")
        last = token(c)[1]
        before = panels(c, last)
        assert sum("entropy" in p for p in before) > 10
        c.keys("Ctrl-Q")
        assert c.wait_exit() == 0
    with Confab(binary, "-r", rows=60, cols=200, home=c.home) as again:
        again.ready()
        again.keys("F2")
        again.wait("entropy")
        after = panels(again, last)
    assert len(before) == len(after)
    for one, other in zip(before, after):
        assert one == other, one + "\ninstead of\n" + other


@scripted
def the_cursor_stays_at_its_token_from_branch_to_branch(binary):
    with inspected(binary, reply="alpha beta gamma delta") as c:
        c.keys("g", "}", "Right", "Right")
        c.wait("token 3 of")
        c.keys("Enter", "Enter")
        c.wait("2/2")
        c.ready()
        c.keys("g", "}", "Right", "Right")
        c.wait("token 3 of")
        c.keys("[")
        c.wait("1/2")
        c.wait("token 3 of")
        c.wait("entropy")
        c.keys("]")
        c.wait("2/2")
        c.wait("token 3 of")
        # u undoes the choice, and undoes that.
        c.keys("u")
        c.wait("1/2")
        c.wait("token 3 of")
        c.keys("u")
        c.wait("2/2")


@scripted
def parts_of_a_character_are_tokens_of_their_own(binary):
    with inspected(binary, reply="a 🦩 b") as c:
        c.keys("g", "}")
        c.wait("token 1 of")
        n = token(c)[1]
        assert "🦩" in c.text()
        shown = []
        for i in range(1, n + 1):
            c.wait(f"token {i} of {n}")
            shown.append(c.rows()[2].split("│")[1].split()[0])
            c.keys("Right")
        halves = [s for s in shown if re.search(r"<[0-9a-f]{2}", s)]
        assert len(halves) >= 2, shown
        raw = "".join(re.findall(r"[0-9a-f]{2}", "".join(halves)))
        assert "f09fa6a9" in raw, shown


def click(c, row, col, button=0):
    c.send(f"\033[<{button};{col + 1};{row + 1}M")
    c.send(f"\033[<{button};{col + 1};{row + 1}m")


@scripted
def a_click_selects_a_token_and_the_wheel_scrolls(binary):
    reply = "alpha beta gamma delta\n\n" + "\n\n".join(
        f"paragraph {i}" for i in range(40))
    with Confab(binary, "--set", "mouse=on", rows=40, cols=120,
                env=script(reply, chunk=0)) as c:
        c.ready()
        c.ask("?", "paragraph 39")
        assert b"\033[?1006h" in c.raw
        c.keys("F2")
        c.wait("entropy")
        row, col = c.find("paragraph 38")
        click(c, row, col)
        c.wait('"par"')
        for _ in range(30):
            click(c, 10, 10, button=64)
        c.wait("gamma")
        c.finish_frame()
        row, col = c.find("gamma")
        click(c, row, col + 2)
        c.wait('"▁gam"')
        # Outside the transcript it goes back to the input line.
        click(c, c.screen.lines - 2, 5)
        c.wait("Tab: walk the tokens")
        for _ in range(60):
            click(c, 10, 10, button=65)
        c.wait("paragraph 39")


@scripted
def a_click_where_nothing_was_said_yet_does_nothing(binary):
    with Confab(binary, "--set", "mouse=on", env=script("fine")) as c:
        c.ready()
        for row in (1, 10, 20):
            click(c, row, 20)
        c.ask("still there?", "fine")


@scripted
def the_wheel_scrolls_what_is_on_top(binary):
    with Confab(binary, "--set", "mouse=on", env=script("ok")) as c:
        c.ready()
        c.keys("F1")
        c.wait(" 1-19 of")
        c.send("\033[<65;10;10M")
        c.wait(" 4-22 of")
        c.send("\033[<64;10;10M\033[<64;10;10M")
        c.wait(" 1-19 of")


@scripted
def the_wheel_turns_where_messages_are_gone(binary):
    env = script("\n\n".join(f"paragraph {i}" for i in range(200)))
    with Confab(binary, "--set", "mouse=on", rows=10,
                env=dict(env, MALLOC_PERTURB_="165")) as c:
        c.ready()
        c.ask("?")
        c.ask("and?")
        c.send("/delete branch\r" + "\033[<64;5;3M" * 6)
        c.wait("is deleted")
        c.ready()


@test
def commands_reach_a_token_by_its_number(binary):
    with Confab(binary, rows=40, cols=120) as c:
        c.ready()
        c.ask("What is the capital of France?", "France is Paris.")
        c.say("/inspector 2")
        c.wait("token 1 of 7")
        c.keys("Tab")
        c.say("/explore 2")
        c.wait("token 2 of 7")
        c.wait("└ ")
        c.ready()
        c.keys("Tab")
        c.say("/temperature 1.5 top_k=3")
        c.wait("temp 1.50  top_k 3")
        c.wait("would be")
        c.keys("Esc", "Tab")
        c.say("/surprising")
        c.wait("token 1 of 7")
        c.keys("Tab")
        c.say("/alternatives 2 2")      # " Valley"
        c.wait(" confab-20m  2/2")
        c.ready()
        c.wait("The Valley is")
        c.keys("Tab")
        c.say('/type-token 2 " city"')
        c.wait(" confab-20m  3/3")
        c.ready()
        c.wait("The city")
        c.keys("Tab")
        c.say("/score 1")
        c.wait("rank ")
        c.wait("What")
        c.ready()
        for line, seen in (("/inspector 99", "there is no message 99"),
                           ("/inspector 2", "message 2 is on another branch; "
                                            "/branches 2 goes there"),
                           ("/explore 99", "there is no token 99, there are"),
                           ("/inspector 4", "token 1 of 8"),
                           ("/alternatives 1 99", "there is no candidate 99"),
                           ("/temperature hot", "'hot' is not a number")):
            if c.find("Tab returns here"):
                c.keys("Tab")
                c.gone("Tab returns here")
            c.say(line)
            c.wait(seen)
