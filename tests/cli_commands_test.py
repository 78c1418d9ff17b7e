#!/usr/bin/env python3
"""The commands of the built program, and bad models.  Prints TAP."""
import sys

sys.dont_write_bytecode = True
import glob  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import shutil  # noqa: E402
import struct  # noqa: E402
import subprocess  # noqa: E402

from cli_support import (  # noqa: E402
    CONFAB, GOLDEN, HOME, MODEL, SRC, TMP, chat, confab, environment, error,
    golden, lines, main, out, test)

SHARD = "model-00001-of-00003.safetensors"

# ---- models, changed ----


def copy_model(name):
    to = os.path.join(TMP, name)
    shutil.copytree(MODEL, to)
    return to


def link_model(name):
    """Its weights are links, the rest is there to be edited."""
    to = os.path.join(TMP, name)
    os.mkdir(to)
    for file in os.listdir(MODEL):
        copy = os.symlink if file.endswith(".safetensors") else shutil.copy
        copy(os.path.join(MODEL, file), os.path.join(to, file))
    return to


def write(path, name, content):
    with open(os.path.join(path, name), "wb") as file:
        file.write(content)


def edit(path, name, change):
    """Rewrites a JSON file of a model folder."""
    name = os.path.join(path, name)
    with open(name) as file:
        value = json.load(file)
    change(value)
    with open(name, "w") as file:
        json.dump(value, file)


def edit_header(path, change, more=b""):
    """Rewrites the JSON header of the first shard; more data at its end."""
    name = os.path.join(path, SHARD)
    with open(name, "rb") as file:
        size = struct.unpack("<Q", file.read(8))[0]
        header = json.loads(file.read(size))
        data = file.read()
    change(header)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(name, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data + more)


# ---- text ----


@test
def tokenize_gives_ids():
    assert out("tokenize", stdin="") == "\n"
    ids = out("tokenize", "-m", MODEL, stdin="Hello <|im_end|>").split()
    plain = out("tokenize", "--plain", stdin="Hello <|im_end|>").split()
    assert ids[-1] == "8191" and "8191" not in plain
    got = lines(out("tokenize", "--jsonl", stdin='"Hello <|im_end|>"\n\n'
                    '{"text": "Hello", "more": 1}\r\n"last"'))
    assert [str(i) for i in got[0]["ids"]] == ids
    assert len(got) == 3 and list(got[1]) == ["ids"]


@test
def tokenize_reads_every_character_of_json():
    table = ["\0", "a\0b\0", "\\u0000", "\\\0", "\ufdd0\0", "\u00e9\U0001f600",
             "\ufdd0\ufdd1 fdd2\0", "\"\n\t"]
    for ascii_only in (True, False):
        stdin = "".join(json.dumps(t, ensure_ascii=ascii_only) + "\n" +
                        json.dumps({"text": t}, ensure_ascii=ascii_only) + "\n"
                        for t in table)
        got = lines(out("tokenize", "--jsonl", stdin=stdin))
        for i, text in enumerate(table):
            want = [int(w) for w in out("tokenize", stdin=text).split()]
            assert got[2 * i]["ids"] == want, (text, got[2 * i], want)
            assert got[2 * i + 1]["ids"] == want, text


@test
def a_bad_line_is_named_after_the_good_ones_were_answered():
    for bad in ("{", "5", "{\"txt\":\"x\"}", "\"\\ud800\"", "\"a\" \"b\""):
        done = confab("tokenize", "--jsonl", stdin='"a"\n%s\n"b"\n' % bad,
                      status=1)
        assert len(done.stdout.splitlines()) == 1
        assert b"standard input, line 2" in done.stderr, done.stderr


@test
def tokenize_and_render_answer_line_by_line():
    for command, question in (("tokenize", '"Hi"\n'),
                              ("render", '{"messages":[{"role":"user",'
                                         '"content":"Hi"}]}\n')):
        process = subprocess.Popen([CONFAB, command, "--jsonl"],
                                   env=environment(), stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE)
        for _ in range(3):
            process.stdin.write(question.encode())
            process.stdin.flush()
            assert "ids" in json.loads(process.stdout.readline())
        process.stdin.close()
        assert process.wait(timeout=20) == 0


