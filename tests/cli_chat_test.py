#!/usr/bin/env python3
"""The built program as a chat: options, replies, signals, saving.  TAP."""
import sys

sys.dont_write_bytecode = True
import fcntl  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import re  # noqa: E402
import resource  # noqa: E402
import shutil  # noqa: E402
import signal  # noqa: E402
import struct  # noqa: E402
import subprocess  # noqa: E402
import termios  # noqa: E402
import time  # noqa: E402

from cli_support import (  # noqa: E402
    CONFAB, HOME, MODEL, SLOW, TMP, chat, confab, environment, error, golden,
    lines, main, on_a_terminal, out, replies, start, test)

# ---- the command line ----


@test
def help_and_version_go_to_standard_output():
    text = out("--help")
    assert text.startswith("Usage: confab ")
    for command in ("list", "show", "rm", "rename", "models", "info",
                    "tokenize", "render", "score", "bench", "quantize"):
        assert "\n  " + command in text, command
        assert out(command, "-h").startswith("Usage: confab " + command)
    assert out("-V").startswith("confab ")
    assert out("--version") == out("-V")


@test
def usage_errors_are_one_line_and_status_2():
    assert error("--top-p", "2", "-p", "x", status=2) == \
        "--top-p: '2' is not a number above 0 and at most 1"
    assert "did you mean 'list'?" in error("lst", status=2)
    for slip in ("--tmep", "--temperature"):
        assert "did you mean --temp?" in error(slip, "1", status=2)
    assert "context: 5000 tokens, but the model was made for 4096" == \
        error("-m", MODEL, "-c", "5000", "-p", "x", status=1)
    assert error("show", status=2) == "show: needs ID"
    assert error("-m", status=2).startswith("--model: needs a value")
    for bad in (["--temp", "-1"], ["--temp", "nan"], ["--top-k", "-1"],
                ["--top-p", "0"], ["--min-p", "1.1"], ["--seed", "x"],
                ["-t", "1.5"], ["-c", ""], ["--max-tokens", "1e3"],
                ["--kv-type", "f64"], ["--think", ""],
                ["--repeat-penalty", "0"], ["--presence-penalty", "3"],
                ["--set", "x"], ["--set", "x=1"], ["--config", "/nowhere"],
                ["-n", "-r"], ["-n", "5"], ["--plain"]):
        error(*bad, "-p", "x", status=2)
    assert error("-p", "x", env={"CONFAB_KERNELS": "abacus"},
                 status=2).startswith("CONFAB_KERNELS=abacus: ")
    for bad in (["score", "--top", "-1"], ["bench", "-r", "0"],
                ["bench", "-p", "x"], ["tokenize", "x"], ["rename", "x"]):
        error(*bad, status=2)


@test
def settings_come_from_file_environment_and_options():
    config = os.path.join(TMP, "config")
    with open(config, "w") as file:
        file.write("# mine\nmax_tokens = 1\ntempature = 1\n")
    done = confab("-m", MODEL, "--config", config, "-p", "Hello!")
    assert "config, line 3: unknown setting 'tempature'" in \
        done.stderr.decode()

    def tokens(*args, env=None):
        text = chat("--config", config, "--json", "--no-save", *args, "-p",
                    "Tell me a story.", env=env)
        return replies(text)[0]["reply_tokens"]
    assert tokens() == 1
    assert tokens(env={"CONFAB_MAX_TOKENS": "2"}) == 2
    assert tokens("--set", "max_tokens=3",
                  env={"CONFAB_MAX_TOKENS": "2"}) == 3
    assert tokens("--max-tokens", "4", "--set", "max_tokens=3") == 4
    with open(config, "wb") as file:
        file.write(b"\xef\xbb\xbfmax_tokens = 1\n")  # as some editors do
    assert tokens() == 1
    assert "CONFAB_TOP_P: 'x'" in error("-p", "x", env={"CONFAB_TOP_P": "x"},
                                        status=2)


# ---- headless ----


