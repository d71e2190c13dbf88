"""Run the zoo and print the scores: python zoo/run.py [-k WORDS] [-j 2] [--keep FOLDER]"""

from __future__ import annotations

import argparse
import contextlib
import functools
import http.server
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from peers import Peer, wanted  # noqa: E402

SCORES = ("evidence", "finding", "verdict", "rerun")


def main() -> int:
    """Run what was asked for; 1 where a score is below what the project promises."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-k", dest="words", default="", help="only cases with this in their name")
    parser.add_argument("--keep", type=Path, help="leave the folders here")
    parser.add_argument("--json", dest="out", type=Path, help="write the scores here")
    parser.add_argument("-j", dest="jobs", type=int, default=2, help="cases at the same time")
    parser.add_argument("--peers", default="", help="score these as well: mlflow,wandb")
    parser.add_argument("-v", "--verbose", action="store_true", help="say what was found instead")
    given = parser.parse_args()
    cases = tomllib.loads((HERE / "cases.toml").read_text("utf-8"))["case"]
    cases = [case for case in cases if given.words in f"{case['class']} {case['name']}"]
    cases = [case for case in cases if all(map(importlib.util.find_spec, case.get("needs", ())))]
    with ThreadPoolExecutor(given.jobs) as pool:
        results = list(pool.map(lambda case: run_case(case, given), cases))
    found = report(results, given)
    for name in given.peers.split(",") if given.peers else ():
        if importlib.util.find_spec(name) is None:
            print(f"  {name} is not installed")
            continue
        with ThreadPoolExecutor(given.jobs) as pool:
            asked = [case for case in cases if case["class"] != "control"]
            told = list(pool.map(lambda case, name=name: run_peer(case, name), asked))
        print(f"  {name}: evidence {sum(told)}/{len(told)}  {100 * sum(told) / len(told):.0f} %; "
              "it tells no findings, knows no repeats and reruns nothing")  # fmt: skip
    return found


def run_case(case: dict[str, Any], given: argparse.Namespace) -> dict[str, Any]:
    """A, the change, B, and what notabene makes of it."""
    base = given.keep / case["name"] if given.keep else Path(tempfile.mkdtemp(prefix="zoo-"))
    shutil.rmtree(base, ignore_errors=True)
    place = Place(base, case)
    try:
        scores = place.play()
    except (subprocess.SubprocessError, KeyError, ValueError, OSError) as error:
        scores = {"failed": f"{type(error).__name__}: {error}"[:300]}
    finally:
        if not given.keep:
            shutil.rmtree(base, ignore_errors=True)
    told = " ".join(f"{name}={_mark(scores.get(name))}" for name in SCORES)
    lines = [f"{case['class']:26} {case['name']:28} {told} {scores.get('failed', '')}"]
    if given.verbose:
        lines += [f"    {line}" for line in scores.get("notes", ())]
    print("\n".join(lines), flush=True)
    return {"name": case["name"], "class": case["class"], **scores}


def run_peer(case: dict[str, Any], name: str) -> bool:
    """Whether a peer's records of A and B differ at the cause."""
    base = Path(tempfile.mkdtemp(prefix="zoo-"))
    try:
        place = Place(base, case)
        with place.serving():
            return place.play_peer(Peer(name, base / "peer"))
    except (subprocess.SubprocessError, KeyError, ValueError, OSError):
        return False
    finally:
        shutil.rmtree(base, ignore_errors=True)


def _mark(value: object) -> str:
    return {True: "yes", False: "NO", None: "-"}[value if isinstance(value, bool) else None]