def text_folder(template):
    """A folder without weights: the tokenizer and that template."""
    to = os.path.join(TMP, "text-" + template)
    if not os.path.exists(to):
        os.mkdir(to)
        shutil.copy(os.path.join(MODEL, "tokenizer.json"), to)
        path = os.path.join(GOLDEN, "templates", template + ".jinja")
        with open(path, encoding="utf-8") as file:
            config = {"chat_template": file.read()}
        with open(os.path.join(to, "tokenizer_config.json"), "w") as file:
            json.dump(config, file)
    return to


@test
def templates_render_as_transformers_does():
    cases = {}
    with open(os.path.join(GOLDEN, "chat_template.jsonl")) as file:
        for line in file:
            case = json.loads(line)
            cases.setdefault(case["template"], []).append(case)
    for template, some in cases.items():
        done = confab("render", "--jsonl", "-m", text_folder(template),
                      stdin="".join(json.dumps(c) + "\n" for c in some))
        got = lines(done.stdout.decode())
        assert len(got) == len(some)
        for want, have in zip(some, got):
            assert have["text"] == want["text"]
            assert have["ids"]


@test
def a_rendered_prompt_is_the_chats_prompt():
    case = golden("chat-confab-20m.json")[0]
    one = {"messages": [{"role": "user",
                         "content": case["turns"][0]["user"]}],
           "add_generation_prompt": True}
    got = json.loads(out("render", stdin=json.dumps(one, indent=1)))
    assert got["ids"] == case["turns"][0]["prompt_ids"]
    assert set(got) == {"text", "ids"}


@test
def what_a_template_refuses_is_answered_in_its_line():
    good = '{"messages":[{"role":"user","content":"Hi"}]}\n'
    refused = '{"messages":[{"content":"no role"}]}\n'
    done = confab("render", "--jsonl", stdin=good + refused + good, status=1)
    first, second, third = lines(done.stdout.decode())
    assert first == third and list(second) == ["error"]
    assert done.stderr.count(b"\n") == 1 and b"line 2" in done.stderr
    done = confab("render", stdin=refused, status=1)
    assert list(json.loads(done.stdout)) == ["error"]
    for bad in ("", "[]", "{}", '{"messages":5}', "{"):
        confab("render", stdin=bad, status=1)


@test
def render_refuses_tool_calls_that_are_no_list():
    folder = text_folder("qwen3-instruct-2507")
    turn = '{"messages":[{"role":"assistant","content":"x","tool_calls":%s}]}'
    for calls in ('{"name":"f"}', '"f"', "1", "true"):
        done = confab("render", "-m", folder, stdin=turn % calls, status=1)
        assert b"tool_calls is no array" in done.stderr, calls
    for calls in ("null", "[]", "{}", '""', "0", "false"):
        confab("render", "-m", folder, stdin=turn % calls)


@test
def render_refuses_switches_that_are_neither_true_nor_false():
    turn = '"messages":[{"role":"user","content":"Hi"}]'
    wanted = out("render", stdin="{%s}" % turn)
    for name in ("add_generation_prompt", "enable_thinking", "tools"):
        assert out("render", stdin='{%s,"%s":null}' % (turn, name)) == wanted
        done = confab("render", stdin='{%s,"%s":"yes"}' % (turn, name),
                      status=1)
        assert '"%s" is n' % name in json.loads(done.stdout)["error"]


# ---- score ----