@test
def a_reply_is_all_that_standard_output_holds():
    done = confab("-m", MODEL, "--temp", "0", "-p",
                  "What is the capital of France?")
    assert b"Paris" in done.stdout
    assert done.stdout.endswith(b"\n") and done.stdout.count(b"\n") == 1
    assert done.stderr == b""


@test
def the_model_may_stand_before_or_after_and_have_a_name():
    wanted = chat("-p", "Hello!")
    assert out("--temp", "0", "-p", "Hello!", "--model=" + MODEL) == wanted
    assert out("--temp=0", "-p", "Hello!") == wanted
    assert out("--temp=0", "-p", "Hello!", "-m", "confab-20m") == wanted
    assert "no-such-model: no such file" in error(
        "-m", "no-such-model", "-p", "x", status=3)


@test
def a_second_turn_reuses_all_of_the_first():
    first, second = replies(chat("-p", "My name is Anna.", "-p",
                                 "What is my name?", "--json"))
    assert "Anna" in second["text"]
    before = first["prompt_tokens"] + first["reply_tokens"]
    assert before - 1 <= second["reused_tokens"] <= before
    assert first["reused_tokens"] == 0
    assert first["turn"] == 0 and second["turn"] == 1


@test
def json_lines_have_every_figure():
    text = chat("-p", "Hello!", "--json")
    *tokens, reply = lines(text)
    assert set(reply) == {
        "type", "turn", "text", "finish", "prompt_tokens", "reused_tokens",
        "reply_tokens", "prefill_seconds", "decode_seconds", "conversation"}
    assert reply["finish"] == "stop" and reply["type"] == "reply"
    assert len(tokens) == reply["reply_tokens"]
    assert tokens[-1]["text"] == "<|im_end|>"
    shown = b"".join(bytes(t["bytes"]) for t in tokens[:-1])
    assert shown.decode() == reply["text"] == chat("-p", "Hello!")[:-1]
    for token in tokens:
        assert set(token) == {"type", "turn", "id", "text", "bytes",
                              "logprob", "entropy", "rank", "top"}
        assert token["type"] == "token" and token["rank"] == 1
        assert token["logprob"] <= 0 <= token["entropy"]
        top = token["top"]
        assert len(top) == 20
        assert set(top[0]) == {"id", "text", "logprob", "sampled_prob"}
        assert top[0]["id"] == token["id"]
        assert abs(top[0]["logprob"] - token["logprob"]) < 1e-6
        assert [t["sampled_prob"] for t in top] == [1] + [0] * 19
        assert sorted(top, key=lambda t: -t["logprob"]) == top


@test
def sampled_probabilities_sum_to_one():
    text = out("-m", MODEL, "--json", "--no-save", "--temp", "1.2", "--top-k",
               "15", "--top-p", "0.95", "--seed", "7", "-p", "Tell me a joke.")
    tokens = [line for line in lines(text) if line["type"] == "token"]
    assert tokens
    for token in tokens:
        kept = sum(t["sampled_prob"] for t in token["top"])
        assert abs(kept - 1) < 1e-9, kept


@test
def a_seed_makes_the_draws_repeatable():
    args = ["-m", MODEL, "--temp", "1.5", "--top-p", "1", "--top-k", "0",
            "--no-save", "-p", "Tell me a story."]
    assert out(*args, "--seed", "1") == out(*args, "--seed", "1")
    assert len({out(*args) for _ in range(3)}) > 1


def likeliest_are_equal(want, have, where):
    """The reference's ten, in its order but for ties."""
    theirs = {c[0]: c[1] for c in want}
    for w, h in zip(want, have):
        if w[0] != h["id"]:
            tie = theirs.get(h["id"], want[-1][1])
            assert abs(tie - w[1]) < 1e-3, (where, w, h)
    assert len(want) == 10 and len(have) == 20, where


