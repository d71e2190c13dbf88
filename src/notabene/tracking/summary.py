"""The summary: one value a key, what a reader should see first of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

from notabene.errors import UsageError
from notabene.model.records import JSON
from notabene.tracking.config import NoSuchAttributeError, NoSuchKeyError
from notabene.tracking.keys import flat_items, metric_name
from notabene.tracking.plain import fit, plain

Changed = Callable[[dict[str, JSON], tuple[str, ...]], None]


class Summary(MutableMapping[str, Any]):
    """Summary values: ``run.summary["best"] = 0.93``, ``run.summary.best``.

    Reading gives the value that was set, as JSON has it (a tensor of one element is a number),
    else the last one logged of the metric of this name.
    What is set stands above what is computed from the points. Nested mappings become names with
    a slash, as in ``log``. Iteration, ``len`` and ``in`` are about the values that were set.

    Args:
        lookup: Gives the last value that was logged under a name, or None.
        on_change: Called after each change with the values that are set and the names that are
            gone.
    """

    __slots__ = ("_changed", "_lookup", "_values")

    _values: dict[str, JSON]
    _lookup: Callable[[str], float | None] | None
    _changed: Changed | None

    def __init__(
        self,
        values: Mapping[str, Any] | None = None,
        *,
        lookup: Callable[[str], float | None] | None = None,
        on_change: Changed | None = None,
    ) -> None:
        put = object.__setattr__  # plain assignment would be taken for a summary value
        put(self, "_values", {})
        put(self, "_lookup", lookup)
        put(self, "_changed", None)
        if values is not None:
            self.update(values)
        put(self, "_changed", on_change)

    def __getitem__(self, key: str) -> Any:
        if key in self._values:
            return self._values[key]
        number = self._lookup(key) if self._lookup is not None and isinstance(key, str) else None
        if number is None:
            raise NoSuchKeyError(
                f"the summary has no {str(key)[:80]!r}", hint="neither set nor logged here so far"
            )
        return number

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self[name]
        except NoSuchKeyError as error:
            raise NoSuchAttributeError(error.message, hint=error.hint) from None

    def __setitem__(self, key: str, value: Any) -> None:
        self.update({key: value})

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_") or hasattr(Summary, name):
            raise UsageError(
                f"summary.{name} is a name of Python's own or a method",
                hint=f"summary[{name!r}] = ... sets a value of this name",
            )
        self[name] = value

    def __delitem__(self, key: str) -> None:
        if key not in self._values:
            raise NoSuchKeyError(f"no value was set for {str(key)[:80]!r} in the summary")
        del self._values[key]
        if self._changed is not None:
            self._changed({}, (metric_name(key, _no_note),))

    def update(self, other: Any = None, /, **values: Any) -> None:
        """Set several values.

        Args:
            other: Names and values, nested ones as well.
            values: More of them.

        Raises:
            UsageError: A name is no text, or ``other`` has no names and values.
        """
        given = plain({} if other is None else other) | plain(values)
        changed = {key: fit(value) for key, value in flat_items(given)}
        names = {key: metric_name(key, _no_note) for key in changed}
        self._values.update(changed)
        if self._changed is not None and changed:
            self._changed({names[key]: value for key, value in changed.items()}, ())

    def restore(self, values: Mapping[str, JSON]) -> None:
        """Put values as they were recorded, without reporting them as changes."""
        self._values.update(values)

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._values))

    def __len__(self) -> int:
        return len(self._values)

    def as_dict(self) -> dict[str, JSON]:
        """The values that were set."""
        return dict(self._values)

    def __repr__(self) -> str:
        return f"Summary({self._values!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return Summary, (dict(self._values),)


def _no_note(code: str, message: str) -> None:
    """A name that had to be shortened is no trouble here: the value says it was kept."""
    del code, message
