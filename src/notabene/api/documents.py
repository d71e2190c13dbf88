"""Documents made of a run's record, for people and programs that do not know notabene."""

from __future__ import annotations

import os
import shutil
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from notabene._ids import new_id
from notabene.api import given
from notabene.api.care import Care
from notabene.api.proofs import Proofs
from notabene.artifacts.files import storage_error
from notabene.errors import ConflictError

if TYPE_CHECKING:
    from notabene.api.crate import Placed
    from notabene.api.door import RunRef
    from notabene.api.runs import RunView
    from notabene.proof.record import Record


class Crate(msgspec.Struct, frozen=True, kw_only=True):
    """What was written.

    Attributes:
        path: The folder or zip.
        files: How many files of the run are in it.
        missing: Paths of those whose content the store does not keep; only their digests are.
    """

    path: Path
    files: int
    missing: list[str]


class Documents(Care, Proofs):
    """The documents of :class:`notabene.Api`."""

    def model_card(self, run: RunRef) -> str:
        """A model card in Markdown; what the record does not hold says ``not recorded``.

        Raises:
            NotFoundError: There is no such run.
        """
        from notabene.api.card import card

        view, record = self.run(run), self.record(run)
        return card(view, record, self.check_run(run), self._made_by(record))

    def _made_by(self, record: Record) -> dict[str, str]:
        """Ids of the runs that made the inputs of a run, by path."""
        if not record.data.read:
            return {}
        writers = self.writers()
        found = {one.path: writers.of(one.digest, record.run) for one in record.data.read}
        return {path: runs[0] for path, runs in found.items() if runs}

    def export_crate(
        self, run: RunRef, path: str | os.PathLike[str], *, overwrite: bool = False
    ) -> Crate:
        """Write a run as an RO-Crate (Process Run Crate 0.5).

        Args:
            run: Which.
            path: A folder that is made, or a file whose name ends with ``.zip``.
            overwrite: Replace what is there.

        Raises:
            NotFoundError: There is no such run.
            ConflictError: The path is there already.
            AccessError, TransportError: It cannot be written.
        """
        target = given.path(path, "path")
        if os.path.lexists(target) and not overwrite:
            raise ConflictError(f"{target} is there already")
        view, record = self.run(run), self.record(run)
        draft = target.with_name(f".{target.name}.{new_id()}.part")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            done = self._fill_crate(draft, view, record)
            if target.suffix == ".zip":
                packed = draft.with_name(f"{draft.name}.zip")
                _pack(draft, packed)
                shutil.rmtree(draft)
                packed.replace(target)
            else:
                if target.is_dir() and not target.is_symlink():
                    shutil.rmtree(target)
                elif os.path.lexists(target):
                    target.unlink()
                draft.replace(target)
        except OSError as error:
            raise storage_error(error, f"write {target}") from None
        finally:
            shutil.rmtree(draft, ignore_errors=True)
            draft.with_name(f"{draft.name}.zip").unlink(missing_ok=True)
        return msgspec.structs.replace(done, path=target)

    def _fill_crate(self, folder: Path, view: RunView, record: Record) -> Crate:
        from notabene.api.crate import files_of, metadata

        folder.mkdir(parents=True)
        groups = files_of(record)
        placed = [[self._put(folder, one) for one in group] for group in groups]
        code, inputs, outputs = placed
        document = msgspec.json.format(msgspec.json.encode(record), indent=2)
        (folder / "record.json").write_bytes(document + b"\n")
        (folder / "requirements.txt").write_text(_requirements(record), encoding="utf-8")
        there = {"record.json": "The record of the run", "requirements.txt": "Packages"}
        if view.metrics:
            self.export_csv(view, folder / "metrics.csv")
            there |= {"metrics.csv": "All points", "metrics-runs.csv": "The run in one line"}
        found = metadata(view, record, there=there, code=code, inputs=inputs, outputs=outputs)
        text = msgspec.json.format(msgspec.json.encode(found), indent=2)
        (folder / "ro-crate-metadata.json").write_bytes(text + b"\n")
        everything = [one for group in placed for one in group]
        return Crate(
            path=folder,
            files=sum(one.kept for one in everything),
            missing=[one.path for one in everything if not one.kept],
        )

    def _put(self, folder: Path, one: Placed) -> Placed:
        """Place a file's content, where it is kept."""
        content = self.content(one.digest) if one.kept else None
        place = folder / one.place
        if content is None:
            return one._replace(kept=False)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        return one


def _requirements(record: Record) -> str:
    lines = []
    for name, found in sorted(record.environment.get("packages", {}).items()):
        version = found.get("version", "") if isinstance(found, dict) else found
        lines.append(f"{name}=={version}")
    return "".join(f"{line}\n" for line in lines)


def _pack(folder: Path, target: Path) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder).as_posix())
