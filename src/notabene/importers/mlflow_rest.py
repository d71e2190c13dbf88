"""A running MLflow server, by its REST API; no other importer uses the network by itself."""

from __future__ import annotations

import base64
import json
import shutil
import tempfile
import time
import urllib.error
import urllib.request
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from notabene.errors import AccessError, FormatError, TransportError
from notabene.importers._base import Missed, reason_of
from notabene.importers.mlflow_parts import (
    Column,
    Experiment,
    Files,
    Model,
    Run,
    column,
    number_of,
)
from notabene.model.canonical import digest_json
from notabene.settings import environment

TRIES = 5
TIMEOUT = 60
PAGE = 1000
POINTS = 25_000
API = "/api/2.0/mlflow"
LOGGED = "models:/"
LONGEST = 30.0


class _SameHost(urllib.request.HTTPRedirectHandler):
    """Redirects to other hosts are refused: a token goes nowhere but to the server named."""

    def redirect_request(self, req: Any, fp: Any, code: int, *rest: Any) -> Any:
        """See urllib."""
        message, headers, url = rest
        if urlsplit(url).netloc != urlsplit(req.full_url).netloc:
            raise urllib.error.HTTPError(url, code, "it sends to another host", headers, fp)
        return super().redirect_request(req, fp, code, message, headers, url)


