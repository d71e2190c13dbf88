"""Where a file came from, and what made what it was made of."""

from __future__ import annotations

from notabene.compare.whence import Writers, whence
from notabene.model.evidence import Data, FileRead, FileWritten, Source, Sources
from notabene.proof.record import Record


class World:
    """Runs that read and write contents; the name of a file is its content."""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self.outputs: list[tuple[str, int, dict[str, str]]] = []

    def run(self, name: str, reads: str = "", writes: str = "") -> None:
        """One run, later than all before."""
        self.records[name] = Record(
            run=name,
            name=f"name of {name}",
            project="p",
            user="ada",
            code={"git": {"commit": "c1", "dirty": True}},
            sources=Sources(files=[Source(path="lib.py"), Source(path="go.py", script=True)]),
            data=Data(
                read=[FileRead(path=f"in/{one}", digest=one) for one in reads],
                written=[FileWritten(path=f"out/{one}", digest=one) for one in writes],
            ),
        )
        self.outputs.append((name, len(self.outputs), {f"out/{one}": one for one in writes}))

    def whence(self, content: str, **options):
        """Where a content came from."""
        return whence(content, Writers(self.outputs), self.records.__getitem__, **options)

    def told(self, content: str, **options):
        """Runs with their depth."""
        return [(one.run, one.depth) for one in self.whence(content, **options)]


def test_a_file_and_the_run_that_wrote_it():
    """The run, its code, its inputs, and how it called the file."""
    world = World()
    world.run("1", "a", "b")
    (origin,) = world.whence("b")
    assert (origin.run, origin.name, origin.project, origin.user) == ("1", "name of 1", "p", "ada")
    assert (origin.made, origin.depth, origin.others) == ("out/b", 0, [])
    assert origin.code == {"commit": "c1", "dirty": True, "script": "go.py"}
    assert origin.inputs == [{"path": "in/a", "digest": "a", "from": ""}]


def test_nobody_wrote_it():
    """Content that no run wrote has no origin."""
    world = World()
    world.run("1", "a", "b")
    assert world.whence("a") == world.whence("x") == []


def test_chains():
    """What made the inputs is followed, the nearest first."""
    world = World()
    world.run("1", "", "a")
    world.run("2", "a", "b")
    world.run("3", "b", "c")
    assert world.told("c") == [("3", 0), ("2", 1), ("1", 2)]
    assert world.whence("c")[0].inputs[0]["from"] == "2"
    assert world.told("c", most=2) == [("3", 0), ("2", 1)]


def test_a_run_that_gave_two_inputs_is_told_once():
    """Ways that meet again do not double what is told."""
    world = World()
    world.run("1", "", "ab")
    world.run("2", "a", "c")
    world.run("3", "b", "d")
    world.run("4", "abcd", "e")
    assert world.told("e") == [("4", 0), ("1", 1), ("2", 1), ("3", 1)]


def test_cycles_end():
    """Runs that read what they wrote before, or what each other wrote, come to an end."""
    world = World()
    world.run("1", "a", "a")
    assert world.told("a") == [("1", 0)]
    world.run("2", "b", "c")
    world.run("3", "c", "b")
    assert world.told("b") == [("3", 0), ("2", 1)]


def test_content_that_was_written_more_than_once():
    """The newest writer is told, the others beside it."""
    world = World()
    for name in "123":
        world.run(name, "", "a")
    (origin,) = world.whence("a")
    assert (origin.run, origin.others) == ("3", ["2", "1"])


def test_a_file_that_went_through_a_run():
    """A run that read a content and wrote it again got it from another one."""
    world = World()
    world.run("1", "", "a")
    world.run("2", "a", "a")
    assert world.told("a") == [("2", 0), ("1", 1)]


def test_an_input_is_not_from_a_later_run():
    """Of several that wrote an input, one that began after it was read did not give it."""
    world = World()
    world.run("1", "", "a")
    world.run("2", "a", "b")
    world.run("3", "", "a")
    assert world.whence("b")[0].inputs[0]["from"] == "1"
    assert world.told("b") == [("2", 0), ("1", 1)]


def test_writers_by_content():
    """The newest first; a run that wrote a content twice counts once."""
    outputs = [("1", 5, {"x": "a", "y": "a"}), ("2", 9, {"z": "a", "w": "b"})]
    writers = Writers(outputs)
    assert (writers.of("a"), writers.of("b"), writers.of("c")) == (["2", "1"], ["2"], [])


def test_when_runs_began_counts_not_their_ids():
    """Ids may be words of one's own, which sort as they like."""
    outputs = [("zoe", 5, {"x": "a"}), ("max", 9, {}), ("ada", 12, {"x": "a"})]
    writers = Writers(outputs)
    assert writers.of("a") == ["ada", "zoe"]
    assert writers.of("a", "max") == ["zoe", "ada"]
    assert writers.of("a", "somebody") == ["ada", "zoe"]
