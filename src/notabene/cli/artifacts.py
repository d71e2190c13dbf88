"""``notabene artifact …``: versions of files and folders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from notabene.cli.jsonable import jsonable
from notabene.cli.progress import bar
from notabene.cli.render import (
    ago,
    common,
    counted,
    hint,
    listing,
    print_fields,
    print_json,
    print_table,
    say,
    size,
    with_api,
)
from notabene.errors import TransportError, UsageError

if TYPE_CHECKING:
    from notabene.api import Api


@click.group()
def artifact() -> None:
    """Versions of files and folders, kept by content."""


@artifact.command()
@click.argument("name", required=False)
@click.option("--type", "kind", help="Only this type.")
@listing
@common
@with_api
def ls(
    api: Api,
    name: str | None,
    kind: str | None,
    fields: str | None,
    limit: int | None,
    as_json: bool,
) -> None:
    """List artifacts, or the versions of one."""
    versions = api.artifacts(name, type=kind)[: limit or None]
    if as_json:
        print_json([{"ref": v.ref, **jsonable(v)} for v in versions], fields)
        return
    if not versions:
        none = "no artifacts yet; keep a file with run.log_artifact(path)"
        hint("no artifacts match" if name or kind else none)
        return
    if fields:
        print_fields([{"ref": v.ref, **jsonable(v)} for v in versions], fields)
        return
    rows = [
        (
            v.ref,
            v.type,
            size(v.size),
            str(v.files),
            ", ".join(v.aliases),
            v.run[-6:],
            ago(v.created),
        )
        for v in versions
    ]
    print_table(("ARTIFACT", "TYPE", "SIZE", "FILES", "ALIASES", "RUN", "MADE"), rows, right=(2, 3))


@artifact.command()
@click.argument("ref")
@common
@with_api
def show(api: Api, ref: str, as_json: bool) -> None:
    """Show one version: NAME, NAME:v3 or NAME:alias."""
    view = api.artifact(ref)
    if as_json:
        print_json(view.to_dict())
        return
    aliases = ", ".join(view.aliases)
    say(f"{view.ref}", bold=True, end="")
    say(f"  {view.type}  {size(view.size)} in {counted(view.files, 'file')}  {aliases}")
    say(f"digest  {view.digest}")
    if view.run:
        say(f"made by {view.run} {ago(view.created)}")
    if view.description:
        say(view.description)
    print_table(
        ("", "", ""),
        [
            (f"  {f.path}", size(f.size) if f.size >= 0 else "", getattr(f, "uri", f.digest[:12]))
            for f in view.listing()
        ],
        right=(1,),
    )


@artifact.command()
@click.argument("source", type=click.Path(exists=True))
@click.option("--name", help="Default is the name of the file or folder.")
@click.option("--type", "kind", default="file", show_default=True)
@click.option("--alias", "aliases", multiple=True, help="Words that shall point at it.")
@click.option("-p", "--project", help="Project of the run that stands for this.")
@common
def put(
    source: str,
    name: str | None,
    kind: str,
    aliases: tuple[str, ...],
    project: str | None,
    store: str | None,
    as_json: bool,
) -> None:
    """Keep a file or a folder as the next version of a named artifact."""
    from notabene.cli.render import store_of
    from notabene.model.refs import check_alias, check_artifact_name
    from notabene.tracking.init import init

    if name is not None:
        check_artifact_name(name)
    for word in aliases:
        check_alias(word)
    with init(
        project, name=f"put {Path(source).name}"[:100], capture=False, store=store_of(store)
    ) as run:
        if run.folder is None:
            raise UsageError(
                "notabene is disabled, so nothing can be kept", hint="see NOTABENE_MODE"
            )
        kept = run.log_artifact(source, name=name, type=kind, aliases=aliases)
    if kept.version is None:
        raise TransportError(f"{source} is not kept", hint="free space, and try again")
    if as_json:
        print_json({"ref": kept.ref, "digest": kept.digest, "new": kept.is_new})
    else:
        say(f"{kept.ref}" + ("" if kept.is_new else " (already there, no new version)"))


@artifact.command()
@click.argument("ref")
@click.argument("to", type=click.Path(), required=False)
@click.option("--overwrite", is_flag=True, help="Replace files that differ.")
@common
@with_api
def get(api: Api, ref: str, to: str | None, overwrite: bool, as_json: bool) -> None:
    """Copy a version out, verified by its digests."""
    view = api.artifact(ref)
    target = Path(to) if to else Path(view.name.replace("/", "-"))
    with bar(f"{view.ref}", view.size) as progress:
        path = view.download(target, overwrite=overwrite, progress=progress)
    if as_json:
        print_json({"path": str(path), "ref": view.ref, "digest": view.digest})
    else:
        say(str(path))
    if elsewhere := len(view.manifest.references):
        hint(f"{counted(elsewhere, 'reference')} to what lies elsewhere: not copied")


@artifact.command()
@click.argument("ref")
@click.argument("alias_name", metavar="ALIAS")
@click.option("-d", "--delete", is_flag=True, help="Take the alias away.")
@common
@with_api
def alias(api: Api, ref: str, alias_name: str, delete: bool, as_json: bool) -> None:
    """Let a word point at a version: notabene artifact alias model:v3 best"""
    if delete:
        api.unalias(ref, alias_name)
    else:
        api.alias(ref, alias_name)
    view = api.artifact(ref)
    if as_json:
        print_json(view.to_dict())
    else:
        say(f"{view.ref}  {', '.join(view.aliases)}")


@artifact.command()
@click.argument("refs", nargs=-1, required=True)
@common
@with_api
def rm(api: Api, refs: tuple[str, ...], as_json: bool) -> None:
    """Move versions to the trash; their content goes with the next gc, after 30 days."""
    gone = []
    for ref in refs:
        view = api.artifact(ref)
        api.delete_artifact(view.ref)
        gone.append(view.ref)
    print_json(gone) if as_json else say("moved to the trash: " + ", ".join(gone))


@artifact.command()
@click.argument("refs", nargs=-1, required=True)
@common
@with_api
def restore(api: Api, refs: tuple[str, ...], as_json: bool) -> None:
    """Take versions out of the trash: NAME:v3."""
    for ref in refs:
        api.restore_artifact(ref)
    print_json(list(refs)) if as_json else say("restored " + ", ".join(refs))


@artifact.command()
@click.argument("name")
@click.option("--last", type=click.IntRange(min=1), help="Keep the newest so many.")
@click.option("--best", type=click.IntRange(min=1), help="Keep the best so many.")
@click.option("--metric", help="With --best: the metric of the run that made a version.")
@click.option("--goal", type=click.Choice(["min", "max"]), default="max", show_default=True)
@click.option("--apply", "really", is_flag=True, help="Do it; without, only say what would go.")
@common
@with_api
def keep(
    api: Api,
    name: str,
    last: int | None,
    best: int | None,
    metric: str | None,
    goal: Literal["min", "max"],
    really: bool,
    as_json: bool,
) -> None:
    """Keep only the best or the newest versions; aliased and used ones stay in any case."""
    gone = api.keep_artifacts(name, last=last, best=best, metric=metric, goal=goal, apply=really)
    if as_json:
        print_json({"removed" if really else "would_remove": [v.ref for v in gone]})
        return
    word = "moved to the trash" if really else "would go (use --apply)"
    say(
        f"{counted(len(gone), 'version')} {word}: {', '.join(v.ref for v in gone)}"
        if gone
        else "nothing goes"
    )
