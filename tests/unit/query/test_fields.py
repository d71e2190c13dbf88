"""The names one may ask for."""

from __future__ import annotations

from notabene.model.entities import MetricSummary, RunInfo
from notabene.query import fields
from notabene.query.ast import Field
from notabene.query.predicate import STATISTICS
from notabene.store import tables


def test_every_attribute_is_one_of_a_run():
    """Each attribute can be read of a run and has a column in the table of runs."""
    elsewhere = {"verdict"}  # of the conclusion
    names = {a.name for a in fields.ATTRIBUTES}
    assert names - elsewhere <= set(RunInfo.__struct_fields__)
    assert {"grp" if n == "group" else n for n in names} <= set(tables.run.c.keys())


def test_every_statistic_can_be_read():
    """Each statistic is known to the predicate, and those of the summary to the table."""
    assert set(STATISTICS) == set(fields.STATISTICS)
    columns = {"inf" if n == "posinf" else n for n in (c.name for c in tables.metric.c)}
    assert set(fields.STATISTICS) <= columns
    assert set(fields.STATISTICS) - {"inf", "best"} <= set(MetricSummary.__struct_fields__)


def test_names_are_in_lower_case_and_unique():
    """No name or alias means two things."""
    attributes = [name for a in fields.ATTRIBUTES for name in (a.name, *a.aliases)]
    prefixes = [name for p in fields.PREFIXES for name in (p.name, *p.aliases)]
    assert len(set(attributes)) == len(attributes)
    assert len(set(prefixes)) == len(prefixes)
    assert all(name == name.lower() for name in (*attributes, *prefixes, *fields.REFUSED))


def test_every_name_has_a_line_of_explanation():
    """The reference and completion have something to say of each name."""
    docs = [*(x.doc for x in (*fields.ATTRIBUTES, *fields.PREFIXES)), *fields.STATISTICS.values()]
    assert all(doc.endswith(".") and "\n" not in doc for doc in docs)


def test_types_and_keys():
    """A field has the type of its attribute or prefix; keyed ones are looked up by number."""
    assert fields.type_of(Field("attribute", "duration")) == "duration"
    assert fields.type_of(Field("metric", "loss", "max")) == "number"
    assert fields.type_of(Field("fact", "git.commit")) == "any"
    assert fields.keyed(Field("metric", "loss", "max")) == (5, "loss")
    assert fields.keyed(Field("tag", "team")) == (2, "team")
    assert fields.keyed(Field("attribute", "name")) is None
    assert fields.keyed(Field("input", "name")) is None
