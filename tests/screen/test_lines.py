"""Plain lines: TERM=dumb, and pipes."""
import json
import math
import os
import re
import shutil
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


@test
def every_reply_to_a_question_is_another_one(binary):
    def stories():
        result = piped(binary, "Tell me a story.\n/retry\n/retry\n",
                       options=["--temp", "1.5", "--top-k", "0", "--seed", "4",
                                "--max-tokens", "6"])
        return [line for line in result.stdout.decode().splitlines()
                if line and not line.startswith("*")]

    first = stories()
    assert len(set(first)) == len(first) == 3, first
    assert stories() == first


@scripted
def commands_work_in_line_mode(binary):
    result = piped(binary, "one\n/retry\n/nonsense\n/set top_k 3\n/raw\n"
                           "//slash\n/help\n/quit\nnever\n",
                   env=script("first", "second", "third"))
    text = result.stdout.decode()
    assert text.startswith("first\nsecond\n"), text
    assert "* /nonsense is no command" in text
    assert "* top_k = 3" in text
    assert "* lines are the text as it is" in text
    assert "third" in text and "/retry" in text and "never" not in text


@scripted
def a_backslash_continues_the_line(binary):
    result = piped(binary, "one\\\ntwo\n", env=script("ok"))
    assert result.stdout == b"ok\n", result.stdout


@scripted
def a_backslash_before_the_end_of_input_loses_nothing(binary):
    for text in ("one\\", "one\\\n"):
        result = piped(binary, text, env=script("ok"))
        assert result.stdout == b"ok\n", (text, result.stdout)


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
    for word in ("/undelete", "/branches [N]", "backslash", "/inspector [N]",
                 "/alternatives 12"):
        assert word in text, text
    for word in ("F3", "Esc", "/raw", "/fold", "token-left"):
        assert word not in text, (word, text)


