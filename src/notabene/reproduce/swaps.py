"""Why do two runs differ? Answered by reruns of the first with differences of the second.

Delta debugging (Zeller, "Yesterday, my program worked. Today, it does not. Why?", 1999): the
smallest set of differences with which the first run comes out as the second did. The likeliest
single differences are tried first, then sets are halved, which takes few enough reruns that
their price can be said before; reruns end one step after the first that differs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from notabene.compare.diff import Item
from notabene.compare.series import Parting
from notabene.errors import UsageError
from notabene.proof.fingerprint import PATH, STDIN
from notabene.proof.record import Record
from notabene.reproduce.runner import Options, changed, rerun_of

if TYPE_CHECKING:
    from notabene.api import Api

SWAPPABLE = ("argument", "seed", "constant", "code", "data")


class Price(msgspec.Struct, kw_only=True):
    """What an answer by reruns costs at most.

    Attributes:
        reruns: How many.
        seconds: Of all of them together.
        upto: The last step that each does.
    """

    reruns: int
    seconds: float
    upto: int


class Found(msgspec.Struct, kw_only=True):
    """The answer.

    Attributes:
        cause: Differences that together make the first run come out as the second.
        reruns: Ids of the reruns, with the differences each had and whether it came out so.
        answer: In one sentence.
        set_aside: Differences that cannot be swapped.
    """

    cause: list[str]
    reruns: list[dict[str, Any]]
    answer: str
    set_aside: list[str]


def price_of(api: Api, a: str, first: int, count: int) -> Price:
    """What it costs to tell ``count`` differences apart, before anything is run."""
    view = api.run(a)
    last = max((stats.last_step for stats in view.metrics.values()), default=0)
    share = min(1.0, (first + 2) / (last + 1)) if last else 1.0
    reruns = most_reruns(count)
    return Price(
        reruns=reruns, seconds=reruns * (share * float(view.duration or 0.0) + 2.0), upto=first
    )


def most_reruns(count: int) -> int:
    """Reruns that tell ``count`` differences apart: enough for two that act together."""
    return count + 2 * math.ceil(math.log2(count + 1)) + 2 if count > 1 else count


class Swaps:
    """Reruns of one run with parts of another's record.

    Args:
        api: Of the store.
        a, b: Records of the two runs.
        items: What differs between them, the likeliest first.
        target: The metric by which the two are told apart.
        say: Takes lines for people.
    """

    def __init__(
        self,
        api: Api,
        a: Record,
        b: Record,
        items: Sequence[Item],
        target: Parting,
        say: Callable[[str], None],
    ) -> None:
        self._api, self._a, self._b = api, a, b
        self._target, self._say = target, say
        self.items = [one for one in items if one.kind in SWAPPABLE and one.explains != "no"]
        self.set_aside = [one.item for one in items if one not in self.items]
        self.reruns: list[dict[str, Any]] = []
        self._known: dict[frozenset[str], bool] = {frozenset(): False}
        self._is_cut = False

    def find(self) -> Found:
        """The smallest set of differences that explains the result."""
        if not self.items:
            raise UsageError(
                "nothing differs between these runs that can be swapped",
                hint="notabene diff shows what does",
            )
        cause = self._single()
        if cause is None:
            cause = self._smallest(self.items) if self._comes_out(self.items) else []
        names = [one.item for one in cause]
        if not names:
            answer = "no set of the recorded differences makes the first run come out as the second"
        elif len(names) == 1:
            answer = f"{names[0]} ({cause[0].a} → {cause[0].b}) is the cause"
        else:
            answer = f"{' and '.join(names)} together are the cause; none of them is alone"
            if self._is_cut:
                answer += ", and fewer may do"
        return Found(cause=names, reruns=self.reruns, answer=answer, set_aside=self.set_aside)

    def _single(self) -> list[Item] | None:
        for one in self.items:
            if self._comes_out([one]):
                return [one]
        return None

    def _smallest(self, items: Sequence[Item]) -> list[Item]:
        """A small set that comes out as the second, found one after the other by halving.

        The shortest beginning that comes out ends with one that is needed; what comes after it
        is not. With that one set, the same again with those before it.
        """
        needed: list[Item] = []
        left = list(items)
        while left:
            if self._is_spent():
                return [*left, *needed]
            if needed and self._comes_out(needed):
                break
            low, high = 0, len(left)
            while high - low > 1:
                if self._is_spent():
                    return [*left[:high], *needed]
                middle = (low + high) // 2
                if self._comes_out([*left[:middle], *needed]):
                    high = middle
                else:
                    low = middle
            needed.insert(0, left[high - 1])
            left = left[: high - 1]
        return needed

    def _is_spent(self) -> bool:
        """Whether the reruns whose price was said are done."""
        self._is_cut = len(self.reruns) >= most_reruns(len(self.items))
        return self._is_cut

    def _comes_out(self, items: Sequence[Item]) -> bool:
        """Whether the first run with these differences gives the second's value."""
        key = frozenset(one.item for one in items)
        if key not in self._known:
            names = ", ".join(sorted(key))
            self._say(f"rerun {len(self.reruns) + 1}  with {names}")
            run = self._rerun(items)
            value = self._value(run)
            self._known[key] = bool(run) and _equal(value, self._target.first_b)
            self.reruns.append({"run": run, "with": sorted(key), "as_second": self._known[key]})
        return self._known[key]

    def _rerun(self, items: Sequence[Item]) -> str:
        step = self._target.first_divergent_step or 0
        options = Options(steps=step + 1, allow_env=True)
        return rerun_of(self._api, swapped(self._a, self._b, items), options, lambda _: None)

    def _value(self, run: str) -> float | None:
        if not run:
            return None
        for one in self._api.partings(self._a.run, run, upto=self._target.first_divergent_step):
            if one.metric == self._target.metric:
                return one.first_b if one.first_divergent_step is not None else self._target.first_a
        return None


