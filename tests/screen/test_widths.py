"""The right border under a real terminal: tmux, whose own grid is asked.

A row of text may hold anything; the line between transcript and inspector must
stand in one column all the same.  tmux's copy mode tells in which column of its
grid the line is, so that nothing here has to know the width of anything.
"""
import os
import random
import re
import shutil
import subprocess
import tempfile
import time

from harness import Skip, script, scripted, temporary_folder

ROWS, COLS = 40, 120
BORDER = "│"
NUMBERED = re.compile(r"   (\d{4}) ", re.ASCII)

# Lines that were made by hand: each has broken some terminal program.
HAND = [
    "日本語のテキスト", "한국어 텍스트", "\u1112\u1161\u11ab\u1100\u1173\u11af",
    "한글 and 한", "हिन्दी में लिखा", "क्षत्रिय क्‍ष", "தமிழ் எழுத்து", "ไทยกำ้",
    "العربية نص", "עברית שָׁלוֹם", "e\u0301a\u0300o\u0308\u0304\u0301",
    "Z\u0351\u036b\u0343\u032a\u0302\u036b\u033d\u034f\u0334\u0319\u0324a",
    "🇩🇪🇫🇷🇯🇵", "🇩", "🇩🇪🇫", "👍🏽👩🏿‍🚀", "👨‍👩‍👧‍👦 family", "👩‍❤️‍💋‍👨",
    "❤️ ❤ ☁️ ☁ ✈️ ✈", "1️⃣2️⃣#️⃣*️⃣", "☺️☺︎⌚︎⌚️", "©️®️™️", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🏳️‍🌈🏴‍☠️",
    "ｆｕｌｌ ｗｉｄｔｈ ｶﾀｶﾅ", "①②③ⅠⅡ℃№", "─┌┐└┘█▓▒░", "“quotes” … — ·",
    "a\u200bb\u200cc\u200dd\u2060e\ufefff", "\u202eabc\u202c \u2066x\u2069",
    "soft\u00adhyphen", "\u3000ideographic\u3000space", "〱〲﷽", "𒐫𒈙",
    "𓀀𓁐", "𠀀𪚥", "ʰᵃ̃", "\u0f40\u0f74\u0f0b", "မြန်မာ", "ខ្មែរ", "ﬀﬁ",
]

# First and last code point of what random strings are made from.
RANGES = {
    "cjk": [(0x4E00, 0x9FFF), (0x3041, 0x3096), (0x30A1, 0x30FA),
            (0x20000, 0x2A6DF), (0xFF01, 0xFF60), (0x3001, 0x303D)],
    "hangul": [(0xAC00, 0xD7A3)],
    "devanagari": [(0x0904, 0x0939), (0x093E, 0x094D), (0x0958, 0x0963)],
    "indic": [(0x0985, 0x09CD), (0x0B85, 0x0BCD), (0x0D05, 0x0D4D),
              (0x0E01, 0x0E4E), (0x1000, 0x103F), (0x1780, 0x17D3)],
    "latin": [(0x20, 0x7E), (0xC0, 0x24F), (0x300, 0x36F), (0x370, 0x3FF),
              (0x400, 0x45F), (0x5D0, 0x5EA), (0x627, 0x64A)],
    "symbols": [(0x2010, 0x205E), (0x2190, 0x23FF), (0x2460, 0x27BF),
                (0x2900, 0x2BFF)],
    "any": [(0xA0, 0xD7FF), (0xE000, 0xFFFD), (0x10000, 0x1FFFF),
            (0xE0000, 0xE01EF)],
}
EMOJI = [*range(0x1F600, 0x1F650), *range(0x1F300, 0x1F3FB),
         *range(0x1F400, 0x1F53E), *range(0x1F680, 0x1F6C6), 0x2764, 0x2615,
         0x26A1, 0x2708, 0x261D, 0x270C]
PEOPLE = [0x1F468, 0x1F469, 0x1F9D1, 0x1F466, 0x1F467, 0x1F44D, 0x1F44B,
          0x270B, 0x1F926, 0x1F937]
SIGNS = [0x2764, 0x1F680, 0x1F4BB, 0x2695, 0x2640, 0x2642, 0x1F33E, 0x1F3EB]


def emoji(r):
    """One emoji cluster: plain, with VS16, a skin, a flag, joined, a keycap."""
    kind = r.randrange(7)
    if kind == 0:
        return chr(r.choice(EMOJI))
    if kind == 1:
        return chr(r.choice([0x2600, 0x2602, 0x2708, 0x2764, 0x270F, 0x2733,
                             0x203C, 0x2122, 0x1F321, 0x1F6E0])) + "\ufe0f"
    if kind == 2:
        return chr(r.choice(PEOPLE)) + chr(r.randrange(0x1F3FB, 0x1F400))
    if kind == 3:
        return "".join(chr(r.randrange(0x1F1E6, 0x1F200)) for _ in range(2))
    if kind == 4:
        people = [chr(r.choice(PEOPLE[:5])) for _ in range(r.randrange(2, 5))]
        return "\u200d".join(people)
    if kind == 5:
        skin = chr(r.randrange(0x1F3FB, 0x1F400)) if r.random() < .5 else ""
        sign = chr(r.choice(SIGNS))
        return (chr(r.choice(PEOPLE[:3])) + skin + "\u200d" + sign +
                ("\ufe0f" if ord(sign) < 0x3000 else ""))
    return r.choice("0123456789#*") + "\ufe0f\u20e3"