@scripted
def notices_of_line_mode_are_true(binary):
    result = piped(binary, "/delete\n/save\n/rename\nhello\n/delete\n"
                           "/delete branch\n/set mouse on\n/set times on\n"
                           "/undelete\n/open\n/\n/system none\n"
                           "/system Be brief.\n/system none\n",
                   env=script("x"))
    assert result.stdout.decode().splitlines() == [
        "* there is nothing to delete",
        "* conversations are not saved (--no-save)",
        "* title: none yet",
        "x",
        "* the conversation is gone: it was not saved",
        "* there is no message of yours to delete",
        "* mouse needs the full screen",
        "* times needs the full screen; /times tells it once",
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


@test
def a_branch_of_which_nothing_was_left_out_has_all_its_turns(binary):
    numbers = ("one two three four five six seven eight nine ten eleven twelve "
               "thirteen fourteen fifteen sixteen seventeen eighteen\n")
    result = piped(binary, "What is the capital of France?\n" + 5 * numbers +
                   "1\n/branch 1\n",
                   options=["-c", "256", "--max-tokens", "40"])
    text = result.stdout.decode()
    assert "leave out the oldest" in text and "not sent" not in text, text
    answers = text.splitlines()
    assert answers[-1] == answers[0] == "The capital of France is Paris.", text


def blocks(text):
    """What was told, in pieces that end in an empty line."""
    return text.rstrip("\n").split("\n\n")


@scripted
def find_tells_the_lines_that_match(binary):
    long = "word " * 60 + "needle " + "word " * 60
    result = piped(binary, "A needle?\n/find NEEDLE\n/find\n/find zebra\n",
                   env=script(f"no\nneedle, Needle\n{long}\nend"))
    text = result.stdout.decode()
    told = text.split("end\n", 1)[1].splitlines()
    assert told[:3] == ['"NEEDLE": 4 matches', "1 You: A needle?",
                        "2 scripted: needle, Needle"], told
    # Of a long line the words around it, and whole ones.
    assert re.fullmatch(r"2 scripted: (word )+needle( word)+", told[3]), told
    assert len(told[3]) < 230, told
    assert told[4:] == ["", "* /find TEXT tells the lines that have it",
                        '* "zebra" was not found'], told


@scripted
def the_inspector_tells_a_line_a_token(binary):
    reply = "Hi there.\n"
    result = piped(binary, "one\n/inspector\n/inspector 1\n/inspector 9\n",
                   env=script(reply, chunk=0))
    tokens, prompt, error = blocks(result.stdout.decode().split("\n\n", 1)[1])
    lines = tokens.splitlines()
    assert lines[0] == "Message 2, scripted", lines
    assert re.fullmatch(r"\d tokens, perplexity \d\.\d\d, mean log-probability "
                        r"-\d\.\d{3}", lines[1]), lines
    assert lines[3].startswith('1 "Hi" 90%, rank 1, 0.00 bits; else "'), lines
    assert ' 5%, "' in lines[3] and lines[3].endswith(" 1.25%"), lines
    words = [re.match(r'(\d+) ("(?:\\.|[^"\\])*") ', line).groups()
             for line in lines[3:]]
    assert [int(n) for n, _ in words] == list(range(1, len(words) + 1))
    assert "".join(w[1:-1] for _, w in words) == r"Hi there.\n", words
    assert prompt == ("Message 1, You\n1 token\nNo odds are known; /score 1 "
                      "computes them\n1 \"one\""), prompt
    assert error == "* there is no message 9"


@test
def the_figures_told_in_lines_are_those_of_the_reference(binary):
    with open(os.path.dirname(__file__) +
              "/../golden/chat-confab-20m.json") as file:
        turn = json.load(file)[0]["turns"][0]
    tokens = [t for t in turn["tokens"] if t["id"] != 1]
    result = piped(binary, turn["user"] + "\n/inspector\n/alternatives 1\n",
                   options=["--exact"])
    told, one = blocks(result.stdout.decode())
    lines = told.splitlines()
    assert lines[0] == turn["reply"]
    for i, line in enumerate(lines[4:]):
        p, rank, bits = re.search(r'" ([^"]*?)%, rank (\d+), (\S+) bits',
                                  line).groups()
        want = tokens[i]
        assert abs(float(bits) - want["entropy"] / math.log(2)) < 0.006, line
        if not p.startswith("over"):
            assert abs(float(p) / 100 / math.exp(want["logprob"]) - 1
                       ) < 0.006, line
        assert rank == "1", line    # greedily
    assert i + 1 >= len(tokens) - 1
    # The list of one token, and with all others it is the whole.
    listed = re.findall(r'^(?:\d+ ".*"|all others) (?:under )?([\d.]+)%', one,
                        re.M)
    assert len(listed) == 21, one
    assert abs(sum(map(float, listed)) - 100) < 0.3, one
    for p, (_, logprob) in zip(listed[:3], tokens[0]["top"]):
        assert abs(float(p) / 100 / math.exp(logprob) - 1) < 0.006, one


def a_model_with_the_token(text):
    """The bundled one, whose merges make this and no other words."""
    bundled = os.path.join(os.path.dirname(__file__), "../../data/confab-20m")
    folder = os.path.join(temporary_folder("confab-token-"), "model")
    shutil.copytree(bundled, folder)
    with open(folder + "/tokenizer.json", "r+") as file:
        tokenizer = json.load(file)
        vocab = tokenizer["model"]["vocab"]
        words = sorted((k for k in vocab if len(k) > 1), key=vocab.get)
        for n in range(2, len(text) + 1):
            vocab[text[:n]] = vocab.pop(words[-n])
        tokenizer["model"]["merges"] = [[text[:n], text[n]]
                                        for n in range(1, len(text))]
        file.seek(0)
        file.truncate()
        json.dump(tokenizer, file)
    return folder


@test
def bytes_are_told_to_be_cut_where_some_are_left_out(binary):
    letters = "abcdefghijklmnopqrst"
    for n, end in ((18, ""), (19, ""), (20, " …")):
        result = piped(binary, letters[:n] + "\n/inspector 1\n/alternatives 1\n",
                       options=["-m", a_model_with_the_token(letters[:n]),
                                "--max-tokens", "1"])
        told = re.search("bytes (.*)", result.stdout.decode()).group(1)
        assert told == letters[:min(n, 19)].encode().hex(" ") + end, told


@test
def another_token_is_taken_by_its_number(binary):
    result = piped(binary, "What is the capital of France?\n"
                           "/alternatives 2 2\n/inspector\n/back\n/inspector\n"
                           "/alternatives 99\n/alternatives 2 99\n"
                           "/alternatives\n/alternatives x\n")
    first, second, *rest = result.stdout.decode().splitlines()
    assert first == "The capital of France is Paris."
    assert re.match(r"The (?!capital )", second), second
    text = "\n".join(rest)
    assert re.search(r'Message 3, confab-20m\n.*\n.*\n1 "The" .*\n2 ".*" '
                     r'.*, rank 2, .*; else " capital" ', text), text
    assert 'Message 2, confab-20m\n' in text, text
    assert "* there is no token 99, there are 7" in text
    assert "* there is no candidate 99" in text
    assert "* which token? /inspector gives their numbers" in text


@test
def any_text_is_put_in_the_place_of_a_token_in_lines(binary):
    result = piped(binary, "What is the capital of France?\n"
                           '/type-token 1 Rome\n/alternatives 1\n'
                           '/type-token 2 " was"\n/type-token 2\n'
                           "/inspector 1\n/type-token 1 x\n")
    text = result.stdout.decode()
    replies = text.splitlines()
    assert replies[1].startswith("Rome "), text
    assert "a person put this token here" in text
    assert any(line.startswith("Rome was ") for line in replies), text
    assert "* /type-token TOKEN TEXT; " in text
    assert "* only a reply can go on from another token" in text


@test
def the_token_that_would_come_next_is_told_and_taken(binary):
    result = piped(binary, "Tell me a story about a dog.\n/alternatives 5\n"
                           "/alternatives 5 2\n/inspector\n",
                   options=["--max-tokens", "4"])
    text = result.stdout.decode()
    first, _, rest = text.partition("* cut at the limit of tokens; "
                                    "/continue goes on\n")
    told, *_ = blocks(rest)
    assert told.startswith("What would come after token 4, message 2, "
                           "confab-20m, after "), told
    two = re.search(r'^2 "(.*)" .*, cut by greedy$', told, re.M)
    assert two and "all others" in told, told
    assert first.rstrip("\n") + two.group(1) in rest, text
    assert re.search(r"^5 .*, rank 2, ", rest, re.M), text


@test
def the_odds_of_a_prompt_are_computed_before_the_next_line(binary):
    result = piped(binary, "What is the capital of France?\n/score\n/score 2\n"
                           "/alternatives 4\n/surprising\n")
    text = result.stdout.decode()
    score, known = text.split("Paris.\n", 1)[1].split("\n\n", 1)
    lines = score.splitlines()
    assert lines[0] == "Message 1, You" and "perplexity" in lines[1], lines
    assert len(lines) == 3 + 7 and all(" bits; else " in line or "over" in line
                                       for line in lines[3:]), lines
    assert known.startswith("* the odds of this reply are known\n"), known
    # Which is about message 2 now.
    assert ('Token 4 of 7, message 2, confab-20m, after "The capital of"'
            ) in known
    assert re.search(r"^\* token \d, message 2, ", known, re.M), known


@test
def a_message_of_any_letters_has_odds(binary):
    for message, tokens in (("n", 1), ("end", 1), ("|>", 2)):
        result = piped(binary, message + "\n/score\n",
                       options=["--max-tokens", "1"])
        told = blocks(result.stdout.decode())
        lines = told[-1].splitlines()[-tokens:]
        assert [line[:2] for line in lines] == \
            [f"{i + 1} " for i in range(tokens)], told
    # Letters in two parts, of which the tokens have one.
    result = piped(binary, "cafe\u0301 re\u0301sume\u0301\n"
                           "What is the capital of France?\n/score\n",
                   options=["--max-tokens", "1"])
    text = result.stdout.decode()
    assert '1 "What" ' in text and '7 "?" ' in text, text


@test
def what_would_come_next_is_what_comes(binary):
    for seed in "2", "5", "7":
        result = piped(binary, "Tell me a story\n/alternatives 7\n/continue\n"
                               "/inspector\n",
                       options=["--max-tokens", "6", "--temp", "2", "--top-k",
                                "0", "--top-p", "1", "--seed", seed, "--exact"])
        peek, whole = result.stdout.decode().split("Number, text", 1)
        came = re.search(r'^7 (".*?") ', whole, re.M)[1]
        drawn = re.search(r'^\d+ (".*?") .*would be drawn', peek, re.M)
        if drawn:
            assert drawn[1] == came, (peek, whole)
        else:  # none of the list
            assert f"{came} " not in peek, (peek, whole)
    # By other settings it is asked for once more.
    told = blocks(piped(binary, "Tell me a story\n/alternatives 4\n"
                                "/set temperature 0\n/alternatives 4\n"
                                "/explore 4\n",
                        options=["--max-tokens", "3", "--temp", "2", "--top-p",
                                 "1", "--exact"]).stdout.decode())
    whole = [part for part in told if "What would come" in part]
    assert len(whole) == 2 and whole[0] != whole[1], told
    assert "then 100%, would be drawn" in whole[1], told
    assert told[-1].startswith("The likeliest tokens here, continued"), told


@test
def figures_of_earlier_settings_are_told(binary):
    result = piped(binary, "Tell me a story\n/set temperature 0.5\n"
                           "/set max_tokens 3\n/continue\n/alternatives 3\n"
                           "/alternatives 8\n/alternatives 5 2\n"
                           "/alternatives 3\n",
                   options=["--max-tokens", "6", "--temp", "1.5"])
    earlier = ["sampled by earlier settings" in told
               for told in blocks(result.stdout.decode())]
    assert earlier == [True, False, True], result.stdout.decode()


@test
def a_reply_goes_on_after_the_prompt_that_began_it(binary):
    home = temporary_folder("confab-hybrid-")
    model = os.path.join(home, "hybrid")
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                          "..", "..")
    shutil.copytree(os.path.join(source, "data", "confab-20m"), model)
    shutil.copy(os.path.join(source, "tests", "golden", "templates",
                             "qwen3-hybrid.jinja"),
                os.path.join(model, "chat_template.jinja"))
    text = piped(binary, "Tell me a story about a fox\n/alternatives 3\n"
                         "/think off\n/alternatives 3\n/alternatives 3 2\n"
                         "/alternatives 3\nOnce more\n/alternatives 3\n",
                 options=["-m", model, "--max-tokens", "8"]).stdout.decode()
    places = re.findall(r"^position (\d+)", text, re.M)
    assert len(places) == 4 and len(set(places[:3])) == 1, text


