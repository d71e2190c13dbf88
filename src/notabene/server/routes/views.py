"""Views that people saved: a short link to a page as it was set up."""

from __future__ import annotations

from notabene.model.entities import View
from notabene.server.answers import Page
from notabene.server.notebook import Notebook
from notabene.server.requests import Limit, Offset, read, write
from notabene.server.routes.edits import Body


class NewView(Body, frozen=True, kw_only=True):
    """A view to be saved.

    Attributes:
        project: The project; empty for a view of all.
        name: What people call it.
        page: Which page it is of: ``runs``, ``charts`` ...
        state: What stands after ``?`` in its address.
    """

    project: str
    name: str
    page: str = ""
    state: str = ""


class ViewName(Body, frozen=True):
    """Another name of a view; its state stays, so that links show what they showed."""

    name: str


@read("/views", summary="Saved views")
def list_views(
    notebook: Notebook,
    *,
    project: str | None = None,
    limit: Limit = 1000,
    offset: Offset = 0,
) -> Page[View]:
    """In order of time; of one project, of all together (an empty one), or every one."""
    found = notebook.api.store.views(project)
    return Page(items=found[offset : offset + limit], total=len(found), limit=limit, offset=offset)


@read("/views/{view:str}", summary="One saved view")
def one(notebook: Notebook, *, view: str) -> View:
    """By its id, as a link names it."""
    return notebook.api.view(view)


@write("/views", summary="Save a view")
def save(notebook: Notebook, *, data: NewView) -> View:
    """Under a new id."""
    return notebook.api.save_view(data.project, data.name, page=data.page, state=data.state)


@write("/views/{view:str}", "PUT", summary="Rename a view")
def rename(notebook: Notebook, *, view: str, data: ViewName) -> View:
    """Its state stays as it is."""
    return notebook.api.rename_view(view, data.name)


@write("/views/{view:str}", "DELETE", summary="Take a view back")
def delete(notebook: Notebook, *, view: str) -> View:
    """Links to it lead nowhere after that."""
    return notebook.api.delete_view(view)


@write("/views/{view:str}/restore", summary="Bring a deleted view back")
def restore(notebook: Notebook, *, view: str) -> View:
    """Under its old id: links to it lead there again."""
    return notebook.api.restore_view(view)


HANDLERS = [list_views, one, save, rename, delete, restore]
