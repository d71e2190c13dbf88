"""The switchboard, on modules made up for it."""

from __future__ import annotations

import sys
import types

import pytest

import notabene
from notabene import MissingDependencyError, NotabeneWarning, UsageError
from notabene.tracking import autolog as board
from notabene.tracking.autolog import Switch, autolog, expect, integration_of, supported


@pytest.fixture
def made_up(monkeypatch, tmp_path):
    """A library on the path and its integration, found like any other."""
    (tmp_path / "nbt_library.py").write_text("__version__ = '1.5'\ndef fit(): return 'plain'\n")
    (tmp_path / "nbt_integration.py").write_text(
        "VERSIONS = ('1', '2')\n"
        "def switch_on(switch):\n"
        "    switch.put(switch.module, 'fit', lambda: 'recorded')\n"
        "    switch.put(switch.module, 'extra', 1)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(board.BUILT_IN, "nbt_library", "nbt_integration")
    yield "nbt_library"
    autolog(enabled=False)
    for name in ("nbt_library", "nbt_integration"):
        sys.modules.pop(name, None)


def test_now_or_later(made_up):
    """A library that is loaded is switched on at once, another when it is imported."""
    autolog(made_up)
    assert "nbt_library" not in sys.modules
    assert "nbt_integration" not in sys.modules
    import nbt_library

    assert nbt_library.fit() == "recorded"
    autolog(enabled=False)
    assert nbt_library.fit() == "plain"
    autolog(made_up)
    assert nbt_library.fit() == "recorded"


def test_switched_off_before_the_import_it_stays_off(made_up):
    """The library that comes later is left alone."""
    autolog()
    autolog(enabled=False)
    import nbt_library

    assert nbt_library.fit() == "plain"


def test_off_restores_exactly(made_up):
    """What was there is there again, what was not is not; twice on is once on."""
    import nbt_library

    before = dict(vars(nbt_library))
    autolog(made_up)
    autolog(made_up, models=False)
    assert nbt_library.extra == 1
    autolog(made_up, enabled=False)
    assert dict(vars(nbt_library)) == before


def test_what_others_replaced_since_is_left_to_them(made_up):
    """Their wrapper stays."""
    import nbt_library

    autolog(made_up)
    nbt_library.fit = theirs = lambda: "theirs"
    autolog(enabled=False)
    assert nbt_library.fit is theirs


def test_names_in_the_users_modules_follow(made_up, tmp_path):
    """``from library import fit`` before ``autolog()`` means ours after it, and back."""
    (tmp_path / "nbt_user.py").write_text("from nbt_library import fit\n")
    import nbt_user

    plain = nbt_user.fit
    autolog(made_up)
    assert nbt_user.fit() == "recorded"
    autolog(enabled=False)
    assert nbt_user.fit is plain
    del sys.modules["nbt_user"]


@pytest.mark.parametrize("version", ["0.9", "2.0", "2.0rc1", "10.1"])
def test_other_versions_are_told(made_up, version):
    """Too old or too new: one sentence with the range, and nothing is touched."""
    import nbt_library

    nbt_library.__version__ = version
    with pytest.warns(NotabeneWarning, match="from 1 on and before 2, not"):
        autolog(made_up)
    assert nbt_library.fit() == "plain"


def test_an_integration_that_fails_is_taken_out(made_up, tmp_path):
    """Half of it does not stay; the library works."""
    with (tmp_path / "nbt_integration.py").open("a") as file:
        file.write("    raise LookupError('moved')\n")
    import nbt_library

    with pytest.warns(NotabeneWarning, match="could not be switched on .* LookupError: moved"):
        autolog(made_up)
    assert nbt_library.fit() == "plain"
    assert not hasattr(nbt_library, "extra")


def test_wrong_names_are_refused():
    """An unknown one with the list, one that needs a line of code with that line."""
    with pytest.raises(UsageError, match=r"it knows catboost, .*mean 'sklearn'\?"):
        autolog("skleran")
    with pytest.raises(UsageError, match=r"use notabene\.integrations\.torch\.watch"):
        autolog("torch")


def test_a_library_that_is_not_there_is_told(monkeypatch):
    """Named, and not installed: the line that installs it."""
    monkeypatch.setitem(board.BUILT_IN, "nbt_absent", "nbt_nowhere")
    with pytest.raises(MissingDependencyError, match="pip install nbt_absent"):
        autolog("nbt_absent")


def test_packages_bring_their_own(monkeypatch, made_up):
    """An entry point of the group counts like one of the table."""
    monkeypatch.delitem(board.BUILT_IN, "nbt_library")
    monkeypatch.setattr(board, "_installed", lambda: {"nbt_library": "nbt_integration"})
    autolog("nbt_library")
    import nbt_library

    assert nbt_library.fit() == "recorded"
    assert integration_of("nbt_library").VERSIONS == ("1", "2")
    assert integration_of("nbt_other") is None


def test_a_version_that_nobody_says_is_taken(monkeypatch):
    """Without a version there is nothing to hold against it."""
    monkeypatch.setitem(sys.modules, "nbt_nameless", types.ModuleType("nbt_nameless"))
    assert supported("nbt_nameless", "1", "2")


def test_one_that_is_used_by_hand_goes_on(monkeypatch):
    """An unknown version is told, and what can be recorded is."""
    module = types.ModuleType("nbt_by_hand")
    module.__version__ = "3.1"
    monkeypatch.setitem(sys.modules, "nbt_by_hand", module)
    with pytest.warns(NotabeneWarning, match=r"before 3, not 3\.1; what it records may be incom"):
        expect("nbt_by_hand", "1", "3")


def test_items_of_tables_are_put_back():
    """An entry that was there has its value again, a new one is gone."""
    table = {"a": 1}
    switch = Switch("nbt")
    switch.put_item(table, "a", 2)
    switch.put_item(table, "b", 3)
    assert table == {"a": 2, "b": 3}
    switch.off()
    assert table == {"a": 1}


def test_the_facade_has_it():
    """``notabene.autolog`` is this function, loaded when it is asked for."""
    assert notabene.autolog is autolog
