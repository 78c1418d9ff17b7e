"""The saved conversations: found, looked at, opened, renamed, deleted."""
import os
import sqlite3
import subprocess
import time

from harness import Confab, script, scripted, temporary_folder, test

TEXTS = ["Trip to Kyoto", "Bread with seeds", "Kyoto in winter"]


def talked(binary, home=None):
    """A program with three conversations, the last one open."""
    c = Confab(binary, save=True, home=home, rows=24, cols=100,
               env=script("pack a warm coat", "bake it long",
                          "temples in snow", "more"))
    c.ready()
    for i, text in enumerate(TEXTS):
        if i:
            c.say("/new")
            c.wait("a new conversation")
        c.ask(text)
    return c


@scripted
def the_list_is_newest_first_with_a_preview(binary):
    with talked(binary) as c:
        c.keys("F3")
        c.wait("Conversations 1/3")
        rows = [c.find(text)[0] for text in reversed(TEXTS)]
        assert rows == sorted(rows), c.text()
        c.wait("temples in snow")
        c.keys("Down", "Down")
        c.wait("Conversations 3/3")
        c.wait("pack a warm coat")
        assert "temples in snow" not in c.text()
        c.keys("Esc")
        c.wait("temples in snow")
        c.wait("\n >")


@scripted
def words_filter_it_while_they_are_typed(binary):
    with talked(binary) as c:
        c.keys("half a thought", "Ctrl-P")
        c.wait("Conversations 1/3")
        c.keys("kyoto")
        c.wait("Conversations 1/2")
        c.keys(" coat")
        c.wait("nothing was found")
        c.keys("Ctrl-U", "coa")   # in a reply
        c.wait("Conversations 1/1")
        c.wait("Trip to Kyoto")
        c.keys("Enter")
        c.wait(lambda: "Conversations" not in c.text(), "the conversation")
        c.wait("pack a warm coat")
        c.wait(" > half a thought")


@scripted
def enter_keeps_words_that_find_nothing(binary):
    with talked(binary) as c:
        c.keys("F3", "Kyotto", "Enter")
        c.settle()
        c.wait(" words: Kyotto")
        c.wait("nothing was found")
        c.keys("Backspace", "Backspace")
        c.wait("Conversations 1/2")


@scripted
def a_list_of_nothing_says_why(binary):
    with Confab(binary, save=True, env=script("ok")) as c:
        c.ready()
        c.keys("F3")
        c.wait("nothing is saved yet")
        c.keys("x")
        c.wait("nothing was found")


@scripted
def control_d_leaves_the_list_and_then_the_program(binary):
    with talked(binary) as c:
        c.keys("F3", "F2")
        c.wait(" title:")
        c.keys("Ctrl-U", "Ctrl-D")
        c.wait(" words:")
        c.keys("Ctrl-D")
        c.gone("Conversations")
        c.keys("Ctrl-S")
        c.wait(" find:")
        c.keys("Ctrl-D")
        c.gone("find:")
        c.keys("Ctrl-D")
        assert c.wait_exit() == 0


@scripted
def pasted_words_filter_it_too(binary):
    with talked(binary) as c:
        c.keys("F3")
        c.wait("Conversations 1/3")
        c.paste("coa")
        c.wait("Conversations 1/1")


@scripted
def a_title_is_changed_in_place(binary):
    with talked(binary) as c:
        c.keys("F3", "Down")
        c.wait("Conversations 2/3")
        c.keys("F2")
        c.wait(" title: Bread with seeds")
        c.keys("Ctrl-U", "Loaves", "Enter")
        c.wait("▸Loaves")
        c.keys("Up")
        c.wait("Conversations 1/3")
        c.keys("F2")
        c.wait(" title: Kyoto in winter")
        c.keys("Esc")     # the title stays
        c.wait(" words:")
        c.keys("F2", "Ctrl-U", "Snow", "Enter")
        c.wait("▸Snow")
        c.keys("Esc")
        c.wait(lambda: "Snow" in c.row(0), "the header")


@scripted
def keys_of_the_chat_wait_while_a_title_is_typed(binary):
    with talked(binary) as c:
        c.keys("F3", "F2", "Ctrl-U", "Sn")
        c.wait(" title: Sn")
        c.keys("F2", "Tab", "Ctrl-S", "F5", "F3", "Ctrl-J", "ow")
        c.wait(lambda: c.row(22) == " title: Snow", "the title alone")
        c.keys("Enter")
        c.wait("▸Snow")
        c.keys("Esc")
        c.wait("\n >")
        assert "2/2" not in c.text() and "inspector" not in c.row(1), c.text()


@scripted
def what_was_deleted_comes_back_whole(binary):
    with talked(binary) as c:
        c.keys("F3", "Down")
        c.wait("Conversations 2/3")
        c.keys("\033[3~")
        c.wait("deleted: Bread with seeds")
        c.wait("/2")
        c.keys("Up", "\033[3~")   # the open one
        c.wait("Conversations 1/1")
        c.keys("\033OS")
        c.wait("Conversations 1/2")
        c.keys("\033OS")
        c.wait("/3")
        c.wait("▸Bread with seeds")
        c.keys("\033OS")
        c.wait("nothing was deleted")
        c.keys("Enter")
        c.wait("bake it long")


@scripted
def a_conversation_of_another_confab_is_not_deleted(binary):
    home = temporary_folder("confab-two-")
    with talked(binary, home) as c, \
            Confab(binary, save=True, home=home, cols=100,
                   env=script("ok")) as d:
        d.ready()
        d.keys("F3")
        d.wait("Conversations 1/3")
        d.keys("\033[3~")
        d.wait("open in another confab")
        d.wait("Conversations 1/3")
        d.keys("Enter")
        d.wait("reading only")
        d.wait("temples in snow")