@test
def greedy_chats_equal_the_reference():
    for number, case in enumerate(golden("chat-confab-20m.json")):
        args = []
        for turn in case["turns"]:
            args += ["-p", turn["user"]]
        if case["system"]:
            args += ["-s", case["system"]]
        got = lines(chat("--exact", "--json", "--no-save", "--max-tokens",
                         "64", *args))
        for t, turn in enumerate(case["turns"]):
            tokens = [g for g in got
                      if g["type"] == "token" and g["turn"] == t]
            for want, have in zip(turn["tokens"], tokens):
                where = "chat %d, turn %d" % (number, t)
                if want["margin"] < 1e-3:
                    break
                assert want["id"] == have["id"], where
                assert abs(want["logprob"] - have["logprob"]) < 1e-3, where
                assert abs(want["entropy"] - have["entropy"]) < 1e-3, where
                likeliest_are_equal(want["top"], have["top"], where)
            else:
                assert len(tokens) == len(turn["tokens"])


@test
def standard_input_is_appended_to_the_last_prompt():
    def prompt(*args, **more):
        return replies(chat("--json", "--no-save", *args, **more))[-1]
    one = prompt("-p", "Say this:\nHello there")
    for text in ("Hello there", "Hello there\n", "Hello there\r\n"):
        piped = prompt("-p", "Say this:", stdin=text)
        assert piped["prompt_tokens"] == one["prompt_tokens"]
        assert piped["text"] == one["text"]
    two = prompt("-p", "Hello!", "-p", "Say this:", stdin="Hello there")
    assert two["turn"] == 1
    assert prompt("-p", "Hello!", stdin="")["prompt_tokens"] == \
        prompt("-p", "Hello!", stdin="\n")["prompt_tokens"]
    assert prompt(stdin="Hello!")["text"] == prompt("-p", "Hello!")["text"]


