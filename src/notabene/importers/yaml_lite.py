"""YAML as tools write it: mappings, lists, texts of any style, anchors; no YAML library needed.

What PyYAML, OmegaConf and MLflow dump is read as they read it (with ``1e-3`` as a number, as
OmegaConf has it). Tags are passed over, and nothing is ever constructed from them. What is
beyond this raises ``ValueError``.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any, NamedTuple

LARGEST = 64 << 20
DEPTH = 60
_INT = re.compile(r"[-+]?(0|[1-9][0-9_]*)\Z")
_FLOAT = re.compile(r"[-+]?([0-9][0-9_]*)?(\.[0-9]*)?([eE][-+]?[0-9]+)?\Z")
_KEY = re.compile(
    r"""("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s#&*!|>'"%@`\[\]{},?-](?:(?<!\s)\#|[^#])*?|[?-][^\s#](?:(?<!\s)\#|[^#])*?|<<)\s*:(?:\s|\Z)"""
)
_BLOCK = re.compile(r"([|>])([-+]?)(\d?)([-+]?)\s*(#.*)?\Z")
_PROPERTY = re.compile(r"(&\S+|!\S*)(?:\s+|\Z)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "a": "\a", "b": "\b", "e": "\x1b",
            "f": "\f", "v": "\v", " ": " ", "_": "\xa0", "N": "\x85", "L": "\u2028",
            "P": "\u2029", "/": "/"}  # fmt: skip
_NAMED: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"), True),
    **dict.fromkeys(("false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a file; an empty one where the file is empty.

    Raises:
        OSError: It cannot be read.
        ValueError: It is damaged, no mapping, or beyond what is read here.
    """
    if path.stat().st_size > LARGEST:
        raise ValueError(f"it has over {LARGEST >> 20} MiB")
    found = parse(path.read_text("utf-8", "replace"))
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ValueError("it is no mapping")
    return found


def parse(text: str) -> Any:
    """The value of a document; of several the first.

    Raises:
        ValueError: It is damaged, or beyond what is read here.
    """
    reader = _Reader(text)
    value = reader.block(0, 0)
    if reader.line() is not None:
        raise ValueError(f"line {reader.at + 1} does not fit")
    return value


class _Line(NamedTuple):
    indent: int
    text: str


class _Reader:
    def __init__(self, text: str) -> None:
        self.raw: list[str] = []
        for line in text.lstrip("\ufeff").splitlines():
            if line.rstrip() in ("---", "...") or line.startswith("%YAML"):
                if any(said.strip() and not said.lstrip().startswith("#") for said in self.raw):
                    break
                self.raw.clear()
                continue
            self.raw.append(line.removeprefix("--- ") if not self.raw else line)
        self.at = 0
        self.anchors: dict[str, Any] = {}

    def line(self) -> _Line | None:
        """The next line that says something."""
        while self.at < len(self.raw):
            raw = self.raw[self.at]
            text = raw.strip()
            if text and not text.startswith("#"):
                return _Line(len(raw) - len(raw.lstrip(" ")), text)
            self.at += 1
        return None

    def block(self, indent: int, depth: int) -> Any:
        """The value that begins at the next line, at least so far to the right."""
        line = self.line()
        if line is None or line.indent < indent:
            return None
        if depth > DEPTH:
            raise ValueError("it is nested too deep")
        if line.text.startswith("- ") or line.text == "-":
            return self._sequence(line.indent, depth)
        if _KEY.match(line.text):
            return self._mapping(line.indent, depth)
        if line.text.startswith("? "):
            raise ValueError(f"line {self.at + 1} has a key of several lines")
        self.at += 1
        return self._value(line.text, line.indent - 1, depth)

    def _mapping(self, indent: int, depth: int) -> dict[str, Any]:
        out: dict[str, Any] = {}
        while (line := self.line()) is not None and line.indent == indent:
            match = _KEY.match(line.text)
            if match is None:
                if line.text.startswith("- ") or line.text == "-":
                    break
                raise ValueError(f"line {self.at + 1} is no entry of a mapping")
            self.at += 1
            value = self._value(line.text[match.end() :].strip(), indent, depth, of_key=True)
            key = scalar(match[1]) if match[1][:1] not in "\"'" else _quoted(match[1])
            if key == "<<" and isinstance(value, dict):
                out = value | out
            else:
                out[key if isinstance(key, str) else match[1]] = value
        if line is not None and line.indent > indent:
            raise ValueError(f"line {self.at + 1} stands too far to the right")
        return out

    def _sequence(self, indent: int, depth: int) -> list[Any]:
        out: list[Any] = []
        while (line := self.line()) is not None and line.indent == indent:
            if not (line.text.startswith("- ") or line.text == "-"):
                break
            rest = line.text[1:].strip()
            if rest.startswith("? "):
                raise ValueError(f"line {self.at + 1} has a key of several lines")
            inner = indent + len(line.text) - len(line.text[1:].lstrip()) if rest else indent + 1
            nested = rest.startswith("- ") or rest == "-" or _KEY.match(rest)
            if nested:
                self.raw[self.at] = " " * inner + rest
                out.append(self.block(inner, depth + 1))
            else:
                self.at += 1
                out.append(self._value(rest, indent, depth))
        return out

    def _value(self, text: str, indent: int, depth: int, *, of_key: bool = False) -> Any:
        """What stands behind a key or a dash, and below it."""
        name = ""
        while match := _PROPERTY.match(text):
            if match[1].startswith("&"):
                name = match[1][1:]
            text = text[match.end() :].strip()
        value = self._plain(text, indent, depth, of_key=of_key)
        if name:
            self.anchors[name] = value
        return value

    def _plain(self, text: str, indent: int, depth: int, *, of_key: bool) -> Any:
        if not text or text.startswith("#"):
            line = self.line()
            if line is None or line.indent < indent:
                return None
            dash = line.text.startswith("- ") or line.text == "-"
            if line.indent == indent and not (of_key and dash):
                return None
            return self.block(line.indent, depth + 1)
        if match := _BLOCK.match(text):
            return self._text_block(match, indent)
        if text.startswith("*"):
            if text[1:].split()[0] not in self.anchors:
                raise ValueError(f"line {self.at} refers to what is not there")
            return self.anchors[text[1:].split()[0]]
        if text[0] in "\"'":
            return self._quoted_lines(text)
        if text[0] in "[{":
            return self._flow_lines(text)
        return scalar(self._continued(text, indent))

    def _continued(self, text: str, indent: int) -> str:
        """A plain text, with the lines on which it goes on."""
        text = text.split(" #")[0].rstrip()
        while self.at < len(self.raw):
            raw = self.raw[self.at]
            line = raw.strip()
            if not line:
                following = self.line()
                if following is None or following.indent <= indent:
                    break
                text += "\n"
                continue
            if len(raw) - len(raw.lstrip(" ")) <= indent or line.startswith("#"):
                break
            if _KEY.match(line):
                raise ValueError(f"line {self.at + 1} stands too far to the right")
            text += ("" if text.endswith("\n") else " ") + line.split(" #")[0].rstrip()
            self.at += 1
        return text

    def _text_block(self, match: re.Match[str], indent: int) -> str:
        lines: list[str] = []
        width = indent + int(match[3]) if match[3] else -1
        while self.at < len(self.raw):
            raw = self.raw[self.at]
            own = len(raw) - len(raw.lstrip(" "))
            if raw.strip():
                if width < 0:
                    width = own
                if own < width or own <= indent:
                    break
            lines.append(raw[width:] if width > 0 and raw.strip() else raw[max(width, 0) :])
            self.at += 1
        chomp = match[2] or match[4]
        body = _folded(lines) if match[1] == ">" else "\n".join(lines)
        if chomp == "+":
            return body + "\n"
        body = body.rstrip("\n")
        return body if chomp == "-" or not body else body + "\n"

    def _quoted_lines(self, text: str) -> Any:
        quote = text[0]
        whole = re.compile(
            r'"(?:[^"\\]|\\.)*"' if quote == '"' else r"'(?:[^']|'')*'(?!')", re.DOTALL
        )
        empty = 0
        while not (match := whole.match(text)):
            if self.at >= len(self.raw):
                raise ValueError("a text in quotes does not end")
            line = self.raw[self.at].strip()
            self.at += 1
            if not line:
                empty += 1
                continue
            escaped = quote == '"' and (len(text) - len(text.rstrip("\\"))) % 2 == 1
            text = (text[:-1] + "\n" * empty) if escaped else text + ("\n" * empty or " ")
            text, empty = text + line, 0
        return _quoted(match[0])

    def _flow_lines(self, text: str) -> Any:
        empty = 0
        while True:
            try:
                value, end = _flow(text, 0, self.anchors, 0)
            except IndexError:
                if self.at >= len(self.raw):
                    raise ValueError("a list in brackets does not end") from None
                line = self.raw[self.at].strip()
                self.at += 1
                if line:
                    text, empty = text + ("\n" * empty or " ") + line, 0
                else:
                    empty += 1
                continue
            if text[end:].strip() and not text[end:].strip().startswith("#"):
                raise ValueError(f"line {self.at} goes on behind a list in brackets")
            return value


def _folded(lines: list[str]) -> str:
    out = ""
    for line in lines:
        if not line:
            out += "\n"
        elif not out or out.endswith("\n") or line.startswith(" "):
            out += line
        else:
            out += f" {line}"
    return out


def _quoted(text: str) -> str:
    if text[0] == "'":
        return text[1:-1].replace("''", "'")

    def character(match: re.Match[str]) -> str:
        word = match[1]
        if word[0] in "xuU":
            return chr(min(int(word[1:], 16), 0x10FFFF))
        return _ESCAPES.get(word, word)

    pattern = r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)"
    return re.sub(pattern, character, text[1:-1], flags=re.DOTALL)


def _flow(text: str, at: int, anchors: dict[str, Any], depth: int) -> tuple[Any, int]:
    """A value in brackets style, and where it ends; IndexError where it goes on."""
    if depth > DEPTH:
        raise ValueError("it is nested too deep")
    at = _skip(text, at)
    if text[at] in "[{":
        return _collection(text, at, anchors, depth)
    if text[at] in "\"'":
        match = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^']|'')*'(?!')""").match(text, at)
        if match is None:
            raise IndexError
        return _quoted(match[0]), match.end()
    end = at
    while text[end] not in ",]}" and not (text[end] == ":" and text[end + 1] in " ,]}"):
        end += 1
    word = text[at:end].strip()
    if word == "?" or word.startswith("? "):
        raise ValueError("it has a key of several lines")
    if word.startswith("*"):
        return anchors.get(word[1:]), end
    return scalar(re.sub(r"^(&\S+|!\S*)\s*", "", word)), end


def _collection(text: str, at: int, anchors: dict[str, Any], depth: int) -> tuple[Any, int]:
    close = "]" if text[at] == "[" else "}"
    items: list[Any] = []
    pairs: dict[str, Any] = {}
    at = _skip(text, at + 1)
    while text[at] != close:
        start = at
        value, at = _flow(text, at, anchors, depth + 1)
        word = text[start:at].strip()
        at = _skip(text, at)
        if close == "}":
            inner = None
            if text[at] == ":":
                inner, at = _flow(text, at + 1, anchors, depth + 1)
                at = _skip(text, at)
            pairs[value if isinstance(value, str) else word] = inner
        else:
            items.append(value)
        if text[at] == ",":
            at = _skip(text, at + 1)
        elif text[at] != close:
            raise ValueError("a list in brackets is damaged")
    return (items if close == "]" else pairs), at + 1


def _skip(text: str, at: int) -> int:
    while text[at] in " \t\n":
        at += 1
    return at


def scalar(text: str) -> Any:
    """A plain word as what it stands for."""
    if text in _NAMED:
        return _NAMED[text]
    if text[0] in "+-.0123456789":
        if _INT.match(text):
            return int(text.replace("_", ""))
        if _FLOAT.match(text) and any(c.isdigit() for c in text):
            digits = text.lower().split("e")[0].lstrip("+-")
            if "." in digits or ("e" in text.lower() and digits):
                return float(text.replace("_", ""))
    return text
