"""Which calls are recorded, on a library made up for it."""

from __future__ import annotations

import inspect
import pickle
import random
import subprocess
import sys
import threading
import types
import warnings

import pytest

import notabene
from notabene import NotabeneWarning
from notabene.api import Api
from notabene.integrations import _fit
from notabene.integrations._base import Fit, Recipe, apart, put, reopened, simple, undisturbed
from notabene.tracking.autolog import Switch


class Library:
    """Something that fits."""

    def fit(self, x, *, depth=0, fails=False, callbacks=None):
        """Fits, also what is inside."""
        if depth:
            Library().fit(x, depth=depth - 1)
        if fails:
            raise ArithmeticError("no")
        for call in callbacks or ():
            call(x)
        return x


class FitRecipe(Recipe):
    """Logs what it is given."""

    def wanted(self):
        """Not for nothing."""
        return self.given["x"] is not None

    def begin(self, fit):
        """Settings."""
        fit.params({"depth": self.given.get("depth", 0), "library": "made up"})

    def change(self, fit):
        """A callback that logs."""
        if self.given["x"] == "broken":
            raise LookupError("ours")
        given = self.given.get("callbacks") or []
        return {"callbacks": [*given, lambda x: fit.metrics({"x": x}, step=0)]}

    def end(self, fit, result):
        """The result."""
        fit.metrics({"result": result})


@pytest.fixture
def switch(monkeypatch):
    """The library, wrapped."""
    monkeypatch.setenv("NOTABENE_QUIET", "1")
    monkeypatch.setenv("NOTABENE_SYSTEM_EVERY", "0")
    original = Library.fit
    found = Switch("made_up")
    put(found, Library, "fit", FitRecipe)
    yield found
    found.off()
    assert Library.fit is original


def runs():
    """All runs, oldest first."""
    with Api() as api:
        return sorted(api.runs(), key=lambda run: run.started)


def test_a_call_is_a_run(switch):
    """It begins, logs, is handed what the recipe adds, and ends."""
    assert Library().fit(3) == 3
    (run,) = runs()
    assert run.status == "finished"
    assert run.config == {"depth": 0, "library": "made up"}
    assert {run.metrics["x"].last, run.metrics["result"].last} == {3.0}


def test_calls_inside_belong_to_it(switch):
    """Only the outermost is recorded."""
    Library().fit(3, depth=4)
    (run,) = runs()
    assert run.config["depth"] == 4


def test_it_stays_the_function_it_was(switch):
    """Same name, text and signature, and a plain function: libraries look at these."""
    assert inspect.isfunction(Library.fit)
    assert list(inspect.signature(Library.fit).parameters)[:2] == ["self", "x"]
    assert (Library.fit.__name__, Library.fit.__doc__) == ("fit", "Fits, also what is inside.")


def test_what_is_not_wanted_hides_what_is_inside(switch):
    """A call that is no record's worth is still the outermost one."""
    Library().fit(None, depth=2)
    Library().fit(1)
    assert len(runs()) == 1


def test_errors_of_the_library_are_its_own(switch):
    """They pass as they are, and the run that was begun has failed."""
    with pytest.raises(ArithmeticError, match="no"):
        Library().fit(1, fails=True)
    assert runs()[0].status == "failed"


def test_errors_of_ours_are_one_warning(switch):
    """The call goes on as it would have, and a second time nothing is said."""
    with pytest.warns(NotabeneWarning, match="could not record something of made_up: LookupError"):
        assert Library().fit("broken") == "broken"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Library().fit("broken")


def test_warnings_as_errors_break_nothing(switch, monkeypatch):
    """``python -W error`` and trouble of ours: the call still ends well."""
    monkeypatch.setattr("notabene.integrations._care._said", set())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Library().fit("broken") == "broken"


def test_a_second_fit_has_names_of_its_own(switch):
    """In one run the first has plain names, others are numbered; the user's stay as they are."""
    with notabene.init("mine", config={"library": "my own"}):
        Library().fit(1)
        Library().fit(2)
    (run,) = runs()
    assert run.config["library"] == "my own"
    assert run.config["made_up"]["library"] == "made up"
    assert run.config["fit2"]["library"] == "made up"
    assert {"x", "result", "fit2/x", "fit2/result"} == set(run.metrics)


def test_trials_are_no_part_of_a_study(switch):
    """Inside ``apart`` a call is recorded as if nothing were around it."""
    Library().fit(0, callbacks=[])
    original = Library.fit.__wrapped__

    class Study:
        def optimize(self, x):
            with apart():
                Library().fit(x)

    put(switch, Study, "optimize", FitRecipe)
    Study().optimize(5)
    assert original(Library(), 1) == 1
    assert len(runs()) == 2


