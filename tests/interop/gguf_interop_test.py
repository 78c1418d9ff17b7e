#!/usr/bin/env python3
"""GGUF files between confab and llama.cpp, both ways.  Prints TAP.

confab writes each type, and llama.cpp (node-llama-cpp from npm, whose binaries
are prebuilt) must read it, split text into the same tokens, predict the same
next tokens, and write the same greedy reply for as long as the best token leads
by more than rounding.  Then llama.cpp's own quantiser writes each type, and
confab must predict what llama.cpp predicts.

	npm install --ignore-scripts node-llama-cpp	anywhere
	CONFAB_NODE_MODULES=.../node_modules		where that is
	CONFAB_LLAMA_QUANTIZE=.../llama-quantize	optional, the second half
	CONFAB_QWEN3_TOKENIZER=.../tokenizer.json	for the 0.6B shape, which
							synth_checkpoint makes
	CONFAB_INTEROP_TYPES="q8_0 q4_0 ..."		optional, not all of them

What is missing is skipped, and said so.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unicodedata

HERE = os.path.dirname(os.path.abspath(__file__))
SRC = os.environ.get("CONFAB_SRCDIR", os.path.dirname(os.path.dirname(HERE)))
CONFAB = os.path.abspath(os.environ.get("CONFAB", "./confab"))
MODULES = os.environ.get("CONFAB_NODE_MODULES", "node_modules")
QUANTIZE = os.environ.get("CONFAB_LLAMA_QUANTIZE", "llama-quantize")
QWEN = os.environ.get("CONFAB_QWEN3_TOKENIZER", "")
GOLDEN = os.path.join(SRC, "tests", "golden")
LARGE = os.path.join(GOLDEN, "model-qwen3-0.6b-shape.json")
SYNTH = os.path.join(os.path.dirname(CONFAB), "tests", "synth_checkpoint")
BUNDLED = os.path.join(SRC, "data", "confab-20m")

TYPES = ("f32 f16 bf16 q8_0 q6_k q5_k_m q5_k_s q5_1 q5_0 q4_k_m q4_k_s q4_1 "
         "q4_0 iq4_nl iq4_xs q3_k_m q3_k_s q2_k").split()
TYPES = os.environ.get("CONFAB_INTEROP_TYPES", "").split() or TYPES

QUESTIONS = ("What is the capital of France?", "Tell me a story about a fox.",
             "My name is Anna.", "What do bees do?", "How are you today?")
GREEDY = 48  # tokens of a reply

USER_DEFINED = re.compile("</?(think|tool_call|tool_response)>")

# llama.cpp rounds activations: to bf16 or f16 with such weights, to 8 bits in
# blocks of 32 (q8_0 to q4_0, iq4_nl) or of 256 with quantised ones; confab's
# `score` keeps float32.  So two log-probabilities of one token differ, the more
# the worse the weights are; these are bounds for likely tokens, some twice what
# was seen.  That both decode the weights to the same bits is for quant_test.c.
TOLERANCE = {"f32": 0.01, "f16": 0.02, "bf16": 0.05, "q2_k": 1.6}


def tolerance(kind):
    of_32 = ("q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl")
    return TOLERANCE.get(kind, 0.2 if kind in of_32 else 1.0)


def run(*command, stdin=None):
    done = subprocess.run(command, input=stdin, capture_output=True)
    if done.returncode:
        raise RuntimeError("%s: %s" % (" ".join(command[:4]),
                                       done.stderr.decode()[-500:]))
    return done.stdout


def peer(path, texts=(), runs=(), prompts=()):
    questions = {"texts": texts,
                 "runs": [{"ids": i, "from": n} for i, n in runs],
                 "greedy": [{"ids": i, "n": GREEDY} for i in prompts]}
    return json.loads(run("node", os.path.join(HERE, "peer.mjs"), MODULES,
                          path, stdin=json.dumps(questions).encode()))


def score(path, ids, first):
    """What confab finds likeliest before each token from `first` on."""
    text = " ".join(map(str, ids)).encode()
    lines = run(CONFAB, "-m", path, "score", "--ids", "--top", "20", "--json",
                stdin=text).decode().splitlines()
    tops = {}
    for line in map(json.loads, lines):
        if "top" in line:
            tops[line["pos"]] = [(t["id"], t["logprob"]) for t in line["top"]]
    return [tops[i] for i in range(first, len(ids))]


def compare(ours, theirs, limit):
    """Both agree on the likeliest token where it leads by more than the limit,
    and on the log-probability of what is likely.  Returns the worst."""
    worst = 0
    for position, (a, b) in enumerate(zip(ours, theirs)):
        b_all = dict(b)
        margin = a[0][1] - a[1][1]
        if margin > limit and a[0][0] != b[0][0]:
            raise AssertionError("position %d: %s, they have %s"
                                 % (position, a[:3], b[:3]))
        for token, logprob in a[:3]:
            if logprob > (-3 if a[0][1] > -1 else -6):
                worst = max(worst, abs(logprob - b_all.get(token, -99)))
    if worst > limit:
        raise AssertionError("log-probabilities differ by %.3f" % worst)
    return worst


def chats(n):
    """(ids, where the reply begins) of the golden conversations."""
    with open(os.path.join(GOLDEN, "chat-confab-20m.json")) as file:
        turns = [c["turns"][0] for c in json.load(file)]
    return [(t["prompt_ids"] + [x["id"] for x in t["tokens"]],
             len(t["prompt_ids"])) for t in turns[:n]]


def texts():
    """Strings of all scripts; llama.cpp does not normalise, so those that are
    NFC already."""
    with open(os.path.join(GOLDEN, "tokenizer.jsonl")) as file:
        all_texts = [json.loads(line)["text"] for line in file]
    return [t for t in all_texts if t and unicodedata.is_normalized("NFC", t)]


def our_ids(path, some, *options):
    stdin = "".join(json.dumps(t) + "\n" for t in some).encode()
    lines = run(CONFAB, "-m", path, "tokenize", "--jsonl", *options,
                stdin=stdin).decode().splitlines()
    return [json.loads(line)["ids"] for line in lines]


def prompt_ids(source, text):
    ask = {"messages": [{"role": "user", "content": text}],
           "add_generation_prompt": True, "enable_thinking": False}
    out = run(CONFAB, "-m", source, "render", "--jsonl",
              stdin=json.dumps(ask).encode() + b"\n")
    return json.loads(out)["ids"]


def reply(path, text, prompt):
    """confab's own greedy tokens, each with its lead over the second."""
    lines = run(CONFAB, "-m", path, "-p", text, "--temp", "0", "--exact",
                "--think", "off", "--json", "--no-save", "--max-tokens",
                str(GREEDY), stdin=b"").decode().splitlines()
    *tokens, end = map(json.loads, lines)
    if end["prompt_tokens"] != len(prompt):
        raise AssertionError("the prompt has %d tokens, not %d"
                             % (end["prompt_tokens"], len(prompt)))
    return [(t["id"], t["top"][0]["logprob"] - t["top"][1]["logprob"])
            for t in tokens]


