"""Other ways the conversation could go."""
import base64
import os
import re

from harness import Confab, script, scripted, temporary_folder, test


def talked(binary, *replies, **more):
    c = Confab(binary, env=script(*replies), **more)
    c.ready()
    c.ask("first question")
    return c


@scripted
def retry_adds_a_sibling_and_brackets_walk_them(binary):
    with talked(binary, "answer one", "answer two") as c:
        c.say("/retry")
        c.wait("answer two")
        c.wait(" scripted  2/2")
        assert "answer one" not in c.text()
        c.ready()
        c.keys("Tab", "[")
        c.wait("answer one")
        c.wait(" scripted  1/2")
        c.keys("]")
        c.wait("answer two")


@scripted
def brackets_stay_where_nothing_has_siblings(binary):
    with talked(binary, "answer one", "answer two", rows=40, cols=120) as c:
        c.ask("second question")
        c.keys("F2")
        c.wait("Enter: another")   # the focus is there
        c.settle()
        before = c.rows()[:30]
        c.keys("[")
        c.wait("this message has no other branch")
        c.settle()
        assert c.rows()[:30] == before, c.text()


@scripted
def a_command_that_failed_leaves_the_focus_where_it_was(binary):
    with talked(binary, "answer one", "answer two") as c:
        for command in ("/score 99", "/inspector 99",
                        "/alternatives 9999 1"):
            c.say(command)
            c.wait(re.compile("99"))
            c.keys("Esc")
        c.say("second question")
        c.wait("answer two")


@scripted
def edit_makes_a_branch_of_the_question(binary):
    with talked(binary, "answer one", "answer two") as c:
        c.say("/edit")
        c.wait(" edit: first question")
        c.keys("Ctrl-U", "second question", "Enter")
        c.wait("answer two")
        c.wait(" You  2/2")
        assert "first question" not in "\n".join(c.rows()[1:])
        c.ready()
        c.keys("Tab", "{", "[")
        c.wait("answer one")


@scripted
def a_message_has_one_number_everywhere(binary):
    with talked(binary, "answer one", "answer two", "answer three") as c:
        c.say("/edit")
        c.wait(" edit: first question")
        c.keys("Ctrl-U", "second question", "Enter")
        c.wait("answer two")
        c.ready()
        c.say("/branches")
        c.wait("● 3 You: second question")
        c.wait("○ 1 You: first question")
        c.keys("Esc", "Tab")
        c.wait(re.compile(r"^ You  2/2 +#3$", re.M))
        c.wait(re.compile(r"^ scripted +#4$", re.M))
        c.keys("Tab")
        c.say("/edit 1")   # on the other branch
        c.wait(" edit: first question")
        c.keys("Esc")
        c.say("/branch 2")
        c.wait("answer one")
        c.say("/edit 9")
        c.wait("there is no message 9")


@scripted
def escape_leaves_an_edit_and_gives_the_line_back(binary):
    with talked(binary, "answer") as c:
        c.keys("half a thought")
        c.keys("Tab", "Up", "e")
        c.wait(" edit: ")
        c.keys("Esc")
        c.wait(" > half a thought")


@scripted
def what_is_edited_is_not_lost_to_another_use_of_the_line(binary):
    with talked(binary, "answer", "another") as c:
        c.say("/edit")
        c.wait(" edit: ")
        c.keys(" anew", "Ctrl-S")
        c.wait("a message is being edited")
        c.keys("Tab", "i")
        c.wait("a message is being edited")
        c.keys("e", "/", "Tab")
        c.wait(" anew")
        c.keys("Ctrl-S")
        c.wait("a message is being edited")
        c.keys("Esc")   # and what was told of it is over
        c.gone("a message is being edited")
        assert " anew" not in c.text()
        c.say("/edit")
        c.keys(" anew", "Enter")
        c.wait("another")
        c.wait(" You  2/2")


@scripted
def undo_steps_back_and_keeps_the_branch(binary):
    with talked(binary, "answer one", "answer two", "answer three") as c:
        c.ask("second question")
        c.say("/undo")
        c.gone("answer two")
        c.wait(" > second question")
        c.keys("Enter")
        c.wait("answer three")
        c.wait(" You  2/2")


@scripted
def undo_by_a_key_keeps_what_is_typed(binary):
    home = temporary_folder("confab-bound-")
    os.makedirs(home + "/config/confab")
    with open(home + "/config/confab/config", "w") as file:
        file.write("bind F6 undo\n")
    with Confab(binary, home=home, env=script("answer")) as c:
        c.ready()
        c.ask("a question")
        c.keys("half a thought", "F6")
        c.wait(" > a question\n   half a thought")


@scripted
def branch_goes_on_from_an_earlier_message(binary):
    with talked(binary, "answer one", "answer two", "answer three") as c:
        c.ask("second question")
        c.say("/branch 2")
        c.wait("the next message begins a branch here")
        c.gone("answer two")
        c.ask("another question")
        c.wait("answer three")
        c.wait(" You  2/2")


@scripted
def a_queued_message_can_be_taken_back(binary):
    with Confab(binary, env=script("x" * 3000, rate=100)) as c:
        c.ready()
        c.say("first")
        c.wait("replying")
        c.say("second")
        c.wait("queued: second")
        c.say("/undo")
        c.gone("queued:")
        c.wait(" > second")


@scripted
def new_begins_another_conversation(binary):
    with talked(binary, "answer one", "answer two") as c:
        c.say("/new")
        c.gone("answer one")
        c.ask("hello")
        c.wait("answer two")


