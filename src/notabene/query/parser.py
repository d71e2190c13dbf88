"""Text to tree: the search language.

.. code-block:: text

    query       = [ either ]                                  # nothing: all runs
    either      = both { "or" both }
    both        = negation { "and" negation }
    negation    = "not" negation | "(" either ")" | comparison
    comparison  = field ( "=" | "==" | "!=" | "<>" | "<" | "<=" | ">" | ">=" ) value
                | field [ "not" ] ( "like" | "ilike" ) text
                | field [ "not" ] "in" "(" value { "," value } ")"
                | field [ "not" ] "between" value "and" value
                | field "is" [ "not" ] "null"
                | text [ "not" ] "in" ( "tags" | "params" | "metrics" | "summary" )
    field       = attribute | prefix "." key [ "." statistic ]
    order       = key { "," key }
    key         = [ "-" | "+" ] field | field [ "asc" | "desc" ]

Every filter that MLflow's clients send means here what it means there, with one thing to know:
the last part of an unquoted metric is a statistic if it is the name of one, so a metric that is
itself called ``loss.max`` must be asked for as ``metrics."loss.max"``, or with
``statistics=False``.

What the fields are is in :mod:`notabene.query.fields`, how values are compared in
:mod:`notabene.query.values` and :mod:`notabene.query.times`, and what holds for runs without
the field in :mod:`notabene.query.ast`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from notabene.query import fields
from notabene.query.ast import And, Expr, Field, Not, Op, Or, Order, Test, Value
from notabene.query.literals import pattern_of, value_of
from notabene.query.scanner import Part, Scanner, nearest

MAX_TERMS = 100
MAX_DEPTH = 64
MAX_VALUES = 10_000
MAX_KEYS = 16

SYMBOLS = ("<=", ">=", "!=", "<>", "==", "=", "<", ">")
OPERATOR_WORDS = ("like", "ilike", "in", "between", "is", "not")
CONTAINERS: tuple[fields.Prefix, ...] = tuple(
    p for p in fields.PREFIXES if p.kind in {"tag", "param", "metric", "summary"}
)

_MEANT = {
    "=>": "'>='",
    "=<": "'<='",
    "=~": "like '%part%'",
    "~": "like '%part%'",
    "contains": "like '%part%'",
    "matches": "like '%part%'",
    "startswith": "like 'beginning%'",
    "endswith": "like '%end'",
    "has": "'name' in tags",
    "&&": "and",
    "&": "and",
    "||": "or",
    "|": "or",
    "!": "not",
}
_TOKEN = re.compile(r"\w+|[^\w\s]{1,2}")
_ORDERINGS: dict[str, Op] = {"<": "<", "<=": "<=", ">": ">", ">=": ">="}


def parse(text: str, *, statistics: bool = True) -> Expr:
    """The tree of a query; of an empty text one that all runs match.

    Args:
        text: The query.
        statistics: Whether ``metrics.loss.max`` asks for the maximum of ``loss``. False for
            queries of MLflow's clients: there it is the metric ``loss.max``.

    Raises:
        QueryError: It cannot be understood, is longer than 64 KiB, has more than 100
            comparisons or 10,000 values, or is nested deeper than 64.
    """
    return Parser(text, statistics=statistics).query()


def parse_order(text: str | Iterable[str], *, statistics: bool = True) -> tuple[Order, ...]:
    """The keys to sort by: ``-metrics.acc.max, created`` or ``metrics.acc.max desc, created``.

    Args:
        text: The keys in one text, or a text each, as MLflow's clients send them.
        statistics: As in :func:`parse`.

    Raises:
        QueryError: It cannot be understood, asks for one field twice or for more than 16.
    """
    texts = [text] if isinstance(text, str) else list(text)
    keys: list[Order] = []
    for one in texts:
        Parser(one, statistics=statistics).order(keys)
    return tuple(keys)


def parse_field(text: str) -> Field:
    """The one field that a text names, such as a column of a table: ``metrics.loss.min``.

    Raises:
        QueryError: It names none, or more follows it.
    """
    parser = Parser(text)
    field = parser.field()
    if not parser.scan.at_end():
        found = parser.scan.found()
        raise parser.scan.error(f"the field must end here, not go on with {found}")
    return field


class Parser:
    """Reads one text. Each method reads what it is named after."""

    def __init__(self, text: str, *, statistics: bool = True) -> None:
        self.scan = Scanner(text)
        self.statistics = statistics
        self.depth = self.terms = self.values = 0

    def query(self) -> Expr:
        """The whole text."""
        if self.scan.at_end():
            self.scan.want("field")
            return And()
        expr = self.either()
        if not self.scan.at_end():
            raise self._surprised("'and', 'or' or the end of the query must stand here")
        return expr

    def either(self) -> Expr:
        """Terms joined by ``or``."""
        items = [self.both()]
        while self._joiner("or"):
            items.append(self.both())
        return items[0] if len(items) == 1 else Or(tuple(items))

    def both(self) -> Expr:
        """Terms joined by ``and``."""
        items = [self.negation()]
        while self._joiner("and"):
            items.append(self.negation())
        return items[0] if len(items) == 1 else And(tuple(items))

    def _joiner(self, word: str) -> bool:
        self.scan.want("joiner")
        return bool(self.scan.word(word))

    def negation(self) -> Expr:
        """A comparison, or a term in parentheses or behind ``not``."""
        start = self.scan.at
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.scan.error(f"the query is nested deeper than {MAX_DEPTH} levels", start)
        if self.scan.word("not"):
            expr: Expr = Not(self.negation())
        elif self.scan.symbol("("):
            expr = self.either()
            if not self.scan.symbol(")"):
                raise self._surprised("the '(' is not closed: ')' must stand here")
        else:
            expr = self.comparison()
        self.depth -= 1
        return expr

    # -- fields --------------------------------------------------------------------------------

    def field(self) -> Field:
        """An attribute, or a key behind a prefix."""
        self.scan.want("field")
        start = self.scan.at
        parts = self.scan.name()
        if not parts:
            raise self._surprised("a field must stand here", "write params.lr, metrics.loss, name")
        return self._resolve(parts, start)

    def _resolve(self, parts: tuple[Part, ...], start: int) -> Field:
        first, rest = parts[0].text.lower(), parts[1:]
        if not rest:
            return self._attribute(first, parts[0].text, start)
        prefix = fields.BY_PREFIX.get(first)
        if prefix is None:
            raise self._unknown_prefix(parts, start)
        name = ".".join(part.text for part in rest)
        if not name:
            raise self.scan.error(f"a name must follow {first!r}", start)
        if prefix.kind == "attribute":
            return self._attribute(name.lower(), name, start)
        if prefix.kind == "metric":
            return self._metric(rest)
        if prefix.keys:
            return self._known_key(prefix, name, start)
        if prefix.kind == "fact" and prefix.name != fields.FULL_NAME:
            return Field("fact", f"{prefix.name}.{name}")
        return Field(prefix.kind, name)

    def _metric(self, rest: tuple[Part, ...]) -> Field:
        *front, last = rest
        if front and self.statistics and not last.quoted and last.text in fields.STATISTICS:
            return Field("metric", ".".join(part.text for part in front), last.text)
        return Field("metric", ".".join(part.text for part in rest), "last")

    def _known_key(self, prefix: fields.Prefix, name: str, start: int) -> Field:
        key = fields.EDGE_KEYS.get(name, name)
        if key not in prefix.keys:
            near = nearest(key, prefix.keys)
            raise self.scan.error(
                f"{prefix.name} has no {name!r}, only {', '.join(prefix.keys)}",
                start,
                f"did you mean {prefix.name}.{near}?" if near else "",
            )
        return Field(prefix.kind, key)

    def _attribute(self, name: str, written: str, start: int) -> Field:
        known = fields.BY_NAME.get(name)
        if known is not None:
            return Field("attribute", known.name)
        if name in fields.REFUSED:
            raise self.scan.error(f"{name} cannot be asked for", start, fields.REFUSED[name])
        if name in fields.BY_PREFIX:
            raise self.scan.error(
                f"{written!r} needs a key", start, f"write {fields.BY_PREFIX[name].name}.name"
            )
        near = nearest(name, fields.BY_NAME)
        raise self.scan.error(
            f"no attribute is called {written[:60]!r}",
            start,
            f"did you mean {near}?"
            if near
            else f"write params.{written[:60]} or metrics.{written[:60]} for what was logged",
        )

    def _unknown_prefix(self, parts: tuple[Part, ...], start: int) -> Exception:
        first = parts[0].text[:60]
        near = nearest(first, fields.BY_PREFIX)
        known = ", ".join(p.name for p in fields.PREFIXES)
        return self.scan.error(
            f"no field begins with {first!r}; these do: {known}",
            start,
            f"did you mean {near}?" if near else "write metrics.name for a metric",
        )

    # -- comparisons ---------------------------------------------------------------------------

    def comparison(self) -> Expr:
        """One comparison, or one text looked for in tags or other keys."""
        start = self.scan.at
        self.terms += 1
        if self.terms > MAX_TERMS:
            raise self.scan.error(f"the query has more than {MAX_TERMS} comparisons", start)
        if self.scan.next in {"'", '"'} and (contained := self._contained()) is not None:
            return contained
        field = self.field()
        self.scan.want("operator", field)
        at = self.scan.at
        if symbol := self.scan.symbol(*SYMBOLS):
            self._no_mixture(symbol, at)
            return self._symbol(field, symbol)
        if self.scan.word("is"):
            negated = bool(self.scan.word("not"))
            if not self.scan.word("null"):
                raise self._surprised("'null' must stand here")
            return Test(field, "null", negated=negated)
        negated = bool(self.scan.word("not"))
        word = self.scan.word("like", "ilike", "in", "between")
        if not word:
            raise self._surprised(
                "an operator must stand here", "write =, !=, <, <=, >, >=, like, in, is null"
            )
        return self._word(field, word, negated=negated, at=at)

    def _contained(self) -> Expr | None:
        """``'x' in tags``; None if it is a quoted name of an attribute."""
        start, single = self.scan.at, self.scan.next == "'"
        text = self.scan.quoted()
        self.scan.blank()
        negated = bool(self.scan.word("not"))
        if self.scan.word("in") and (single or self.scan.next != "("):
            self.scan.want("container")
            for prefix in CONTAINERS:
                if self.scan.word(prefix.name, *prefix.aliases):
                    stat = "last" if prefix.kind == "metric" else ""
                    return Test(Field(prefix.kind, text, stat), "null", negated=not negated)
            names = ", ".join(p.name for p in CONTAINERS)
            raise self._surprised(f"one of {names} must stand here")
        if single:
            raise self.scan.error(
                "a text in single quotes is a value, not a field",
                start,
                "write fields without quotes or in double quotes, or 'name' in tags",
            )
        self.scan.at = start
        return None

    def _no_mixture(self, symbol: str, at: int) -> None:
        """Refuse ``=>`` and the like, of which the first character was read."""
        if self.scan.at == at + len(symbol) and self.scan.next in set("<>=!~&|"):
            raise self._surprised("this is no operator", at=at)

    def _symbol(self, field: Field, symbol: str) -> Expr:
        op: Op = _ORDERINGS.get(symbol, "in")
        negated = symbol in {"!=", "<>"}
        self._comparable(field, op)
        start = self.scan.at
        value = self._value(field) if op == "in" else self._bound(field)
        if value is None or (value == "" and field.kind in {"attribute", "input", "output"}):
            # An attribute without a text is absent: = '' and = null ask for that.
            if op != "in":
                raise self._no_bound("null", start, "write is null")
            return Test(field, "null", negated=negated)
        return Test(field, op, (value,), negated)

    def _word(self, field: Field, word: str, *, negated: bool, at: int) -> Expr:
        if word == "in":
            return Test(field, "in", self._list(field), negated)
        if word == "between":
            return self._between(field, negated=negated)
        op: Op = "like" if word == "like" else "ilike"
        self.scan.want("value", field)
        return Test(field, op, (pattern_of(self.scan, field, at),), negated)

    def _comparable(self, field: Field, op: Op) -> None:
        ordered = fields.type_of(field) not in {"choice", "bool"}
        if op != "in" and not (ordered and field.kind not in {"input", "output"}):
            raise self.scan.error(
                f"{op} cannot be asked of {field.name}", hint="use =, !=, in or is null"
            )

    def _between(self, field: Field, *, negated: bool) -> Expr:
        self._comparable(field, ">=")
        low = self._bound(field)
        if not self.scan.word("and"):
            raise self._surprised("'and' and the upper bound must stand here")
        high = self._bound(field)
        if negated:
            return Or((Test(field, "<", (low,)), Test(field, ">", (high,))))
        return And((Test(field, ">=", (low,)), Test(field, "<=", (high,))))

    def _bound(self, field: Field) -> Value:
        """A value that others are less or greater than."""
        start = self.scan.at
        value = self._value(field)
        if value is None or isinstance(value, bool):
            what = "null" if value is None else str(value).lower()
            hint = "write is null" if value is None else f"write = {what}"
            raise self._no_bound(what, start, hint)
        return value

    def _no_bound(self, what: str, start: int, hint: str) -> Exception:
        return self.scan.error(f"{what} is neither less nor greater", start, hint)

    def _list(self, field: Field) -> tuple[Value, ...]:
        if not self.scan.symbol("("):
            raise self._surprised("'(' and a list of values must stand here")
        found = [self._known(field)]
        while self.scan.symbol(","):
            if self.scan.next == ")":
                break  # a Python tuple of one value ends so
            found.append(self._known(field))
        if not self.scan.symbol(")"):
            raise self._surprised("',' or ')' must stand here")
        return tuple(found)

    def _value(self, field: Field) -> Value | None:
        self.scan.want("value", field)
        self.values += 1
        if self.values > MAX_VALUES:
            raise self.scan.error(f"the query has more than {MAX_VALUES:,} values")
        return value_of(self.scan, field)

    def _known(self, field: Field) -> Value:
        start = self.scan.at
        value = self._value(field)
        if value is None:
            raise self.scan.error("null cannot stand here", start, "write is null")
        return value

    # -- order ---------------------------------------------------------------------------------

    def order(self, keys: list[Order]) -> None:
        """Append the keys of the whole text."""
        if self.scan.at_end() and not keys:
            self.scan.want("field")
            return
        while True:
            start = self.scan.at
            key = self._order_key()
            if any(key.field == known.field for known in keys):
                raise self.scan.error("this field is asked for twice", start)
            keys.append(key)
            if len(keys) > MAX_KEYS:
                raise self.scan.error(f"at most {MAX_KEYS} fields can be sorted by", start)
            if self.scan.at_end():
                return
            if not self.scan.symbol(","):
                raise self._surprised("'asc', 'desc', ',' or the end must stand here")

    def _order_key(self) -> Order:
        start = self.scan.at
        sign = self.scan.symbol("-", "+")
        field = self.field()
        if field.kind in {"input", "output"}:
            raise self.scan.error(f"a run has many {field.kind}s: no order by them", start)
        self.scan.want("joiner", field)
        at = self.scan.at
        word = self.scan.word("asc", "desc")
        if word and sign:
            raise self.scan.error(f"'{sign}' and {word!r} say the same or contradict", at)
        return Order(field, descending=sign == "-" or word == "desc")

    def _surprised(self, message: str, hint: str = "", at: int | None = None) -> Exception:
        """An error at what comes next, with what was probably meant."""
        spot = self.scan.at if at is None else at
        token = _TOKEN.match(self.scan.text, spot)
        for wrong in (token[0].lower(), token[0][0]) if token else ():
            if wrong in _MEANT:
                return self.scan.error(f"{message}, not {wrong!r}", spot, f"write {_MEANT[wrong]}")
        found = self.scan.found()
        word = found.strip("'").lower()
        near = nearest(word, (*OPERATOR_WORDS, "and", "or", "asc", "desc"))
        # A good word at the wrong place was not mistyped.
        near = "" if near == word else near
        return self.scan.error(
            f"{message}, not {found}", spot, f"did you mean {near}?" if near else hint
        )