class Place:
    """One case in a folder and a store of its own."""

    def __init__(self, base: Path, case: dict[str, Any]) -> None:
        self.case = case
        self.work = base / "work"
        self.home = base / "home"
        self.store = base / "store"
        self.notes: list[str] = []
        self.port = 0
        self._known: set[str] = set()
        for folder in (self.work, self.home):
            folder.mkdir(parents=True)
        script = HERE / "cases" / case["script"]
        self.script = case.get("as", script.name)
        self._copy(script, self.script)
        for name, place in case.get("with", {}).items():
            self._copy(HERE / "cases" / name, place)
        for name, content in case.get("files", {}).items():
            self._place(name, content)
        for name, target in case.get("links", {}).items():
            self._path(name).symlink_to(self.words([target])[0])
        if case.get("git"):
            self._git()
        self._do(case.get("make", ()))

    def _copy(self, source: Path, name: str) -> None:
        self._place(name, source.read_text("utf-8"))

    def _place(self, name: str, content: str) -> None:
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        if content.startswith("#!"):
            path.chmod(0o755)

    def _path(self, name: str) -> Path:
        return self.work / self.words([name])[0]

    def words(self, words: list[str]) -> list[str]:
        """Words with what they stand for in this place."""
        meant = {
            "$HOME": str(self.home),
            "$BASE": str(self.work.parent),
            "$PATH": os.environ.get("PATH", ""),
            "$PORT": str(self.port),
            "$PY": sys.executable,
        }
        for name, value in meant.items():
            words = [word.replace(name, value) for word in words]
        return words

    def _do(self, commands: Any) -> None:
        """Commands of the case itself, which notabene knows nothing of."""
        env = {**os.environ, "HOME": str(self.home), "NOTABENE_MODE": "disabled"}
        for command in commands:
            subprocess.run(self.words(command), cwd=self.work, env=env, check=True)

    def _git(self) -> None:
        tracked = self.case["git"]
        git = ["git", "-c", "user.name=zoo", "-c", "user.email=zoo@example.org"]
        subprocess.run([*git, "init", "-q"], cwd=self.work, check=True)
        subprocess.run([*git, "add", *tracked], cwd=self.work, check=True)
        subprocess.run([*git, "commit", "-qm", "first"], cwd=self.work, check=True)

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """A server for what lies in $BASE/www, where the case has such."""
        folder = self.work.parent / "www"
        if not folder.exists():
            yield
            return
        handler = functools.partial(Silent, directory=str(folder))
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            self.port = server.server_port
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield
            server.shutdown()

    # -- running ---------------------------------------------------------------------------

    def environ(self, more: dict[str, str]) -> dict[str, str]:
        """A plain environment: what the person at the keyboard has set does not count."""
        kept = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "TMPDIR")
        env = {name: os.environ[name] for name in kept if name in os.environ}
        more = {name: self.words([value])[0] for name, value in more.items()}
        return {
            **env,
            "HOME": str(self.home),
            "NOTABENE_STORE": str(self.store),
            "NOTABENE_CACHE": str(Path(tempfile.gettempdir()) / "notabene-zoo-cache"),
            "NOTABENE_QUIET": "1",
            **more,
        }

    def command(self, which: str) -> list[str]:
        """The program of A or of B."""
        words = self.words(self.case.get(f"args_{which}", []))
        program = self.case.get("program", ["$PY", self.case.get(f"script_{which}", self.script)])
        return [*self.words(program), *words]

    def notabene(
        self,
        *words: str,
        env: dict[str, str] | None = None,
        cwd: Path | None = None,
        given: str = "",
    ) -> Any:
        """One of our commands, its JSON."""
        done = subprocess.run(
            [sys.executable, "-m", "notabene", *words],
            cwd=cwd or self.work,
            env=self.environ(env or {}),
            input=given,
            capture_output=True,
            text=True,
            timeout=120,
        )
        try:
            return json.loads(done.stdout)
        except ValueError:
            raise ValueError(f"{' '.join(words[:3])}: {done.stderr.strip()[-200:]}") from None

    def run(self, which: str) -> str:
        """Run A or B; the answer is the run's id."""
        env = self.case.get(f"env_{which}", {})
        cwd = self._path(self.case.get(f"folder_{which}", "."))
        command = self.command(which)
        if self.case.get("run") == "command":
            patterns = self.case.get("metrics", ["loss=([-0-9.e]+)"])
            words = [word for one in patterns for word in ("--metrics", one)]
            command = [sys.executable, "-m", "notabene", "run", *words, "--", *command]
        done = subprocess.run(
            command,
            cwd=cwd,
            env=self.environ(env),
            input=self.case.get(f"stdin_{which}", ""),
            capture_output=True,
            text=True,
            timeout=120,
        )
        if done.returncode and not self.case.get("fails"):
            raise ValueError(f"{which} ended with {done.returncode}: {done.stderr[-300:]}")
        runs = [one for one in self._runs() if not one["parent"]]
        new = [one for one in runs if one["id"] not in self._known]
        self._known |= {one["id"] for one in runs}
        if not new:
            raise ValueError(f"{which} made no run: {done.stderr[-300:]}")
        return str(new[0]["id"])

    def play_peer(self, peer: Peer) -> bool:
        """A, the change, B, recorded by a peer; what chance decides must be in a record of A."""
        item = wanted(self.case)
        if self.case.get("run") == "command":
            peer.dress(self._path(self.script))
        for which in "ab":
            env = self.environ(self.case.get(f"env_{which}", {}))
            subprocess.run(
                self.command(which),
                cwd=self._path(self.case.get(f"folder_{which}", ".")),
                env=peer.environ(env, which),
                input=self.case.get(f"stdin_{which}", "").encode(),
                capture_output=True,
                timeout=180,
            )
            if which == "a":
                self.change()
        return bool(item) and peer.tells(item)

    def _runs(self) -> list[Any]:
        if not self.store.exists():
            return []
        found: list[Any] = self.notabene("ls", "--json", "--limit", "0")
        return found

    def change(self) -> None:
        """What happens between A and B."""
        case = self.case
        for edit in case.get("edit", ()):
            path = self._path(edit["file"])
            status = path.stat()
            text = path.read_text("utf-8")
            if edit["from"] not in text:
                raise ValueError(f"{edit['file']} has no {edit['from']!r}")
            with open(path, "r+", encoding="utf-8") as file:
                file.write(text.replace(edit["from"], edit["to"]))
                file.truncate()
            if edit.get("keep_times"):
                os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        for name, content in case.get("put", {}).items():
            self._place(name, content)
        for name, target in case.get("relink", {}).items():
            self._path(name).unlink()
            self._path(name).symlink_to(self.words([target])[0])
        for name in case.get("remove", ()):
            self._path(name).unlink()
        for old, new in case.get("move", {}).items():
            self._path(new).parent.mkdir(parents=True, exist_ok=True)
            shutil.move(self._path(old), self._path(new))
        self._do(case.get("between", ()))

    # -- scoring ---------------------------------------------------------------------------

    def play(self) -> dict[str, Any]:
        """All of it."""
        with self.serving():
            return self._play()

    def _play(self) -> dict[str, Any]:
        case = self.case
        a = self.run("a")
        scores: dict[str, Any] = {}
        self.change()
        if "verdict" in case:
            scores["verdict"] = self._verdict(case["verdict"])
        b = self.run("b")
        found = {run: self.notabene("check", run, "--json")["findings"] for run in (a, b)}
        if case["class"] == "control":
            scores["finding"] = not found[a] and not found[b]
            if not scores["finding"]:
                self.notes.append(f"findings: {_short(found[a] + found[b])}")
        else:
            scores["evidence"] = self._evidence(a, b)
            scores["finding"] = self._finding(found[a] + found[b])
        if case.get("rerun", True):
            again = self.notabene("reproduce", a, "--json")
            scores["rerun"] = again["verdict"] in case.get("rerun_as", ["bit-exact"])
            if not scores["rerun"]:
                self.notes.append(f"rerun: {json.dumps(again)[:300]}")
        scores["notes"] = self.notes
        return scores

    def _verdict(self, expected: str) -> bool:
        cwd = self._path(self.case.get("folder_b", "."))
        env = self.case.get("env_b", {})
        words = ["run", "--dry-run", "--json", "--", *self.command("b")]
        given = self.case.get("stdin_b", "")
        answer = self.notabene(*words, env=env, cwd=cwd, given=given)
        if answer["verdict"] != expected:
            self.notes.append(f"verdict {answer['verdict']}: {json.dumps(answer['differs'])[:300]}")
        return bool(answer["verdict"] == expected)

    def _evidence(self, a: str, b: str) -> bool:
        wanted = self.case.get("evidence")
        if wanted is None:
            # The cause is chance itself: the record must hold what was drawn.
            record = self.notabene("show", a, "--record", "--json")
            return _holds(record, self.case["record"])
        differences = self.notabene("diff", a, b, "--json")["differences"]
        hit = any(
            one["class"] in wanted["class"].split("|") and wanted["item"] in str(one["item"])
            for one in differences
        )
        if not hit:
            told = [(one["class"], one["item"]) for one in differences]
            self.notes.append(f"evidence: {told}"[:400])
        return hit

    def _lines(self, where: str) -> Iterator[str]:
        """Ends that a place may have: ``train.py@seed(`` is each line of it with that in it."""
        name, at, text = where.partition("@")
        if not at:
            yield where
            return
        for path in (self._path(name), HERE / "cases" / name):
            if path.exists():
                yield from (f"{name}:{number}" for number in _numbered(path, text))
                return

    def _finding(self, found: list[Any]) -> bool:
        case = self.case
        classes = case.get("expect", case["class"]).split("|")
        places = tuple(self._lines(case.get("where", "")))
        hit = any(
            one["class"] in classes
            and (one["where"].endswith(places) or one["where"].rpartition(":")[0].endswith(places))
            for one in found
        )
        if not hit:
            self.notes.append(f"findings: {_short(found)}")
        return hit


