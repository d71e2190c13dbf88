"""F07 to F10: disks that are full, for good or for a while, limited, or read-only."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from notabene.journal.recover import open_orphan, recover
from tests.faults.oracle import bring_home, kinds, problems, series
from tests.format.independent_reader import read_run

NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount")


def may_mount():
    """Whether a small disk of our own can be mounted here."""
    if shutil.which("unshare") is None:
        return False
    command = [*NAMESPACE, "mount", "-t", "tmpfs", "none", "/mnt"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


mounts = pytest.mark.skipif(not may_mount(), reason="no mount namespaces here")


def warnings(done):
    """Codes of what was said on stderr, one line each."""
    lines = done.stderr.splitlines()
    assert all(line.startswith("[") for line in lines), done.stderr
    return [line[1:].split("]")[0] for line in lines]


@mounts
def test_a_disk_that_stays_full(finish, folder):
    """Training goes on, one line per cause is said, and what is lost is counted to the row."""
    done = finish("full_disk", "other", "never", before=NAMESPACE)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert not told["kept"]
    assert sorted(warnings(done)) == ["gap", "write"]
    shipped = folder / "shipped"
    assert recover(open_orphan(folder, "w1"), shipped) is not None
    found = len(series(shipped, "w1", "s1/a"))
    gaps = [r for _, r in read_run(shipped)[0].values() if r["record"] == "gap-noted"]
    assert sum(gap["rows"] for gap in gaps) == told["lost"]
    assert 0 < told["lost"] < 20_000
    assert found + told["lost"] == 20_000
    assert len(series(shipped, "w1", "s0/a")) == 500


@mounts
@pytest.mark.parametrize("ring", ["same", "other"])
def test_a_disk_that_is_full_for_a_while(finish, folder, ring):
    """When space comes back everything is there, also where the ring's disk was full as well."""
    done = finish("full_disk", ring, "later", before=NAMESPACE)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["kept"], told["lost"]) == (True, 0)
    said = warnings(done)
    assert said.count("write") == 1
    assert ("memory-ring" in said) == (ring == "same")
    assert problems(folder / "shipped", "w1", 0, 500) == []
    assert problems(folder / "shipped", "w1", 1, 20_000) == []


@mounts
def test_without_room_to_wait_a_disk_that_heals_costs_rows(finish, folder):
    """F08, negative control: with a ring of 256 KiB rows are gone when space comes back."""
    done = finish("full_disk", "other", "later", "none", before=NAMESPACE)
    assert done.returncode == 0, done.stderr
    assert "missing" in problems(folder / "shipped", "w1", 1, 20_000)[0]


@mounts
def test_a_count_that_is_wrong_is_caught(finish, folder):
    """Negative control: without the gap record the rows do not add up."""
    told = json.loads(finish("full_disk", "other", "never", before=NAMESPACE).stdout)
    found = len(series(folder / "shipped", "w1", "s1/a"))
    assert found + 0 != 20_000
    assert told["lost"] > 0


@pytest.mark.parametrize("most", [40_000, 200_000])
def test_a_limit_on_the_size_of_files(finish, folder, counters, most):
    """Past the limit further files are begun; no row is lost and no exception seen."""
    done = finish("limited", most)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"closed": True, "lost": 0}
    assert all(path.stat().st_size <= most for path in folder.iterdir())
    assert problems(folder, "w1", 0, 5000) == []


def test_a_disk_that_becomes_read_only(finish, folder, counters):
    """The journal goes on elsewhere, the place is announced, and nothing is lost."""
    done = finish("read_only")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"closed": True}
    assert warnings(done) == ["write", "moved"]
    assert str(folder / "spill") in done.stderr
    for path in (folder / "spill").iterdir():
        path.rename(folder / path.name)
    assert problems(folder, "w1", 0, 500) == []
    assert problems(folder, "w1", 1, 500) == []


def test_without_another_place_a_read_only_disk_holds_it_up(finish, folder, counters):
    """F10, negative control: with nowhere to go on the journal lacks what the ring holds."""
    done = finish("read_only", "")
    assert json.loads(done.stdout) == {"closed": False}
    assert problems(folder, "w1", 1, 500) != []


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_the_kernel_refuses_writes_for_a_while(finish, folder, counters):
    """Real system calls that fail with ENOSPC: everything is there in the end."""
    inject = ("strace", "-f", "-qq", "-o", "/dev/null", "-P", str(folder / "w1.journal"),
              "-e", "inject=write:error=ENOSPC:when=4..9")  # fmt: skip
    done = finish("spawned", "w2", before=inject)
    journal = folder / "w2.journal"
    if "ptrace" in done.stderr.lower() and not journal.exists():
        pytest.skip("strace may not trace here")
    assert done.returncode == 0, done.stderr
    assert problems(folder, "w2", 1, 2000) == []
    bring_home(folder)
    assert "writer-started" in kinds(folder, "w2")
