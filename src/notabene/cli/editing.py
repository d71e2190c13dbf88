"""Verbs by which people write into the notebook: tags, notes, conclusions, names, the trash."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from notabene.cli.render import common, print_json, say, with_api
from notabene.errors import UsageError

if TYPE_CHECKING:
    from notabene.api import Api, RunView


def _chosen(api: Api, runs: tuple[str, ...], where: str) -> list[RunView]:
    """Runs that are named, and those that a query chooses."""
    if not runs and not where:
        raise UsageError("no run is named", hint="name runs, or choose them with --where QUERY")
    views = {view.id: view for view in map(api.run, runs)}
    if where:
        views |= {view.id: view for view in api.runs(where, archived=True)}
    return [*views.values()]


def _done(views: list[RunView], text: str, as_json: bool) -> None:
    if as_json:
        print_json([view.id for view in views])
    else:
        names = ", ".join(view.name for view in views[:5])
        more = f" and {len(views) - 5} more" if len(views) > 5 else ""
        say(f"{text} {names}{more}" if views else "no run matches")


where_option = click.option("-w", "--where", default="", help="Choose runs by a query.")


class _Signed(click.Command):
    """Takes ``-word`` for a tag that goes, whatever options its letters would be."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Sorts such words behind the options."""
        end = args.index("--") if "--" in args else len(args)
        signed = [word for word in args[:end] if re.match(r"-[^-].", word)]
        options = [word for word in args[:end] if word not in signed]
        return super().parse_args(ctx, [*options, "--", *signed, *args[end + 1 :]])


@click.command(cls=_Signed, context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1, required=True)
@where_option
@common
@with_api
def tag(api: Api, words: tuple[str, ...], where: str, as_json: bool) -> None:
    """Add and take away tags: notabene tag RUN... +best +team=vision -draft

    With one run the + may be left out: notabene tag RUN best team=vision
    """
    add = [w[1:] for w in words if w.startswith("+")]
    remove = [w[1:] for w in words if w.startswith("-")]
    runs = tuple(w for w in words if w[:1] not in ("+", "-"))
    if not add and not remove:  # without signs the first word is the run, or --where is
        runs, add = (words[:0], [*words]) if where else (words[:1], [*words[1:]])
    if not add and not remove:
        raise UsageError("no tag is named", hint="notabene tag RUN word, or -word to take it away")
    views = _chosen(api, runs, where)
    for view in views:
        if add:
            api.tag(view, *add)
        if remove:
            api.untag(view, *remove)
    _done(views, "tagged", as_json)


@click.command()
@click.argument("words", nargs=-1, required=True)
@click.option("-p", "--project", help="A note on a project, without a run.")
@common
@with_api
def note(api: Api, words: tuple[str, ...], project: str | None, as_json: bool) -> None:
    """Write a note: notabene note RUN "text", or notabene note -p PROJECT "text"."""
    if project is not None:
        note_id = api.note_project(project, " ".join(words))
        where = project
    else:
        if len(words) < 2:
            raise UsageError("a note needs a run and a text", hint='notabene note RUN "text"')
        view = api.run(words[0])
        note_id = api.note(view, " ".join(words[1:]))
        where = view.name
    if as_json:
        print_json({"id": note_id})
    else:
        say(f"noted on {where}")


@click.command()
@click.argument("run")
@click.argument("text")
@click.option(
    "--verdict", type=click.Choice(["supported", "refuted", "unclear"]), help="On the hypothesis."
)
@common
@with_api
def conclude(api: Api, run: str, text: str, verdict: str | None, as_json: bool) -> None:
    """Write down what a run showed."""
    view = api.run(run)
    api.conclude(view, text, verdict=verdict)
    _done([view], "concluded", as_json)


@click.command()
@click.argument("run")
@click.argument("name")
@common
@with_api
def rename(api: Api, run: str, name: str, as_json: bool) -> None:
    """Give a run another name."""
    view = api.run(run)
    api.rename(view, name)
    _done([api.run(view.id)], "renamed to", as_json)


@click.command()
@click.argument("runs", nargs=-1)
@where_option
@common
@with_api
def stop(api: Api, runs: tuple[str, ...], where: str, as_json: bool) -> None:
    """Ask running runs to end as if by Ctrl-C."""
    chosen = _chosen(api, runs, where)
    views = [view for view in chosen if view.status == "running"]
    for view in views:
        api.stop(view)
    if chosen and not views and not as_json:
        say(
            "no run is at work: "
            + ", ".join(f"{view.name} is {view.status}" for view in chosen[:5])
        )
        return
    _done(views, "asked to stop:", as_json)


@click.command()
@click.argument("runs", nargs=-1)
@where_option
@click.option("--archive", is_flag=True, help="Put aside instead: kept, but not listed.")
@click.option("-f", "--force", is_flag=True, help="Also runs that are at work.")
@common
@with_api
def rm(
    api: Api, runs: tuple[str, ...], where: str, archive: bool, force: bool, as_json: bool
) -> None:
    """Move runs to the trash; they stay there for 30 days and can be restored."""
    views = _chosen(api, runs, where)
    for view in views:
        if archive:
            api.archive(view)
        else:
            api.delete(view, force=force)
    _done(views, "archived" if archive else "moved to the trash:", as_json)


@click.command()
@click.argument("runs", nargs=-1)
@where_option
@common
@with_api
def restore(api: Api, runs: tuple[str, ...], where: str, as_json: bool) -> None:
    """Take runs out of the trash, or back from the archive."""
    if not runs and not where:
        raise UsageError("no run is named", hint="notabene ls --deleted lists the trash")
    views = [api.run(ref) for ref in runs]
    if where:
        views += list(api.runs(where, deleted=True))
    for view in views:
        if view.deleted:
            api.restore(view)
        if view.archived:
            api.archive(view, archived=False)
    _done(views, "restored", as_json)
