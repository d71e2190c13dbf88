"""Writes the reference pages from the code: `python tools/reference.py`.

With ``--check`` nothing is written; the difference is printed and the exit status is 1 where a
page is not what the code says. Uses the standard library and notabene itself, nothing else.
"""

from __future__ import annotations

import ast
import difflib
import importlib
import inspect
import json
import re
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, get_args

import msgspec

T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs/reference"
NOTICE = "<!-- Written by tools/reference.py; change the code, then run `make docs`. -->"


SECTIONS = ("Args", "Attributes", "Raises", "Returns", "Yields")
ENTRY = re.compile(r"    (\*{0,2}[\w, .]+):(?: (.*))?$")


def plain(text: str | None) -> str:
    """A docstring as Markdown: roles and double backquotes become code, sections lists."""
    text = inspect.cleandoc(text or "")
    text = re.sub(r":\w+:`~?(?:[\w.]+\.)?([\w]+)`", r"`\1`", text).replace("``", "`")
    lines = [line for part in text.split("\n\n") for line in (*_section(part), "")]
    return "\n".join(lines).strip("\n")


def _section(paragraph: str) -> list[str]:
    """A paragraph, as a list where it is a section in Google's style; code stays code."""
    head, *rest = paragraph.split("\n")
    if head.rstrip(":") not in SECTIONS or not head.endswith(":"):
        return paragraph.split("\n")
    out = [f"*{head.rstrip(':')}*", ""]
    for line in rest:
        if match := ENTRY.match(line):
            out.append(f"- `{match[1].strip()}`: {match[2] or ''}".rstrip())
        elif line.startswith("     ") and len(out) > 2:
            out[-1] += " " + line.strip()
        else:
            out.append(line.strip())
    return out


def first_paragraph(text: str | None) -> str:
    """The summary of a docstring on one line."""
    return " ".join(plain(text).split("\n\n")[0].split())


def cell(text: str) -> str:
    """A text that may stand in a table."""
    return " ".join(text.split()).replace("|", "\\|")


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell(c) for c in line) + " |" for line in lines)


def page(title: str, *parts: str) -> str:
    """A page with the notice that it is generated."""
    return "\n\n".join([f"# {title}", NOTICE, *(p.strip("\n") for p in parts if p)]) + "\n"


def public_classes(module: ModuleType, base: type[T]) -> list[type[T]]:
    """Classes of a module below ``base``, in the order of the source."""
    return [
        value
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, base)
        and value.__module__ == module.__name__
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
        '`{"error": {"code", "message", "hint", "exit_code"}}` and ends with the exit code.',
        f"```text\n{textwrap.dedent(tree[1])}\n```",
        table(("Error", "Code", "HTTP status", "Exit code"), rows),
        *sections,
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


# -- settings -------------------------------------------------------------------------------------


def settings_page() -> str:
    """The table of settings."""
    from notabene import settings

    rows = []
    for setting in settings.TABLE:
        kind = setting.kind if not setting.choices else ", ".join(f"`{c}`" for c in setting.choices)
        default = "" if setting.default in ("", ()) else f"`{setting.default}`"
        rows.append((f"`{setting.name}`", f"`{setting.variable}`", kind, default, setting.doc))
    return page(
        "Settings",
        "A value is taken from the first of these that has it: the argument of a call or an option "
        "of the command; the environment variable; `notabene.toml` in the working folder or the "
        "nearest one above it; `~/.config/notabene/config.toml`; the default. "
        "`notabene config` shows which value holds here, and where it comes from.",
        table(("Name", "Variable", "Kind", "Default", "Meaning"), rows),
        "A file holds names and values:",
        '```toml\nproject = "digits"\ntags = ["team=vision"]\nsystem_every = 30\n```',
    )


# -- query ----------------------------------------------------------------------------------------


