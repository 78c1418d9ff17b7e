"""A conversation on the screen."""
import os
import re
import shutil

from harness import Confab, script, scripted, test


@test
def the_empty_screen_says_what_to_do(binary):
    with Confab(binary) as c:
        c.ready()
        assert c.row(0).startswith(" confab")
        assert "confab-20m · bf16" in c.row(0)
        assert c.find("Type a message, Enter sends it.")
        assert c.row(22) == " >"
        assert "ctx 0/4,096 0%" in c.status_line()
        assert "F1 help  F2 inspector  F3 chats" in c.status_line()


@test
def a_question_is_answered(binary):
    with Confab(binary) as c:
        c.ready()
        c.ask("What is the capital of France?", "Paris")
        assert c.row(1) == " You"
        assert c.row(2) == "   What is the capital of France?"
        assert c.row(4) == " confab-20m"
        assert "Paris" in c.row(5)
        assert "tok/s" in c.status_line()
        # The title comes from the first words.
        assert "What is the capital of France?" in c.row(0)


@test
def the_second_turn_reuses_the_first(binary):
    with Confab(binary) as c:
        c.ready()
        c.ask("My name is Anna.")
        c.ask("What is my name?", "Anna")
        status = c.status_line()
        reused = int(status.split("reused ")[1].split(",")[0])
        computed = int(status.split("computed ")[1].split(" ")[0])
        assert reused > 20 and computed < 20, status


def counting(binary):
    """A program in the middle of the first of two replies."""
    c = Confab(binary, env=script("one two three " * 60, "The second reply.",
                                  chunk=0, rate=60))
    c.ready()
    c.say("Count.")
    c.wait("replying")
    return c


@scripted
def typing_goes_on_while_the_reply_comes_and_is_queued(binary):
    with counting(binary) as c:
        c.say("What is the capital of Italy?")
        c.wait("queued: What is the capital of Italy?")
        c.wait("The second reply.")
        c.gone("queued:")
        c.ready()


@scripted
def what_waits_is_sent_when_another_deed_ends_the_reply(binary):
    with counting(binary) as c:
        c.say("And then?")
        c.wait("queued: And then?")
        c.say("/system Be brief.")
        c.wait("The second reply.")
        c.gone("queued:")
        c.ready()


@test
def what_is_typed_while_the_model_loads_is_sent_afterwards(binary):
    with Confab(binary) as c:
        c.say("What is the capital of France?")
        c.wait("Paris")


# A thousand tokens a second are over before anybody stops them.
SLOW = {"CONFAB_KERNELS": "scalar"}


@test
def escape_stops_the_reply_and_continue_goes_on(binary):
    with Confab(binary, env=SLOW) as c:
        c.ready()
        c.say("Tell me a long story about a dog.")
        c.wait("replying")
        c.wait("dog named")
        c.keys("Esc")
        c.wait("stopped; /continue goes on")
        before = [r for r in c.rows() if r.startswith("   ")][1][:20]
        c.say("/continue")
        c.ready()
        c.gone("stopped")
        assert before in c.text()


@test
def control_c_stops_the_reply_too(binary):
    with Confab(binary, env=SLOW) as c:
        c.ready()
        c.say("Tell me a long story about a dog.")
        c.wait("dog named")
        c.keys("Ctrl-C")
        c.wait("stopped; /continue goes on")


@test
def a_stopped_and_continued_reply_is_the_one_never_stopped(binary):
    question = "Tell me a story about a dog."
    with Confab(binary, env=SLOW) as c:
        c.ready()
        c.ask(question)
        whole = c.rows()[1:20]
    with Confab(binary, env=SLOW) as c:
        c.ready()
        c.say(question)
        c.wait("dog named")
        c.keys("Esc")
        c.wait("stopped")
        c.say("/continue")
        c.gone("stopped")
        c.ready()
        assert c.rows()[1:20] == whole, c.text()


@test
def the_model_can_be_kept_short(binary):
    with Confab(binary, "--max-tokens", "5") as c:
        c.ready()
        c.ask("Tell me a story about a dog.")
        c.wait("cut at the limit of tokens; /continue goes on")


@test
def a_model_that_cannot_be_loaded_ends_with_status_3(binary):
    with Confab(binary, "-m", "/nonexistent/model") as c:
        assert c.wait_exit() == 3
        assert b"/nonexistent/model" in c.raw


@test
def the_system_prompt_is_shown_and_changed(binary):
    with Confab(binary, "-s", "You are a pirate.") as c:
        c.ready()
        c.wait("You are a pirate.")
        assert c.row(1) == " System"
        c.ask("Hello!")
        c.say("/system You are a poet.")
        c.wait("You are a poet.")
        c.gone("pirate")
        # The conversation goes on below it.
        assert c.find("Hello!")


