"""The one read door for people, and the edits they make."""

from __future__ import annotations

import os
from typing import Self

from notabene.api.documents import Documents


class Api(Documents):
    """A store opened for reading, and for the edits that people make.

    Opening writes nothing into the store; each edit is a record in a journal of its own. Any
    number of processes may read and edit one store at once, also while runs log into it. Threads
    may share an Api; a forked child opens its own.

        with Api() as api:
            best = api.runs("metrics.acc > 0.9", order_by="-metrics.acc")[0]
            loss = api.history(best, "loss")

    Args:
        store: Folder of the store; default is as for ``init``: ``NOTABENE_STORE``, the nearest
            ``.notabene`` at or above the working folder, else ``~/.notabene``.

    Attributes:
        settings: What holds here and now.
        store_path: The store's folder.
        index_path: File of the index, or None where it is in memory.

    Raises:
        NotFoundError: There is no store.
        UsageError: The path is no store, or cannot be read.
        FormatError: A newer notabene wrote it.
    """

    def __init__(self, store: str | os.PathLike[str] | None = None) -> None:
        super().__init__(store)

    @classmethod
    def make(cls, store: str | os.PathLike[str] | None = None) -> Self:
        """As ``Api(store)``; makes the store where there is none.

        Raises:
            UsageError: The path cannot become a store.
        """
        from notabene.journal.folder import StoreFolder
        from notabene.settings import Settings

        settings = Settings({"store": store})
        StoreFolder.open(settings.store, create=True)
        return cls(settings.store)

    def __repr__(self) -> str:
        return f"<Api {self.store_path}>"
