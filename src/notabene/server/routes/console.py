"""What a run printed."""

from __future__ import annotations

from typing import Annotated, Literal

from litestar.response import Stream
from msgspec import Meta

from notabene.server.answers import made
from notabene.server.consoles import ConsolePage, Question
from notabene.server.notebook import Notebook
from notabene.server.requests import Limit, RunId, read


@read("/runs/{run:str}/console", "content", summary="What a run printed")
def console(
    notebook: Notebook,
    *,
    run: RunId,
    offset: Annotated[int, Meta(description="First line; negative counts from the end.")] = 0,
    limit: Limit = 200,
    rank: Annotated[int | None, Meta(ge=0)] = None,
    search: Annotated[str, Meta(max_length=1000)] = "",
    regex: bool = False,
    stream: Literal["", "o", "e", "n"] = "",
    at: Annotated[
        int | None, Meta(description="Begin at the first line of this time (µs) or later.")
    ] = None,
    after: Annotated[
        int | None, Meta(ge=0, description="Begin at the first line or match from this place on.")
    ] = None,
    format: Annotated[
        Literal["json", "text"], Meta(description="`text` is all of it, as a download.")
    ] = "json",
    plain: Annotated[bool, Meta(description="With `format=text`: without colours.")] = False,
) -> ConsolePage:
    """Lines, with their colours; with ``search`` only those that hold a text."""
    place = notebook.api.run_dir(run)
    question = Question(
        offset, limit, rank=rank, search=search, regex=regex, stream=stream, at=at, after=after
    )
    if format == "json":
        return notebook.consoles.page(place, question)
    headers = {
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Disposition": f'attachment; filename="{run}.txt"',
        "Cache-Control": "no-store",
    }
    lines = notebook.consoles.text(place, question, plain=plain)
    return made(Stream(lines, headers=headers), ConsolePage)


HANDLERS = [console]