@scripted
def who_only_reads_writes_nothing(binary):
    home = temporary_folder("confab-reader-")
    with talked(binary, home) as c, \
            Confab(binary, "-r", save=True, home=home, cols=100,
                   env=script("word " * 300, chunk=0, rate=40)) as d:
        d.wait("reading only")
        d.ready()
        c.ask("the writer's words", "more")
        for leave in ("/new", "/open Bread"):
            d.say("the reader's words")
            d.wait("word word")
            d.say(leave)
            d.gone("word word")
            d.say("/open winter")
            d.wait("reading only")
        with sqlite3.connect(home + "/data/confab/conversations.db") as db:
            texts = [text.decode() for text, in db.execute(
                "SELECT text FROM messages ORDER BY row")]
        assert "the writer's words" in texts and texts[-1] == "more", texts
        assert "the reader's words" not in texts, texts


@scripted
def the_wheel_leaves_a_title_that_is_typed_alone(binary):
    with talked(binary) as c:
        c.say("/set mouse on")
        c.keys("F3")
        c.wait("Conversations 1/3")
        c.keys("\033OQ", "!")
        c.wait("Kyoto in winter!")
        c.send("\033[<65;10;10M" * 2)
        c.keys("Enter")
        c.wait("Conversations 1/3")
        c.wait(lambda: c.row(2).startswith("▸Kyoto in winter!"), "the title")


@scripted
def it_fits_small_windows(binary):
    with talked(binary) as c:
        c.keys("F3")
        c.wait("Conversations 1/3")
        for rows, cols in (24, 60), (10, 40), (5, 20), (50, 200), (24, 80):
            c.resize(rows, cols)
            c.wait(lambda: "Conversations" in c.text() and
                   "Kyoto" in c.text(), f"{rows}x{cols}")


def imported(binary, n):
    """A home with so many conversations, numbered from 0."""
    home = temporary_folder("confab-many-")
    lines = os.path.join(home, "many.jsonl")
    with open(lines, "w") as file:
        for i in range(n):
            file.write('{"messages":[' + ",".join(
                '{"role":"%s","content":"the number %d of conversation %d"}'
                % ("user" if k % 2 == 0 else "assistant", k, i)
                for k in range(4)) + "]}\n")
    env = dict(os.environ, HOME=home, XDG_DATA_HOME=home + "/data")
    subprocess.run([binary, "import", lines], env=env, check=True,
                   stdout=subprocess.DEVNULL)
    return home


@test
def a_page_that_is_full_says_no_more_than_there_is(binary):
    with Confab(binary, save=True, home=imported(binary, 200), cols=100) as c:
        c.ready()
        c.keys("F3")
        c.wait("Conversations 1/200 ")
        c.wait("▸the number 0 of conversation 199")  # in the file's order
        c.keys("Ctrl-End")
        c.wait("Conversations 200/200 ")
        c.wait("▸the number 0 of conversation 0")


@test
def five_thousand_conversations_do_not_make_it_wait(binary):
    """Measured: 2 ms to open, 30 ms for a word that is everywhere; what is
    bounded here includes the terminal and a loaded machine."""
    home = imported(binary, 5000)
    with Confab(binary, save=True, home=home, cols=100) as c:
        c.ready()
        for keys, seen in ("F3", "Conversations 1/200+"), ("the", "the"), \
                ("Ctrl-U", " words:"), ("4321", "of conversation 4321"):
            began = time.monotonic()
            c.keys(keys)
            c.wait(seen)
            assert time.monotonic() - began < 2, seen
        c.keys("Ctrl-U", "Ctrl-End")
        c.wait("Conversations 5000/5000 ")
        c.wait("▸the number 0 of conversation 0")


@scripted
def a_map_shows_all_branches_and_leads_to_them(binary):
    with Confab(binary, env=script("answer one", "answer two")) as c:
        c.ready()
        c.ask("first question")
        c.say("/retry")
        c.wait("answer two")
        c.ready()
        c.say("/branches")
        c.wait("● 1 You: first question")
        c.wait("├─ ○ 2 scripted: answer one")
        c.wait("└─ ● 3 scripted: answer two")
        c.keys("Esc")
        c.say("/branches 2")
        c.wait(" scripted  1/2")
        c.wait("answer one")
        c.say("/branches 9")
        c.wait("the map has no message 9")


@scripted
def the_model_gives_a_title_when_it_is_asked_to(binary):
    titled = script("a warm coat", '"Packing for Kyoto."\nor so', "more")
    with Confab(binary, env={**titled, "CONFAB_AUTO_TITLE": "on"}) as c:
        c.ready()
        c.ask("what shall I pack?")
        c.wait(lambda: "Packing for Kyoto " in c.row(0), "the title")
        assert "or so" not in c.text()
        c.ask("and more?")      # once is enough
        c.settle(2.5)
        assert "Packing for Kyoto " in c.row(0)


@scripted
def any_key_ends_the_search_for_a_title(binary):
    titled = script("a warm coat", "word " * 1000, "the next answer",
                    rate=20)
    with Confab(binary, env={**titled, "CONFAB_AUTO_TITLE": "on"}) as c:
        c.ready()
        c.ask("what shall I pack?")
        c.wait("thinking of a title")
        c.keys("h")
        c.wait(" ready ")
        c.say("ello")
        c.wait("the next answer")
        assert "what shall I pack?" in c.row(0)
