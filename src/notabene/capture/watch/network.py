"""What was read from the network: of each answer its address, length and digest.

``urllib``, ``requests``, ``urllib3`` and :mod:`http.client` itself all read from
:class:`http.client.HTTPResponse`; ``httpx`` and ``aiohttp`` have answers of their own.
"""

from __future__ import annotations

import sys
from weakref import WeakKeyDictionary

from notabene.capture.watch.core import quietly
from notabene.capture.watch.hosts import asked_from
from notabene.capture.watch.later import dress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any

    from notabene.capture.watch.core import Watch

_NAME = "_notabene_body"
_READERS = ("read", "read1", "readline", "_safe_read")
_CRLF = b"\r\n"


def of_http(watch: Watch, module: Any) -> None:
    """Watch what is read by :mod:`http.client`."""
    bodies: dict[int, Body] = {}
    _wrap_connection(watch, module.HTTPConnection, bodies)
    kind = module.HTTPResponse
    for name in _READERS:
        if name in kind.__dict__:
            setattr(kind, name, _reader(kind.__dict__[name]))
    if "readinto" in kind.__dict__:
        kind.readinto = _filler(kind.readinto)
    kind.close = _closer(kind.close)
    watch.at_end(lambda: _end(bodies))
    watch.after_fork.append(bodies.clear)


def of_httpx(watch: Watch, module: Any) -> None:
    """Watch what is read by ``httpx``; what a program makes up itself has no request."""
    kind, bodies = module.Response, {}  # type: ignore[var-annotated]  # filled by Body
    real, areal = kind.iter_raw, kind.aiter_raw

    def iter_raw(self: Any, *args: Any, **options: Any) -> Any:
        body = quietly(begin, self)
        for chunk in real(self, *args, **options):
            if body is not None:
                quietly(body.add, chunk)
            yield chunk
        if body is not None:
            quietly(body.end)

    async def aiter_raw(self: Any, *args: Any, **options: Any) -> Any:
        body = quietly(begin, self)
        async for chunk in areal(self, *args, **options):
            if body is not None:
                quietly(body.add, chunk)
            yield chunk
        if body is not None:
            quietly(body.end)

    def begin(response: Any) -> Body | None:
        from notabene.capture.watch.hidden import url as shown

        asked = response.request.url
        where = asked_from(asked.host, sys._getframe(3)) if watch.on else None
        if where is None:
            return None
        body = Body(watch, bodies, shown(str(asked)), where)
        body.status = response.status_code
        return body

    kind.iter_raw, kind.aiter_raw = dress(iter_raw, real), dress(aiter_raw, areal)
    watch.at_end(lambda: _end(bodies))
    watch.after_fork.append(bodies.clear)


def of_aiohttp(watch: Watch, module: Any) -> None:
    """Watch what is read whole by ``aiohttp``."""
    kind = module.ClientResponse
    real = kind.read

    async def read(self: Any) -> Any:
        data = await real(self)
        if watch.on and not self.__dict__.get(_NAME):
            quietly(tell, self, data)
        return data

    def tell(response: Any, data: bytes) -> None:
        import hashlib

        from notabene.capture.watch.hidden import url as shown

        where = asked_from(response.url.host or "", sys._getframe(3))
        if where is not None:
            setattr(response, _NAME, True)
            digest = hashlib.sha256(data).hexdigest()
            address = shown(str(response.url))
            watch.add("fetched", address, response.status, len(data), digest, *where)

    kind.read = dress(read, real)


def of_socket(watch: Watch, connection: Any, address: str, where: tuple[str, int]) -> None:
    """Watch what the program itself reads from a connection it just made, without HTTP."""
    kind = sys.modules["socket"].socket
    if "recv" not in kind.__dict__:
        _wrap_sockets(kind)
        watch.at_end(lambda: _end(_of_sockets))
        watch.after_fork += [_of_sockets.clear, _sockets.clear]
    _sockets[connection] = Body(watch, _of_sockets, address, where)


_sockets: WeakKeyDictionary[Any, Body] = WeakKeyDictionary()
_of_sockets: dict[int, Body] = {}


def _wrap_sockets(kind: Any) -> None:
    recv, recv_into = kind.recv, kind.recv_into

    def received(self: Any, *args: Any) -> Any:
        data = recv(self, *args)
        body = _sockets.get(self)
        if body is not None:
            quietly(body.add, data)
        return data

    def received_into(self: Any, buffer: Any, *args: Any) -> Any:
        count = recv_into(self, buffer, *args)
        body = _sockets.get(self)
        if body is not None:
            quietly(body.add, memoryview(buffer).cast("B")[:count])
        return count

    kind.recv, kind.recv_into = dress(received, recv), dress(received_into, recv_into)