def jamo(r):
    text = chr(r.randrange(0x1100, 0x1113)) + chr(r.randrange(0x1161, 0x1176))
    if r.random() < .5:
        text += chr(r.randrange(0x11A8, 0x11C3))
    return text


def one_string(r):
    kind = r.choice([*RANGES, "jamo", "emoji", "emoji", "mixed"])
    text = ""
    while len(text) < 24:
        pick = r.choice([*RANGES, "jamo", "emoji"]) if kind == "mixed" else kind
        if pick == "emoji":
            text += emoji(r)
        elif pick == "jamo":
            text += jamo(r)
        else:
            text += chr(r.randint(*r.choice(RANGES[pick])))
        if r.random() < .15:
            text += r.choice([" ", "\u0301", "\u200d", "\ufe0f", "\ufe0e", "x"])
    return text


def corpus(n):
    r = random.Random(20)
    strings = (HAND + [one_string(r) for _ in range(n)])[:n]
    return [s.replace(BORDER, "|") for s in strings]


class Tmux:
    """A program in a tmux of its own."""

    def __init__(self, binary, env):
        if not shutil.which("tmux"):
            raise Skip("no tmux")
        self.home = temporary_folder("confab-tmux-")
        socket = os.path.join(self.home, "socket")
        self.base = ["tmux", "-S", socket, "-f", "/dev/null"]
        settings = {"HOME": self.home, "TERM": "tmux-256color", "TZ": "UTC",
                    "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", **env}
        words = ["env"] + [f"{k}={v}" for k, v in settings.items()] + [
            binary, "--temp", "0", "--no-save", "--set", "inspector=on"]
        self.call("-u", "new-session", "-d", "-x", str(COLS), "-y", str(ROWS),
                  *words)

    def call(self, *words):
        environment = dict(os.environ, LANG="C.UTF-8", LC_ALL="C.UTF-8")
        environment.pop("TMUX", None)
        return subprocess.run(self.base + list(words), env=environment,
                              check=True, stdout=subprocess.PIPE,
                              encoding="utf-8").stdout

    def rows(self):
        return self.call("capture-pane", "-p").split("\n")[:ROWS]

    def wait(self, condition, what, seconds=30):
        """Until it is so and the screen has not changed since the last look."""
        end = time.monotonic() + seconds
        before = None
        while time.monotonic() < end:
            rows = self.rows()
            if rows == before and condition(rows):
                return rows
            before = rows
            time.sleep(0.02)
        raise AssertionError(f"waited for {what}:\n" + "\n".join(rows))

    def columns_of(self, sign, rows):
        """Where the sign stands first in each of these rows of tmux's grid; its
        copy mode is asked."""
        words = ["copy-mode", ";", "send-keys", "-X", "top-line"]
        for _ in range(rows[0]):
            words += [";", "send-keys", "-X", "cursor-down"]
        for _ in range(rows[0], rows[1]):
            words += [";", "send-keys", "-X", "start-of-line",
                      ";", "send-keys", "-X", "jump-forward", sign,
                      ";", "display-message", "-p",
                      "#{copy_cursor_x} #{copy_cursor_y}",
                      ";", "send-keys", "-X", "cursor-down"]
        words += [";", "send-keys", "-X", "cancel"]
        answers = [a.split() for a in self.call(*words).splitlines()]
        assert [int(y) for _, y in answers] == list(range(*rows)), answers
        return [int(x) for x, _ in answers]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(self.base + ["kill-server"], stderr=subprocess.DEVNULL)


@scripted
def the_border_is_straight_beside_two_thousand_strings(binary):
    n = 2000
    lines = [f"{i:04d} {s}" for i, s in enumerate(corpus(n))]
    env = script("```\n" + "\n".join(lines) + "\n```\nthe end", chunk=4096)
    with Tmux(binary, env) as t:
        t.wait(lambda rows: any(r.startswith(" ready") for r in rows), "ready")
        t.call("send-keys", "?", "Enter")
        rows = t.wait(lambda rows: any("the end" in r for r in rows), "the end")
        border = t.columns_of(BORDER, (1, 2))[0]
        assert 60 < border < COLS, border
        seen = set()
        while True:
            body = rows[1:ROWS - 3]
            numbers = [int(m.group(1)) for m in map(NUMBERED.match, body) if m]
            for row, column in zip(body, t.columns_of(BORDER, (1, ROWS - 3))):
                assert column == border, (column, border, row)
            seen.update(numbers)
            if 0 in numbers:
                break
            t.call("send-keys", "PageUp")
            rows = t.wait(lambda rows: rows[1] != body[0], "the page above")
        assert seen == set(range(n)), f"{n - len(seen)} lines were not seen"
