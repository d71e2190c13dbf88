"""Folding what a program prints into the lines a person would see on the screen.

Progress bars rewrite their line (``\\r``), climb to earlier ones (``ESC [ n A``) and erase them
(``ESC [ K``). A small screen follows these movements, so that of thousands of states of a bar
the last one is kept. Colours are kept; movements, titles and other controls are not.
"""

from __future__ import annotations

import re
from collections.abc import Callable

HEIGHT = 64
"""Lines that can still change; those above have left the screen."""

WIDTH = 8192
"""Longest line in characters; what is longer goes on in the next."""

_TOKEN = re.compile(
    r"(?P<text>[^\x00-\x1f\x7f\x9b]+)"
    r"|(?P<control>[\n\r\b\t\f\v])"
    r"|\x1b\[(?P<args>[0-9;:?<=>]*)[ -/]*(?P<final>[@-~])"
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\|\Z)"
    r"|\x1b[ -/]*(?P<escape>[0-~])"
    r"|(?P<torn>\x1b(?:\[[0-9;:?<=>]*[ -/]*)?\Z)"
    r"|[\x00-\x1f\x7f\x9b]",
    re.DOTALL,
)
_TORN = re.compile(r"\x1b(?:\[[0-9;:?<=>]*[ -/]*|[\]PX^_][^\x07\x1b]{0,4096})?\Z")
_STYLES = re.compile(r"\x1b\[[0-9;:]*m")
_RESET = "\x1b[0m"

# Which colour or style a code of ESC [ … m sets; those that end it have the same group.
_GROUPS = {
    **dict.fromkeys((1, 2, 22), "weight"),
    **dict.fromkeys((3, 23), "slant"),
    **dict.fromkeys((4, 21, 24), "line"),
    **dict.fromkeys((5, 6, 25), "blink"),
    **dict.fromkeys((7, 27), "swap"),
    **dict.fromkeys((8, 28), "hide"),
    **dict.fromkeys((9, 29), "strike"),
    **dict.fromkeys((*range(30, 40), *range(90, 98)), "ink"),
    **dict.fromkeys((*range(40, 50), *range(100, 108)), "paper"),
    **dict.fromkeys((58, 59), "underline"),
}
_ENDS = frozenset({22, 23, 24, 25, 27, 28, 29, 39, 49, 59})


class Row:
    """One row of the screen: its characters, and their styles where it has any.

    Attributes:
        number: Count of the row in its stream, from 0.
        dirty: It changed since it was last taken.
        time: When it last changed, µs.
    """

    __slots__ = ("chars", "dirty", "number", "styles", "time")

    def __init__(self, number: int) -> None:
        self.number = number
        self.chars: list[str] = []
        self.styles: list[str] | None = None
        self.dirty = False
        self.time = 0

    def put(self, column: int, text: str, style: str) -> None:
        """Write over what stands at a column."""
        chars, end = self.chars, column + len(text)
        if column > len(chars):
            chars.extend(" " * (column - len(chars)))
        if style and self.styles is None:
            self.styles = [""] * len(chars)
        if self.styles is not None:
            self.styles.extend([""] * (len(chars) - len(self.styles)))
            self.styles[column:end] = [style] * len(text)
        chars[column:end] = text

    def cut(self, start: int, end: int | None = None) -> None:
        """Erase from a column on, or between two."""
        if end is None:
            del self.chars[start:]
        else:
            end = min(end, len(self.chars))
            self.chars[start:end] = " " * max(0, end - start)
        if self.styles is not None:
            del self.styles[len(self.chars) :]
            if end is not None:
                self.styles[start:end] = [""] * max(0, end - start)

    def text(self, *, colours: bool = True) -> str:
        """The line as it stands, without blanks at its end."""
        plain = "".join(self.chars).rstrip()
        if self.styles is None or not colours:
            return plain
        out, last = [], ""
        for char, style in zip(plain, self.styles, strict=False):
            if style != last:
                out.append((_RESET if last else "") + style)
                last = style
            out.append(char)
        return "".join(out) + (_RESET if last else "")


