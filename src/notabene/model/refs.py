"""One grammar for names: runs, projects and artifact versions.

    run        a run id, its last six characters or any unique beginning, its name,
               or ``project/name``; ``@last`` and ``project/@last`` for the newest
    artifact   ``name``, ``name:v3``, ``name:alias``; ``name`` alone means ``name:latest``
    uri        ``run:...`` or ``artifact:...`` where a place takes both

Names are data, never paths: they may hold spaces, slashes and any letters, but no control
characters, and are at most 250 bytes long in UTF-8.
"""

from __future__ import annotations

import re
import unicodedata

import msgspec

from notabene.errors import RefError

MAX_NAME_BYTES = 250

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z")
_VERSION = re.compile(r"v(0|[1-9][0-9]{0,8})\Z")
_ALIAS = re.compile(r"[^\s:@/][^:@/]*\Z")


class ArtifactRef(msgspec.Struct, frozen=True):
    """A parsed artifact name: exactly one of ``version`` and ``alias`` is given."""

    name: str
    version: int | None = None
    alias: str | None = None

    def __str__(self) -> str:
        return f"{self.name}:{self.alias if self.version is None else f'v{self.version}'}"


def check_name(name: object, what: str) -> str:
    """A name fit to be stored, normalised to Unicode NFC and without outer blanks.

    Args:
        name: The name as given.
        what: What it names, for the message: ``"project name"``.

    Raises:
        RefError: It is no text, empty, too long, or holds control characters.
    """
    one = "an" if what[:1] in "aeiou" else "a"
    if not isinstance(name, str):
        raise RefError(f"{one} {what} must be a text, not {type(name).__name__} {shown(name)}")
    name = unicodedata.normalize("NFC", name.strip())
    if not name:
        raise RefError(f"{one} {what} must not be empty")
    size = len(name.encode("utf-8", "surrogatepass"))
    if size > MAX_NAME_BYTES:
        raise RefError(
            f"the {what} {shown(name)} has {size:,} bytes; at most {MAX_NAME_BYTES} are allowed"
        )
    if _CONTROL.search(name) or any(0xD800 <= ord(c) <= 0xDFFF for c in name):
        raise RefError(f"the {what} {shown(name)} holds control characters or broken Unicode")
    return name


def check_run_id(run_id: object) -> str:
    """A run id that may become a folder's name: letters, digits, ``.``, ``_``, ``-``.

    Raises:
        RefError: It is something else, longer than 128, or does not begin with a letter or digit.
    """
    if not isinstance(run_id, str) or not _RUN_ID.match(run_id):
        raise RefError(
            f"{shown(run_id)} is no run id: 1 to 128 letters, digits, '.', '_' or '-', "
            "beginning with a letter or digit"
        )
    return run_id


def is_run_id(text: str) -> bool:
    """Whether a text may be a run's id."""
    return _RUN_ID.match(text) is not None


def check_alias(alias: object) -> str:
    """An alias of an artifact version.

    Raises:
        RefError: It is empty, looks like a version (``v3``), or holds ``:``, ``@`` or ``/``.
    """
    text = check_name(alias, "alias")
    if _VERSION.match(text):
        raise RefError(f"the alias {shown(text)} looks like a version number; choose another word")
    if not _ALIAS.match(text):
        raise RefError(f"the alias {shown(text)} must not hold ':', '@' or '/'")
    return text


def parse_artifact(ref: object) -> ArtifactRef:
    """``name``, ``name:v3`` or ``name:alias``.

    Raises:
        RefError: It has another form.
    """
    text = check_name(ref, "artifact reference").removeprefix("artifact:")
    name, colon, rest = text.rpartition(":")
    if not colon:
        return ArtifactRef(check_artifact_name(rest), alias="latest")
    if match := _VERSION.match(rest):
        return ArtifactRef(check_artifact_name(name), version=int(match[1]))
    return ArtifactRef(check_artifact_name(name), alias=check_alias(rest))


def check_artifact_name(name: object) -> str:
    """An artifact's name: as other names, and without ``:``.

    Raises:
        RefError: It cannot be an artifact's name.
    """
    text = check_name(name, "artifact name")
    if ":" in text:
        raise RefError(f"the artifact name {shown(text)} must not hold ':'")
    return text


def escape_part(part: str) -> str:
    """One name of a config path, with ``.`` and ``\\`` escaped by a backslash."""
    return part.replace("\\", "\\\\").replace(".", "\\.")


def join_path(parts: tuple[str, ...] | list[str]) -> str:
    """A config path as one key: ``("model", "depth")`` -> ``model.depth``."""
    return ".".join(escape_part(p) for p in parts)


def split_path(key: str) -> tuple[str, ...]:
    """The inverse of :func:`join_path`."""
    if "\\" not in key:
        return tuple(key.split("."))
    parts, current, escaped = [], "", False
    for c in key:
        if escaped:
            current, escaped = current + c, False
        elif c == "\\":
            escaped = True
        elif c == ".":
            parts.append(current)
            current = ""
        else:
            current += c
    return (*parts, current)


def shown(value: object) -> str:
    """A value as messages show it: its ``repr``, with the middle of a long one left out."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:40]}...{text[-10:]}"
