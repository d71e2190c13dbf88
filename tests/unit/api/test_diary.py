"""The diary of a project."""

from __future__ import annotations

from notabene.api.diary import diary_of
from notabene.model.entities import Alert, Conclusion, Note, RunInfo


def run(**more):
    """A run as stores answer with it."""
    given = {"id": "r", "project": "p", "name": "one", "status": "failed", "created": 10}
    given |= {"started": 10, "ended": 50, "updated": 60, "duration": 40.0, "user": "me"}
    return RunInfo(**given | more)


def test_everything_in_time_order():
    """Each thing that was written about a run, and about the project, has its line."""
    info = run(
        hypothesis="h",
        reason="ValueError: bad",
        notes=(Note(id="n", text="note", author="you", time=30),),
        alerts=(Alert(id="a", title="nan", text="seen", level="warning", time=20),),
        conclusion=Conclusion(text="no", verdict="refuted", author="me", time=60),
    )
    plan = Note(id="p", text="plan", author="me", time=5, project="p")
    found = [(e.time, e.kind, e.text) for e in diary_of([info], [plan])]
    assert found == [
        (5, "note", "plan"),
        (10, "run", "began"),
        (10, "hypothesis", "h"),
        (20, "alert", "warning: nan seen"),
        (30, "note", "note"),
        (50, "ended", "failed: ValueError: bad"),
        (60, "conclusion", "no"),
    ]


def test_a_run_at_work_has_no_end():
    """A run that goes on has no line about its end."""
    assert [e.kind for e in diary_of([run(ended=0, status="running")], [])] == ["run"]