@test
def tokens_that_are_not_the_text_are_no_reply_to_go_on_with(binary):
    home = temporary_folder("confab-tokens-")
    story = "Once upon a time in a very long story"
    chat = {"messages": [
        {"role": "user", "content": "Tell", "confab": {"id": 0, "parent": -1}},
        {"role": "assistant", "content": story, "confab": {
            "id": 1, "parent": 0, "state": "interrupted",
            "model": "confab-20m", "ids": [8191, 8190, 583, 40]}}]}
    env = {"HOME": home, "TERM": "xterm", "PATH": os.environ["PATH"]}
    subprocess.run([binary, "import", "-"], input=json.dumps(chat).encode(),
                   env=env, check=True, capture_output=True)
    told = subprocess.run([binary, "-r", "last"], env=env, check=True,
                          input=b"/continue\n/type-token 1 x\n",
                          capture_output=True).stdout.decode()
    assert told.count("do not make its text") == 2, told
    shown = subprocess.run([binary, "show", "last"], env=env, check=True,
                           capture_output=True).stdout.decode()
    assert shown.rstrip().endswith(story), shown


@test
def the_likeliest_tokens_are_explored_in_lines(binary):
    result = piped(binary, "What is the capital of France?\n/explore 2\n"
                           "/explore\n")
    text = result.stdout.decode()
    told = blocks(text)
    assert told[0] == told[1].replace(
        "The likeliest", "The capital of France is Paris.\nThe likeliest"), text
    lines = told[1].splitlines()
    assert lines[0] == "The likeliest tokens here, continued"
    assert lines[1] == '1 " capital" then " of France is Paris."', text
    assert [line[:3] for line in lines[1:]] == ['1 "', '2 "', '3 "'], text
    # One that ends the reply is not gone on with.
    text = piped(binary, "What is the capital of France?\n/explore 6\n"
                         "/explore 7\n").stdout.decode()
    for line in text.splitlines():
        if '"<|im_end|>"' in line:
            assert line.endswith('"<|im_end|>" ends the reply'), text
    assert '"<|im_end|>" ends the reply' in text, text


