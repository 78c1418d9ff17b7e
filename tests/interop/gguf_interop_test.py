#!/usr/bin/env python3
"""GGUF files between confab and llama.cpp, both ways.  Prints TAP.

confab writes each type, and llama.cpp (node-llama-cpp from npm, whose binaries
are prebuilt) must read it, split text into the same tokens, predict the same
next tokens, and write the same greedy reply for as long as the best token leads
by more than rounding.  Then llama.cpp's own quantiser writes each type, and
confab must predict what llama.cpp predicts.  All that with the bundled model and
with random weights in the shape of Qwen3-0.6B.

	npm install --ignore-scripts node-llama-cpp	anywhere
	CONFAB_NODE_MODULES=.../node_modules		where that is
	CONFAB_LLAMA_QUANTIZE=.../llama-quantize	optional, what it writes
	CONFAB_QWEN3_TOKENIZER=.../tokenizer.json	for the 0.6B shape, which
							synth_checkpoint makes

What is missing is skipped, and said so.  All of it takes an hour or two and
4 GB of disk.  It can be had in pieces:

	gguf_interop_test.py PATTERN...		only cases with such names, as in
						'writes/q8_0' or 'shape-*/q4_*'
	CONFAB_INTEROP_RESULTS=FILE		a line of JSON for each case that
						passes; those in it already are
						not run again
"""
import fnmatch
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
RESULTS = os.environ.get("CONFAB_INTEROP_RESULTS", "")
GOLDEN = os.path.join(SRC, "tests", "golden")
LARGE = os.path.join(GOLDEN, "model-qwen3-0.6b-shape.json")
SYNTH = os.path.join(os.path.dirname(CONFAB), "tests", "synth_checkpoint")
BUNDLED = os.path.join(SRC, "data", "confab-20m")

TYPES = ("f32 f16 bf16 q8_0 q6_k q5_k_m q5_k_s q5_1 q5_0 q4_k_m q4_k_s q4_1 "
         "q4_0 iq4_nl iq4_xs q3_k_m q3_k_s q2_k").split()

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
        raise RuntimeError("%s: status %d: %s"
                           % (" ".join(command[:4]), done.returncode,
                              done.stderr.decode()[-500:]))
    return done.stdout


