"""The line that is typed."""
import os
import re
import stat
import time

from harness import (Confab, script, scripted, temporary_folder, test,
                     within)


def opened(binary, **settings):
    c = Confab(binary, env=script("ok", **settings))
    c.ready()
    return c


@scripted
def utf8_is_typed_and_edited(binary):
    with opened(binary) as c:
        c.keys("Grüße 日本", "Left", "Backspace", "x")
        c.wait(" > Grüße x本")
        c.keys("Home", ">")
        c.wait(" > >Grüße x本")
        c.keys("Enter")
        c.wait("   >Grüße x本")


@scripted
def kill_ring_and_undo_are_readlines(binary):
    with opened(binary) as c:
        c.keys("one two", "Ctrl-W", "Ctrl-Y", "Ctrl-Y")
        c.wait(" > one twotwo")
        c.send("\037")
        c.wait(lambda: c.row(22) == " > one two", "undo")


@scripted
def lines_are_added_by_alt_enter_and_control_j(binary):
    with opened(binary) as c:
        c.keys("one", "Alt-Enter", "two", "Ctrl-J", "three")
        c.wait(lambda: c.row(20) == " > one" and c.row(21) == "   two" and
               c.row(22) == "   three", "three lines")
        c.keys("Up", "Up", "X")
        c.wait(" > oneX")
        c.keys("Enter")
        c.wait(lambda: "   oneX\n   two\n   three\n" in c.text(), "sent")


@scripted
def a_paste_is_not_sent_by_its_newlines_and_undone_in_one(binary):
    with opened(binary) as c:
        c.keys("a")
        c.paste("one\r\ntwo\nthree")
        c.wait("   three")
        assert c.row(20) == " > aone"
        assert "You" not in c.text()
        c.send("\037")
        c.wait(lambda: c.row(22) == " > a", "undo")


@scripted
def a_megabyte_is_pasted_within_a_second(binary):
    with opened(binary) as c:
        c.settle()
        text = ("The quick brown fox jumps over the lazy dog. " * 24 +
                "\n") * 1000
        assert len(text) > 1 << 20

        def paste():
            c.paste(text + "THE END")
            c.wait("THE END")

        def undo():
            c.send("\037")
            c.wait(lambda: c.row(22) == " >", "undo")

        def key():
            c.keys("!")
            c.wait("THE END!")

        def rub_out():
            c.keys("Backspace")
            c.gone("THE END!")

        within(1, paste, undo)
        within(0.2, key, rub_out)
        c.keys("Backspace")
        c.gone("THE END!")
        c.send("\037\037\037")
        c.wait(lambda: c.row(22) == " >", "undo")


@scripted
def a_paste_that_stalls_is_shown_and_goes_on(binary):
    with opened(binary) as c:
        c.send("\033[200~one\rtwo")
        c.wait("two", seconds=3)
        c.send(" and\rthree\r")
        c.wait("three", seconds=3)
        c.send("four\033[201~")
        c.wait("four")
        c.keys("!")
        c.wait("four!")
        assert "replying" not in c.text() and " You" not in c.text()


@scripted
def escape_ends_a_paste_whose_end_is_lost(binary):
    with opened(binary) as c:
        c.send("\033[200~lost")
        c.wait(" > lost", seconds=3)
        c.send("\033")
        time.sleep(1.2)
        c.keys("!")
        c.wait(" > lost!", seconds=0.7)


@scripted
def a_paste_of_escape_sequences_is_shown_as_text(binary):
    with opened(binary) as c:
        c.paste("a\033[2Jb\033]0;title\007")
        c.wait("a␛[2Jb␛]0;title␇")
        c.keys("Enter")
        c.wait("   a␛[2Jb␛]0;title␇")


@scripted
def history_is_kept_between_sessions(binary):
    with opened(binary) as c:
        c.ask("first message")
        c.ask("no\\new line")
        c.ask("no\\new line")
        c.keys("two", "Ctrl-J", "lines", "Enter")
        c.ready()
        home = c.home
        c.keys("Ctrl-D")
        c.wait_exit()
    path = home + "/state/confab/history"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(home + "/state/confab").st_mode) == 0o700
    with Confab(binary, env=script("ok"), home=home) as c:
        c.ready()
        c.keys("Up")
        c.wait(lambda: c.row(21) == " > two" and c.row(22) == "   lines",
               "the last message")
        c.keys("Up", "Up")
        c.wait(" > no\\new line")
        c.keys("Up")  # said twice, kept once
        c.wait(" > first message")