@scripted
def conversations_are_saved_listed_and_opened(binary):
    with talked(binary, "answer one", "answer two", save=True) as c:
        c.say("/save A fine title")
        c.wait("saved as ")
        assert "A fine title" in c.row(0)
        c.say("/new")
        c.ask("something else")
        c.say("/list")   # what F3 opens
        c.wait("Conversations 1/2")
        c.keys("Esc")
        c.say("/search fine")
        c.wait("Conversations 1/1")
        c.wait(" words: fine")
        c.keys("Esc")
        c.say("/open A fine title")
        c.wait("answer one")
        assert "A fine title" in c.row(0)
        home = c.home
        c.keys("Ctrl-D")
        assert c.wait_exit() == 0
    with Confab(binary, "-r", env=script("x"), home=home, save=True) as c:
        c.ready()
        c.wait("answer two")  # the one that was written to last


@scripted
def a_reply_that_was_cut_by_a_kill_is_there_again(binary):
    with Confab(binary, env=script("word " * 2000, chunk=5, rate=50),
                save=True) as c:
        c.ready()
        c.say("go")
        c.wait(lambda: c.text().count("word") > 100, "a hundred words")
        c.kill(9)
        c.wait_exit()
        home = c.home
    with Confab(binary, "-r", env=script("x"), home=home, save=True) as c:
        c.ready()
        c.wait("word word word")
        c.wait("/continue goes on")


@scripted
def a_second_one_opens_it_for_reading(binary):
    with talked(binary, "answer one", save=True) as c:
        with Confab(binary, "-r", env=script("x"), home=c.home,
                    save=True) as second:
            second.wait("another confab writes this conversation")
            second.wait("answer one")


@scripted
def delete_takes_it_out_of_the_list(binary):
    with talked(binary, "answer one", "two", save=True) as c:
        c.say("/delete")
        c.wait("deleted: first question; /undelete brings it back")
        c.gone("answer one")
        c.keys("F3")
        c.wait("Conversations 0/0")
        c.keys("Esc")
        c.say("/undelete")
        c.wait("answer one")
        c.say("/undelete")
        c.wait("nothing was deleted")


@scripted
def what_another_confab_writes_is_neither_saved_nor_deleted(binary):
    with talked(binary, "answer one", save=True) as c:
        with Confab(binary, "-r", env=script("x"), home=c.home,
                    save=True) as second:
            second.wait("another confab writes this conversation")
            second.ready()
            second.say("/rename Mine")
            second.wait("title: Mine, but not kept: another confab writes")
            second.say("/save Mine")
            second.wait("not saved: another confab writes")
            second.say("/delete")
            second.wait("not deleted: another confab writes")
            assert second.find("answer one")
            second.keys("Esc")   # the notice goes, the mark stays
            second.gone("not deleted")
            assert " ready · read-only" in second.status_line()


@scripted
def code_blocks_are_copied_by_number(binary):
    reply = "a\n\n```\nfirst code\n```\n\nb\n\n```\n\tsecond\n```\n"
    with talked(binary, reply) as c:
        c.raw = b""
        c.say("/copy 2")
        c.wait("copied code block 2, 8 bytes, by the terminal (OSC 52)")
        assert b"\033]52;c;CXNlY29uZAo=\a" in c.raw
        c.say("/copy")
        c.wait("copied the last reply")
        c.say("/copy 9")
        c.wait("there is no code block 9")


@scripted
def the_marked_text_is_copied(binary):
    with Confab(binary, env=script("alpha beta gamma", chunk=0)) as c:
        c.ready()
        c.ask("?")
        c.keys("Tab", "g")
        c.wait("#1")
        c.keys("Down", "v", "Right", "Right")
        c.raw = b""
        c.keys("y")
        c.wait("copied the marked text")


@scripted
def a_mark_reaches_over_messages(binary):
    with Confab(binary, env=script("alpha beta gamma", "delta", chunk=0)) as c:
        c.ready()
        c.ask("one?")
        c.ask("two?")
        c.keys("Tab", "g", "Down")   # the first token of the first reply
        c.wait("#2")
        c.keys("v")
        c.wait(" · marking")
        c.keys("Down", "Down")
        c.raw = b""
        c.keys("y")
        text = b"alpha beta gamma\n\ntwo?\n\n"
        c.wait(re.compile(r"copied the marked text, \d+ bytes"))
        sent = base64.b64decode(re.search(rb"\033\]52;c;([^\a]*)\a",
                                          c.raw).group(1))
        assert sent.startswith(text) and b"delta".startswith(
            sent[len(text):]) and len(sent) > len(text), sent
        # And backwards, from the same place.
        c.keys("G", "v", "Up", "Up", "y")
        c.wait(re.compile(r"copied the marked text, \d+ bytes"))
        sent = base64.b64decode(re.findall(rb"\033\]52;c;([^\a]*)\a",
                                           c.raw)[-1])
        assert b"\n\ntwo?\n\n" in sent and b"alpha beta gamma".endswith(
            sent.split(b"\n\n")[0]), sent


@scripted
def a_reply_is_written_to_a_file(binary):
    with talked(binary, "text\n\n```\ncode\n```\n") as c:
        path = c.home + "/out.md"
        c.say(f"/write {path}")
        c.wait("the last reply written to")
        with open(path) as file:
            assert file.read() == "text\n\n```\ncode\n```\n"
        c.say(f"/write {path} 1")
        c.wait("code block 1 written over")
        with open(path) as file:
            assert file.read() == "code\n"
        c.say("/write /nonexistent/x")
        c.wait("/nonexistent/x")
