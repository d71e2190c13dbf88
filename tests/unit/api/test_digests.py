"""Which content a run's records refer to."""

from __future__ import annotations

import pytest

from notabene.api.digests import Referenced, journal_files, referenced_by
from notabene.errors import FormatError
from notabene.model.records import Captured, ConfigChanged, Unknown, ValueLogged
from notabene.testing.scribe import Scribe

A, B, C, D = ("".join(f"{(i * 7 + n) % 16:x}" for i in range(64)) for n in range(4))


def gather(folder, **options):
    """What the records of a folder refer to."""
    found = Referenced()
    referenced_by(folder, found, **options)
    return found


def test_wherever_a_digest_stands(tmp_path):
    """Digests in values, captures, config, and in records of newer versions are found."""
    scribe = Scribe("r").start()
    scribe.record(ValueLogged(key="k", step=0, kind="image", value={"deep": [{"file": A}]}))
    scribe.record(Captured(part="code", data={"files": {B: "x"}}))
    scribe.record(ConfigChanged(set={"checkpoint": f"sha256:{C}"}))
    scribe.record(Unknown(b"\x81\xa6record\xa5later\xd9\x40" + D.encode()))
    scribe.save(tmp_path)
    assert gather(tmp_path).content == {A, B, C, D}


def test_artifacts(lab):
    """Manifests and versions that a run made or read are told apart."""
    maker, user = lab.scribe("r1"), lab.scribe("r2")
    version = lab.artifact(maker, "model", {"w": b"1"})
    lab.use(user, version)
    for scribe in (maker, user):
        lab.run(scribe=scribe)
    made, used = (gather(lab.folder.find_run_dir(run)) for run in ("r1", "r2"))
    assert made.manifests == used.manifests == {version.digest}
    assert made.made == {("model", 1)}
    assert used.made == set()
    assert used.versions == {("model", 1)}


def test_what_a_resumed_run_replaced_still_counts(tmp_path):
    """Values of a writer that another replaced are hidden, not given up."""
    first = Scribe("r", writer="w1").start()
    first.record(ValueLogged(key="k", step=5, kind="image", value={"file": A}))
    first.save(tmp_path)
    second = Scribe("r", writer="w2").start(replaces=("w1",))
    second.record(ValueLogged(key="k", step=1, kind="image", value={"file": B}))
    second.save(tmp_path)
    assert gather(tmp_path).content == {A, B}


def test_damage_is_an_error_for_who_must_know_all(tmp_path):
    """Damage in the middle is passed over, or refused by who must have read everything."""
    scribe = Scribe("r").start().cut()
    scribe.record(ConfigChanged(set={"a": A})).cut()
    scribe.record(ConfigChanged(set={"b": B})).cut()
    path = scribe.save(tmp_path)
    data = bytearray(path.read_bytes())
    data[data.index(A.encode())] ^= 1
    path.write_bytes(data)
    gather(tmp_path)
    with pytest.raises(FormatError, match="damaged"):
        gather(tmp_path, strict=True)


def test_a_torn_end_is_no_damage(tmp_path):
    """A journal that is being written is no reason to refuse."""
    scribe = Scribe("r").start()
    scribe.record(ConfigChanged(set={"a": A})).cut()
    path = scribe.save(tmp_path)
    path.write_bytes(path.read_bytes() + b"\xf5nbF\x10")
    assert gather(tmp_path, strict=True).content == {A}


def test_a_run_that_is_sealed_meanwhile(tmp_path, monkeypatch):
    """When a journal goes while it is read, the file that stands for it is read."""
    scribe = Scribe("r").start()
    path = scribe.record(ConfigChanged(set={"a": A})).save(tmp_path)
    from notabene.api import digests

    real = digests.journal_files

    def files(folder):
        found = real(folder)
        if path.exists():
            path.rename(tmp_path / "sealed")
        return found

    monkeypatch.setattr(digests, "journal_files", files)
    assert gather(tmp_path).content == {A}


def test_which_files_hold_records(tmp_path):
    """Journals, recovered and sealed files do; consoles, rings and drafts do not."""
    for name in ("b.journal", "a.recovered", "sealed", "a.console.zst", "a.ring", ".x.journal"):
        (tmp_path / name).touch()
    assert [path.name for path in journal_files(tmp_path)] == [
        "a.recovered",
        "b.journal",
        "sealed",
    ]
    assert journal_files(tmp_path / "none") == []
