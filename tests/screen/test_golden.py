"""Whole screens, to the last cell, as they were looked at and found good.

CONFAB_WRITE_GOLDEN=1 writes tests/screen/golden/ anew; look at the difference
before it is committed.  Below the rows stands, in monochrome, what each cell
looks like: b(old), i(talic), u(nderlined), r(everse), and R for bold in reverse.
"""
import os

from harness import Confab, script, scripted

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden")

REPLY = """# Packing for Kyoto

November is *mild*, but evenings are **cold**, so pack a `warm` layer, a light \
rain jacket, and shoes that are easy to take off:

- **Layers**: a sweater and a windproof shell
- **Shoes**: temples ask you to take them off

| month | day | night |
|-------|----:|------:|
| Nov   |  17 |     8 |
| 十二月 |  12 |     4 |

> 紅葉 (kōyō) is at its best late in the month.

```python
def warm(night):        # degrees
    return night < 10 and "scarf"
```

See <https://www.jma.go.jp>.
"""


def looks(c):
    def letter(cell):
        if cell.reverse:
            return "R" if cell.bold else "r"
        return ("u" if cell.underscore else "b" if cell.bold else
                "i" if cell.italics else ".")

    return ["".join(letter(c.cell(y, x)) for x in range(c.screen.columns)
                    ).rstrip(".") for y in range(c.screen.lines)]


def colours(c):
    return {colour for y in range(c.screen.lines)
            for x in range(c.screen.columns)
            for colour in (c.cell(y, x).fg, c.cell(y, x).bg)}


def compare(c, name, mono=False):
    rows = c.rows() + ([""] + looks(c) if mono else [])
    path = os.path.join(GOLDEN, name)
    if os.environ.get("CONFAB_WRITE_GOLDEN"):
        os.makedirs(GOLDEN, exist_ok=True)
        with open(path, "w") as file:
            file.write("\n".join(rows) + "\n")
        return
    with open(path) as file:
        wanted = file.read().rstrip("\n").split("\n")
    while rows and not rows[-1]:
        rows.pop()
    for i, (got, want) in enumerate(zip(rows, wanted)):
        assert got == want, f"{name}:{i + 1}:\n{got!r} instead of\n{want!r}"
    assert len(rows) == len(wanted), name


def until_whole(c, name, text, mono=False):
    """The frame with this text, when it is as it shall be or does not come to
    be so."""
    if os.environ.get("CONFAB_WRITE_GOLDEN"):
        c.wait(text)
        c.settle(0.3)

    def is_so():
        if not (c.find(text) and c.status_line().startswith(" ready")):
            return False
        try:
            compare(c, name, mono)
        except AssertionError:
            return False
        return True
    try:
        c.wait(is_so, seconds=10)
    except AssertionError:
        compare(c, name, mono)
        raise


def opened(binary, rows, cols, mono=False):
    env = script(REPLY, "Two words.", chunk=0)
    if mono:
        env["NO_COLOR"] = "1"
    return Confab(binary, rows=rows, cols=cols, env=env)


def converse(c):
    c.ready()
    c.ask("What should I pack for Kyoto in November?")
    c.ask("And in two words?")


def golden(rows, cols, mono=False):
    """Makes three tests of one size: the welcome, a chat, the inspector."""
    size = f"{cols}x{rows}" + ("_mono" if mono else "")

    def welcome(binary):
        with opened(binary, rows, cols, mono) as c:
            c.ready()
            until_whole(c, f"welcome_{size}.txt", " confab", mono)
            assert not mono or colours(c) == {"default"}

    def chat(binary):
        with opened(binary, rows, cols, mono) as c:
            converse(c)
            until_whole(c, f"chat_{size}.txt", "Two words.", mono)
            c.keys("PgUp")
            until_whole(c, f"above_{size}.txt", " >", mono)
            assert not mono or colours(c) == {"default"}

    def inspector(binary):
        with opened(binary, rows, cols, mono) as c:
            converse(c)
            c.keys("F2", "Left", "h")
            until_whole(c, f"inspector_{size}.txt", "token 2 of 3", mono)
            c.keys("Enter", "Down")
            until_whole(c, f"choosing_{size}.txt", "take another token", mono)
            assert not mono or colours(c) == {"default"}

    for function in (welcome, chat, inspector):
        function.__name__ = f"golden_{function.__name__}_{size}"
        scripted(function)


for _rows, _cols in ((24, 80), (12, 40), (40, 120), (60, 200)):
    golden(_rows, _cols)
golden(24, 80, mono=True)
golden(40, 120, mono=True)