class Body:
    """The body of one answer.

    Args:
        bodies: It stands there until its end.
        inside: Whether one method of the answer calls another.
    """

    def __init__(
        self, watch: Watch, bodies: dict[int, Body], address: str, where: tuple[str, int]
    ) -> None:
        import hashlib

        self._watch, self._bodies = watch, bodies
        self._address, self._where = address, where
        self._digest = hashlib.sha256()
        self._count = 0
        self.status = 0
        self.inside = False
        bodies[id(self)] = self

    def add(self, data: Any) -> None:
        """Some bytes came."""
        self._digest.update(data)
        self._count += len(data)

    def end(self) -> None:
        """No more will come."""
        if self._bodies.pop(id(self), None) is not None and self._watch.on:
            digest, where = self._digest.hexdigest(), self._where
            self._watch.add(
                "fetched", self._address, self.status, self._count, digest, where[0], where[1]
            )


def _end(bodies: dict[int, Body]) -> None:
    for body in list(bodies.values()):
        body.end()


def _wrap_connection(watch: Watch, kind: Any, bodies: dict[int, Body]) -> None:
    ask, answer = kind.putrequest, kind.getresponse

    def putrequest(self: Any, method: str, url: str, *args: Any, **options: Any) -> Any:
        if watch.on:
            quietly(asked, self, url)
        return ask(self, method, url, *args, **options)

    def asked(connection: Any, url: str) -> None:
        connection.__dict__[_NAME] = _address(connection, url)

    def getresponse(self: Any, *args: Any, **options: Any) -> Any:
        response = answer(self, *args, **options)
        if watch.on:
            quietly(answered, self, response, sys._getframe(1))
        return response

    def answered(connection: Any, response: Any, frame: FrameType) -> None:
        where = asked_from(connection.host, frame)
        address = connection.__dict__.pop(_NAME, "")
        if where is not None and address:
            body = Body(watch, bodies, address, where)
            body.status = response.status
            response.__dict__[_NAME] = body
            if response.isclosed():  # an answer without a body
                body.end()

    kind.putrequest, kind.getresponse = dress(putrequest, ask), dress(getresponse, answer)


def _address(connection: Any, url: str) -> str:
    from notabene.capture.watch.hidden import url as shown

    if "://" in url:
        return shown(url)
    secure = connection.default_port == 443
    host = getattr(connection, "_tunnel_host", None) or connection.host
    port = getattr(connection, "_tunnel_port", None) or connection.port
    port = "" if port in (None, connection.default_port) else f":{port}"
    host = f"[{host}]" if ":" in host else host
    return shown(f"{'https' if secure else 'http'}://{host}{port}{url}")


def _reader(real: Callable[..., Any]) -> Callable[..., Any]:
    tail = real.__name__ == "_safe_read"

    def read(self: Any, *args: Any, **options: Any) -> Any:
        body: Body | None = self.__dict__.get(_NAME)
        if body is None or body.inside:
            return real(self, *args, **options)
        body.inside = True
        try:
            data = real(self, *args, **options)
        finally:
            body.inside = False
        # What urllib3 reads of a chunked answer ends each piece with these two.
        if data and not (tail and data == _CRLF):
            quietly(body.add, data)
        if self.isclosed():
            quietly(body.end)
        return data

    dress(read, real)
    return read


def _filler(real: Callable[..., Any]) -> Callable[..., Any]:
    def readinto(self: Any, b: Any) -> Any:
        body: Body | None = self.__dict__.get(_NAME)
        if body is None or body.inside:
            return real(self, b)
        body.inside = True
        try:
            count = real(self, b)
        finally:
            body.inside = False
        if count:
            quietly(body.add, memoryview(b).cast("B")[:count])
        if self.isclosed():
            quietly(body.end)
        return count

    dress(readinto, real)
    return readinto


def _closer(real: Callable[..., Any]) -> Callable[..., Any]:
    def close(self: Any) -> Any:
        found = real(self)
        body: Body | None = self.__dict__.get(_NAME)
        if body is not None and not body.inside:
            quietly(body.end)
        return found

    dress(close, real)
    return close
