"""The tests themselves: each says what it claims, and lies where one looks for it."""

from __future__ import annotations

import ast


def test_every_test_states_its_claim(tests):
    """Each test function has a docstring: one sentence that says what holds."""
    silent = [
        f"{s.name}:{f.lineno} {f.name}"
        for s in tests
        if s.path.name.startswith("test_")
        for f in s.functions()
        if f.name.startswith("test") and not (ast.get_docstring(f) or "").strip()
    ]
    assert silent == []


def test_every_file_says_what_it_tests(tests):
    """Each file of tests begins with a docstring."""
    assert [s.name for s in tests if s.text.strip() and not ast.get_docstring(s.tree)] == []


def test_unit_tests_mirror_the_package(tests, package):
    """tests/unit/<folder>/test_<module>.py belongs to src/notabene/<folder>/<module>.py.

    Few files of a folder are about several of its modules together, and say so by their name;
    the command line is tested verb by verb.
    """
    modules: dict[str, set[str]] = {}
    for source in package:
        folder, _, name = source.name.rpartition("/")
        modules.setdefault(folder, set()).add(name.removesuffix(".py").lstrip("_"))
    found: dict[str, list[bool]] = {}
    for source in tests:
        if source.name.startswith("unit/") and source.path.name.startswith("test_"):
            folder, _, name = source.name.removeprefix("unit/").rpartition("/")
            assert folder in modules, source.name
            stem = name.removesuffix(".py").removeprefix("test_")
            # A module with much to say may have several: test_run.py and test_run_resume.py.
            mirrors = any(stem == m or stem.startswith(f"{m}_") for m in modules[folder])
            found.setdefault(folder, []).append(mirrors)
    assert found
    del found["cli"]
    assert [f for f, kinds in found.items() if sum(kinds) < len(kinds) / 2] == []


def test_every_folder_has_tests(tests, package):
    """Each folder of the package has one of its name in tests/unit; shipped suites are tests."""
    folders = {s.name.split("/")[0] for s in package if "/" in s.name} - {"testing"}
    tested = {s.name.split("/")[1] for s in tests if s.name.startswith("unit/")}
    assert folders - tested == set()
