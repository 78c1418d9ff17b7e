"""Plain lines: TERM=dumb, and pipes."""
import os
import re
import signal
import subprocess

from harness import Confab, script, scripted, temporary_folder, test


def piped(binary, text, **more):
    home = temporary_folder("confab-lines-")
    env = {"HOME": home, "TERM": "xterm", "LANG": "C.UTF-8",
           "PATH": os.environ["PATH"]}
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS",
                 "LSAN_OPTIONS"):
        if name in os.environ:
            env[name] = os.environ[name]
    env.update(more.pop("env", {}))
    return subprocess.run([binary, "--temp", "0", "--seed", "1", "--no-save"] +
                          more.pop("options", []),
                          input=text.encode(), env=env, capture_output=True,
                          timeout=60, **more)


@test
def a_pipe_gets_replies_line_by_line(binary):
    result = piped(binary, "What is the capital of France?\n"
                           "What is the capital of Italy?")
    assert result.returncode == 0, result.stderr
    lines = result.stdout.decode().splitlines()
    assert len(lines) == 2 and "Paris" in lines[0] and "Rome" in lines[1]


@scripted
def commands_work_in_line_mode(binary):
    result = piped(binary, "one\n/retry\n/nonsense\n/set top_k 3\n/heat\n"
                           "//slash\n/help\n/quit\nnever\n",
                   env=script("first", "second", "third"))
    text = result.stdout.decode()
    assert text.startswith("first\nsecond\n"), text
    assert "* /nonsense is no command" in text
    assert "* top_k = 3" in text
    assert "* /heat needs the full screen" in text
    assert "third" in text and "/retry" in text and "never" not in text


@scripted
def a_backslash_continues_the_line(binary):
    result = piped(binary, "one\\\ntwo\n", env=script("ok"))
    assert result.stdout == b"ok\n", result.stdout


@scripted
def a_dumb_terminal_gets_no_control_sequences(binary):
    reply = "a \033[31m \u202e b\n\nfin"
    with Confab(binary, term="dumb", env=script(reply, chunk=1)) as c:
        c.wait(lambda: c.raw.endswith(b"> "), "the prompt")
        c.send("hello\r")
        c.wait("fin")
        c.wait(lambda: c.raw.count(b"> ") >= 2, "the next prompt")
        assert b"\033" not in c.raw
        assert "␛[31m <U+202E>" in c.text()
        c.send("\004")
        assert c.wait_exit() == 0


@scripted
def control_c_stops_a_reply_and_then_leaves(binary):
    with Confab(binary, term="dumb",
                env=script("word " * 3000, chunk=5, rate=100)) as c:
        c.wait(lambda: c.raw.endswith(b"> "), "the prompt")
        c.send("go\r")
        c.wait("word word")
        c.send("\003")
        c.wait("* stopped; /continue goes on")
        c.wait(lambda: c.raw.rstrip(b" ").endswith(b">"), "the prompt")
        c.send("\003")
        assert c.wait_exit() == -signal.SIGINT


@scripted
def an_edit_takes_the_next_line(binary):
    result = piped(binary, "one\n/edit\ntwo\n", env=script("first", "second"))
    text = result.stdout.decode()
    assert "* the next line takes the place of this:\none\n" in text
    assert text.endswith("second\n")


@scripted
def the_help_of_line_mode_names_what_it_can_do(binary):
    result = piped(binary, "/help\n", env=script("x"))
    text = result.stdout.decode()
    for word in ("/undelete", "/branches [N]", "backslash"):
        assert word in text, text
    for word in ("F3", "Esc", "/heat", "/inspector", "token-left"):
        assert word not in text, (word, text)


@scripted
def notices_of_line_mode_are_true(binary):
    result = piped(binary, "/delete\n/save\n/rename\nhello\n/delete\n"
                           "/delete branch\n/set mouse on\n/undelete\n"
                           "/open\n/\n/system none\n/system Be brief.\n"
                           "/system none\n", env=script("x"))
    assert result.stdout.decode().splitlines() == [
        "* there is nothing to delete",
        "* conversations are not saved (--no-save)",
        "* title: none yet",
        "x",
        "* the conversation is gone: it was not saved",
        "* there is no message of yours to delete",
        "* mouse needs the full screen",
        "* nothing was deleted",
        "* /open needs an id or a title; /list shows them",
        "* /help lists the commands; // sends a slash",
        "* there is no system prompt",
        "* the system prompt is changed",
        "* the system prompt is removed",
    ], result.stdout


@test
def a_full_context_asks_in_a_pipe_too(binary):
    result = piped(binary, "Tell me a story about a dog.\n"
                           "Tell me a story about a cat.\n"
                           "What is the capital of France?\n1\n"
                           "Tell me a story about a cow.\n"
                           "What is the capital of Italy?\nno\n",
                   options=["-c", "256"])
    text = result.stdout.decode()
    question, answer = text.split("  anything else: do not send\n", 1)
    assert "* the conversation needs " in question, text
    assert re.search("  1  leave out the oldest [12] turns? ", question), text
    assert re.search(r"  2  a context of 512 tokens \([\d.]+ MiB", question)
    assert "Paris" in answer.split("\n")[0], text
    assert text.endswith("* not sent\n"), text