@test
def score_describes_every_token():
    text = "Once upon a time there was a fox."
    ids = [int(i) for i in out("tokenize", stdin=text).split()]
    *tokens, total = lines(out("score", "--json", "--top", "4", stdin=text))
    assert [t["id"] for t in tokens] == ids
    assert [t["pos"] for t in tokens] == list(range(len(ids)))
    assert set(tokens[0]) == {"pos", "id", "text"}
    for token in tokens[1:]:
        assert set(token) == {"pos", "id", "text", "logprob", "rank",
                              "entropy", "top"}
        assert len(token["top"]) == 4
        assert token["rank"] >= 1 and token["logprob"] <= 0
        if token["rank"] <= 4:
            top = token["top"][token["rank"] - 1]
            assert top["id"] == token["id"]
            assert top["logprob"] == token["logprob"]
    nll = -sum(t["logprob"] for t in tokens[1:]) / (len(tokens) - 1)
    assert abs(total["mean_nll"] - nll) < 1e-12
    assert abs(total["perplexity"] - 2.718281828459045 ** nll) < 1e-9
    assert total["tokens"] == len(ids)
    by_ids = out("score", "--json", "--top", "4", "--ids",
                 stdin="\n".join(map(str, ids)))
    assert lines(by_ids) == tokens + [total]


@test
def score_equals_the_reference():
    for case in golden("chat-confab-20m.json"):
        turn = case["turns"][0]
        ids = turn["prompt_ids"] + [t["id"] for t in turn["tokens"]]
        got = lines(out("score", "--ids", "--json", "--top", "1",
                        stdin=" ".join(map(str, ids))))
        for i, want in enumerate(turn["tokens"]):
            have = got[len(turn["prompt_ids"]) + i]
            assert abs(have["logprob"] - want["logprob"]) < 1e-3
            assert abs(have["entropy"] - want["entropy"]) < 1e-3


@test
def score_gives_raw_logits():
    got = lines(out("score", "--ids", "--json", "--top", "30", "--logits",
                    "7,5,7", stdin="100 200"))
    for token in got[:2]:
        assert len(token["logits"]) == 3
        assert token["logits"][0] == token["logits"][2]
    # logits differ from log-probabilities by a constant
    *_, last, _ = lines(out("score", "--ids", "--json", "--top", "1000",
                            "--logits", "5,7", stdin="100 200 5"))
    odds = {t["id"]: t["logprob"] for t in last["top"]}
    row = lines(out("score", "--ids", "--json", "--logits",
                    ",".join(map(str, odds)), stdin="100 200"))[1]["logits"]
    shifts = [logit - odds[i] for i, logit in zip(odds, row)]
    assert max(shifts) - min(shifts) < 1e-5


@test
def score_refuses_what_it_cannot_read():
    for bad in ("x", "8192", "-1", "1 2 3.5", "99999999999999999999"):
        assert "is not an id from 0 to 8191" in error(
            "score", "--ids", stdin=bad, status=1)
    assert "--logits: '9999'" in error("score", "--ids", "--logits", "9999",
                                       stdin="1", status=2)
    for bad in ("1,,2", "1,", ",1"):
        assert "--logits: '' is not an id" in error(
            "score", "--logits", bad, stdin="a", status=2)
    assert "5000 tokens in a context of 4096" in error(
        "score", "--ids", stdin="1 " * 5000, status=1)


@test
def score_has_a_table_for_people():
    text = out("score", stdin="Once upon a time")
    assert "perplexity" in text and '" upon"' in text
    assert out("score", stdin="") != ""


# ---- models ----


@test
def info_tells_what_is_in_a_checkpoint():
    got = json.loads(out("info", MODEL, "--json"))
    assert got["parameters"] == 20716800 and got["type"] == "bf16"
    assert got["template_family"] == "chatml" and got["problem"] is None
    assert len(got["tensors"]) == 68 and len(got["files"]) == 3
    assert not any(t["unexpected"] for t in got["tensors"])
    assert got["config"]["hidden_size"] == 512
    assert got["tokenizer"]["ids"] == 8192
    text = out("info", MODEL)
    assert "model.embed_tokens.weight" in text and "chatml" in text
    assert "20.7M" in text


