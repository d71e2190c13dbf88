"""Writes the reference pages from the code: `python tools/reference.py`.

With ``--check`` nothing is written; the difference is printed and the exit status is 1 where a
page is not what the code says. Uses the standard library and notabene itself, nothing else.
"""

from __future__ import annotations

import ast
import difflib
import importlib
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import msgspec

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs/reference"
NOTICE = "<!-- Written by tools/reference.py; change the code, then run `make docs`. -->"


def plain(text: str | None) -> str:
    """A docstring as Markdown: roles and double backquotes become code."""
    text = inspect.cleandoc(text or "")
    text = re.sub(r":\w+:`~?(?:[\w.]+\.)?([\w]+)`", r"`\1`", text)
    return text.replace("``", "`")


def first_paragraph(text: str | None) -> str:
    """The summary of a docstring on one line."""
    return " ".join(plain(text).split("\n\n")[0].split())


def cell(text: str) -> str:
    """A text that may stand in a table."""
    return " ".join(text.split()).replace("|", "\\|")


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell(c) for c in line) + " |" for line in lines)


def page(title: str, *parts: str) -> str:
    """A page with the notice that it is generated."""
    return "\n\n".join([f"# {title}", NOTICE, *(p.strip("\n") for p in parts if p)]) + "\n"


def public_classes(module: ModuleType, base: type) -> list[type]:
    """Classes of a module below ``base``, in the order of the source."""
    return [
        value
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, base) and value.__module__ == module.__name__
    ]


def attribute_docs(cls: type) -> dict[str, str]:
    """The texts that stand below the attributes of a class."""
    (node,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    assert isinstance(node, ast.ClassDef)
    found = {}
    for field, after in zip(node.body, node.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
            and isinstance(after.value.value, str)
        ):
            found[field.target.id] = plain(after.value.value)
    return found


# -- errors ---------------------------------------------------------------------------------------


def errors_page() -> str:
    """The tree of errors."""
    from notabene import errors

    tree = (errors.__doc__ or "").split("\n\n")
    classes = public_classes(errors, errors.NotabeneError)
    rows = [
        (f"[{c.__name__}](#{c.__name__.lower()})", f"`{c.code}`", str(c.status), str(c.exit_code))
        for c in classes
    ]
    sections = [
        f"## {c.__name__}\n\n{plain(c.__doc__)}\n\n"
        f"Code `{c.code}`, HTTP status {c.status}, exit code {c.exit_code}."
        for c in classes
    ]
    return page(
        "Errors",
        "Everything that notabene raises on purpose is a `NotabeneError`. A message is one "
        "sentence: what was wrong, with the value that was given, and what is allowed; `hint` "
        "says what to do next. With `--json` the command line prints an error as "
        '`{"code", "message", "hint"}` and ends with the exit code.',
        f"```text\n{textwrap.dedent(tree[1])}\n```",
        table(("Error", "Code", "HTTP status", "Exit code"), rows),
        *(re.sub(r"\nAttributes:\n", "\nAttributes:\n\n", s) for s in sections),
        f"## {errors.NotabeneWarning.__name__}\n\n{plain(errors.NotabeneWarning.__doc__)}",
    )


# -- records --------------------------------------------------------------------------------------


def type_name(annotation: Any) -> str:
    """An annotation as it stands in the source, without the quotes and modules."""
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    return text or str(annotation)


def record_fields(cls: type) -> list[tuple[str, str, str, str]]:
    """(name, type, default, meaning) of the fields of a record."""
    docs = attribute_docs(cls)
    rows = []
    for field in msgspec.structs.fields(cls):
        default = "required"
        if field.default is not msgspec.NODEFAULT:
            default = f"`{field.default!r}`"
        elif field.default_factory is not msgspec.NODEFAULT:
            default = f"`{field.default_factory()!r}`"
        annotation = type_name(inspect.get_annotations(cls)[field.name])
        rows.append((f"`{field.name}`", f"`{annotation}`", default, docs.get(field.name, "")))
    return rows


def records_page() -> str:
    """The types of records."""
    from notabene.model import records

    sections = []
    for cls in get_args(records.AnyRecord):
        fields = record_fields(cls)
        body = table(("Field", "Type", "Default", "Meaning"), fields) if fields else "No fields."
        sections.append(
            f"## {cls.__name__}\n\nOn disk: `{records.kebab(cls.__name__)}`\n\n"
            f"{plain(cls.__doc__)}\n\n{body}"
        )
    about = plain(records.__doc__).split("\n\n", 1)
    return page(
        "Records",
        *about,
        "On disk a record is a MessagePack map: the field `record` holds the tag, fields that have "
        "their default are left out. [The journal format](journal-format.md) says how records "
        "are framed.",
        *sections,
        "## Unknown\n\n" + plain(records.Unknown.__doc__),
    )


PAGES = {
    "errors.md": errors_page,
    "records.md": records_page,
}


def main(arguments: list[str]) -> int:
    """Write the pages, or compare them with what is there."""
    check = "--check" in arguments
    different = False
    for name, make in PAGES.items():
        path = FOLDER / name
        old = path.read_text(encoding="utf-8") if path.exists() else ""
        new = make()
        if old == new:
            continue
        different = True
        if check:
            sys.stdout.writelines(
                difflib.unified_diff(
                    old.splitlines(True), new.splitlines(True), f"{name} (there)", f"{name} (code)"
                )
            )
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(new, encoding="utf-8")
            print(f"wrote docs/reference/{name}")
    if check and different:
        print("The reference differs from the code; run `make docs` and look at the difference.")
    return int(check and different)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