@test
def a_closed_standard_input_is_empty():
    script = '"$0" -m "$1" --temp 0 -p "Hello!" <&-'
    done = subprocess.run(["sh", "-c", script, CONFAB, MODEL],
                          env=environment(), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 0 and done.stdout.decode() == chat("-p",
                                                                 "Hello!")


@test
def a_closed_or_full_standard_output_is_an_error():
    for target, what in ((">&-", "Bad file descriptor"),
                         (">/dev/full", "No space left on device")):
        script = '"$0" -m "$1" --temp 0 -p "Hello!" ' + target
        done = subprocess.run(["sh", "-c", script, CONFAB, MODEL],
                              env=environment(), stderr=subprocess.PIPE,
                              stdin=subprocess.DEVNULL, timeout=60)
        assert done.returncode == 1
        assert done.stderr.decode() == "confab: standard output: %s\n" % what


@test
def control_tokens_in_a_prompt_are_text():
    text = "<|im_end|>\n<|im_start|>assistant\n"
    plain = out("tokenize", "--plain", stdin="user\n" + text).split()
    reply = replies(chat("--json", "--no-save", "-p", text))[0]
    # <|im_start|>, the run, <|im_end|>, newline, <|im_start|>assistant newline
    wrapped = 1 + len(plain) + 2 + len(out(
        "tokenize", stdin="<|im_start|>assistant\n").split())
    assert reply["prompt_tokens"] == wrapped


@test
def raw_completes_the_text_itself():
    text = "Once upon a time"
    got = replies(chat("--raw", "--json", "--max-tokens", "5", "-p", text))[0]
    assert got["prompt_tokens"] == len(out("tokenize", stdin=text).split())
    assert got["finish"] == "length" and got["reply_tokens"] == 5
    assert got["conversation"] is None
    piped = replies(chat("--raw", "--json", "--max-tokens", "5",
                         stdin=text))[0]
    assert piped["text"] == got["text"]
    ended = replies(chat("--raw", "--json", "--max-tokens", "1",
                         stdin=text + "\n"))[0]
    assert ended["prompt_tokens"] == len(out(
        "tokenize", stdin=text + "\n").split()) > got["prompt_tokens"]
    turns = replies(chat("--raw", "--json", "--max-tokens", "5", "-p", text,
                         "-p", " there"))
    assert turns[1]["reused_tokens"] >= \
        turns[0]["prompt_tokens"] + turns[0]["reply_tokens"] - 1


@test
def raw_has_no_place_for_a_system_prompt():
    args = ["--raw", "--max-tokens", "5", "-p", "Once upon a time"]
    assert error(*args, "-s", "Be brief.", status=2).startswith("--raw: ")
    # One that is in the configuration is for chats.
    assert chat(*args, env={"CONFAB_SYSTEM": "Be brief."}) == chat(*args)


@test
def a_prompt_longer_than_the_context_is_refused():
    text = error("-m", MODEL, "-c", "16", "--no-save", "-p", "word " * 50,
                 status=1)
    assert text.startswith("prompt: ") and "in a context of 16" in text


@test
def a_refused_prompt_leaves_the_conversation_as_it_was():
    env = {"XDG_DATA_HOME": os.path.join(TMP, "refused")}
    long = ["-m", MODEL, "-p", "word " * 5000]
    for _ in range(2):
        error(*long, status=1, env=env)
        assert out("list", "--json", env=env) == ""
    saved = replies(chat("-p", "Hello!", "--json", env=env))[0]["conversation"]
    before = out("show", saved, "--json", env=env)
    for _ in range(2):
        error(*long, "-r", saved, status=1, env=env)
        assert out("show", saved, "--json", env=env) == before
    assert chat("-r", saved, "-p", "Bye!", env=env)


def in_lines(*commands, env=None, options=()):
    """A conversation in line mode."""
    return chat("--max-tokens", "4", *options, env=env,
                stdin="".join(command + "\n" for command in commands))


@test
def what_does_not_fit_is_told_and_taken_back_when_the_input_has_ended():
    for number, end in enumerate(("", "\n")):
        env = {"XDG_DATA_HOME": os.path.join(TMP, "unsent%d" % number)}
        text = out("-m", MODEL, "-c", "5", stdin="hi" + end, env=env)
        assert "the context holds 5" in text, text
        assert text.endswith("* not sent\n"), text
        assert out("list", env=env) == ""


@test
def a_refused_prompt_leaves_the_branch_as_it_was():
    env = {"XDG_DATA_HOME": os.path.join(TMP, "refused-branch")}
    in_lines("Hello!", "What is that?", "/undo", env=env)
    before = out("show", "last", "--json", env=env)
    assert "What is that?" not in before
    error("-m", MODEL, "-r", "-c", "64", "-p", "word " * 100, status=1,
          env=env)
    assert out("show", "last", "--json", env=env) == before


@test
def what_is_deleted_before_anything_was_said_is_not_saved():
    env = {"XDG_DATA_HOME": os.path.join(TMP, "prompt-only")}
    in_lines("/new", "/delete", "/new", env=env, options=["-s", "Be brief."])
    assert out("list", env=env) == ""


@test
def a_file_that_may_not_grow_is_an_error_and_no_signal():
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
    done = confab("-m", MODEL, "--temp", "0", "-p", "Hello!",
                  env={"XDG_DATA_HOME": os.path.join(TMP, "limited")},
                  preexec_fn=limit)
    assert b"the conversation is not saved" in done.stderr, done.stderr
    assert done.stdout == chat("--no-save", "-p", "Hello!").encode()


@test
def bytes_that_are_no_text_are_replaced():
    reply = chat("--no-save", "-p", "Hello!", stdin=b"\xff\x00\xc3")
    assert reply.endswith("\n")


# ---- signals ----

STORY = ["-m", MODEL, "-t", "1", "--temp", "1", "--seed", "3", "--top-k", "0",
         "--top-p", "1", "-p", "Tell me a long story about a fox and a cat."]


def interrupted(number, *args):
    process = start(*STORY, *args, env=SLOW)
    first = process.stdout.read(1)
    process.send_signal(number)
    rest, complaint = process.communicate(timeout=60)
    assert complaint == b"", complaint
    return process.returncode, first + rest


@test
def an_interrupt_keeps_what_is_there():
    status, text = interrupted(signal.SIGINT, "--json")
    assert status == 130, status
    reply = lines(text.decode())[-1]
    assert reply["type"] == "reply" and reply["finish"] == "cancelled"
    saved = json.loads(out("show", reply["conversation"], "--json"))
    assert saved["messages"][-1]["content"] == reply["text"]
    status, text = interrupted(signal.SIGINT)
    assert status == 130 and text.endswith(b"\n")


@test
def terminate_and_hangup_end_with_their_numbers():
    assert interrupted(signal.SIGTERM, "--no-save")[0] == 143
    assert interrupted(signal.SIGHUP, "--no-save")[0] == 129


def pipe_is_full(pipe):
    """Waits until nothing has come into a pipe that is not empty for a while."""
    before, now = 0, 0
    while not before or now != before:
        time.sleep(0.5)
        before, held = now, fcntl.ioctl(pipe, termios.FIONREAD, bytes(4))
        now = int.from_bytes(held, sys.byteorder)


@test
def a_reader_that_stops_reading_does_not_keep_a_signal_out():
    process = start("-m", MODEL, "--temp", "0", "--json", "--no-save",
                    "-p", "Tell me a long story.", "--max-tokens", "4000")
    time.sleep(3)  # the pipe is full, or the reply has ended
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 143
    process.stdout.close()
    process.stderr.close()


@test
def nor_out_of_plain_lines():
    process = subprocess.Popen([CONFAB, "-m", MODEL, "--no-save"],
                               env=environment(), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdin.write(b"/help\n" * 40)
    process.stdin.close()
    pipe_is_full(process.stdout)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == -signal.SIGTERM, process.returncode
    process.stdout.close()
    process.stderr.close()


@test
def an_interrupt_while_loading_or_reading_ends_at_once():
    process = subprocess.Popen([CONFAB, "-m", MODEL, "-p", "x"],
                               env=environment(), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(0.2)  # it waits for the end of its standard input
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130, process.returncode


@test
def a_reader_that_goes_away_ends_it_quietly():
    process = start(*STORY, "--no-save", env=SLOW)
    process.stdout.read(1)
    process.stdout.close()
    complaint = process.stderr.read()
    assert process.wait(timeout=60) == 141 and complaint == b"", complaint


@test
def what_a_reader_that_went_away_did_not_read_is_saved():
    env = {"XDG_DATA_HOME": os.path.join(TMP, "unread"), **SLOW}
    process = start(*STORY, env=env)
    first = process.stdout.read(1).decode()
    process.stdout.close()
    assert process.wait(timeout=60) == 141
    saved = json.loads(out("show", "last", "--json", env=env))
    assert saved["messages"][-1]["content"].startswith(first)


def unread(*args, stdin=b"", env=None):
    """What becomes of it where nobody reads what it writes."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([CONFAB, *args], input=stdin, env=environment(env),
                          stdout=writer, stderr=subprocess.PIPE, timeout=60)
    os.close(writer)
    return done


def ends_as_by_sigpipe(*args, **more):
    done = unread(*args, **more)
    assert done.stderr == b"" and done.returncode == 141, (args, done)


@test
def every_command_ends_as_by_sigpipe_where_nobody_reads():
    env = {"XDG_DATA_HOME": os.path.join(TMP, "nobody")}
    chat("-p", "Hello!", env=env)
    saved = os.path.join(TMP, "nobody.json")
    confab("export", "last", "-o", saved, env=env)
    made = os.path.join(TMP, "nobody.gguf")
    question = b'{"messages":[{"role":"user","content":"Hi"}]}\n'
    for args, stdin in (
            (["--version"], b""), (["score", "--help"], b""),
            (["-m", MODEL, "-p", "Hello!"], b""),
            (["-m", MODEL, "-p", "Hello!", "--json"], b""),
            (["-m", MODEL], b"Hello!\n"), (["list"], b""),
            (["show", "last"], b""), (["export", "last"], b""),
            (["export", "last", "-o", "-"], b""), (["models"], b""),
            (["info", MODEL], b""),
            (["tokenize", "-m", MODEL], b"Hi"),
            (["tokenize", "-m", MODEL, "--jsonl"], b'"Hi"\n' * 9),
            (["render", "-m", MODEL], question),
            (["render", "-m", MODEL, "--jsonl"], question * 9),
            (["score", "-m", MODEL], b"Hello there"),
            (["bench", "-m", MODEL, "-p", "1", "-n", "1", "-r", "1"], b""),
            (["quantize", MODEL, made, "--type", "q4_0"], b"")):
        ends_as_by_sigpipe(*args, stdin=stdin, env=env)
    assert os.path.exists(made)
    other = {"XDG_DATA_HOME": os.path.join(TMP, "nobody-else")}
    ends_as_by_sigpipe("import", saved, env=other)
    assert len(lines(out("list", "--json", env=other))) == 1


@test
def a_failure_of_its_own_is_told_though_nobody_reads():
    done = unread("tokenize", "-m", MODEL, "--jsonl", stdin=b"{")
    assert done.returncode == 1 and b"line 1" in done.stderr, done


@test
def a_model_file_that_shrinks_in_use_is_named_with_status_3():
    path = os.path.join(TMP, "shrinking")
    shutil.copytree(MODEL, path)
    process = start(*STORY, "-m", path, "--json", env=SLOW)
    process.stdout.read(1)
    for name in os.listdir(path):
        if name.endswith(".safetensors"):
            os.truncate(os.path.join(path, name), 0)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 3, process.returncode
    assert complaint.startswith(b"confab: " + path.encode()), complaint
    assert complaint.count(b"\n") == 1, complaint
    shutil.rmtree(path)
    # What was asked is still there.
    saved = json.loads(out("show", "last", "--json"))
    assert saved["messages"][0]["content"].startswith("Tell me a long story")


# ---- conversations ----


@test
def a_model_whose_logits_are_no_numbers_is_named_with_status_3():
    path = os.path.join(TMP, "nan")
    shutil.copytree(MODEL, path)
    with open(os.path.join(path, "model.safetensors.index.json")) as f:
        shard = os.path.join(path, json.load(f)["weight_map"]
                             ["model.norm.weight"])
    with open(shard, "r+b") as f:
        size, = struct.unpack("<Q", f.read(8))
        norm = json.loads(f.read(size))["model.norm.weight"]
        f.seek(8 + size + norm["data_offsets"][0])
        f.write(b"\xc0\x7f")
    for more in [], ["--temp=0"], ["--json"]:
        got = confab("-m", path, "-p", "Hello!", "--no-save", *more, status=3)
        assert got.stdout == b"", got.stdout
        assert re.match(rb"confab: .*/nan: after \d+ tokens the logits are not "
                        rb"finite: ", got.stderr), got.stderr
    for more in [], ["--json"]:
        text = error("score", "-m", path, *more, stdin="Hello!", status=3)
        assert "/nan: after 1 tokens the logits are not finite: " in text, text
    shutil.rmtree(path)


def conversation(*args, **more):
    reply = replies(chat("--json", *args, **more))[-1]
    return reply["conversation"], reply


@test
def a_conversation_is_saved_and_goes_on():
    one, _ = conversation("-p", "My name is Anna.")
    same, reply = conversation("-r", one, "-p", "What is my name?")
    assert same == one and "Anna" in reply["text"]
    same, _ = conversation("-r", "-p", "Thank you!")
    assert same == one
    other, _ = conversation("-p", "Hello!")
    assert other != one
    saved = json.loads(out("show", one, "--json"))
    assert [m["role"] for m in saved["messages"]] == \
        ["user", "assistant"] * 3
    assert out("show", one).startswith("# My name is Anna.\n")
    ids = [c["id"] for c in lines(out("list", "--json"))]
    assert ids.index(other) < ids.index(one)
    found = [c["id"] for c in lines(out("list", "Anna", "--json"))]
    assert one in found and other not in found
    assert one in out("list")


@test
def a_resumed_conversation_equals_one_that_never_stopped():
    whole = replies(chat("--json", "--no-save", "-p", "My name is Anna.",
                         "-p", "What is my name?"))
    one, _ = conversation("-p", "My name is Anna.")
    _, reply = conversation("-r", one, "-p", "What is my name?")
    assert reply["text"] == whole[1]["text"]
    assert reply["prompt_tokens"] == whole[1]["prompt_tokens"]


@test
def no_save_saves_nothing():
    before = out("list", "--json")
    one, _ = conversation("--no-save", "-p", "Hello!")
    assert one is None and out("list", "--json") == before


@test
def conversations_are_renamed_and_removed():
    one, _ = conversation("-p", "Hello!")
    out("rename", one, "Another", "title")
    assert json.loads(out("show", one, "--json"))["title"] == "Another title"
    out("rm", one)
    error("show", one, status=1)
    error("rm", one, status=1)
    error("rename", one, "x", status=1)
    other, _ = conversation("-p", "Hello!")
    for blank in ("", " \t\n"):
        assert error("rename", other, blank, status=2) == \
            "rename: the title is empty"
    assert json.loads(out("show", other, "--json"))["title"] == "Hello!"
    out("rm", other)
    error("-r", "nothing-like-it", "-p", "x", status=1)


@test
def of_several_all_are_removed_or_none():
    one, two = (conversation("-p", "Hello!")[0] for _ in range(2))
    error("rm", one, two, "nothing-like-it", status=1)
    out("show", one)
    out("rm", one, two, one)
    for gone in one, two:
        error("show", gone, status=1)


@test
def a_conversation_in_use_is_status_4():
    one, _ = conversation("-p", "Hello!")
    process = start(*STORY, "-r", one, env=SLOW)
    process.stdout.read(1)
    assert one in error("-m", MODEL, "-r", one, "-p", "x", status=4)
    assert one in error("rm", one, status=4)
    assert one in error("rename", one, "x", status=4)
    out("show", one)
    process.kill()
    process.wait()
    process.stdout.close()
    process.stderr.close()
    out("rm", one)


@test
def nothing_is_left_for_others_to_read():
    umask = os.umask(0)
    try:
        conversation("-p", "Hello!")
    finally:
        os.umask(umask)
    for base, folders, files in os.walk(os.path.join(HOME, ".local")):
        for name in folders:
            path = os.path.join(base, name)
            if "confab" in path and not os.path.islink(path):
                assert os.stat(path).st_mode & 0o077 == 0, path
        for name in files:
            path = os.path.join(base, name)
            assert os.stat(path).st_mode & 0o077 == 0, path


@test
def without_a_home_it_still_answers():
    done = confab("-m", MODEL, "--json", "-p", "Hello!", env={"HOME": ""})
    reply = replies(done.stdout.decode())[0]
    assert reply["conversation"] is None and reply["text"]
    assert done.stderr == b"confab: the conversation is not saved: " \
        b"no HOME to keep it in\n"


@test
def a_conversation_that_cannot_be_saved_is_said_to_scripts_too():
    folder = os.path.join(TMP, "no-database", "confab")
    os.makedirs(folder)
    with open(os.path.join(folder, "conversations.db"), "w") as file:
        file.write("no database\n" * 100)
    env = {"XDG_DATA_HOME": os.path.dirname(folder)}
    done = confab("-m", MODEL, "--temp", "0", "-p", "Hello!", env=env)
    assert done.stdout.decode() == chat("--no-save", "-p", "Hello!")
    text = done.stderr.decode()
    assert text.startswith("confab: the conversation is not saved: " + folder)
    assert text.count("\n") == 1
    for more in ("--no-save", "--raw"):
        assert confab("-m", MODEL, more, "--max-tokens", "1", "-p", "Hello!",
                      env=env).stderr == b""


@test
def a_terminal_gets_no_escape_sequences_of_others():
    nasty = "\x1b[31mred\x1b]0;title\x07\x9b2J\u202etxet\u200b\r\x08end"
    one, _ = conversation("-p", nasty)
    for args in (["show", one], ["list"]):
        seen = on_a_terminal(*args)
        assert b"red" in seen
        for bad in (b"\x1b", b"\x07", b"\x08", b"\xc2\x9b",
                    "\u202e".encode(), "\u200b".encode()):
            assert bad not in seen, (args, bad)
    assert "\x1b[31mred" in out("show", one)
    out("rm", one)


@test
def a_terminal_sees_the_same_reply():
    seen = on_a_terminal("-m", MODEL, "--temp", "0", "--no-save", "-p",
                         "Hello!").decode().replace("\r\n", "\n")
    assert seen == chat("-p", "Hello!")


main()