@test
def info_names_tensors_that_nobody_reads():
    path = copy_model("spare")

    def add(header):
        end = max(t["data_offsets"][1] for t in header.values()
                  if "data_offsets" in t)
        header["model.layers.99.mlp.up_proj.weight"] = {
            "dtype": "BF16", "shape": [4], "data_offsets": [end, end + 8]}
    edit_header(path, add, more=bytes(8))
    edit(path, "model.safetensors.index.json",
         lambda value: value["weight_map"].update(
             {"model.layers.99.mlp.up_proj.weight": SHARD}))
    got = json.loads(out("info", path, "--json"))
    assert [t["name"] for t in got["tensors"] if t["unexpected"]] == \
        ["model.layers.99.mlp.up_proj.weight"]
    assert "unexpected" in out("info", path)
    assert out("-m", path, "--temp", "0", "-p", "Hello!") == \
        chat("-p", "Hello!")


@test
def models_are_listed_broken_ones_too():
    own = os.path.join(HOME, ".local/share/confab/models")
    os.makedirs(own, exist_ok=True)
    os.symlink(MODEL, os.path.join(own, "mine"))
    open(os.path.join(own, "broken.gguf"), "w").close()
    got = {m["name"]: m for m in lines(out("models", "--json"))}
    assert got["confab-20m"]["origin"] == "bundled"
    assert got["mine"]["parameters"] == 20716800
    assert got["mine"]["context"] == 4096
    assert "error" in got["broken"]
    text = out("models")
    assert "20.7M parameters" in text and "cannot be read" in text
    assert out("-m", "mine", "--temp", "0", "-p", "Hello!") == \
        chat("-p", "Hello!")
    shutil.rmtree(own)


@test
def quant_makes_a_copy_once_that_models_lists_and_removes():
    cache = os.path.join(HOME, ".cache/confab/models")

    def cached():
        return {m["name"]: m for m in lines(out("models", "--json"))
                if m["origin"] == "cache"}
    told = json.loads(out("bench", "-p", "1", "-n", "1", "-r", "1", "--json",
                          "-m", MODEL, "--quant", "q8_0"))
    assert told["type"] == "q8_0"
    (name, model), = cached().items()
    assert name.startswith("confab-20m-q8_0-")
    assert model["type"] == "q8_0" and model["path"].startswith(cache)
    before = os.stat(model["path"])
    assert before.st_mode & 0o777 == 0o600
    assert os.stat(cache).st_mode & 0o777 == 0o700
    first = out("-m", MODEL, "--quant", "q8_0", "--temp", "0", "--no-save",
                "--json", "-p", "Hello!")
    assert os.stat(model["path"]).st_mtime_ns == before.st_mtime_ns
    again = out("-m", name, "--temp", "0", "--no-save", "--json", "-p",
                "Hello!")
    assert [t.get("logprob") for t in lines(first)] == \
        [t.get("logprob") for t in lines(again)]
    exact = out("-m", MODEL, "--quant", "off", "--temp", "0", "--no-save",
                "--json", "-p", "Hello!", env={"CONFAB_QUANT": "q8_0"})
    assert [t.get("logprob") for t in lines(exact)] != \
        [t.get("logprob") for t in lines(again)]
    assert "not a copy" in error("models", "rm", name, "confab-20m", status=1)
    assert "no such" in error("models", "rm", "nothing", status=1)
    error("models", "rm", status=2)
    error("models", "show", name, status=2)
    assert list(cached()) == [name]
    compiled = glob.glob(os.path.join(HOME, ".cache/confab/tokenizer-*"))
    assert len(compiled) == 1  # the copy's; the bundled model's is too small
    out("models", "rm", name)
    assert not cached() and not os.path.exists(model["path"])
    assert not os.path.exists(compiled[0])
    assert "q9" in error("--quant", "q9", "-p", "x", status=2)