def test_copies_in_other_processes_record_nothing(switch):
    """What is pickled by value takes no switch along, and is itself again at home."""
    cells = [cell.cell_contents for cell in Library.fit.__closure__]
    (around,) = [found for found in cells if type(found).__name__ == "_Around"]
    data = pickle.dumps(around)
    assert pickle.loads(data) is around
    code = (
        "import pickle, sys\n"
        "found = pickle.loads(sys.stdin.buffer.read())\n"
        "assert found((), {}) is None\n"
        "sys.stdout.buffer.write(pickle.dumps(found))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, check=True)
    assert pickle.loads(done.stdout) is around


def test_other_threads_are_recorded_on_their_own(switch):
    """A thread's fit is not inside that of another."""
    both = threading.Barrier(2, timeout=30)

    def work():
        both.wait()
        Library().fit(1)

    with notabene.init("mine"):
        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    (run,) = runs()
    assert {"result", "fit2/result"} <= set(run.metrics)


def test_fits_of_two_threads_do_not_end_each_other(switch):
    """Without a run each has one of its own, though the other's is active."""
    inside, ended = threading.Event(), threading.Event()

    def longer():
        Library().fit(2, callbacks=[lambda _: (inside.set(), ended.wait(30))])

    thread = threading.Thread(target=longer)
    thread.start()
    assert inside.wait(30)
    Library().fit(1)
    ended.set()
    thread.join()
    first, second = runs()
    assert {first.metrics["result"].last, second.metrics["result"].last} == {1.0, 2.0}
    assert first.status == second.status == "finished"
    assert not second.parent


def test_fits_of_two_threads_that_begin_at_once(switch, monkeypatch):
    """One finds the run of the other when nobody knows yet whose it is."""
    begin, others = _fit.begin_run, []

    def slow(*words, **options):
        run = begin(*words, **options)
        if not others:
            others.append(threading.Thread(target=lambda: Library().fit(2)))
            others[0].start()
            others[0].join(0.5)
        return run

    monkeypatch.setattr(_fit, "begin_run", slow)
    Library().fit(1)
    others[0].join()
    assert sorted(run.metrics["result"].last for run in runs()) == [1.0, 2.0]


def test_what_happens_in_a_fit_is_told_of_the_users_line(tmp_path):
    """The watch looks through the wrapper: a file that is read in a fit is an input of the run."""
    (tmp_path / "data.txt").write_text("7")
    (tmp_path / "train.py").write_text(
        "import notabene\n"
        "from notabene.integrations._base import Recipe, Switch, put\n"
        "class Library:\n"
        "    def fit(self, x):\n"
        "        return open(x).read()\n"
        "put(Switch('made_up'), Library, 'fit', Recipe)\n"
        "Library().fit('data.txt')\n"
    )
    subprocess.run([sys.executable, "train.py"], cwd=tmp_path, check=True, timeout=120)
    (run,) = runs()
    with Api() as api:
        read = api.captured(run.id)["data"]["read"]
    assert [(file["path"], file["where"]) for file in read] == [("data.txt", "train.py:5")]


def test_undisturbed_puts_generators_back():
    """Whatever is drawn inside was not drawn."""
    random.seed(1)
    before = random.getstate()
    with undisturbed():
        random.random()
        warnings.warn("of the library", stacklevel=1)
    assert random.getstate() == before


def test_a_run_that_ended_takes_a_late_score(monkeypatch):
    """One more writer puts it beside the rest; the run stays as it ended."""
    monkeypatch.setenv("NOTABENE_QUIET", "1")
    with notabene.init("mine") as run:
        run.log({"loss": 1.0})
    with reopened(run) as again:
        again.log_metric("score", 0.5)
    (found,) = runs()
    assert found.status == "finished"
    assert found.metrics["score"].last == 0.5
    assert notabene.current_run() is None


def test_settings_are_read_as_people_write_them():
    """Plain values stay, others become their names; nothing is too long."""

    class Estimator:
        def get_params(self):
            """As scikit-learn's."""

    assert simple({"a": [1, (2.5, None)], "b": Estimator()}) == {
        "a": [1, [2.5, None]],
        "b": "Estimator",
    }
    assert simple(len) == "len"
    assert len(simple(types.SimpleNamespace(x="y" * 9999))) <= 500


def test_a_fit_can_be_begun_by_hand(monkeypatch):
    """A callback has no call to wrap: it begins a fit and ends it."""
    monkeypatch.setenv("NOTABENE_QUIET", "1")
    fit = Fit.begin(Switch("made_up"), name="by-hand")
    fit.curve("loss", [3, 2, 1])
    fit.table("rows", {"a": [1, 2]})
    fit.end()
    (run,) = runs()
    assert (run.name, run.status, run.metrics["loss"].n) == ("by-hand", "finished", 3)