@scripted
def a_long_history_with_zero_bytes_is_shortened(binary):
    with opened(binary) as c:
        home = c.home
        c.keys("Ctrl-D")
        c.wait_exit()
    path = home + "/state/confab/history"
    with open(path, "wb") as file:
        file.write(b"\0\0\0\n" + b"".join(b"line %d\n" % i
                                          for i in range(4500)))
    with Confab(binary, env=script("ok"), home=home) as c:
        c.ready()
        c.keys("Up")
        c.wait(" > line 4499")
    with open(path, "rb") as file:
        assert file.read().startswith(b"line 2500\nline 2501\n")


@scripted
def control_r_searches_the_history(binary):
    with opened(binary) as c:
        c.ask("alpha message")
        c.ask("beta message")
        c.keys("Ctrl-R", "alp")
        c.wait("(reverse-i-search)`alp': alpha message")
        c.keys("Esc")
        c.wait(lambda: "reverse-i-search" not in c.text(), "the end of it")


@scripted
def commands_complete(binary):
    with opened(binary) as c:
        c.keys("/ret", "Tab")
        c.wait(" > /retry")
        c.keys("Ctrl-U", "/re", "Tab")
        c.wait("/rename")
        c.wait("/retry")
        c.keys("Ctrl-U", "/set te", "Tab")
        c.wait(" > /set temp")


@scripted
def completions_go_with_the_line_they_are_of(binary):
    with Confab(binary, env=script("ok"), save=True) as c:
        c.ready()
        c.keys("/re", "Tab")
        c.wait("/rename")
        c.keys("Esc")
        c.gone("/rename")
        assert c.row(22) == " > /re"
        c.keys("Tab")
        c.wait("/rename")
        c.keys("F3")
        c.wait(" words:")
        assert "/rename" not in c.text()


@scripted
def keys_without_a_meaning_type_nothing(binary):
    with opened(binary) as c:
        c.keys("abc")
        for key in ("18~", "20~", "15;2~", "1;2C", "1;6D", "1;3R", "57~"):
            c.send("\033[" + key)
        c.keys("d")
        c.wait(lambda: c.row(22).startswith(" > ab") and
               c.row(22).endswith("d"), "the line")
        assert c.row(22) == " > abcd", c.row(22)
        c.send("\033[1;5D")    # readline knows this one
        c.keys("x")
        c.wait(" > xabcd")
        c.keys("Ctrl-R", "abc")
        c.send("\033[18~")
        c.keys("Ctrl-G", "y")
        c.wait(" > xyabcd")


@scripted
def control_v_types_the_next_key_as_it_is(binary):
    with opened(binary) as c:
        c.keys("a", "Ctrl-V", "Tab", "b", "Ctrl-V", "Ctrl-C", "c")
        c.wait(lambda: c.row(22) == " > a   b␃c", "a tab and ETX")
        c.keys("Backspace", "d")    # which have their own meaning again
        c.wait(lambda: c.row(22) == " > a   b␃d", "the end")
        c.keys("Ctrl-U", "Ctrl-V", "F1", "Ctrl-V")
        c.send("\033[18~")
        c.keys("e")
        c.wait(" > ␛OP␛[18~e")


@scripted
def an_inputrc_quotes_by_its_own_key_and_binds_keys_after_others(binary):
    folder = temporary_folder("confab-inputrc-")
    with open(folder + "/inputrc", "w") as file:
        file.write('"\\C-t": quoted-insert\n"\\C-x\\eOP": "one"\n'
                   '"\\C-x\\e[18~": "two"\n')
    env = dict(script("ok"), INPUTRC=folder + "/inputrc")
    with Confab(binary, env=env) as c:
        c.ready()
        c.keys("a", "Ctrl-T", "Tab", "b", "Ctrl-X", "F1", "Ctrl-X")
        c.send("\033[18~")
        c.keys("Ctrl-X")
        c.send("\033[20~")   # which means nothing
        c.keys("Ctrl-G", "c")
        c.wait(lambda: c.row(22) == " > a   bonetwoc", "the line")