class Wire:
    """Requests with retries, and what the MLflow client's variables say of who asks.

    Args:
        url: Address of the server; a user and password in it are used as such.
        variables: The process environment.
        pause: Seconds before the second try; doubled for each further one.
    """

    def __init__(
        self, url: str, variables: Mapping[str, str] | None = None, pause: float = 0.5
    ) -> None:
        env = environment() if variables is None else variables
        parts = urlsplit(url)
        user = parts.username or env.get("MLFLOW_TRACKING_USERNAME", "")
        password = parts.password or env.get("MLFLOW_TRACKING_PASSWORD", "")
        place = parts.netloc.rpartition("@")[2]
        self.url = urlunsplit((parts.scheme, place, parts.path.rstrip("/"), "", ""))
        self.pause = pause
        self._headers = {"User-Agent": "notabene"}
        if user and password:
            word = base64.b64encode(f"{user}:{password}".encode()).decode()
            self._headers["Authorization"] = f"Basic {word}"
        elif token := env.get("MLFLOW_TRACKING_TOKEN", ""):
            self._headers["Authorization"] = f"Bearer {token}"
        self._opener = urllib.request.build_opener(_SameHost)

    def get(self, place: str, **query: Any) -> dict[str, Any]:
        """The answer to a GET; see :meth:`ask`."""
        return self.ask(f"{place}?{urlencode({k: v for k, v in query.items() if v != ''})}")

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The answer to a POST; see :meth:`ask`."""
        return self.ask(path, json.dumps(body).encode())

    def ask(self, path: str, body: bytes | None = None) -> dict[str, Any]:
        """An answer of JSON.

        Raises:
            AccessError: Who asks may not.
            TransportError: There is no answer.
            FormatError: It is no answer of MLflow.
        """
        with self.open(path, body) as answer:
            data = answer.read()
        try:
            found = json.loads(data)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise FormatError(f"{self.url}{path.split('?')[0]} does not answer as MLflow does")
        return found

    def fetch(self, path: str, target: Path) -> None:
        """Keep what is at a path in a file; see :meth:`ask`."""
        with self.open(path) as answer, open(target, "wb") as file:
            shutil.copyfileobj(answer, file, 1 << 20)

    def open(self, path: str, body: bytes | None = None) -> Any:
        """An open answer; see :meth:`ask`."""
        headers = dict(self._headers)
        if body is not None:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(self.url + path, body, headers)  # noqa: S310
        wait = self.pause
        for number in range(1, TRIES + 1):
            try:
                return self._opener.open(request, timeout=TIMEOUT)
            except urllib.error.HTTPError as error:
                again = error.code == 429 or error.code >= 500
                if not again or number == TRIES:
                    raise self._refused(path, error) from error
                asked = error.headers.get("Retry-After", "")
                wait = max(wait, min(LONGEST, float(asked) if asked.isdigit() else 0.0))
            except OSError as error:
                reason = getattr(error, "reason", None) or error
                if number == TRIES:
                    raise TransportError(f"{self.url} does not answer: {reason}") from error
            time.sleep(wait)
            wait = min(LONGEST, wait * 2)
        raise AssertionError

    def _refused(self, path: str, error: urllib.error.HTTPError) -> Exception:
        plain = path.split("?")[0]
        if error.code in (401, 403):
            return AccessError(
                f"{self.url} refuses: {error.code} {error.reason}",
                hint="set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and "
                "MLFLOW_TRACKING_PASSWORD, as for MLflow itself",
            )
        if error.code == 404:
            return FormatError(f"{self.url} has no {plain}: is it a server of MLflow?")
        return TransportError(f"{self.url}{plain} answers {error.code} {error.reason}")


class RestStore:
    """A server.

    Args:
        wire: How to ask it.
    """

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.notes: list[str] = []
        self._of = ""
        self._folder = ""
        self._models: dict[str, list[Model]] = {}
        self._ids: list[str] = []

    def experiments(self) -> list[Experiment]:
        """See :class:`notabene.importers.mlflow_parts.Backend`."""
        found = []
        body = {"max_results": PAGE, "view_type": "ALL"}
        for item in self._pages(f"{API}/experiments/search", body, "experiments"):
            tags = _tags(item)
            found.append(
                Experiment(
                    id=str(item["experiment_id"]),
                    name=item.get("name") or str(item["experiment_id"]),
                    location=item.get("artifact_location", ""),
                    note=tags.get("mlflow.note.content", ""),
                )
            )
        self._ids = [experiment.id for experiment in found]
        return found

    def runs(self) -> Iterator[Run]:
        """See :class:`notabene.importers.mlflow_parts.Backend`."""
        self._read_models()
        for known in self._ids:
            body = {
                "experiment_ids": [known],
                "run_view_type": "ALL",
                "max_results": PAGE,
                "order_by": ["attribute.start_time ASC"],
            }
            for item in self._pages(f"{API}/runs/search", body, "runs"):
                yield self._run(item)

    def _run(self, item: dict[str, Any]) -> Run:
        info, data = item["info"], item.get("data", {})
        known = info.get("run_id") or info["run_uuid"]
        models = [[m.name, m.location, m.aliases] for m in self._models.get(known, ())]
        return Run(
            id=known,
            name=info.get("run_name", ""),
            experiment=str(info.get("experiment_id", "")),
            status=info.get("status", ""),
            started=int(info.get("start_time") or 0),
            ended=int(info.get("end_time") or 0),
            user=info.get("user_id", ""),
            artifacts=info.get("artifact_uri", ""),
            deleted=info.get("lifecycle_stage") == "deleted",
            tags=_tags(data),
            state=digest_json(json.loads(json.dumps([item, models]).replace("NaN", "null")))[:32],
            detail=item,
        )

    def params(self, run: Run) -> dict[str, str]:
        """See :class:`notabene.importers.mlflow_parts.Backend`."""
        return {p["key"]: p.get("value", "") for p in run.detail.get("data", {}).get("params", ())}

    def tags(self, run: Run) -> dict[str, str]:
        """See :class:`notabene.importers.mlflow_parts.Backend`."""
        return run.tags

    def metrics(self, run: Run) -> Iterator[Column | Missed]:
        """See :class:`notabene.importers.mlflow_parts.Backend`."""
        for metric in run.detail.get("data", {}).get("metrics", ()):
            key, token = metric["key"], ""
            while True:
                page = self.wire.get(
                    f"{API}/metrics/get-history",
                    run_id=run.id,
                    metric_key=key,
                    max_results=POINTS,
                    page_token=token,
                )
                points = page.get("metrics", [])
                yield column(
                    key,
                    [int(point.get("step") or 0) for point in points],
                    [int(point.get("timestamp") or 0) for point in points],
                    [number_of(point.get("value", 0), is_nan=False) for point in points],
                )
                token = page.get("next_page_token", "")
                if not token:
                    break

    def datasets(self, run: Run) -> list[dict[str, Any]]:
        """See :class:`notabene.importers.mlflow_parts.Backend`."""
        found = []
        for item in run.detail.get("inputs", {}).get("dataset_inputs", ()):
            data, tags = item.get("dataset", {}), _tags(item)
            names = ("name", "digest", "source_type", "source", "schema", "profile")
            context = tags.get("mlflow.data.context", "")
            found.append({name: data.get(name) for name in names} | {"context": context})
        return found

    def models(self, run: Run) -> list[Model]:
        """See :class:`notabene.importers.mlflow_parts.Backend`."""
        return self._models.get(run.id, [])

    def files(self, run: Run, location: str) -> Files:
        """See :class:`notabene.importers.mlflow_parts.Backend`: those that the server hands out."""
        if location.startswith(LOGGED):
            known = quote(location.removeprefix(LOGGED), safe="")
            place = f"/ajax-api/2.0/mlflow/logged-models/{known}/artifacts/files"
            listing = f"{API}/logged-models/{known}/artifacts/directories"
            found = self._listing(listing, "artifact_directory_path", "")
            return self._fetched(run, "", found, f"{place}?artifact_file_path=")
        below = ""
        if location != run.artifacts:
            if not location.startswith(run.artifacts.rstrip("/") + "/"):
                what = "models that lie beside the artifacts of their run are not fetched by REST"
                return Files(missed=[Missed(what)])
            below = location[len(run.artifacts.rstrip("/")) + 1 :]
        found = self._listing(f"{API}/artifacts/list", "path", below, run_id=run.id)
        query = urlencode({"run_uuid": run.id, "run_id": run.id})
        return self._fetched(run, below, found, f"/get-artifact?{query}&path=")

    def _fetched(self, run: Run, below: str, paths: Iterator[str], place: str) -> Files:
        """Files by their paths, each asked for at a place."""
        found = Files()
        top = Path(tempfile.mkdtemp(dir=self._room(run.id)))
        for path in paths:
            name = path[len(below) :].strip("/") or path.rsplit("/", 1)[-1]
            target = top / name
            if not target.resolve().is_relative_to(top.resolve()):
                found.missed.append(Missed("artifacts whose path leads elsewhere are left out"))
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                with (
                    self.wire.open(place + quote(path, safe="")) as answer,
                    open(target, "wb") as file,
                ):
                    shutil.copyfileobj(answer, file, 1 << 20)
            except (TransportError, FormatError, OSError) as error:
                what = f"an artifact cannot be fetched: {reason_of(error)}"
                found.missed.append(Missed(what, True))
                continue
            found.files.append((name, target))
        return found

    def traces(self) -> int:
        """Traces of language models; not counted here."""
        return 0

    def _room(self, run: str) -> str:
        """A folder for the files of one run; those of the run before go."""
        if self._of != run:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._of, self._folder = run, tempfile.mkdtemp(prefix="notabene-mlflow-")
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        return self._folder

    # -- asking ----------------------------------------------------------------------------

    def _listing(self, place: str, name: str, path: str, **query: str) -> Iterator[str]:
        """The files at and below a path of artifacts."""
        waiting = [(path, "")]
        while waiting:
            here, token = waiting.pop()
            page = self.wire.get(place, **query, **{name: here}, page_token=token)
            if token := page.get("next_page_token", ""):
                waiting.append((here, token))
            for item in page.get("files", ()):
                if item.get("is_dir"):
                    waiting.append((item["path"], ""))
                else:
                    yield item["path"]

    def _pages(self, path: str, body: dict[str, Any], name: str) -> Iterator[dict[str, Any]]:
        token = ""
        while True:
            page = self.wire.post(path, body | ({"page_token": token} if token else {}))
            yield from page.get(name, ())
            token = page.get("next_page_token", "")
            if not token:
                return

    def _got(self, path: str, name: str) -> Iterator[dict[str, Any]]:
        token = ""
        while True:
            try:
                page = self.wire.get(path, max_results=PAGE, page_token=token)
            except FormatError:  # a server without a registry
                return
            yield from page.get(name, ())
            token = page.get("next_page_token", "")
            if not token:
                return

    def _read_models(self) -> None:
        aliases: dict[tuple[str, str], list[str]] = {}
        for model in self._got(f"{API}/registered-models/search", "registered_models"):
            for alias in model.get("aliases", ()):
                key = model["name"], str(alias["version"])
                aliases.setdefault(key, []).append(alias["alias"])
        self._models = {}
        logged = self._read_logged()
        versions = list(self._got(f"{API}/model-versions/search", "model_versions"))
        for item in sorted(versions, key=lambda v: (v["name"], int(v["version"]))):
            words = aliases.get((item["name"], str(item["version"])), [])
            stage = item.get("current_stage", "")
            if stage in ("Staging", "Production", "Archived"):
                words = [*words, stage.lower()]
            run = item.get("run_id") or logged.get(item.get("source", ""), "")
            if not run:
                self.notes.append(
                    f"{quote(item['name'])} v{item['version']} names no run: left out"
                )
                continue
            self._models.setdefault(run, []).append(
                Model(
                    name=item["name"],
                    location=item.get("source", ""),
                    created=int(item.get("creation_timestamp") or 0),
                    aliases=tuple(words),
                    description=item.get("description", ""),
                    metadata={"mlflow.version": int(item["version"])},
                )
            )

    def _read_logged(self) -> dict[str, str]:
        """Logged models of MLflow 3: the run of each, by how versions name it."""
        found: dict[str, str] = {}
        body = {"experiment_ids": self._ids}
        try:
            models = list(self._pages(f"{API}/logged-models/search", body, "models"))
        except (FormatError, TransportError):  # a server of version 2
            return found
        for item in models:
            info = item.get("info", {})
            run, place = info.get("source_run_id", ""), LOGGED + info.get("model_id", "")
            if run:
                found[place] = run
                metadata = {"mlflow.model_id": info["model_id"]}
                created = int(info.get("creation_timestamp_ms") or 0)
                model = Model(
                    name=info.get("name") or info["model_id"],
                    location=place,
                    created=created,
                    metadata=metadata,
                )
                self._models.setdefault(run, []).append(model)
        return found


def _tags(item: dict[str, Any]) -> dict[str, str]:
    return {tag["key"]: tag.get("value", "") for tag in item.get("tags", ())}