def query_page() -> str:
    """What one may ask for."""
    from notabene.query import fields

    def names(words: tuple[str, ...]) -> str:
        return ", ".join(f"`{w}`" for w in words)

    attributes = [(f"`{a.name}`", a.type, a.doc, names(a.aliases)) for a in fields.ATTRIBUTES]
    prefixes = []
    for p in fields.PREFIXES:
        keys = f" Keys: {names(p.keys)}." if p.keys else ""
        prefixes.append((f"`{p.name}.`", p.type, p.doc + keys, names(p.aliases)))
    statistics = [(f"`{name}`", doc) for name, doc in fields.STATISTICS.items()]
    return page(
        "Query fields",
        plain(fields.__doc__),
        "How to write a search is in [how to search](../how-to/search.md).",
        "## What every run has",
        table(("Field", "Compared as", "Meaning", "Also written"), attributes),
        "## Keys behind a prefix",
        table(("Prefix", "Compared as", "Meaning", "Also written"), prefixes),
        "## Statistics of a metric",
        'Written after the key: `metrics.loss.min`, `metrics."val/acc".max`.',
        table(("Statistic", "Meaning"), statistics),
        "## Durations and times",
        _code_block(importlib.import_module("notabene.query.times").__doc__),
        "## Numbers and texts",
        _code_block(importlib.import_module("notabene.query.values").__doc__),
    )


def _code_block(text: str | None) -> str:
    """A docstring whose tables of text keep their form."""
    parts = plain(text).split("\n\n")
    return "\n\n".join(f"```text\n{p}\n```" if p.startswith("===") else p for p in parts)


# -- Python ---------------------------------------------------------------------------------------


def python_page() -> str:
    """The names of the façade."""
    notabene = importlib.import_module("notabene")
    sections = []
    for name in notabene.__all__:
        value = getattr(notabene, name)
        if inspect.isclass(value):
            sections.append(_class_section(name, value))
        elif callable(value):
            sections.append(f"## {name}\n\n{_signature(name, value)}\n\n{plain(value.__doc__)}")
        else:
            sections.append(f"## {name}\n\nA text.")
    returned = importlib.import_module("notabene.api")
    sections.append("# What reading gives back\n\nMade by `Api`, never by yourself.")
    given = [name for name in returned.__all__ if name not in notabene.__all__]
    sections += [_class_section(n, getattr(returned, n), made_by_us=True) for n in given]
    return page("Python", plain(notabene.__doc__), *sections)


def _signature(name: str, value: Any) -> str:
    """How it is called, on one line where it fits."""
    try:
        shown = inspect.signature(value)
    except (TypeError, ValueError):
        return f"```text\n{name}(...)\n```"
    parts = _parameters(shown)
    after = "" if shown.return_annotation is shown.empty else f" -> {shown.return_annotation}"
    after = after.replace("'", "")
    text = f"{name}({', '.join(parts)}){after}"
    if len(text) > 90:
        text = f"{name}(\n" + "".join(f"    {part},\n" for part in parts) + f"){after}"
    return f"```text\n{text}\n```"


def _parameters(signature: inspect.Signature) -> list[str]:
    parts = []
    starred = False
    for parameter in signature.parameters.values():
        if parameter.name == "self":
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not starred:
            parts.append("*")
        starred = starred or parameter.kind in (parameter.KEYWORD_ONLY, parameter.VAR_POSITIONAL)
        text = parameter.name
        if parameter.kind is parameter.VAR_POSITIONAL:
            text = f"*{text}"
        elif parameter.kind is parameter.VAR_KEYWORD:
            text = f"**{text}"
        if parameter.annotation is not parameter.empty:
            text += f": {parameter.annotation}"
        if parameter.default is not parameter.empty:
            text += f" = {parameter.default!r}"
        parts.append(text)
    return parts


def _class_section(name: str, cls: type, *, made_by_us: bool = False) -> str:
    if issubclass(cls, BaseException):
        return f"## {name}\n\n{plain(cls.__doc__)}\n\nSee [errors](errors.md#{name.lower()})."
    parts = [f"## {name}"]
    if not made_by_us:
        parts.append(_signature(name, cls))
    parts.append(plain(cls.__doc__))
    for member, value in sorted(_members(cls)):
        doc = plain(value.__doc__)
        if isinstance(value, property):
            parts.append(f"### {name}.{member}\n\n{doc}")
        else:
            parts.append(f"### {name}.{member}\n\n{_signature(member, value)}\n\n{doc}")
    return "\n\n".join(parts)