@test
def a_gguf_file_does_all_that_a_directory_does():
    path = os.path.join(TMP, "small.gguf")
    out("quantize", MODEL, path, "--type", "f32")
    text = "Once upon a time <|im_end|>"
    for args in (["tokenize"], ["tokenize", "--plain"]):
        assert out(*args, "-m", path, stdin=text) == out(*args, stdin=text)
    one = '{"messages":[{"role":"user","content":"Hi"}]}'
    assert out("render", "-m", path, stdin=one) == out("render", stdin=one)
    *tokens, total = lines(out("score", "--json", "-m", path, stdin=text))
    *wanted, want = lines(out("score", "--json", stdin=text))
    assert [t["id"] for t in tokens] == [t["id"] for t in wanted]
    assert abs(total["mean_nll"] - want["mean_nll"]) < 1e-5
    assert out("-m", path, "--temp", "0", "--no-save", "-p", "Hello!") == \
        chat("--no-save", "-p", "Hello!")
    got = json.loads(out("info", path, "--json"))
    assert got["format"] == "gguf" and got["type"] == "f32"
    assert got["parameters"] == 20716800 and got["problem"] is None
    assert not any(t["unexpected"] for t in got["tensors"])
    named = {m["name"]: m for m in lines(out(
        "models", "--json", "--set", "model_path=" + TMP))}
    assert named["small"]["format"] == "gguf"


@test
def a_type_that_there_is_not_lists_them_all():
    told = error("--quant", "q9", "-p", "x", status=2)
    assert told.endswith(" q2_k") or " q2_k" in told, told


@test
def quantize_needs_a_type_and_says_which_there_are():
    path = os.path.join(TMP, "typed.gguf")
    assert error("quantize", MODEL, path, status=2).startswith(
        "quantize: needs --type, one of f32, f16, bf16, q8_0, ")
    assert error("quantize", MODEL, path, "--type", "q9", status=2).startswith(
        "--type: 'q9' is not one of f32, ")


@test
def quantize_writes_to_a_file_and_says_at_once_where_there_can_be_none():
    folder = os.path.join(TMP, "folder")
    os.mkdir(folder)
    for path, why in ((folder, "folder: Is a directory"),
                      ("", "'': not the name of a file")):
        assert why in error("quantize", MODEL, path, "--type", "q4_0",
                            status=1)
    assert os.listdir(folder) == []


@test
def a_model_that_cannot_be_quantized_is_a_bad_file():
    bad = os.path.join(TMP, "other")
    shutil.copytree(MODEL, bad)
    with open(os.path.join(bad, "tokenizer.json"), "w") as f:
        f.write("{}")
    path = os.path.join(TMP, "bad.gguf")
    error("quantize", bad, path, "--type", "q8_0", status=3)
    error("-m", bad, "--quant", "q8_0", "-p", "x", status=3)
    error("bench", "-m", bad, "--quant", "q8_0", status=3)
    write(bad, "tokenizer.json", b"[" + b"0," * (5 << 20) + b"0]")
    for command in (("quantize", bad, path, "--type", "q8_0"),
                    ("tokenize", "-m", bad)):
        assert "more values than are allowed" in error(*command, status=3)
    assert not os.path.exists(path)


@test
def quantize_replaces_files_and_what_links_name_but_no_device():
    pipe = os.path.join(TMP, "pipe.gguf")
    os.mkfifo(pipe)
    assert "pipe.gguf: not a regular file" in error(
        "quantize", MODEL, pipe, "--type", "q4_0", status=1)
    assert os.stat(pipe).st_mode & 0o170000 == 0o010000
    target = os.path.join(TMP, "target.gguf")
    link = os.path.join(TMP, "link.gguf")
    write(TMP, "target.gguf", b"old")
    os.symlink("target.gguf", link)
    out("quantize", MODEL, link, "--type", "q4_0")
    assert os.path.islink(link) and os.stat(target).st_size > 10 ** 7


@test
def words_that_are_added_tokens_are_so_in_a_copy():
    def add(tokenizer):
        for word in ("hello", "!"):
            tokenizer["added_tokens"].append({
                "id": tokenizer["model"]["vocab"][word], "content": word,
                "single_word": False, "lstrip": False, "rstrip": False,
                "normalized": True, "special": False})
    folder, copy = copy_model("added"), os.path.join(TMP, "added.gguf")
    edit(folder, "tokenizer.json", add)
    out("quantize", folder, copy, "--type", "bf16")
    for text in ("hellohello", "shell hello!! othello", "Oh! hell o"):
        ids = out("tokenize", "-m", folder, stdin=text)
        assert ids == out("tokenize", "-m", copy, stdin=text), text
    said = ["--no-save", "--temp", "0", "--max-tokens", "8", "-p", "Hello!"]
    assert out("-m", folder, *said) == out("-m", copy, *said)


