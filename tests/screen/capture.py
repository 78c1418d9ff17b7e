#!/usr/bin/python3
"""Captures for the README: capture.py CONFAB DIRECTORY

Drives the real program with the bundled model on a pseudo-terminal and writes
what the screen shows as SVG, cell for cell: docs/*.svg in the source tree.
"""
import os
import sys
from html import escape

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import Confab  # noqa: E402

ROWS, COLS = 30, 100
WIDTH, HEIGHT, SIZE, MARGIN = 8.4, 18, 14, 12  # of a cell, a letter, the edge
BASE = {"dark": ("#1c1f26", "#d4d7de"), "light": ("#ffffff", "#24292f")}
NAMED = {"black": "#101216", "red": "#cd3131", "green": "#3f9e4d",
         "brown": "#b58900", "blue": "#3b78d8", "magenta": "#a347ba",
         "cyan": "#2a9d9d", "white": "#d4d7de"}
LINES = {"─": "lr", "│": "tb", "┴": "lrt", "┼": "lrtb", "┬": "lrb",
         "├": "tbr", "└": "tr", "┌": "br"}


def colour(name, otherwise):
    if name == "default":
        return otherwise
    return NAMED.get(name) or (name if name.startswith("#") else "#" + name)


def rect(x, y, w, h, fill):
    return (f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" '
            f'fill="{fill}"/>')


def drawn(data, x, y, fill):
    """Blocks and lines as shapes, which join whatever the font; or None."""
    code = ord(data[0]) if data else 0
    if 0x2589 <= code <= 0x258F:
        return rect(x, y, WIDTH * (0x2590 - code) / 8, HEIGHT, fill)
    if 0x2581 <= code <= 0x2587:
        h = HEIGHT * (code - 0x2580) / 8
        return rect(x, y + HEIGHT - h, WIDTH - 1, h, fill)
    if data not in LINES:
        return None
    cx, cy, out = x + WIDTH / 2, y + HEIGHT / 2, ""
    ends = {"l": (x, cy), "r": (x + WIDTH, cy), "t": (cx, y),
            "b": (cx, y + HEIGHT)}
    for side in LINES[data]:
        ex, ey = ends[side]
        out += (f'<path d="M{cx:.1f} {cy:.1f}L{ex:.1f} {ey:.1f}" '
                f'stroke="{fill}"/>')
    return out


class Shapes:
    """Rectangles in a row; those that touch are one."""

    def __init__(self):
        self.out, self.open = "", None

    def add(self, x, y, w, h, fill):
        if self.open and self.open[1:2] + self.open[3:] == [y, h, fill] and \
                abs(self.open[0] + self.open[2] - x) < .01:
            self.open[2] += w
            return
        self.end()
        self.open = [x, y, w, h, fill]

    def end(self):
        if self.open:
            self.out += rect(*self.open)
        self.open = None
        return self.out


class Run:
    """Letters of one look, side by side."""

    def __init__(self, x, look):
        self.x, self.look, self.text, self.cells = x, look, "", 0

    def svg(self, y):
        fg, bold, italic, underline = self.look
        if not self.text.strip():
            return ""
        style = f' fill="{fg}"' if fg else ""
        style += ' font-weight="bold"' if bold else ""
        style += ' font-style="italic"' if italic else ""
        style += ' text-decoration="underline"' if underline else ""
        return (f'<text x="{self.x:.1f}" y="{y + 13.5:.1f}" '
                f'textLength="{self.cells * WIDTH:.1f}"{style}>'
                f'{escape(self.text)}</text>')


def row_svg(c, i, base):
    """The backgrounds, then the letters, of a row."""
    ground, letters = base
    y = MARGIN + i * HEIGHT
    back, front, run = Shapes(), "", None
    for j in range(c.screen.columns):
        cell = c.cell(i, j)
        x = MARGIN + j * WIDTH
        fg, bg = colour(cell.fg, letters), colour(cell.bg, ground)
        if cell.reverse:
            fg, bg = bg, fg
        if cell.data == "█":
            bg, blank = fg, True
        else:
            blank = False
        if bg != ground:
            back.add(x, y, WIDTH, HEIGHT, bg)
        shape = "" if blank else drawn(cell.data, x, y, fg)
        look = (fg if fg != letters else "", cell.bold, cell.italics,
                cell.underscore)
        if shape is not None or not run or run.look != look:
            front += run.svg(y) if run else ""
            run = None if shape is not None else Run(x, look)
        if shape is not None:
            front += shape
        else:
            run.text += cell.data
            run.cells += 1
    return back.end() + front + (run.svg(y) if run else "") + "\n"


def svg(c, theme):
    width = c.screen.columns * WIDTH + 2 * MARGIN
    height = c.screen.lines * HEIGHT + 2 * MARGIN
    ground, letters = BASE[theme]
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" '
            f'height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}" '
            f'font-family="DejaVu Sans Mono,Menlo,Consolas,monospace" '
            f'font-size="{SIZE}" fill="{letters}" xml:space="preserve">\n'
            f'<rect width="100%" height="100%" rx="8" fill="{ground}" '
            f'stroke="#8886"/>\n' +
            "".join(row_svg(c, i, BASE[theme])
                    for i in range(c.screen.lines)) + "</svg>\n")


class Sampled(Confab):
    """As a person would have it: sampled, the model's own settings."""

    @staticmethod
    def options(save=False):
        return ["--seed", "3", "--no-save"]


def converse(c):
    c.ready()
    c.ask("My name is Anna.")
    c.ask("What is the capital of France?")
    c.ask("Tell me a story about a fox.")


def scenes(c):
    """What is captured, one after the other: (name, the screen is as it shall
    be)."""
    converse(c)
    yield "chat"
    c.keys("F2", "M", "h")
    c.wait("heat: probability")
    yield "inspector"
    c.keys("Enter", "Down", "Down")
    c.wait("take another token")
    # (README.md shows this one in letters.)
    c.keys("Enter")
    c.wait("2/2")
    c.ready()
    yield "taken"
    c.keys("[", "M", "b")
    c.wait("└ ")
    c.ready()
    c.keys("t", "Right", "Right", "Right", "Right", "Right", "Right")
    c.wait("would be")
    yield "explore"


def main():
    binary, directory = os.path.abspath(sys.argv[1]), sys.argv[2]
    os.makedirs(directory, exist_ok=True)
    for theme in BASE:
        with Sampled(binary, "--set", f"theme={theme}", rows=ROWS, cols=COLS,
                     term="screen-256color") as c:
            for name in scenes(c):
                c.settle(0.3)
                path = os.path.join(directory, f"{name}-{theme}.svg")
                with open(path, "w") as file:
                    file.write(svg(c, theme))
                print(path)


if __name__ == "__main__":
    main()