@test
def other_sampling_settings_are_tried_in_lines(binary):
    result = piped(binary, "Tell me a story about a dog.\n/surprising\n"
                           "/temperature 1.5 top_k=3\n/temperature 2 seed=1\n"
                           "/temperature\n",
                   options=["--temp", "1", "--max-tokens", "30"])
    text = result.stdout.decode()
    assert ("Candidates: their probability, then what it would be at "
            "temperature 1.50, top_k 3, ") in text, text
    tried = text.split("temperature 1.50")[1].split("all others")[0]
    kept = re.findall(r", then ([\d.]+)%", tried)
    assert len(kept) == 3 and abs(sum(map(float, kept)) - 100) < 0.3, tried
    assert tried.count("cut by top_k") == 17, tried
    assert "* temperature, top_k, top_p and min_p can be tried, not seed=1" \
        in text


@test
def odds_of_an_imported_reply_are_exported_with_texts(binary):
    folder = temporary_folder("confab-scored-")
    with open(folder + "/in.json", "w") as file:
        json.dump({"messages": [
            {"role": "user", "content": "What is the capital of France?"},
            {"role": "assistant", "content": "Paris is nice."}]}, file)
    piped(binary, f"/import {folder}/in.json\n/score 1\n/score 2\n"
                  f"/export {folder}/out.json\n")
    with open(folder + "/out.json") as file:
        messages = json.load(file)["messages"]
    for m in messages:
        tokens = m["logprobs"]["content"]
        assert "".join(t["token"] for t in tokens) == m["content"], tokens
        assert all(c["bytes"] for t in tokens for c in t["top_logprobs"])