def same_greedy(ours, theirs, limit):
    """How many tokens both have in common; they may part only where the lead
    is within the limit."""
    for i, (token, lead) in enumerate(ours):
        if i >= len(theirs) or token != theirs[i]:
            if lead > limit:
                raise AssertionError(
                    "greedy token %d: %d leads by %.3f, they have %s"
                    % (i, token, lead, theirs[i:i + 1]))
            return i
    return len(ours)


class Tap:
    def __init__(self, plan):
        self.number = 0
        self.failed = False
        print("1..%d" % plan, flush=True)

    def test(self, name, function, skip=None):
        self.number += 1
        word, note = "ok", ""
        try:
            note = " # SKIP " + skip if skip else ""
            if not skip:
                print("# %s" % (function() or "."), flush=True)
        except Exception as problem:  # told, and the next one tried
            print("# %s" % problem)
            word, self.failed = "not ok", True
        print("%s %d - %s%s" % (word, self.number, name, note), flush=True)


def written(tmp, source, kind):
    path = os.path.join(tmp, kind + ".gguf")
    run(CONFAB, "quantize", source, path, "--type", kind)
    return path


def agree(path, kind, runs, questions, limit):
    """Compares all that can be, for one file; in words."""
    prompts = [prompt_ids(path, text) for text in questions]
    theirs = peer(path, runs=runs, prompts=prompts)
    worst = max(compare(score(path, ids, first), b, limit)
                for (ids, first), b in zip(runs, theirs["runs"]))
    replies = [reply(path, q, p) for q, p in zip(questions, prompts)]
    same = sum(same_greedy(a, b, limit)
               for a, b in zip(replies, theirs["greedy"]))
    os.remove(path)
    return ("%s: log-probabilities differ by up to %.4f, %d of %d greedy "
            "tokens equal" % (kind, worst, same, sum(map(len, replies))))


