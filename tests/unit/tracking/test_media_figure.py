"""Figures: drawn by their own library, equal ones to equal bytes, and left as they were."""

from __future__ import annotations

import io
import json
from operator import attrgetter
from typing import Any

import pytest

from notabene.errors import UsageError
from notabene.model.values import FigureValue, gunzipped, read_as
from notabene.tracking.media_figure import Figure, drawing_of

name_of = attrgetter("library")


def stored(figure: Figure) -> tuple[FigureValue, list[bytes]]:
    """What is recorded of a figure, and its bytes."""
    encoded = figure.encode()
    assert encoded.kind == "figure"
    return read_as(FigureValue, encoded.value), [blob.data or b"" for blob in encoded.blobs]


@pytest.fixture(scope="module", autouse=True)
def fonts(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Matplotlib keeps its fonts open: let it open them before a test counts open files."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MPLCONFIGDIR", str(tmp_path_factory.mktemp("matplotlib")))
        matplotlib = pytest.importorskip("matplotlib.figure")
        matplotlib.Figure().add_subplot().figure.savefig(io.BytesIO())


@pytest.fixture
def drawing() -> Any:
    """A figure of matplotlib with one line."""
    matplotlib = pytest.importorskip("matplotlib.figure")
    figure = matplotlib.Figure(figsize=(4, 3))
    figure.add_subplot().plot([1, 3, 2], label="loss")
    return figure


def test_matplotlib_becomes_png(drawing: Any):
    """A figure is stored as a PNG at 144 points per inch, and keeps its own resolution."""
    dpi = drawing.dpi
    value, (data,) = stored(Figure(drawing, caption="loss"))
    assert data.startswith(b"\x89PNG")
    assert (name_of(value), value.width, value.height) == ("matplotlib", 576, 432)
    assert value.caption == "loss"
    assert drawing.dpi == dpi


def test_equal_drawings_have_equal_bytes(drawing: Any):
    """Nothing of date or version is in the files: drawing twice gives the same."""
    assert Figure(drawing, svg=True).encode() == Figure(drawing, svg=True).encode()
    _, (data, _) = stored(Figure(drawing, svg=True))
    assert b"Software" not in data


def test_svg_is_kept_where_asked(drawing: Any):
    """With svg=True there is a second file, of vectors."""
    value, (_, svg) = stored(Figure(drawing, svg=True))
    assert value.svg is not None
    assert value.svg.mime == "image/svg+xml"
    assert b"<svg" in gunzipped(svg)


def test_parts_of_a_figure_stand_for_it(drawing: Any):
    """Axes, a subfigure's axes and pyplot mean the figure they belong to."""
    plt = pytest.importorskip("matplotlib.pyplot")
    assert drawing_of(drawing.axes[0]) is drawing
    whole = plt.figure()
    try:
        assert drawing_of(whole.subfigures(1, 2)[0].subplots()) is whole
        assert drawing_of(plt) is whole
    finally:
        plt.close(whole)


def test_plotly_becomes_json():
    """A figure of plotly is stored as its JSON, compressed."""
    graph_objects = pytest.importorskip("plotly.graph_objects")
    figure = graph_objects.Figure(graph_objects.Scatter(y=[1, 3, 2]))
    value, (data,) = stored(Figure(figure))
    assert (name_of(value), value.file.encoding) == ("plotly", "gzip")
    assert json.loads(gunzipped(data))["data"][0]["type"] == "scatter"
    assert Figure(figure).encode() == Figure(figure).encode()


@pytest.mark.parametrize(
    "value", [3, "figure", None, [1], json], ids=["int", "str", "none", "list", "module"]
)
def test_what_is_no_figure(value: object):
    """Anything else is refused, saying what is allowed."""
    assert drawing_of(value) is None
    with pytest.raises(UsageError, match="figure of matplotlib or plotly"):
        Figure(value)