def kv_numbers(model):
    with open(os.path.join(model, "config.json")) as f:
        config = json.load(f)
    return (config["num_hidden_layers"] * config["num_key_value_heads"] *
            config["head_dim"])


@test
def bench_measures():
    args = ["bench", "-m", MODEL, "--json", "-r", "2", "-t", "1"]
    got = json.loads(out(*args, "-p", "32", "-n", "4", "-d", "16"))
    for key in ("prefill_tokens_per_second", "decode_tokens_per_second",
                "load_seconds", "peak_rss_bytes", "threads", "kernels",
                "type"):
        assert got[key], key
    assert got["threads"] == 1 and got["type"] == "bf16"
    # Its weights are its file but for a header, and its head is the embedding;
    # 16 tokens and half of 4 are in the cache.
    kv = got["decode_bytes_per_second"] / got["decode_tokens_per_second"]
    kv -= got["weight_bytes"]
    assert abs(kv - 18 * 2 * 2 * kv_numbers(MODEL)) < 1, kv
    assert got["read_bytes_per_second"] > 1e8
    assert 0 < got["odds_seconds_per_token"] < 0.1
    got = json.loads(out(*args, "-p", "0", "-n", "4"))
    assert got["prefill_tokens_per_second"] is None
    assert got["decode_tokens_per_second"] > 0
    got = json.loads(out("-p", "8", "-n", "0", *args))
    assert got["decode_tokens_per_second"] is None
    assert got["decode_bytes_per_second"] is None
    assert "tokens/s" in out("bench", "-p", "8", "-n", "2", "-r", "1")


# ---- bad checkpoints ----




def first_tensor(header):
    return sorted(k for k in header if k != "__metadata__")[0]


def set_tensor(key, value):
    def change(header):
        header[first_tensor(header)][key] = value
    return lambda path: edit_header(path, change)


def set_config(**values):
    return lambda path: edit(path, "config.json",
                             lambda config: config.update(values))


BAD = {
    "truncated shard": (lambda p: os.truncate(os.path.join(p, SHARD), 10000),
                        SHARD),
    "empty shard": (lambda p: write(p, SHARD, b""), SHARD),
    "missing shard": (lambda p: os.unlink(os.path.join(p, SHARD)), SHARD),
    "shard of 7 bytes": (lambda p: write(p, SHARD, b"1234567"), SHARD),
    "huge header": (lambda p: write(p, SHARD, b"\xff" * 64), SHARD),
    "header no JSON": (lambda p: write(p, SHARD, struct.pack("<Q", 4) +
                                       b"{{{{"), SHARD),
    "dtype I8": (set_tensor("dtype", "I8"), SHARD),
    "dtype unknown": (set_tensor("dtype", "X99"), SHARD),
    "shape wraps": (set_tensor("shape", [2 ** 33, 2 ** 33]), SHARD),
    "wrong shape": (set_tensor("shape", [1]), SHARD),
    "negative offset": (set_tensor("data_offsets", [-2, 0]), SHARD),
    "offset past the end": (set_tensor("data_offsets", [0, 2 ** 40]), SHARD),
    "bad config": (lambda p: write(p, "config.json", b"{"), "config.json"),
    "config an array": (lambda p: write(p, "config.json", b"[]"),
                        "config.json"),
    "no config": (lambda p: os.unlink(os.path.join(p, "config.json")),
                  "config.json"),
    "another model": (set_config(model_type="llama"), "model_type"),
    "zero heads": (set_config(num_attention_heads=0), "num_attention_heads"),
    "odd head_dim": (set_config(head_dim=63), "head_dim"),
    "more layers": (set_config(num_hidden_layers=7), "layers.6"),
    "wider": (set_config(hidden_size=1024), "512"),
    "smaller vocabulary": (set_config(vocab_size=8000), "8000"),
    "no tokenizer": (lambda p: os.unlink(os.path.join(p, "tokenizer.json")),
                     "tokenizer"),
    "bad tokenizer": (lambda p: write(p, "tokenizer.json", b"{}"),
                      "tokenizer.json"),
    "bad index": (lambda p: write(p, "model.safetensors.index.json", b"{}"),
                  "model.safetensors.index.json"),
    "index points outside": (
        lambda p: edit(p, "model.safetensors.index.json",
                       lambda v: v["weight_map"].update(
                           {"model.norm.weight": "../../etc/passwd"})),
        "model.safetensors.index.json"),
}


