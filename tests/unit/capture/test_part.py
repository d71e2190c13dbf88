"""Parts of a capture, and the time they may take."""

from __future__ import annotations

from notabene.capture.part import Deadline, Part, without_empty


def test_a_fact_that_is_not_known_is_left_out():
    """None and empty texts are no facts; False and 0 are."""
    part = Part("code")
    for key, value in {"a": None, "b": "", "c": False, "d": 0, "e": "x"}.items():
        part.fact(key, value)
    assert part.facts == {"c": False, "d": 0, "e": "x"}


def test_kept_bytes_are_named_in_the_answer():
    """``keep`` stores bytes under a path and says path and size."""
    part = Part("code")
    assert part.keep("a/b.py", b"12345") == {"file": "a/b.py", "size": 5}
    assert part.files == {"a/b.py": b"12345"}


def test_parts_share_nothing():
    """What is added to one part is not in the next."""
    Part("a").data["x"] = 1
    assert Part("b").data == {}


def test_a_deadline_within_another_is_never_later():
    """A part may be given less time than is left, never more."""
    outer = Deadline(0.0)
    assert outer.over()
    assert outer.within(100.0).over()
    assert not Deadline(100.0).within(50.0).over()
    assert Deadline(100.0).within(50.0).left() <= 50.0


def test_without_empty_keeps_what_says_something():
    """0 and False are values; None, empty texts, lists and mappings are not."""
    data = {"a": 0, "b": False, "c": None, "d": "", "e": [], "f": {}, "g": [0]}
    assert without_empty(data) == {"a": 0, "b": False, "g": [0]}
