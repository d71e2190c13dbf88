"""The OpenAPI document: what the routes say of themselves, and what holds for all of them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from litestar import Litestar
from litestar.openapi import OpenAPIConfig

from notabene._version import __version__
from notabene.server import access
from notabene.server.grids import MEDIA_TYPE
from notabene.server.problems import ProblemForm

ABOUT = """\
Everything that the web interface shows comes from here; programs may ask it as well.

Times are whole microseconds since 1970-01-01 UTC, durations are seconds. Numbers that JSON has
not are the texts `NaN`, `Infinity` and `-Infinity`. Names of projects, artifacts and metrics
may hold any letters, slashes among them, and so travel in the query; ids of runs are parts of
paths. Lists are `{items, total, limit, offset}`. Errors have one form, `Problem`, whatever
their status. Answers to GET carry an ETag; who sends it back is told 304 while nothing changed.

Visitors show who they are by the cookie that the printed link sets, or by
`Authorization: Bearer` with `NOTABENE_TOKEN`. Bodies are JSON of at most 32 MiB.
"""

NUMBER = {
    "description": "A number; NaN and the infinities as texts.",
    "oneOf": [{"type": "number"}, {"type": "string", "enum": ["NaN", "Infinity", "-Infinity"]}],
}

ALWAYS = {
    400: "The question is not possible as it is.",
    401: "Who asks has not shown who it is.",
    403: "Who asks may not.",
    405: "The path has no such method; `Allow` names those it has.",
    414: "The address is too long.",
    421: "The server does not answer to this name.",
    429: "Too many requests at once, or too many wrong tokens.",
    500: "Something went wrong in the server; its log has the rest under `id`.",
    503: "The store cannot be reached now, or took too long; try again.",
}
SOMETIMES = {
    404: "It is not there.",
    409: "Somebody was first, or the run is in another state.",
    413: "The body is too large.",
    415: "The body is no JSON by its header.",
    416: "The range lies outside of the content.",
    422: "What is stored is damaged, or of a newer version.",
}


SCHEMAS = "#/components/schemas/"
BYTES = ("*/*", MEDIA_TYPE)
"""Types of answers that are no JSON."""

HEADERS = {
    "/blobs/{digest}": "Range",
    "/artifacts/file": "Range",
    "/events": "Last-Event-ID",
}
"""Headers that some routes look at."""

TEXTS = {"/history": "text/csv", "/console": "text/plain"}
"""Routes that answer as a text as well."""

RENAMED = {"kind": "class"}
"""Fields that have another name in JSON."""

SPARSE = frozenset({"BlobRef"})
"""What leaves out fields that have their default, as it was logged."""


def document(handlers: Sequence[Any]) -> dict[str, Any]:
    """OpenAPI 3.1 of some handlers."""
    config = OpenAPIConfig(
        title="notabene", version=__version__, description=ABOUT, use_handler_docstrings=True
    )
    described = Litestar(handlers, openapi_config=config)
    form: dict[str, Any] = described.openapi_schema.to_schema()
    form["servers"] = [{"url": "/", "description": "Below the base path, where there is one."}]
    form["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    form["security"] = [{"token": []}]
    form = _with_short_names(form)
    _settle(form)
    schemas = form["components"]["schemas"]
    schemas["Number"] = NUMBER
    schemas["Problem"] = _problem()
    for path, item in form["paths"].items():
        for method, operation in item.items():
            _complete(path, method, operation)
    return form


def _problem() -> dict[str, Any]:
    (_,), found = msgspec.json.schema_components([ProblemForm])
    schema: dict[str, Any] = found["ProblemForm"]
    schema.pop("title", None)
    explain(schema, ProblemForm.__doc__ or "")
    return {**schema, "additionalProperties": True}


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    """What holds for many routes, in the description of one."""
    operation["operationId"] = _name(operation["operationId"])
    operation["tags"] = [path.removeprefix(f"{access.API}/").strip("/").split("/")[0]]
    operation["description"] = _plain(operation["description"])
    answers = operation["responses"]
    answers.pop("400", None)
    answers["200"]["description"] = operation["summary"]
    if access.RULES[f"{method.upper()} {path}"] == "public":
        operation["security"] = []
    errors = dict(ALWAYS) | {status: SOMETIMES[status] for status in (404, 409, 422)}
    if "requestBody" in operation:
        errors |= {status: SOMETIMES[status] for status in (413, 415)}
    for kind, content in answers["200"].get("content", {}).items():
        if kind in BYTES:
            content["schema"] = {"type": "string", "format": "binary"}
    for name in (header for end, header in HEADERS.items() if path.endswith(end)):
        plain = {"name": name, "in": "header", "schema": {"type": "string"}, "required": False}
        operation["parameters"] = [*operation.get("parameters", ()), plain]
    if path.endswith(("/blobs/{digest}", "/artifacts/file")):
        errors[416] = SOMETIMES[416]
        answers["206"] = {**answers["200"], "description": "A part of the bytes."}
    for end, kind in TEXTS.items():
        if path.endswith(end):
            answers["200"]["content"][kind] = {"schema": {"type": "string"}}
    if method == "get" and path not in ("/health", f"{access.API}/events"):
        answers["304"] = {"description": "What the client has is still right."}
    for status, text in sorted(errors.items()):
        schema = {"$ref": f"{SCHEMAS}Problem"}
        answers[str(status)] = {
            "description": text,
            "content": {"application/json": {"schema": schema}},
        }


def _name(operation: str) -> str:
    """``V1RunsTableTable`` -> ``runsTable``: the path without its version, said once."""
    words: list[str] = re.findall(
        r"[A-Z][a-z0-9]*", operation.removeprefix("Api").removeprefix("V1")
    )
    kept = [word for place, word in enumerate(words) if word not in words[:place]]
    return kept[0].lower() + "".join(kept[1:])


# -- schemas -----------------------------------------------------------------------------------


def _with_short_names(form: dict[str, Any]) -> dict[str, Any]:
    """``Page_model.entities.RunInfo_`` -> ``RunInfoPage``; ``why_Cause`` -> ``WhyCause``."""
    text = msgspec.json.encode(form).decode()
    for name in sorted(form["components"]["schemas"], key=len, reverse=True):
        if match := re.fullmatch(r"Page_(.+)_", name):
            parts = re.findall(r"([A-Z]\w*?)(?=_notabene|$)", match[1])
            text = text.replace(f'{name}"', f'{"Or".join(parts)}Page"')
        elif match := re.fullmatch(r"([a-z]+)_(?:[a-z]+_)*([A-Z]\w*)", name):
            text = text.replace(f'{name}"', f'{match[1].capitalize()}{match[2]}"')
    short: dict[str, Any] = msgspec.json.decode(text)
    return short


def _settle(form: dict[str, Any]) -> None:
    """What Litestar cannot know: NaN in answers, all fields always there, none unknown asked."""
    schemas = form["components"]["schemas"]
    asked: set[str] = set()
    for operation in _operations(form):
        _reach(operation.get("requestBody", {}), schemas, asked)
        _replace(operation["responses"])
    words: dict[str, str] = {}
    for cls in _below(msgspec.Struct):
        # Where two have one name, that of their module stands before it.
        for before in ("", *cls.__module__.split(".")):
            words[f"{before.capitalize()}{cls.__name__}"] = cls.__doc__ or ""
    for name, schema in schemas.items():
        schema.pop("title", None)
        explain(schema, words.get(name, ""))
        if name in asked:
            schema["additionalProperties"] = False
            continue
        _replace(schema)
        if name not in SPARSE and "properties" in schema:
            schema["required"] = list(schema["properties"])


def explain(schema: dict[str, Any], doc: str) -> None:
    """What a form is, and what its fields are, as the docstring of its class says.

    Versions of msgspec differ in the white space of what they take from there, so nothing of
    that is left.
    """
    first, _, rest = inspect.cleandoc(doc).partition("\n\n")
    if first:
        schema["description"] = _plain(first)
    _, _, listed = rest.partition("Attributes:\n")
    for match in re.finditer(r"^ {4}(\w+): (.*(?:\n {5,}.*)*)", listed, re.MULTILINE):
        fields = schema.get("properties", {})
        field = fields.get(match[1]) or fields.get(RENAMED.get(match[1], ""))
        if field is not None and "$ref" not in field:
            field["description"] = _plain(match[2])


def _plain(text: str) -> str:
    return re.sub(r":\w+:`~?", "`", " ".join(text.split()).replace("``", "`"))


def _operations(form: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for item in form["paths"].values():
        yield from item.values()


def _below(cls: type) -> Iterator[type]:
    subclasses: list[type] = type.__subclasses__(cls)
    for found in subclasses:
        yield found
        yield from _below(found)


def _reach(part: Any, schemas: dict[str, Any], found: set[str]) -> None:
    """Names of all schemas that a part refers to, also by way of others."""
    for name in _refs(part):
        if name not in found:
            found.add(name)
            _reach(schemas.get(name), schemas, found)


def _refs(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        ref = part.get("$ref")
        if isinstance(ref, str):
            yield ref.removeprefix(SCHEMAS)
        for value in part.values():
            yield from _refs(value)
    elif isinstance(part, list):
        for value in part:
            yield from _refs(value)


def _replace(part: Any) -> None:
    """Let numbers be NaN."""
    if isinstance(part, list):
        for value in part:
            _replace(value)
    elif isinstance(part, dict):
        if part.get("type") == "number":
            part.clear()
            part["$ref"] = f"{SCHEMAS}Number"
            return
        for value in part.values():
            _replace(value)