@test
def a_full_context_asks_before_it_sends(binary):
    with Confab(binary, "-c", "256") as c:
        c.ready()
        c.ask("Tell me a story about a dog.")
        c.ask("Tell me a story about a cat.")
        c.say("Tell me a story about a bird.")
        c.wait("the context holds 256")
        c.wait("leave out the oldest")
        assert " 2  a context of " in c.text()
        c.keys("Esc")
        c.gone("the context holds")
        assert "about a dog" in c.row(0)  # the title is the first one's
        # The message is back in the line.
        assert "Tell me a story about a bird." in c.row(22)
        c.keys("Enter")
        c.wait("the context holds 256")
        c.keys("1")
        c.wait("replying")
        c.ready()
        c.keys("PgUp")
        c.wait("the model no longer sees what is above")


@test
def what_is_typed_does_not_answer_for_a_full_context(binary):
    with full(binary) as c:
        c.say("Tell me a story about a bird.")
        c.wait("the context holds 256")
        c.keys("I have 1 dog and 2 cats")
        c.wait(" > I have 1 dog and 2 cats")
        c.keys("Enter")
        c.wait("queued: I have 1 dog")
        c.keys("and a draft", "Esc")
        c.gone("the context holds")
        # All that was not sent is back in the line, in its order.
        c.wait(" > Tell me a story about a bird.")
        rows = [row.strip() for row in c.rows()[-4:-1]]
        assert rows == ["> Tell me a story about a bird.",
                        "I have 1 dog and 2 cats", "and a draft"], c.text()


@test
def a_message_that_was_never_sent_leaves_no_conversation(binary):
    with Confab(binary, "-c", "256", save=True) as c:
        c.ready()
        c.say("too long " * 200)
        c.wait("the context holds 256")
        c.keys("Esc")
        c.gone("the context holds")
        c.keys("Ctrl-U", "F3")
        c.wait("Conversations 0/0")
        c.keys("Esc")
        c.ask("What is the capital of France?")
        c.keys("F3")
        c.wait("▸What is the capital of Fran")


@test
def that_nothing_is_saved_is_told_in_any_width(binary):
    nowhere = {"XDG_DATA_HOME": "/dev/null/" + 60 * "x"}
    with Confab(binary, save=True, env=nowhere) as c:
        c.ready()
        c.ask("What is the capital of France?")
        for cols in 120, 80, 40:
            c.resize(24, cols)
            c.settle()
            line = c.status_line()
            assert line.startswith(" ready · not saved: /"), line
            assert len(line) < cols + 1, line
            assert cols < 80 or "ctx 25/4,096" in line, line


@test
def a_library_that_is_removed_meanwhile_is_made_anew(binary):
    with Confab(binary, save=True) as c:
        c.ready()
        c.ask("What is the capital of France?")
        shutil.rmtree(c.home + "/data")
        c.ask("And of Spain?")
        assert "not saved" not in c.status_line(), c.status_line()
        c.say("/quit")
        assert c.wait_exit() == 0
        with Confab(binary, "-r", home=c.home, save=True) as again:
            again.wait("capital of France?")
            again.wait("And of Spain?")


@scripted
def a_library_that_cannot_be_made_anew_is_still_read(binary):
    env = script("one", "two", "three")
    with Confab(binary, save=True, env=env) as c:
        c.ready()
        c.ask("the first question")
        c.say("/new")
        c.wait("a new conversation")
        c.ask("the second one")
        shutil.rmtree(c.home + "/data")
        open(c.home + "/data", "w").close()
        c.ask("the third")
        c.wait("not saved")
        c.keys("F3")
        c.wait("the first question")
        c.keys("Esc")
        c.gone("Conversations")
        c.say("/delete")
        c.wait(re.compile("locks/.*: Not a directory"))
        os.remove(c.home + "/data")
        c.ask("another", "three")
        c.gone("not saved")


@test
def what_a_prompt_cost_is_told_of_the_reply_it_was_for(binary):
    with Confab(binary) as c:
        c.ready()
        c.ask("What is the capital of France?")
        assert "computed" in c.status_line(), c.status_line()
        c.say("/new")
        c.wait(lambda: "computed" not in c.status_line(), "no prompt")
        assert "tok/s" not in c.status_line(), c.status_line()


@test
def a_full_context_can_be_enlarged(binary):
    with Confab(binary, "-c", "256") as c:
        c.ready()
        c.ask("Tell me a story about a dog.")
        c.ask("Tell me a story about a cat.")
        c.say("What is the capital of France?")
        c.wait("the context holds 256")
        c.keys("2")
        c.wait("Paris")
        c.ready()
        assert "/512 " in c.status_line(), c.status_line()


