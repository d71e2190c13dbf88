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
    """tests/unit/<folder>/test_<module>.py belongs to src/notabene/<folder>/<module>.py."""
    modules = {s.name for s in package}
    folders = {name.rsplit("/", 1)[0] for name in modules if "/" in name}
    strangers = []
    for source in tests:
        if not source.name.startswith("unit/") or not source.path.name.startswith("test_"):
            continue
        folder, _, name = source.name.removeprefix("unit/").rpartition("/")
        module = name.removeprefix("test_")
        paths = {f"{folder}/{m}".lstrip("/") for m in (module, f"_{module}")}
        # A module with much to say may have several files: test_run_resume.py beside test_run.py.
        stems = [m.rsplit("/", 1)[-1].removesuffix(".py").lstrip("_") for m in modules]
        begins = any(module.startswith(f"{stem}_") for stem in stems)
        if not paths & modules and not (begins and (folder in folders or not folder)):
            strangers.append(source.name)
    assert strangers == []


def test_modules_have_tests(tests, package):
    """Each module with functions is imported by some test, or has a test file of its name."""
    named = set()
    for source in tests:
        named |= source.imports()
        for node in ast.walk(source.tree):
            if isinstance(node, ast.ImportFrom):
                named |= {f"{node.module}.{alias.name}" for alias in node.names}
    files = {s.path.name for s in tests}
    bare = []
    for source in package:
        module = "notabene." + source.name.removesuffix(".py").replace("/", ".")
        if not source.functions() or source.path.name == "__init__.py":
            continue
        if module not in named and f"test_{source.path.stem.lstrip('_')}.py" not in files:
            bare.append(source.name)
    assert bare == []
