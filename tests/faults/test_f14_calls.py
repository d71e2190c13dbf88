"""F14: the k-th system call of each kind fails, for every k until none is left.

No call of ours raises into training, whatever fails; every row is there, or counted as lost.
"""

from __future__ import annotations

import json

import pytest

from tests.faults.oracle import bring_home, problems, series
from tests.faults.workload import SYSCALLS, Counters


def test_a_writer_that_is_careless_is_caught(finish):
    """Negative control: one without a thought for failing calls raises into the program."""
    done = finish("each_call_fails", "write", "careless")
    assert 9 in json.loads(done.stdout)["outcome"]


@pytest.mark.parametrize("call", SYSCALLS)
def test_each_call_fails_once(finish, folder, call):
    """For every k: no exception, all rows there but those that were counted."""
    done = finish("each_call_fails", call)
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)["outcome"]
    assert set(outcome) <= {0, 1, 2}, done.stderr
    assert outcome[-1] == 0
    for k, code in enumerate(outcome, 1):
        place = folder / f"{call}{k}"
        counters = Counters(place / "counters")
        acked = counters.all()
        counters.close()
        if code == 2:  # no journal could be made: that is said when a run begins
            assert acked[0] == 0
            continue
        assert acked[:2] == [400, 400]
        bring_home(place)
        if not acked[63]:
            assert problems(place, "w1", 0, 400) == []
            assert problems(place, "w1", 1, 400) == []
        found = sum(len(series(place, "w1", f"s{slot}/a")) for slot in (0, 1))
        assert found + acked[63] == 800