def full(binary, *more):
    """The third message does not fit into the context."""
    c = Confab(binary, "-c", "256", *more)
    c.ready()
    c.ask("Tell me a story about a dog.")
    c.ask("Tell me a story about a cat.")
    return c


def resumed_in_less(binary):
    """What fitted once does not fit any more."""
    with Confab(binary, save=True) as c:
        c.ready()
        c.ask("Tell me a story about a dog.")
        c.ask("Tell me a story about a cat.")
        c.keys("Ctrl-D")
        c.wait_exit()
    c = Confab(binary, "-r", "-c", "200", save=True, home=c.home)
    c.ready()
    return c


@test
def a_retry_that_does_not_fit_takes_nothing_away(binary):
    with resumed_in_less(binary) as c:
        before = c.rows()[1:21]
        c.keys("F5")
        c.wait("the context holds 200")
        c.wait(" Esc  leave it as it is")
        c.keys("Esc")
        c.gone("the context holds")
        assert c.rows()[1:21] == before, c.text()
        assert c.row(22) == " >"


@test
def a_retry_without_the_oldest_turns_is_a_sibling(binary):
    with resumed_in_less(binary) as c:
        c.keys("Tab", "F5")
        c.wait("the context holds 200")
        c.keys("1")   # with the focus in the transcript, too
        c.wait(" confab-20m  2/2")
        c.ready()
        c.wait("the model no longer sees what is above")


@test
def a_cut_reply_goes_on_without_the_oldest_turns(binary):
    with Confab(binary, "-c", "256", "--max-tokens", "100") as c:
        c.ready()
        c.ask("Tell me a story about a dog.")
        c.ask("Tell me a story about a cat.")
        c.wait("cut at the limit of tokens")
        c.say("/continue")
        c.wait("the context holds 256")
        c.keys("1")
        c.wait("happy inside")
        c.ready()
        # The reply before it stays as it is.
        assert c.text().count("cut at the limit of tokens") == 1, c.text()


@test
def words_filter_the_list_while_a_full_context_waits(binary):
    with Confab(binary, "-c", "256", save=True) as c:
        c.ready()
        c.ask("Tell me a story about a dog.")
        c.ask("Tell me a story about a cat.")
        c.say("Tell me a story about a bird.")
        c.wait("the context holds 256")
        c.keys("F3")
        c.wait("Conversations 1/1")
        c.keys("1 bird")
        c.wait(" words: 1 bird")
        c.keys("Esc")
        c.wait("the context holds 256")


@test
def settings_stay_when_the_context_grows(binary):
    with full(binary) as c:
        c.say("/set temp 0.25")
        c.wait("temperature = 0.25")
        c.say("What is the capital of France?")
        c.wait("the context holds 256")
        c.keys("2")
        c.wait("/512 ")
        c.ready()
        c.say("/set temp")
        c.wait("temperature = 0.25")


@test
def a_model_that_cannot_be_loaded_leaves_the_one_there_is(binary):
    with Confab(binary) as c:
        c.ready()
        c.say("/model /dev/null")
        c.wait("it stays confab-20m")
        c.ready()
        c.ask("What is the capital of France?", "Paris")


@test
def settings_are_what_the_table_allows(binary):
    with Confab(binary, rows=40, cols=100) as c:
        c.ready()
        for line, answer in (("/set notify loud", "notify: "),
                             ("/set heat red", "heat: "),
                             ("/set mouse maybe", "mouse: "),
                             ("/set theme pink", "theme: "),
                             ("/set top_p 2", "top_p: "),
                             ("/set threads 2", "counts when confab starts"),
                             ("/set temperture 2", "did you mean temperature"),
                             ("/set notify bell", "notify = bell"),
                             ("/set times on", "times = on"),
                             ("/set top_k", "top_k = "),
                             ("/heat red", "/heat off, probability")):
            c.say(line)
            c.wait(answer)
        c.say("/set")
        c.wait("Settings: /set KEY VALUE")
        for line in ("notify = bell", "times = on", "heat = off",
                     "temperature = 0 ", "inspector = off"):
            assert line in c.text(), line


@test
def settings_and_their_values_complete(binary):
    with Confab(binary) as c:
        c.ready()
        c.keys("/set no", "Tab")
        c.wait(" > /set notify")
        c.keys("o", "Tab")
        c.wait("osc9")
        c.keys("s", "Tab")
        c.wait(" > /set notify osc9")
        c.keys("Ctrl-U", "/heat e", "Tab")
        c.wait(" > /heat entropy")
