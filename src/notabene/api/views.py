"""Saved views of the pages: what :class:`notabene.Api` does with them."""

from __future__ import annotations

from notabene._ids import new_id, user_name
from notabene.api.door import Door
from notabene.errors import NotFoundError, UsageError
from notabene.model.entities import View
from notabene.model.records import ViewSaved
from notabene.model.refs import check_name
from notabene.store.words import deleted_view

MAX_STATE = 64 << 10
"""Bytes of the state of a saved view."""


class ViewEdits(Door):
    """Views: a link to one shows for ever what it showed when it was saved."""

    def save_view(self, project: str, name: str, *, page: str = "", state: str = "") -> View:
        """Keep a view of a project under a name; its state never changes after that.

        Args:
            project: The project; empty for a view of all.
            name: What people call it.
            page: Which page it is of: ``runs``, ``charts`` ...
            state: What stands after ``?`` in its address, at most 64 KiB.
        """
        project = check_name(project, "project name") if project else ""
        name = check_name(name, "view's name")
        page = check_name(page, "page") if page else ""
        kept = state.encode("utf-8", "replace")
        if len(kept) > MAX_STATE:
            raise UsageError(f"the state of a view has at most {MAX_STATE:,} bytes")
        author = user_name()
        record = ViewSaved(
            id=new_id(),
            project=project,
            name=name,
            page=page,
            state=kept.decode(),
            author=author,
        )
        self._write([("", record)])
        return self.view(record.id)

    def view(self, id: str) -> View:
        """A saved view.

        Raises:
            NotFoundError: There is none of this id.
        """
        self._fresh()
        for view in self.store.views():
            if view.id == id:
                return view
        raise NotFoundError(f"there is no saved view {id!r}")

    def rename_view(self, id: str, name: str) -> View:
        """Give a saved view another name.

        Raises:
            NotFoundError: There is none of this id.
        """
        self._change_view(self.view(id), name=check_name(name, "view's name"))
        return self.view(id)

    def delete_view(self, id: str) -> View:
        """Take a saved view back.

        Raises:
            NotFoundError: There is none of this id.
        """
        view = self.view(id)
        self._change_view(view, deleted=True)
        return view

    def restore_view(self, id: str) -> View:
        """Bring back a saved view that was taken back, under its id.

        Raises:
            NotFoundError: No view of this id was taken back.
        """
        self._fresh()
        gone = deleted_view(self.store, id)
        if gone is None:
            raise NotFoundError(f"there is no deleted view {id!r}")
        self._change_view(gone)
        return self.view(id)

    def _change_view(self, view: View, *, name: str = "", deleted: bool = False) -> None:
        record = ViewSaved(
            id=view.id,
            project=view.project,
            name=name or view.name,
            page=view.page,
            state=view.state,
            author=view.author,
            deleted=deleted,
        )
        self._write([("", record)], after=view.created)