def _numbered(path: Path, text: str) -> Iterator[int]:
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if text in line:
            yield number


class Silent(http.server.SimpleHTTPRequestHandler):
    """Serves files, and writes no log."""

    def log_message(self, *_: Any) -> None:
        """Nothing."""


def _holds(record: Any, path: str) -> bool:
    """Whether a part of the record, ``randomness.draws``, is there and not empty."""
    for name in path.split("."):
        record = record.get(name) if isinstance(record, dict) else None
    return bool(record)


def _short(found: list[Any]) -> str:
    return "; ".join(f"{one['class']} {one['where']} {one['what']}" for one in found)[:500]


def report(results: list[dict[str, Any]], given: argparse.Namespace) -> int:
    """Print the scores."""
    faults = [one for one in results if one["class"] != "control"]
    controls = [one for one in results if one["class"] == "control"]
    print(f"\n{len(faults)} cases, {len(controls)} controls")
    shares: dict[str, float] = {}
    for name in SCORES:
        asked = [one for one in faults if name in one or "failed" in one]
        good = [one for one in asked if one.get(name) is True]
        if asked:
            shares[name] = len(good) / len(asked)
            print(f"  {name:9} {len(good)}/{len(asked)}  {100 * shares[name]:.0f} %")
    clean = [one for one in controls if one.get("finding") and one.get("verdict", True)]
    if controls:
        print(f"  controls  {len(clean)}/{len(controls)} without a finding, and known again")
    if given.out:
        given.out.write_text(json.dumps({"results": results, "shares": shares}, indent=1) + "\n")
    promised = {"evidence": 0.95, "finding": 0.9}
    missed = [name for name, share in promised.items() if shares.get(name, 1.0) < share]
    return int(bool(missed) or len(clean) < len(controls))


if __name__ == "__main__":
    sys.exit(main())