@test
def bad_checkpoints_are_named_with_status_3():
    for number, (what, (spoil, named)) in enumerate(BAD.items()):
        path = copy_model("bad-%d" % number)
        spoil(path)
        text = error("-m", path, "--no-save", "-p", "x", status=3)
        assert named in text, (what, text)
        assert path in text, (what, text)
        shutil.rmtree(path)


def set_generation(**values):
    return lambda path: edit(path, "generation_config.json",
                             lambda config: config.update(values))


NO_MODEL = {
    "use_sliding_window": set_config(use_sliding_window=True),
    "layer_types": set_config(layer_types=["sliding_attention"] * 6),
    "hidden_act": set_config(hidden_act="gelu"),
    "mscale": set_config(rope_parameters={
        "rope_type": "yarn", "rope_theta": 1e6, "factor": 2, "mscale": 1}),
    "lm_head.weight": set_config(tie_word_embeddings=False),
    "layers.6": set_config(num_hidden_layers=7),
    "temperature": set_generation(temperature="hot"),
    "vocab": lambda p: edit(p, "tokenizer.json",
                            lambda t: t["model"].pop("vocab")),
}


@test
def no_copy_is_made_of_what_is_refused_as_it_is():
    file = os.path.join(TMP, "refused.gguf")
    cache = os.path.join(TMP, "refused-cache")
    env = {"XDG_CACHE_HOME": cache}
    for number, (named, spoil) in enumerate(NO_MODEL.items()):
        path = link_model("refused-%d" % number)
        spoil(path)
        why = error("-m", path, "--no-save", "-p", "x", status=3)
        assert named in why and path in why, (named, why)
        for args in (["-m", path, "--quant", "q8_0", "--no-save", "-p", "x"],
                     ["bench", "-m", path, "--quant", "q8_0"],
                     ["quantize", path, file, "--type", "q8_0"]):
            assert error(*args, status=3, env=env) == why, args
        assert json.loads(out("info", "--json", path))["problem"], named
        assert not os.path.exists(os.path.join(cache, "confab/models"))
        assert not os.path.exists(file)


@test
def weights_without_a_tokenizer_are_copied_for_those_who_need_none():
    path = link_model("wordless")
    os.unlink(os.path.join(path, "tokenizer.json"))
    env = {"XDG_CACHE_HOME": os.path.join(TMP, "wordless-cache")}
    why = path + ": no tokenizer.json"
    quant = ["-m", path, "--quant", "q8_0"]
    assert error(*quant, "--no-save", "-p", "x", status=3, env=env) == why
    told = out("bench", "-p", "1", "-n", "1", "-r", "1", "--json", *quant,
               env=env)
    assert json.loads(told)["type"] == "q8_0"
    assert error(*quant, "--no-save", "-p", "x", status=3, env=env) == why
    assert json.loads(out("info", "--json", path))["problem"] == why
    file = os.path.join(TMP, "wordless.gguf")
    out("quantize", path, file, "--type", "q8_0")
    assert "tokenizer.ggml.model is none" in json.loads(
        out("info", "--json", file))["problem"]
    assert lines(out("score", "--ids", "--json", "-m", file,
                     stdin="5 6"))[-1]["tokens"] == 2