def _members(cls: type) -> Iterator[tuple[str, Any]]:
    """Public methods and properties of our own, inherited ones included."""
    seen: set[str] = set()
    for base in cls.__mro__:
        if not base.__module__.startswith("notabene"):
            continue
        for member, value in vars(base).items():
            if member.startswith("_") or member in seen:
                continue
            seen.add(member)
            if isinstance(value, classmethod | staticmethod):
                yield member, value.__func__
            elif inspect.isfunction(value) or isinstance(value, property):
                yield member, value


# -- what is known of a run -----------------------------------------------------------------------


def entities_page() -> str:
    """The fields of what readers get."""
    from notabene.model import entities

    sections = []
    for cls in public_classes(entities, entities.Entity):
        if cls is entities.Entity:
            continue
        rows = []
        docs = attribute_docs(cls)
        for field in msgspec.structs.fields(cls):
            annotation = type_name(inspect.get_annotations(cls)[field.name])
            rows.append((f"`{field.name}`", f"`{annotation}`", docs.get(field.name, "")))
        for name, value in vars(cls).items():
            if isinstance(value, property) and value.fget is not None:
                kind = type_name(inspect.get_annotations(value.fget).get("return", ""))
                rows.append((f"`{name}`", f"`{kind}`", plain(value.__doc__)))
        body = table(("Field", "Type", "Meaning"), rows)
        sections.append(f"## {cls.__name__}\n\n{plain(cls.__doc__)}\n\n{body}")
    return page("What is known of a run", plain(entities.__doc__), *sections)


# -- the command line -----------------------------------------------------------------------------


def commands(group: Any, path: str, depth: int) -> Iterator[tuple[Any, Any, str, int]]:
    """(command, context, full name, depth) of all that stands below a group."""
    import click

    context = click.Context(group, info_name=path)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        full = f"{path} {name}"
        yield command, click.Context(command, info_name=full), full, depth
        if isinstance(command, click.Group):
            yield from commands(command, full, depth + 1)


def cli_page() -> str:
    """All commands with their arguments and options."""
    import click

    from notabene.cli import main

    about = plain(main.__doc__).split("\n\n", 1)
    top = click.Context(main.cli, info_name="notabene")
    return page(
        "Command line",
        *about,
        _options(main.cli, top),
        *(_command_section(*each) for each in commands(main.cli, "notabene", 2)),
    )


def _command_section(command: Any, context: Any, path: str, depth: int) -> str:
    """A heading, how it is called, what it does, its options."""
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    text = re.sub(r"\n?\x08\n", "\n", plain(command.help)).replace("\x0c", "")
    head = f"{'#' * depth} {path}\n\n```text\n{usage}\n```"
    return f"{head}\n\n{text}\n\n{_options(command, context)}".rstrip()


def _options(command: Any, context: Any) -> str:
    rows = []
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and record[1] and "--help" not in parameter.opts:
            rows.append((f"`{record[0]}`", record[1]))
    return table(("Option", "Meaning"), rows) if rows else ""


# -- REST ---------------------------------------------------------------------------------------


