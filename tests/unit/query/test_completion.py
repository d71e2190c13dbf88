"""What may be typed next."""

from __future__ import annotations

import pytest

from notabene.query.completion import MAX_SUGGESTIONS, complete, complete_order

KEYS = {"metric": ["loss", "val/acc", "a b"], "param": ["lr"]}


def texts(text: str, cursor: int | None = None) -> list[str]:
    """What is offered at the cursor."""
    return [s.text for s in complete(text, cursor, KEYS)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("stat", ["status"]),
        ("STA", ["status", "started"]),
        ("metrics.l", ["metrics.loss"]),
        ("metrics.val/acc.m", ["metrics.val/acc.min", "metrics.val/acc.max"]),
        ("params.l", ["params.lr"]),
        ("inputs.", ["inputs.name", "inputs.digest", "inputs.role"]),
        ("status", []),
        ("status = fi", ["finished"]),
        ("status = 'k", ["'killed'"]),
        ("archived = ", ["true", "false"]),
        ("archived ", ["=", "!="]),
        ("name l", ["like"]),
        ("params.lr = 1 ", ["and", "or", ")"]),
        ("params.lr = 1 a", ["and"]),
        ("(status = failed and na", ["name"]),
        ("not ver", ["verdict"]),
        ("not (dur", ["duration"]),
        ("archived =", ["true", "false"]),
        ("'x' in ta", ["tags"]),
        ("created > y", ["yesterday"]),
        ("params.lr = '", []),
        ("\0", []),
    ],
)
def test_at_the_end(text, expected):
    """What fits the beginning of the word under the cursor is offered, by what may stand there."""
    offered = texts(text)
    assert [t for t in offered if t in expected] == expected
    if expected:
        assert len(offered) < 20


def test_nothing_yet():
    """In an empty text every field may stand, each with a line that explains it."""
    offered = complete("")
    assert offered[0].text == "id"
    assert all(s.doc for s in offered)
    assert "metrics." in {s.text for s in offered}


def test_after_a_parenthesis():
    """Behind an opening parenthesis, and in a list, the next word begins."""
    assert "status" in texts("(")
    assert "'failed'" in texts("status in (")
    assert "'failed'" in texts("status in ('lost',")


def test_in_the_middle():
    """Only what stands before the cursor counts, and the suggestion says where it goes."""
    (offered,) = complete("stat = 'failed'", 4)
    assert (offered.text, offered.start) == ("status", 0)


def test_keys_that_need_quotes():
    """Keys are offered as they must be written, with the statistics of metrics."""
    assert 'metrics."a b"' in texts("metrics.")
    assert 'metrics."a b".best' in texts('metrics."a b"')


def test_no_more_than_fit():
    """Of very many keys the first are offered."""
    keys = {"param": [f"p{i}" for i in range(1000)]}
    assert len(complete("params.p", keys=keys)) == MAX_SUGGESTIONS


def test_orders():
    """Keys to sort by are offered in the same way, then the direction."""
    assert [s.text for s in complete_order("-dur")] == ["duration"]
    assert [s.text for s in complete_order("created ")] == ["asc", "desc"]
    assert complete_order("")[0].text == "id"