@scripted
def up_and_down_keep_the_column(binary):
    with opened(binary) as c:
        c.keys("日本語", "Ctrl-J", "abcdef", "Ctrl-J", "äëïöüß", "Left", "Left",
               "Up", "x")
        c.wait("   abcdxef")
        c.keys("Backspace", "Up", "x")
        c.wait(" > 日本x語")
        c.keys("Backspace", "Down", "Down", "x")
        c.wait("   äëïöxüß")


@scripted
def file_names_complete(binary):
    with opened(binary) as c:
        os.makedirs(c.home + "/somewhere")
        c.keys("/write " + c.home + "/some", "Tab")
        c.wait(lambda: "/somewhere" in c.text().replace("\n", "")
               .replace(" ", ""), "the folder's name")


@scripted
def an_external_editor_writes_the_message(binary):
    with Confab(binary, env=dict(script("ok"), EDITOR="sed -i s/old/new/")
                ) as c:
        c.ready()
        c.keys("an old text", "Ctrl-O")
        c.wait(" > an new text")
        c.keys("Ctrl-U", "old again", "Ctrl-X", "Ctrl-E")
        c.wait(" > new again")


@scripted
def an_editor_that_fails_changes_nothing(binary):
    with Confab(binary, env=dict(script("ok"), EDITOR="false")) as c:
        c.ready()
        c.keys("text", "Ctrl-O")
        c.wait("false: ended with status 1")
        c.wait(" > text")


@scripted
def a_text_that_no_disk_holds_for_the_editor_leaves_no_file(binary):
    folder = temporary_folder("confab-editor-")
    env = dict(script("ok"), EDITOR="true", TMPDIR=folder)
    with Confab(binary, env=env, shell=True) as c:
        c.wait("shell$")
        c.say("ulimit -f 0; " + " ".join([binary] + c.options()))
        c.ready()
        c.keys("text", "Ctrl-O")
        c.wait("File too large")
        c.wait(" > text")
        assert not os.listdir(folder)


@scripted
def vi_mode_comes_from_inputrc(binary):
    c = opened(binary)
    home = c.home
    c.close()
    with open(home + "/.inputrc", "w") as file:
        file.write("set editing-mode vi\n")
    with Confab(binary, env=script("ok"), home=home) as c:
        c.ready()
        c.keys("abc", "Esc", "0", "x")
        c.wait(" : bc")
        c.keys("A", "d")
        c.wait(" > bcd")
        # Escape takes back what waits for a motion.
        c.keys("Esc", "d")
        time.sleep(0.1)
        c.keys("Esc", "0", "x")
        c.wait(" : cd")


@test
def keys_can_be_bound_in_the_configuration(binary):
    with Confab(binary) as c:
        c.ready()
        home = c.home
    os.makedirs(home + "/config/confab", exist_ok=True)
    with open(home + "/config/confab/config", "w") as file:
        file.write("bind F6 help\nbind Ctrl-T nonsense\n")
    with Confab(binary, home=home) as c:
        c.wait('action is called "nonsense"')
        c.ready()
        c.keys("F6")
        c.wait(" Help  ")
    with open(home + "/config/confab/config", "w") as file:
        file.write("bind F1 none\nbind F5 times\nbind F2 none\n")
    with Confab(binary, home=home) as c:
        c.ready()
        # A key that was freed is nowhere named; the others are.
        c.wait("· F3 chats")
        c.wait("/inspector")
        assert "F2" not in c.text() and "F1" not in c.text(), c.text()
        c.ask("Hello!")
        c.keys("F5")   # from the input line
        c.wait(re.compile(r"^ You +\d\d:\d\d · #1", re.M))


@test
def what_was_typed_before_the_screen_opened_is_sent(binary):
    with Confab(binary) as c:
        c.say("What is the capital of France?")
        c.wait("Paris")