class Fold:
    """The screen of one stream.

    Args:
        on_state: Called with the plain text of a line when it is complete (True) and when it
            is about to be written over (False): each state of a progress bar, as printed.
    """

    def __init__(self, on_state: Callable[[str, bool], None] | None = None) -> None:
        self._on_state = on_state
        self._lines = [Row(0)]
        self._gone: list[Row] = []
        self._row = 0
        self._column = 0
        self._home = 0
        self._style = ""
        self._active: dict[str, str] = {}
        self._rest = ""
        self._elsewhere = False  # on the second screen, of full-screen programs
        self._returned = False  # a \r that \n or a new state of the line may follow
        self._time = 0

    def feed(self, text: str, time: int) -> None:
        """Print a text.

        Args:
            text: Any piece of the stream; control sequences may be torn between two.
            time: When it was printed, µs.
        """
        self._time = time
        text = self._rest + text
        torn = _TORN.search(text, max(0, len(text) - 4200)) if "\x1b" in text else None
        self._rest = torn[0] if torn else ""
        if torn:
            text = text[: torn.start()]
        for match in _TOKEN.finditer(text):
            kind = match.lastgroup
            if kind == "text":
                self._print(match["text"])
            elif kind == "control":
                self._control(match["control"])
            elif kind == "final":
                self._sequence(match["args"], match["final"])
            elif kind == "escape" and match["escape"] == "M":
                self._move(self._row - 1)

    def take(self, due: Callable[[Row], bool] | None = None) -> list[Row]:
        """Lines that changed since they were last taken, oldest first.

        Args:
            due: Whether a line still on the screen is to be taken now; default is all.
        """
        found = [line for line in self._gone if line.dirty]
        self._gone = []
        found += [line for line in self._lines if line.dirty and (due is None or due(line))]
        for line in found:
            line.dirty = False
        return found

    def end(self) -> None:
        """Nothing more comes: a last line without an end is as complete as it will be."""
        if self._column or self._returned:
            self._state(True)

    @property
    def open_line(self) -> int:
        """Number of the line that is being written."""
        return self._lines[self._row].number

    # -- movements -------------------------------------------------------------------------

    def _print(self, text: str) -> None:
        if self._elsewhere:
            return
        if self._returned:
            self._state(False)
        while text:
            line = self._lines[self._row]
            part, text = text[: WIDTH - self._column], text[WIDTH - self._column :]
            line.put(self._column, part, self._style)
            line.dirty, line.time = True, self._time
            self._column += len(part)
            if text or self._column >= WIDTH:
                self._newline()

    def _control(self, control: str) -> None:
        if self._elsewhere:
            return
        if control in "\n\f\v":
            self._state(True)
            line = self._lines[self._row]
            if not line.time:  # an empty line is a line
                line.dirty, line.time = True, self._time
            self._newline()
        elif control == "\r":
            self._returned = True
            self._column = 0
        elif control == "\b":
            self._column = max(0, self._column - 1)
        else:
            self._column = min(WIDTH - 1, (self._column // 8 + 1) * 8)

    def _newline(self) -> None:
        self._returned = False
        self._column = 0
        self._move(self._row + 1)

    def _state(self, complete: bool) -> None:
        self._returned = False
        if self._on_state is None:
            return
        text = self._lines[self._row].text(colours=False)
        if text:
            self._on_state(text, complete)

    def _move(self, row: int) -> None:
        self._row = max(0, row)
        while self._row >= len(self._lines):
            self._lines.append(Row(self._lines[-1].number + 1))
        while len(self._lines) > HEIGHT:
            self._gone.append(self._lines.pop(0))
            self._row -= 1
            self._home = max(0, self._home - 1)

    def _sequence(self, args: str, final: str) -> None:
        if args.startswith("?"):
            if final in "hl" and {"1049", "1047", "47"} & set(args[1:].split(";")):
                self._elsewhere = final == "h"
            return
        if self._elsewhere:
            return
        if final == "m":
            self._colour(args)
            return
        numbers = [int(n) if n.isdigit() else 0 for n in args.split(";")]
        first = min(numbers[0], WIDTH)
        step = max(1, first)
        if final in "AF":
            self._move(self._row - step)
        elif final in "BE":
            self._move(self._row + min(step, HEIGHT))
        elif final == "C":
            self._column = min(WIDTH - 1, self._column + step)
        elif final == "D":
            self._column = max(0, self._column - step)
        elif final in "G`":
            self._column = step - 1
        elif final in "Hf":
            self._move(self._home + min(step, HEIGHT) - 1)
            self._column = max(1, numbers[1] if len(numbers) > 1 else 1) - 1
        elif final == "K":
            self._erase_line(first)
        elif final == "J":
            self._erase_screen(first)
        if final in "EF":
            self._column = 0
        self._column = min(self._column, WIDTH - 1)

    def _erase_line(self, how: int) -> None:
        if self._returned or how == 2:
            self._state(False)
        line = self._lines[self._row]
        if how == 1:
            line.cut(0, self._column + 1)
        else:
            line.cut(0 if how == 2 else self._column)
        if line.time:
            line.dirty, line.time = True, self._time

    def _erase_screen(self, how: int) -> None:
        if how >= 2:  # a cleared screen is a new page; what was on the old one is not taken back
            if self._lines[-1].time:
                self._move(len(self._lines))
            self._move(len(self._lines) - 1)
            self._home, self._column = self._row, 0
        elif how == 0:
            self._erase_line(0)
            for line in self._lines[self._row + 1 :]:
                line.cut(0)
                if line.time:
                    line.dirty, line.time = True, self._time

    def _colour(self, args: str) -> None:
        codes = [int(c) if c.isdigit() else 0 for c in re.split("[;:]", args)]
        at = 0
        while at < len(codes):
            code, size = codes[at], 1
            if code in (38, 48, 58):
                size = 3 if codes[at + 1 : at + 2] == [5] else 5
            group = _GROUPS.get(code)
            if code == 0:
                self._active.clear()
            elif group and code in _ENDS:
                self._active.pop(group, None)
            elif group:
                self._active[group] = ";".join(map(str, codes[at : at + size]))
            at += size
        self._style = f"\x1b[{';'.join(self._active.values())}m" if self._active else ""


def plain(text: str) -> str:
    """A folded line without its colours."""
    return _STYLES.sub("", text)