@scripted
def heat_marks_what_was_not_expected(binary):
    """The scripted engine's 6th to 8th token of every 8 have over 2 bits."""
    reply = "The one two three four of five days"
    marked = ("The one two three four [2.2 bits]of [2.6 bits]five "
              "[3.0 bits]days")
    result = piped(binary, "one\n/heat entropy\ntwo\n/heat off\nthree\n/heat\n"
                           "/heat red\n/set heat rank\n/set heat\n",
                   env=script(reply, chunk=0))
    lines = result.stdout.decode().splitlines()
    assert lines[0] == reply, lines
    assert lines[2] == marked, lines
    assert lines[3] == "* replies are marked by entropy"
    assert lines[4] == marked, lines            # the new one as it came
    assert lines[5] == "* replies are not marked"
    assert lines[6] == reply
    assert "less than 20%" in lines[7]
    assert lines[9:] == ["* /heat off, probability, entropy or rank",
                         "* heat = rank", "* heat = rank"], lines


@scripted
def heat_never_cuts_a_character(binary):
    """Most of these are several tokens."""
    reply = "🙂🙃é日本 👍🏽" * 40
    result = piped(binary, "/heat entropy\none\n/inspector\n",
                   env=script(reply, chunk=0))
    text = result.stdout.decode()       # or one was cut
    assert r'"\xf0"' in text
    line = text.splitlines()[1]
    assert line.count("bits]") > 50
    assert re.sub(r"\[[\d.]+ bits\]", "", line) == reply, line


@scripted
def lines_tell_times_and_why_not(binary):
    result = piped(binary, "/times\none\n/times\n/raw\n/fold\n",
                   env=script("first"))
    lines = result.stdout.decode().splitlines()
    assert lines[0] == "* there is no message yet"
    assert lines[2] == "When each message was written"
    assert re.fullmatch(r"1 You, \d\d:\d\d: one", lines[3]), lines
    assert re.fullmatch(r"2 scripted, \d\d:\d\d: first", lines[4]), lines
    assert lines[6:] == ["* lines are the text as it is",
                         "* what the model thought stands in the reply; "
                         "nothing is folded in lines"], lines


