"""F07 to F10 through the SDK: disks that are full or read-only, before, during and after a run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.disks import ROWS
from tests.faults.test_f07_f10_disks import NAMESPACE, mounts

PROGRAM = Path(__file__).with_name("disks.py")
pytestmark = mounts


@pytest.fixture
def told(tmp_path):
    """Run a case on a disk of its own; gives what it told, and what it wrote to stderr."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()

    def go(case, *args, **env):
        done = subprocess.run(
            [*NAMESPACE, sys.executable, str(PROGRAM), case, str(tmp_path), *args],
            env={**os.environ, "TMPDIR": str(temporary), "NOTABENE_STRICT": "0", **env},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout), done.stderr

    return go


def test_a_disk_that_stays_full_until_the_end(told):
    """F07: training is not held up, and a reader finds every row though nothing can be moved."""
    found, said = told("fills", "never")
    assert found["rows"] == [500, ROWS]
    assert found["status"] == "finished"
    assert found["took"] < 5  # nobody waits the five seconds for a disk that has said no
    assert found["worst"] < 5
    assert said.count("NotabeneWarning") == 1


def test_a_reader_that_does_not_look_at_rings_misses_them(told):
    """F07, negative control: what the full disk did not take stands in no file of the run."""
    assert told("fills", "never")[0]["blind"] < ROWS


def test_a_disk_that_heals(told):
    """F08: what waited is in the journal when space came back, and nobody was told of a loss."""
    found, _ = told("fills", "later")
    assert found["rows"] == [500, ROWS]
    assert found["blind"] == ROWS
    assert found["status"] == "finished"
    assert "gap" not in found["health"]


def test_flushing_to_a_full_disk_does_not_wait_each_time(told):
    """A program that flushes each epoch is held up once, not five seconds an epoch."""
    found, _ = told("flushes")
    assert not found["kept"]
    assert found["took"] < 25  # ten times five seconds otherwise


def test_a_disk_too_small_for_an_artifact(told):
    """F09: numbers are unharmed, the artifact is marked as lost, and no half of it is left."""
    found, said = told("artifact", "")
    assert found["rows"] == [500, 500]
    assert (found["version"], found["status"]) == (None, "finished")
    assert "artifact-lost" in found["health"]
    assert "the artifact 'large' is not kept: no space left on device" in said
    assert found["left"] == []


def test_half_a_file_would_be_seen(told):
    """F09, negative control: content that is written under its final name leaves half a file."""
    assert told("artifact", "half")[0]["left"] == ["cd" * 31]


@pytest.mark.parametrize("how", ["full", "read-only"])
def test_a_run_begins_where_nothing_can_be_written(told, tmp_path, how):
    """F10: the run is kept in a store in the temporary folder, which one line names."""
    found, said = told("begins", how)
    assert (found["rows"], found["status"]) == (500, "finished")
    assert found["elsewhere"].startswith(str(tmp_path / "tmp"))
    assert found["elsewhere"] in said
    assert said.count("NotabeneWarning") == 1


def test_a_run_begins_where_nothing_at_all_can_be_written(told):
    """F10: with no place left the program runs as if there were no notabene, and is told so."""
    found, said = told("begins", "nowhere")
    assert found["elsewhere"] == "None"
    assert "nothing of this one is kept" in said


def test_being_strict_is_being_told(tmp_path):
    """F10, negative control: where trouble is to raise, the same full disk ends the program."""
    command = [*NAMESPACE, sys.executable, str(PROGRAM), "begins", str(tmp_path), "full"]
    env = {**os.environ, "NOTABENE_STRICT": "1"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "cannot be made: No space left on device" in done.stderr
