"""The tree of errors: what each carries, and that it is in the documents."""

from __future__ import annotations

import inspect

import pytest

from notabene import errors

TREE = [
    value
    for value in vars(errors).values()
    if inspect.isclass(value) and issubclass(value, errors.NotabeneError)
]


@pytest.mark.parametrize("error", TREE, ids=lambda e: e.__name__)
class TestEachError:
    """What holds for every class of the tree."""

    def test_says_what_programs_need(self, error):
        """An error has a code, an HTTP status and an exit code of the right kinds."""
        assert error.code.replace("_", "").isalpha()
        assert error.code == error.code.lower()
        assert 400 <= error.status < 600
        assert 1 <= error.exit_code <= 10

    def test_says_what_people_need(self, error):
        """Message and hint are in the text, and in the one JSON form."""
        raised = error("the name '' is empty", hint="give it a name")
        assert str(raised) == "the name '' is empty (give it a name)"
        told = raised.to_dict()
        assert (told["code"], told["message"], told["hint"]) == (
            error.code,
            "the name '' is empty",
            "give it a name",
        )

    def test_is_documented(self, error, root):
        """Each error has a heading of its own in the reference."""
        page = (root / "docs/reference/errors.md").read_text(encoding="utf-8")
        assert f"## {error.__name__}\n" in page

    def test_has_a_docstring(self, error):
        """The first line of the docstring says when it is raised."""
        assert error.__doc__
        assert error.__doc__.strip().splitlines()[0].endswith((".", ":"))


def test_codes_are_unique():
    """No two errors share a code."""
    assert len({e.code for e in TREE}) == len(TREE)


def test_exit_codes_follow_the_branch():
    """Errors of one branch end the command line with one status, other branches with another."""
    branches = errors.NotabeneError.__subclasses__()
    statuses = [{e.exit_code for e in TREE if issubclass(e, branch)} for branch in branches]
    assert all(len(codes) == 1 for codes in statuses)
    assert len(set.union(*statuses)) == len(branches)


def test_errors_import_nothing_of_ours(package):
    """Every layer may raise from errors.py, for it imports none of them."""
    (source,) = [s for s in package if s.name == "errors.py"]
    assert not [name for name in source.imports() if name.startswith("notabene")]


def test_the_drawing_is_the_tree():
    """The tree drawn at the top of errors.py names every class, and no other."""
    words = (errors.__doc__ or "").split()
    drawn = {word for word in words if word.endswith("Error") and "(" not in word}
    assert drawn == {e.__name__ for e in TREE}
