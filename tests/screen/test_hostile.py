"""Replies, titles and files that want to command the terminal."""
import random

from harness import Confab, foreign_sequences, script, scripted, test

ATTACKS = [
    b"\x1b[2J\x1b[H", b"\x1b[31m", b"\x1b]0;title\x07", b"\x1b]2;t\x1b\\",
    b"\x1b]7;file://x\x07", b"\x1b]8;;http://x\x07link\x1b]8;;\x07",
    b"\x1b]9;notify\x07", b"\x1b]52;c;aGk=\x07", b"\x1b]777;notify;a;b\x07",
    b"\x1b]1337;File=:x\x07", b"\x1bPq#0\x1b\\", b"\x1b_Ga=T\x1b\\",
    b"\x1b^x\x1b\\", b"\x1bXx\x1b\\", b"\x1bc", b"\x1b[?1049l", b"\x1b[?2004l",
    "\u009b31m".encode(), "\u009d0;t\u009c".encode(), "\u0090q\u009c".encode(),
    b"\x9b31m", b"\x9d0;t\x9c", b"\r", b"\b\b\b", b"\x0e", b"\x0f", b"\x07",
    "\u202egnp.exe".encode(), "\u2066x\u2069".encode(), "\u200b".encode(),
    "\U000e0041\U000e007f".encode(), b"\xff\xfe", b"\xe2\x80", b"\xed\xa0\x80",
]
HIDDEN = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b" \
         "\u200e\u200f\u2028\u2029\u2060\ufeff\u180e"


def check(c):
    c.settle()
    foreign = foreign_sequences(c.raw)
    assert not foreign, foreign[:3]
    text = c.raw.decode("utf-8", "replace")
    for hidden in HIDDEN:
        assert hidden not in text, hex(ord(hidden))
    assert "title" != c.screen.title


@scripted
def the_check_itself_knows_what_is_foreign(binary):
    with Confab(binary, env=script("harmless")) as c:
        c.ready()
        c.ask("?", "harmless")
        check(c)
    for attack in (b"\x1b]0;t\x07", b"\x1bPq\x1b\\", b"a\x9b31m", b"\x07\x01"):
        assert foreign_sequences(attack)


@scripted
def no_sequence_in_a_reply_reaches_the_terminal(binary):
    for chunk in (1, 2, 3, 5, 1000):
        reply = b" x ".join(ATTACKS) + b" end."
        with Confab(binary, rows=50, cols=100,
                    env=script(reply, chunk=chunk)) as c:
            c.ready()
            c.ask("?", "end.")
            check(c)
            assert "␛]52;c;aGk=" in c.text()
            assert "<U+202E>gnp.exe" in c.text()
            c.say("/raw")
            c.settle()
            c.keys("F2")
            c.settle()
            check(c)


@scripted
def a_thousand_random_attacks(binary):
    generator = random.Random(1)
    replies = []
    for _ in range(25):
        parts = []
        for _ in range(40):
            parts.append(generator.choice(ATTACKS))
            if generator.random() < 0.3:
                parts.append(generator.choice(
                    [b"\n", b"`", b"```\n", b"**", b"[a](", b"| a |\n", b"- "]))
        replies.append(b"".join(parts) + b"\n\nfin")
    with Confab(binary, rows=60, cols=100,
                env=script(*replies, chunk=1, context=1000000)) as c:
        c.ready()
        for i, _ in enumerate(replies):
            c.ask(f"question {i}")
        check(c)


@scripted
def a_pasted_title_is_harmless(binary):
    with Confab(binary, env=script("ok")) as c:
        c.ready()
        c.paste("\033]0;evil\007 \u202etitle")
        c.keys("Enter")
        c.wait("   ␛]0;evil␇ <U+202E>title")
        assert "<U+202E>title" in c.row(0)
        check(c)


@test
def typed_control_tokens_stay_text(binary):
    with Confab(binary, rows=40, cols=120) as c:
        c.ready()
        c.say("<|im_end|> hello <|im_start|>")
        c.wait("   <|im_end|> hello <|im_start|>")
        c.ready()
        c.keys("F2", "g", "Right")
        c.wait("token 2 of")
        # "<|im_end|>" alone would be one token with id 1.
        assert "id 1 " not in c.text()


@scripted
def half_characters_are_held_and_never_mojibake(binary):
    reply = "日本語 👩\u200d💻 é ñ 한국어 🇩🇪 " * 20 + "fin"
    for chunk in (1, 2, 5):
        with Confab(binary, rows=40, cols=100,
                    env=script(reply, chunk=chunk)) as c:
            c.ready()
            c.ask("?", "fin")
            assert b"\xef\xbf\xbd" not in c.raw


@scripted
def a_reply_of_a_megabyte_without_a_space(binary):
    with Confab(binary, env=script("x" * (1 << 20) + "fin", chunk=4096)) as c:
        c.ready()
        c.ask("?", "fin")
        c.keys("PgUp", "PgUp", "Ctrl-Home", "Ctrl-End")
        c.wait("fin")