def confab_writes(tmp, kind):
    return agree(written(tmp, BUNDLED, kind), kind, chats(6), QUESTIONS,
                 tolerance(kind))


def llama_writes(tmp, kind):
    path = os.path.join(tmp, "theirs.gguf")
    run(QUANTIZE, written(tmp, BUNDLED, "bf16"), path, kind)
    return agree(path, kind, chats(6), QUESTIONS, tolerance(kind))


def same_tokens(tmp, source):
    path = written(tmp, source, "q8_0")
    some = texts()
    theirs = peer(path, texts=some)
    for ours, key in ((our_ids(path, some), "special"),
                      (our_ids(source, some), "special"),
                      (our_ids(path, some, "--plain"), "plain")):
        for text, a, b in zip(some, ours, theirs[key]):
            if key == "plain" and USER_DEFINED.search(text):
                continue  # these llama.cpp recognises even in plain text
            if a != b:
                raise AssertionError("%s: %r: %s, they have %s"
                                     % (key, text, a, b))
    return "%d texts" % len(some)


def large_shape(tmp, source, kind):
    with open(LARGE) as file:
        golden = json.load(file)
    runs = [(golden["prompt"] + golden["greedy"], len(golden["prompt"]))]
    # Random weights: flat distributions, and no sense that rounding respects.
    return agree(written(tmp, source, kind), kind, runs, QUESTIONS[:1],
                 3 * tolerance(kind))


def main():
    if not shutil.which("node") or not os.path.isdir(
            os.path.join(MODULES, "node-llama-cpp")):
        print("1..0 # SKIP no node, or no node-llama-cpp in %s" % MODULES)
        return 0
    no_quantizer = None if shutil.which(QUANTIZE) else "no llama-quantize"
    no_synth = None if os.path.exists(QWEN) else "no Qwen3 tokenizer"
    with tempfile.TemporaryDirectory() as tmp:
        tap = Tap(2 + 3 * len(TYPES))
        tap.test("both split text alike", lambda: same_tokens(tmp, BUNDLED))
        for kind in TYPES:
            tap.test("llama.cpp reads confab's " + kind,
                     lambda: confab_writes(tmp, kind))
        for kind in TYPES:
            tap.test("confab reads llama.cpp's " + kind,
                     lambda: llama_writes(tmp, kind), no_quantizer)
        shape = os.path.join(tmp, "qwen3-0.6b-shape")
        if not no_synth:
            run(SYNTH, LARGE, shape)
            shutil.copy(QWEN, os.path.join(shape, "tokenizer.json"))
        tap.test("both split text alike with Qwen3's vocabulary",
                 lambda: same_tokens(tmp, shape), no_synth)
        for kind in TYPES:
            tap.test("the 0.6B shape as " + kind,
                     lambda: large_shape(tmp, shape, kind), no_synth)
    return 1 if tap.failed else 0


sys.exit(main())