def _equal(value: float | None, wanted: float | None) -> bool:
    if value is None or wanted is None:
        return value is wanted
    return value == wanted or (value != value and wanted != wanted)


def swapped(a: Record, b: Record, items: Sequence[Item]) -> Record:
    """Record ``a`` with what ``b`` has of some differences."""
    found = msgspec.convert(msgspec.to_builtins(a), Record)
    for one in items:
        path = _source_of(one, a, b)
        if path:
            theirs = [source for source in b.sources.files if source.path == path]
            found.sources.files = [s for s in found.sources.files if s.path != path] + theirs
        elif one.kind == "data":
            if one.item in [STDIN, *(r.outside.stdin.path for r in (a, b) if r.outside.stdin)]:
                found.outside.stdin = b.outside.stdin
            reads = [read for read in b.data.read if read.path == one.item]
            found.data.read = [r for r in found.data.read if r.path != one.item] + reads
            gone = {missing.path for missing in b.data.missing}
            if reads:
                found.data.missing = [m for m in found.data.missing if m.path != one.item]
            elif one.item in gone:
                found.data.missing += [m for m in b.data.missing if m.path == one.item]
        else:
            _swap_argument(found, b, one)
    return found


def _source_of(one: Item, a: Record, b: Record) -> str:
    """The source in which a difference lies; empty where it lies in none."""
    if one.kind not in ("code", "constant", "seed"):
        return ""
    paths = {source.path for record in (a, b) for source in record.sources.files}
    return one.item if one.item in paths else one.where.rpartition(":")[0]


def _swap_argument(found: Record, b: Record, one: Item) -> None:
    words, places = found.parameters.words, found.parameters.places
    if one.item.startswith("$"):
        name = one.item[1:]
        theirs = [v for v in b.parameters.variables if v.name == name]
        mine = [v for v in found.parameters.variables if v.name != name]
        found.parameters.variables = mine + theirs
    elif str(one.b) != PATH:
        value = None if one.b is None else str(one.b)
        found.parameters.words = changed(words, {one.item: value})
    elif one.item in b.parameters.places:
        place = b.parameters.places[one.item]
        if one.item in places:
            found.parameters.places = {**places, one.item: place}
        found.parameters.words = changed(words, {one.item: place})
