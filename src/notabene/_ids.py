"""Identities and clocks: run and writer ids, the hybrid logical clock, who and where we are."""

from __future__ import annotations

import os
import time
from pathlib import Path

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32 in lower case: no i, l, o, u, so that ids can be read aloud."""

RUN_ID_LENGTH = 16
SHORT_ID_LENGTH = 6
WRITER_ID_LENGTH = 12


def random_bits(count: int) -> int:
    """Random bits from the system; ``secrets`` would cost 10 ms to import."""
    size = (count + 7) // 8
    return int.from_bytes(os.urandom(size), "little") >> (size * 8 - count)


def _base32(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, rest = divmod(number, 32)
        digits.append(ALPHABET[rest])
    return "".join(reversed(digits))


def now_us() -> int:
    """Wall clock in whole microseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1000


def steady_us() -> int:
    """Microseconds by a clock that nobody sets and that goes on while the machine sleeps."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    ns = time.monotonic_ns() if clock is None else time.clock_gettime_ns(clock)
    return ns // 1000


def new_run_id(at_us: int | None = None) -> str:
    """A run id of 16 characters: 10 of the millisecond, so that ids sort by time, 6 random.

    The last six are enough to name a run at the prompt ("short id").
    """
    millisecond = (now_us() if at_us is None else at_us) // 1000
    return _base32(millisecond, 10) + _base32(random_bits(30), SHORT_ID_LENGTH)


def derived_run_id(at_us: int, bits: int) -> str:
    """The run id that a source elsewhere always gets: its time (µs, 0 unknown), then ``bits``.

    Where no time is known all 16 characters come from the bits.
    """
    if at_us <= 0:
        return _base32(bits % (1 << 80), RUN_ID_LENGTH)
    return _base32(at_us // 1000, 10) + _base32(bits % (1 << 30), SHORT_ID_LENGTH)


def derived_writer_id(bits: int) -> str:
    """The writer id that a source elsewhere always gets."""
    return _base32(bits % (1 << 60), WRITER_ID_LENGTH)


def new_writer_id() -> str:
    """A writer id: 12 random characters (60 bits). One per process that logs to a run."""
    return _base32(random_bits(60), WRITER_ID_LENGTH)


def new_id() -> str:
    """A random id of 12 characters for notes, alerts and the like."""
    return _base32(random_bits(60), WRITER_ID_LENGTH)


class Clock:
    """Hybrid logical clock in microseconds: the wall clock, but never backwards.

    ``tick()`` gives ``max(wall, last + 1)``, so the stamps of one process strictly rise
    whatever happens to the wall clock (Kulkarni et al., "Logical Physical Clocks", 2014).
    """

    __slots__ = ("last",)

    def __init__(self, last: int = 0) -> None:
        self.last = last

    def tick(self) -> int:
        """The next stamp."""
        now = time.time_ns() // 1000
        if now <= self.last:
            now = self.last + 1
        self.last = now
        return now

    def observe(self, stamp: int) -> None:
        """Take notice of another writer's stamp, so that what follows is later than it."""
        if stamp > self.last:
            self.last = stamp


def host_name() -> str:
    """Name of this machine, cut at 250 bytes."""
    if hasattr(os, "uname"):
        return os.uname().nodename[:250]
    import socket

    return socket.gethostname()[:250]


def boot_id() -> str:
    """Identity of this boot of this kernel, or an empty string where the system has none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def process_start(pid: int) -> int:
    """Start time of a process in clock ticks since boot; 0 when it is gone or unknown.

    With the boot id this tells a process from a later one that got the same number.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return 0
    # Field 22; the second field is a name in parentheses that may hold spaces.
    fields = stat.rpartition(b")")[2].split()
    return int(fields[19]) if len(fields) > 19 else 0


def user_name() -> str:
    """Login name of the person running this process, or the numeric id."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid()) if hasattr(os, "getuid") else "unknown"
