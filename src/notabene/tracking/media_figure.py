"""Figures of matplotlib and plotly, drawn or written by their own methods."""

from __future__ import annotations

import io
import struct
import sys
from types import ModuleType
from typing import Any

from notabene.errors import UsageError
from notabene.model.values import Blob, Encoded, FigureValue, gzipped
from notabene.tracking.arrays import is_a
from notabene.tracking.media_base import Media, short

PLOTLY_MIME = "application/vnd.plotly.v1+json"
_DPI = 144
"""Twice the usual, so that the picture is sharp on screens of today."""


class Figure(Media):
    """A drawing.

    Args:
        figure: A figure or axes of matplotlib, the ``pyplot`` module (its current figure), a
            grid of seaborn, or a figure of plotly.
        caption: A line below it.
        svg: Of matplotlib, keep the drawing as SVG as well; costs as much time again.

    Raises:
        UsageError: It is none of these.
    """

    kind = "figure"

    def __init__(self, figure: Any, *, caption: str | None = None, svg: bool = False) -> None:
        found = drawing_of(figure)
        if found is None:
            raise UsageError(
                f"Figure() takes a figure of matplotlib or plotly, not {type(figure).__name__}"
            )
        self._figure, self.caption, self._svg = found, short(caption), svg

    def encode(self) -> Encoded:
        """PNG (and SVG) of matplotlib, JSON of plotly; the figure stays as it was."""
        if _is_plotly(self._figure):
            blob = Blob.of(gzipped(self._figure.to_json().encode()), PLOTLY_MIME)
            ref = blob.ref(encoding="gzip")
            return FigureValue(library="plotly", file=ref, caption=self.caption).encoded(blob)
        # What matplotlib would write into the files, its version and the date, is left out.
        data = _drawn(self._figure, "png", {"Software": None})
        width, height = struct.unpack_from(">II", data, 16)
        blob, svg = Blob.of(data, "image/png"), None
        if self._svg:
            with sys.modules["matplotlib"].rc_context({"svg.hashsalt": "notabene"}):
                drawn = _drawn(self._figure, "svg", {"Date": None, "Creator": None})
            svg = Blob.of(gzipped(drawn), "image/svg+xml")
        return FigureValue(
            library="matplotlib",
            file=blob.ref(),
            svg=None if svg is None else svg.ref(encoding="gzip"),
            width=width,
            height=height,
            caption=self.caption,
        ).encoded(blob, svg)


def drawing_of(value: Any) -> Any:
    """The figure that a value is, or is part of; else None."""
    if _is_plotly(value) or is_a(value, "matplotlib", "Figure"):
        return value
    if isinstance(value, ModuleType):
        return value.gcf() if value.__name__ == "matplotlib.pyplot" else None
    if is_a(value, "matplotlib", "Axes", "SubFigure") or is_a(value, "seaborn", "_BaseGrid"):
        above = getattr(value, "figure", None)
        return None if above is None or above is value else drawing_of(above)
    return None


def _is_plotly(value: Any) -> bool:
    return is_a(value, "plotly", "BaseFigure")


def _drawn(figure: Any, form: str, metadata: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format=form, dpi=max(_DPI, figure.dpi), metadata=metadata)
    return out.getvalue()