@test
def a_ggufs_own_keys_are_named_when_they_are_out_of_range():
    file = os.path.join(TMP, "top-p.gguf")
    out("quantize", MODEL, file, "--type", "q4_0")
    key = b"general.sampling.top_p" + struct.pack("<I", 6)
    with open(file, "r+b") as stream:
        at = stream.read(1 << 20).index(key) + len(key)
        stream.seek(at)
        stream.write(struct.pack("<f", 2))
    why = file + ": top_p 2 is not between 0 and 1"
    assert error("-m", file, "--no-save", "-p", "x", status=3) == why
    assert json.loads(out("info", "--json", file))["problem"] == why


@test
def a_copy_is_sampled_and_stops_as_the_directory_does():
    args = ["--no-save", "--json", "-p", "Tell me a story."]
    ids = [t["id"] for t in lines(chat(*args)) if t["type"] == "token"]
    end = next(i for i in range(5, len(ids)) if ids[i] not in ids[:i])
    path = link_model("greedy")
    set_generation(do_sample=False, eos_token_id=[8191, ids[end]])(path)
    set_config(rope_parameters=None, rope_theta=1e6)(path)
    file = os.path.join(TMP, "greedy.gguf")
    out("quantize", path, file, "--type", "bf16")
    for model in (path, file):
        assert [t["id"] for t in lines(out("-m", model, *args))
                if t["type"] == "token"] == ids[:end + 1], model


@test
def what_is_no_checkpoint_is_status_3():
    empty = os.path.join(TMP, "empty")
    os.mkdir(empty)
    file = os.path.join(TMP, "file.gguf")
    with open(file, "wb") as stream:
        stream.write(b"not a gguf")
    for path in (empty, file, "/dev/null", "/nonexistent/model"):
        for args in (["-p", "x", "--no-save"], ["score"], ["tokenize"],
                     ["render"], ["info"], ["bench"]):
            text = error(*args, "-m", path, status=3)
            assert path in text, text


# ---- bootstrap ----


def stub(path, script):
    with open(path, "w") as file:
        file.write("#!/bin/sh\n" + script)
    os.chmod(path, 0o755)


def bootstrap_copy(name):
    """A folder with bootstrap in it and the environment to run it in, where
    nothing is compiled: configure notes its flags, and confab its place."""
    top = os.path.join(TMP, name)
    tools = os.path.join(top, "tools")
    os.makedirs(tools)
    shutil.copy(os.path.join(SRC, "bootstrap"), top)
    for file in ("configure.ac", "Makefile.am", "Makefile.in"):
        write(top, file, b"")
    stub(os.path.join(top, "configure"),
         ">config.status; echo $* >>../flags\n")
    stub(os.path.join(top, "confab"), "pwd; echo $*\n")
    stub(os.path.join(tools, "make"), "cp ../confab .\n")
    stub(os.path.join(tools, "dpkg-query"), "echo installed\n")
    env = environment({"PATH": tools + ":" + os.environ["PATH"]})
    env.pop("CONFIGURE_FLAGS", None)
    return top, env


def bootstrap(top, env, *args, **more):
    return subprocess.run([os.path.join(top, "bootstrap"), *args], check=True,
                          env=dict(env, **more), cwd="/", timeout=60,
                          stdout=subprocess.PIPE).stdout.decode()


@test
def bootstrap_configures_by_its_flags_also_when_it_is_run_again():
    top, env = bootstrap_copy("boot strap")

    def flags(**more):
        bootstrap(top, env, **more)
        with open(os.path.join(top, "flags")) as file:
            return file.read().splitlines()

    none, some = ["--quiet"], ["--quiet --prefix=/a --enable-werror"]
    assert flags() == none
    assert flags() == none
    assert flags(CONFIGURE_FLAGS="--prefix=/a --enable-werror") == none + some
    assert flags() == none + some
    os.remove(os.path.join(top, "build", "config.status"))
    assert flags() == none + some + some
    assert flags(CONFIGURE_FLAGS="") == none + some + some + none


@test
def what_bootstrap_runs_finds_files_from_where_it_was_called():
    top, env = bootstrap_copy("boot run")
    assert bootstrap(top, env, "run", "-m", "x") == "/\n-m x\n"


main()