def peer(path, texts=(), runs=(), prompts=(), never=()):
    questions = {"texts": texts, "never": list(never),
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


def n_ids(path):
    """One more than the largest id of a tokenizer.json."""
    with open(path) as file:
        tokenizer = json.load(file)
    return 1 + max(*tokenizer["model"]["vocab"].values(),
                   *(token["id"] for token in tokenizer["added_tokens"]))


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
    """How many tokens both have in common, and our best one's lead where they
    part, None where they do not; that must be within the limit."""
    for i, (token, lead) in enumerate(ours):
        if i >= len(theirs) or token != theirs[i]:
            if lead > limit:
                raise AssertionError(
                    "greedy token %d: %d leads by %.3f, they have %s"
                    % (i, token, lead, theirs[i:i + 1]))
            return i, lead
    return len(ours), None


def accept(path, prompt, theirs, limit):
    """Every token of their reply, after those before it, is our likeliest or
    behind that by no more than the limit.  Returns the most it is behind."""
    worst = 0
    tops = score(path, prompt + theirs, len(prompt))
    for i, (token, top) in enumerate(zip(theirs, tops)):
        behind = top[0][1] - dict(top).get(token, -99)
        if behind > limit:
            raise AssertionError("their greedy token %d: %d is %.3f behind %d"
                                 % (i, token, behind, top[0][0]))
        worst = max(worst, behind)
    return worst


def agree(path, runs, questions, limit, never=()):
    """Compares all that can be, for one file."""
    prompts = [prompt_ids(path, text) for text in questions]
    theirs = peer(path, runs=runs, prompts=prompts, never=never)
    worst = max(compare(score(path, ids, first), b, limit)
                for (ids, first), b in zip(runs, theirs["runs"]))
    replies = [reply(path, q, p) for q, p in zip(questions, prompts)]
    same = [same_greedy(a, b, limit)
            for a, b in zip(replies, theirs["greedy"])]
    behind = max(accept(path, p, b, limit)
                 for p, b in zip(prompts, theirs["greedy"]))
    leads = [lead for _, lead in same if lead is not None]
    return {"positions": sum(len(ids) - first for ids, first in runs),
            "differ": round(worst, 5), "limit": limit,
            "equal": sum(n for n, _ in same),
            "greedy": sum(map(len, replies)),
            "parted": len(leads), "lead": round(max(leads, default=0), 5),
            "behind": round(behind, 5)}


def same_tokens(path, source):
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
    return {"texts": len(some)}


class Model:
    """One of the two: where it is, and what is asked of its files."""

    def __init__(self, tmp, prefix):
        self.tmp, self.prefix, self.source = tmp, prefix, BUNDLED

    def directory(self):
        return self.source

    def ask(self, path, kind):
        return agree(path, chats(6), QUESTIONS, tolerance(kind))

    def written(self, kind):
        path = os.path.join(self.tmp, self.prefix + kind + ".gguf")
        if not os.path.exists(path):
            run(CONFAB, "quantize", self.directory(), path, "--type", kind)
        return path

    def tokens(self, _):
        return same_tokens(self.written("q8_0"), self.directory())

    def writes(self, kind):
        path = self.written(kind)
        try:
            return self.ask(path, kind)
        finally:
            os.remove(path)

    def reads(self, kind):
        path = os.path.join(self.tmp, "theirs.gguf")
        run(QUANTIZE, self.written("bf16"), path, kind)
        try:
            return self.ask(path, kind)
        finally:
            os.remove(path)


class Shape(Model):
    def __init__(self, tmp, prefix):
        super().__init__(tmp, prefix)
        self.source = os.path.join(tmp, "qwen3-0.6b-shape")

    def directory(self):
        if not os.path.exists(self.source):
            run(SYNTH, LARGE, self.source)
            shutil.copy(QWEN, os.path.join(self.source, "tokenizer.json"))
        return self.source

    def ask(self, path, kind):
        with open(LARGE) as file:
            golden = json.load(file)
        runs = [(golden["prompt"] + golden["greedy"], len(golden["prompt"]))]
        # Random weights: flat distributions, without the sense that makes a
        # trained model's survive rounding.  The ids past the vocabulary, which
        # fill the embedding up, are as likely as others then; confab never
        # writes them.
        never = range(n_ids(QWEN), golden["config"]["vocab_size"])
        return agree(path, runs, QUESTIONS[:1], 3 * tolerance(kind), never)


def cases(tmp):
    """(name, function of the type, type, why it is skipped or None)."""
    no_quantizer = None if shutil.which(QUANTIZE) else "no llama-quantize"
    no_synth = None if os.path.exists(QWEN) else "no Qwen3 tokenizer"
    for model, absent in ((Model(tmp, ""), None),
                          (Shape(tmp, "shape-"), no_synth)):
        name = model.prefix
        yield name + "tokens/all", model.tokens, "q8_0", absent
        for kind in TYPES:
            yield name + "writes/" + kind, model.writes, kind, absent
        for kind in TYPES:
            yield (name + "reads/" + kind, model.reads, kind,
                   absent or no_quantizer)


def earlier_results():
    if not RESULTS or not os.path.exists(RESULTS):
        return set()
    with open(RESULTS) as file:
        return {json.loads(line)["case"] for line in file}


def attempt(number, name, function, kind):
    """Runs one case and tells; False when it fails."""
    try:
        result = {"case": name, **function(kind)}
    except Exception as problem:  # told, and the next one tried
        print("# %s: %s\nnot ok %d - %s"
              % (type(problem).__name__, problem, number, name), flush=True)
        return False
    line = json.dumps(result)
    print("# %s\nok %d - %s" % (line, number, name), flush=True)
    if RESULTS:
        with open(RESULTS, "a") as file:
            file.write(line + "\n")
    return True


def main():
    if not shutil.which("node") or not os.path.isdir(
            os.path.join(MODULES, "node-llama-cpp")):
        print("1..0 # SKIP no node, or no node-llama-cpp in %s" % MODULES)
        return 0
    wanted, earlier, failed = sys.argv[1:] or ["*"], earlier_results(), False
    with tempfile.TemporaryDirectory() as tmp:
        chosen = [c for c in cases(tmp)
                  if any(fnmatch.fnmatch(c[0], w) for w in wanted)]
        print("1..%d" % len(chosen), flush=True)
        for number, (name, function, kind, skip) in enumerate(chosen, 1):
            if not skip and name in earlier:
                skip = "passed earlier"
            if skip:
                print("ok %d - %s # SKIP %s" % (number, name, skip))
            elif not attempt(number, name, function, kind):
                failed = True
    return 1 if failed else 0


sys.exit(main())