def rest_page() -> str:
    """The routes, from their own description."""
    from notabene.server.app import describe

    form = describe()
    sections = []
    for path, item in form["paths"].items():
        for method, operation in item.items():
            rows = [
                (f"`{p['name']}`", p["in"], _schema(p["schema"]), p.get("description", ""))
                for p in operation.get("parameters", ())
            ]
            body = operation.get("requestBody", {}).get("content", {}).get("application/json")
            answers = operation["responses"]["200"].get("content", {})
            kinds = [f"`{kind}`: {_schema(c['schema'])}" for kind, c in answers.items()]
            parts = [
                f"### {method.upper()} {path}\n\n{operation['summary']}. "
                f"{operation.get('description', '')}".strip(),
                table(("Parameter", "In", "Type", "Meaning"), rows) if rows else "",
                f"Body: {_schema(body['schema'])}" if body else "",
                f"Answer: {', '.join(kinds)}",
            ]
            sections.append("\n\n".join(part for part in parts if part))
    return page(
        "REST v1",
        form["info"]["description"],
        "Each server hands out the same as OpenAPI 3.1 at `/api/v1/openapi.json`. Errors are in "
        "[the table of errors](errors.md), the bytes of series in [their own page](series.md).",
        "## Routes",
        *sections,
        "## Forms",
        *[_form_section(n, s) for n, s in sorted(form["components"]["schemas"].items())],
    )


def _form_section(name: str, schema: dict[str, Any]) -> str:
    required = set(schema.get("required", ()))
    rows = [
        (
            f"`{field}`",
            _schema(s),
            "" if field in required else _default(s),
            s.get("description", ""),
        )
        for field, s in schema.get("properties", {}).items()
    ]
    fields = table(("Field", "Type", "Default", "Meaning"), rows) if rows else _schema(schema)
    return f"### {name}\n\n" + "\n\n".join(p for p in (schema.get("description", ""), fields) if p)


def _default(schema: dict[str, Any]) -> str:
    return f"`{json.dumps(schema['default'])}`" if "default" in schema else "null"


def _schema(schema: dict[str, Any]) -> str:
    """A schema in few words."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})"
    if "oneOf" in schema:
        return " or ".join(_schema(one) for one in schema["oneOf"])
    if "enum" in schema:
        return ", ".join(f"`{json.dumps(word)}`" for word in schema["enum"])
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    kind = schema.get("type", "any JSON")
    if kind == "array":
        return f"list of {_schema(schema.get('items', {}))}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"mapping to {_schema(schema['additionalProperties'])}"
    limits = [
        f"{word} {schema[key]:g}"
        for key, word in (("minimum", "from"), ("exclusiveMinimum", "above"), ("maximum", "to"))
        if key in schema
    ]
    return " ".join([str(kind), *limits])


def record_page() -> str:
    """The record of a run as a document, and the classes of findings."""
    from notabene.model import evidence
    from notabene.proof import findings, record

    parts = [cls for cls in public_classes(evidence, evidence.Part) if cls is not evidence.Part]
    return page(
        "The record of a run",
        "`notabene show RUN --record --json` prints one document, whose JSON schema is "
        "[record.schema.json](record.schema.json). `process`, `code`, `environment`, `hardware` "
        "and `notebook` hold what [is captured](captured.md) there.",
        plain(record.Record.__doc__),
        "## Findings",
        "`notabene check RUN --json` prints `run`, `record` (`complete` or `gaps`), `proof` "
        "(`untested`, `steps`, `proven` or `differs`), `grade`, and `findings`:",
        plain(findings.Finding.__doc__),
        table(
            ("class", "meaning"),
            [(f"`{name}`", text) for name, text in findings.CLASSES.items()],
        ),
        "## Parts",
        plain(evidence.__doc__),
        *(f"### {cls.__name__}\n\n{plain(cls.__doc__)}" for cls in parts),
    )


def record_schema() -> str:
    """JSON schema of the record."""
    from notabene.model import evidence
    from notabene.proof.record import Record
    from notabene.server.document import explain

    schema = msgspec.json.schema(Record)
    for name, form in schema["$defs"].items():
        form.pop("title", None)
        cls = Record if name == "Record" else getattr(evidence, name)
        explain(form, cls.__doc__ or "")
    return json.dumps(schema, indent=1) + "\n"


PAGES = {
    "record.md": record_page,
    "record.schema.json": record_schema,
    "cli.md": cli_page,
    "entities.md": entities_page,
    "errors.md": errors_page,
    "python.md": python_page,
    "query-fields.md": query_page,
    "records.md": records_page,
    "rest.md": rest_page,
    "settings.md": settings_page,
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
