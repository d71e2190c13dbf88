"""Who is let in: a link that works once, a cookie after it, a token for programs.

The cookie is signed with a key that lies, readable by its owner alone, in the cache folder: so
a session outlives the server, and ends after 30 days. Nothing secret is kept in the store.
"""

from __future__ import annotations

import contextlib
import hmac
import os
import secrets
import threading
import time
from collections import deque
from pathlib import Path

from notabene._ids import now_us
from notabene.errors import AccessError

SECONDS = 30 * 86_400
"""How long a session lasts."""

TRIES, WITHIN = 20, 15 * 60
"""Wrong tokens from one address within so many seconds, after which it has to wait."""

_KEY_BYTES = 32
_PREFIX = "nbt_"


class Session:
    """Links, cookies and tokens of one server.

    Threads: any.

    Args:
        folder: Where key and token lie; made where it is not there.
        port: Names the cookie, since cookies of one host are shared by all its ports.
        token: The token for programs; by default one is made once and kept.

    Raises:
        AccessError: The folder cannot be used.
    """

    def __init__(self, folder: Path, port: int, token: str = "") -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._key = bytes.fromhex(_kept(folder / "key", secrets.token_hex(_KEY_BYTES)))
            self.token = token or _kept(folder / "token", _PREFIX + secrets.token_urlsafe(32))
        except (OSError, ValueError) as error:
            raise AccessError(
                f"the key for sessions in {folder} cannot be used: {error}",
                hint="set NOTABENE_CACHE to a folder of your own",
            ) from error
        self.cookie = f"notabene-{port}"
        self._lock = threading.Lock()
        self._link = ""
        self._wrong: dict[str, deque[float]] = {}
        self.fresh_link()

    def fresh_link(self) -> str:
        """A token for a link that works once; one is valid at a time."""
        with self._lock:
            self._link = secrets.token_urlsafe(24)
            return self._link

    @property
    def link(self) -> str:
        """The token of the link that works now."""
        return self._link

    def use_link(self, token: str) -> bool:
        """Take a link's token; true once."""
        with self._lock:
            right = bool(self._link) and _same(token, self._link)
            if right:
                self._link = ""
        return right

    def is_token(self, token: str) -> bool:
        """Whether this is the token for programs."""
        return _same(token, self.token)

    # -- cookies ---------------------------------------------------------------------------

    def make(self) -> str:
        """The value of a new cookie."""
        body = f"{now_us() // 1_000_000 + SECONDS}.{secrets.token_urlsafe(9)}"
        return f"{body}.{self._sign(body)}"

    def holds(self, value: str) -> bool:
        """Whether a cookie's value is ours and has not run out."""
        body, _, signature = value.rpartition(".")
        if not body or not _same(signature, self._sign(body)):
            return False
        until = body.partition(".")[0]
        return until.isdigit() and int(until[:12]) > now_us() // 1_000_000

    def _sign(self, body: str) -> str:
        return hmac.digest(self._key, body.encode("utf-8", "replace"), "sha256").hex()

    # -- too many tries --------------------------------------------------------------------

    def wrong(self, address: str) -> None:
        """Take note of a wrong token."""
        with self._lock:
            tries = self._wrong.setdefault(address, deque(maxlen=TRIES))
            tries.append(time.monotonic())
            if len(self._wrong) > 10_000:
                self._wrong.pop(next(iter(self._wrong)))

    def must_wait(self, address: str) -> bool:
        """Whether an address has shown too many wrong tokens of late."""
        with self._lock:
            tries = self._wrong.get(address)
            full = tries is not None and len(tries) == TRIES
            return full and tries is not None and tries[0] > time.monotonic() - WITHIN


def _same(given: str, right: str) -> bool:
    return secrets.compare_digest(given.encode("utf-8", "replace"), right.encode())


def _kept(path: Path, fresh: str) -> str:
    """What a file holds that its owner alone may read; made with ``fresh`` where it is not there.

    Raises:
        OSError: It cannot be made or read.
    """
    with contextlib.suppress(FileExistsError):
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(fd, fresh.encode())
            os.fsync(fd)
        finally:
            os.close(fd)
        try:
            os.link(draft, path)  # whole or not there: whoever is first decides
        finally:
            draft.unlink()
    return path.read_text(encoding="ascii").strip()