@scripted
def uncertain_tokens_are_walked_in_lines(binary):
    reply = "aa bb cc dd ee ff gg hh ii jj kk ll mm nn "
    result = piped(binary, "one\n" + "/next\n" * 7 + "/before\n/not-first\n",
                   env=script(reply, chunk=0))
    text = result.stdout.decode()
    numbers = re.findall(r"^\* token (\d+), message 2, scripted, after \".*?\": "
                         r"\".*\" [\d.]+%, rank (\d), ([\d.]+) bits", text,
                         re.M)
    # Tokens 6 to 8 of every eight are; every seventh was not the first.
    assert [int(n) for n, _, _ in numbers[:6]] == [6, 7, 8, 14, 15, 16], text
    assert all(float(bits) > 2 for _, _, bits in numbers[:6])
    assert int(numbers[7][0]) < int(numbers[6][0]), text
    assert numbers[8][1] == "2" and int(numbers[8][0]) % 7 == 0, text
    # A message of another branch is walked alone.
    result = piped(binary, "one\n/retry\n/inspector 2\n/next\n",
                   env=script(reply, chunk=0))
    assert b"* token 6, message 2, scripted, after " in result.stdout


@scripted
def every_command_of_the_screen_is_one_of_lines(binary):
    result = piped(binary, "/help\n", env=script("x"))
    listed = set(re.findall(r"^  (/\S+)", result.stdout.decode(), re.M))
    with Confab(binary, rows=60, cols=200, env=script("x")) as c:
        c.ready()
        c.keys("F1")
        c.wait("Conversation")
        on_screen = set()
        for _ in range(3):
            c.settle()
            on_screen |= set(re.findall(r" (/[a-z-]+)", c.text()))
            c.keys("PgDn")
    assert {"/inspector", "/quit"} <= on_screen, on_screen
    # The two that say in one line that there is nothing to lay out.
    assert on_screen - listed == {"/raw", "/fold"}, on_screen ^ listed


@scripted
def a_screen_reader_hears_no_control_sequences(binary):
    reply = "a \033[31m b\u202e\n"
    with Confab(binary, "--set", "heat=entropy", term="dumb", rows=60,
                cols=120, env=script(reply, chunk=1)) as c:
        c.wait(lambda: c.raw.endswith(b"> "), "the prompt")
        c.say("hello")
        c.wait("bits]")         # the setting counts at a terminal
        for line, seen in (("/inspector", 'Message 2'), ("/find 31", "match"),
                           ("/alternatives 3", "all others"),
                           ("/score", "Message 1"), ("/heat", "Marked")):
            c.wait(lambda: c.raw.endswith(b"> "), "the prompt")
            c.say(line)
            c.wait(seen)
        c.wait(lambda: c.raw.endswith(b"> "), "the prompt")
        assert b"\033" not in c.raw


@scripted
def lines_tell_where_a_command_has_led(binary):
    result = piped(binary, "one\n/retry\n/branches\n/branches 2\n/back\n"
                           "two\n/branch 3\n/undo\n",
                   env=script("first", "second", "third"))
    assert result.stdout.decode().splitlines() == [
        "first", "second",
        "Branches: /branches N",
        "1 You, here: one",
        "2 scripted, after 1: first",
        "3 scripted, after 1, here: second",
        "",
        "* the last message is number 2 now, scripted: first",
        "* the last message is number 3 now, scripted: second",
        "third",
        "* the next message begins a branch here",
        "* taken back:", "one",
    ], result.stdout


@scripted
def progress_leaves_the_line_of_a_reply_alone(binary):
    """One that goes on from another token has words before it is read."""
    with Confab(binary, term="dumb",
                env=script("alpha beta gamma delta", chunk=0, prefill=3)) as c:
        c.wait(lambda: c.raw.endswith(b"> "), "the prompt")
        c.say("hello")
        c.wait("delta")
        c.wait(lambda: c.raw.endswith(b"> "), "the prompt")
        before = len(c.raw)
        c.say("/type-token 4 omega")
        c.wait("omega")
        c.wait(lambda: c.raw.endswith(b"> "), "the prompt")
        reply = c.raw[c.raw.index(b"scripted: ", before):]
        assert b"reading" not in reply.split(b"\n")[0], reply
