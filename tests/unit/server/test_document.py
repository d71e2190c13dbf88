"""The OpenAPI document: complete, and true of what is answered."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from notabene.server import access
from notabene.server.app import describe
from tests.unit.server.conftest import V1


@pytest.fixture(scope="module")
def form() -> dict[str, Any]:
    """The document."""
    return describe()


def test_every_route_is_in_it(form):
    """Each has a sentence, a name of its own, and all its errors."""
    found = {
        f"{method.upper()} {path}": operation
        for path, item in form["paths"].items()
        for method, operation in item.items()
    }
    assert set(found) == set(access.RULES)
    names = [operation["operationId"] for operation in found.values()]
    assert len(set(names)) == len(names)
    for place, operation in found.items():
        assert operation["summary"], place
        assert operation["description"], place
        assert {"200", "400", "401", "403", "404", "500", "503"} <= set(operation["responses"])


def test_references_lead_somewhere(form):
    """No schema is named that is not there, none is there that is not named."""
    text = json.dumps(form)
    names = set(form["components"]["schemas"])
    named = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert named == names


def test_numbers_may_be_nan_in_answers_alone(form):
    """An answer's numbers are ``Number``; what is asked is a number of JSON."""
    schemas = form["components"]["schemas"]
    assert schemas["MetricSummary"]["properties"]["last"] == {"$ref": "#/components/schemas/Number"}
    assert schemas["Smoothing"]["properties"]["weight"]["type"] == "number"
    assert schemas["SeriesQuestion"]["additionalProperties"] is False


def matches(value: Any, schema: dict[str, Any], schemas: dict[str, Any]) -> bool:
    """Whether a value is what a schema says; as much of JSON Schema as the document uses."""
    if "$ref" in schema:
        return matches(value, schemas[schema["$ref"].rsplit("/", 1)[-1]], schemas)
    if "oneOf" in schema:
        return any(matches(value, one, schemas) for one in schema["oneOf"])
    if "const" in schema or "enum" in schema:
        return value in schema.get("enum", [schema.get("const")])
    kind = schema.get("type")
    if kind == "object":
        fields = schema.get("properties", {})
        more = schema.get("additionalProperties", {})
        return (
            isinstance(value, dict)
            and set(schema.get("required", ())) <= set(value)
            and all(
                matches(part, fields.get(key, more if isinstance(more, dict) else {}), schemas)
                for key, part in value.items()
            )
        )
    if kind == "array":
        return isinstance(value, list) and all(
            matches(part, schema.get("items", {}), schemas) for part in value
        )
    kinds: dict[Any, Any] = {
        "string": str,
        "integer": int,
        "number": (int, float),
        "boolean": bool,
        "null": type(None),
    }
    return kind is None or isinstance(value, kinds[kind])


def test_answers_are_what_it_says(visitor, ids, form):
    """Answers of a store with everything in it have the shapes that are described."""
    run = ids["media"]
    paths = {
        "/server": "/server",
        "/projects": "/projects",
        "/projects/fields": "/projects/fields",
        "/complete": "/complete?text=metrics.",
        "/search": "/search?q=a",
        "/diary": "/diary?project=other",
        "/runs": "/runs",
        "/runs/table": "/runs/table?fields=name,metrics.odd,params.layers&constant=1",
        "/runs/{run}": f"/runs/{ids['run 0']}",
        "/runs/{run}/values": f"/runs/{run}/values?key=image",
        "/runs/{run}/table": f"/runs/{run}/table?key=table",
        "/runs/{run}/captured": f"/runs/{run}/captured",
        "/runs/{run}/console": f"/runs/{run}/console",
        "/runs/{run}/history": f"/runs/{ids['run 0']}/history",
        "/changes": "/changes",
        "/artifacts": "/artifacts",
        "/artifacts/versions": "/artifacts/versions?name=data/set",
        "/artifacts/version": "/artifacts/version?ref=data/set",
        "/artifacts/files": "/artifacts/files?ref=data/set",
        "/artifacts/preview": "/artifacts/preview?ref=data/set&path=sub/table.csv",
        "/lineage": "/lineage?ref=artifact:data/set",
        "/views": "/views",
    }
    for path, asked in paths.items():
        answers = form["paths"][V1 + path]["get"]["responses"]
        schema = answers["200"]["content"]["application/json"]["schema"]
        value = visitor.json(asked)
        assert matches(value, schema, form["components"]["schemas"]), (path, value)


def test_it_is_served(visitor, form):
    """At its own address, and tagged."""
    reply = visitor.get("/openapi.json")
    assert reply.json() == json.loads(json.dumps(form))
    assert visitor.get("/openapi.json", If_None_Match=reply.headers["etag"]).status == 304


def test_the_file_is_up_to_date(root_of_project):
    """The client is made from a file, which is what the routes say."""
    done = subprocess.run(
        [sys.executable, "tools/openapi.py", "--check"],
        cwd=root_of_project,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


@pytest.fixture
def root_of_project(request):
    """The project's folder."""
    return request.config.rootpath
