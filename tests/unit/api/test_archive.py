"""One file that holds many: written whole, read back only if it is ours and whole."""

from __future__ import annotations

import io
import os
import tarfile

import msgspec
import pytest
import zstandard

from notabene.api.archive import HEAD, TAIL, ArchiveWriter, staging, unpack
from notabene.errors import (
    ConflictError,
    FormatError,
    IntegrityError,
    NotFoundError,
    TransportError,
    UsageError,
)
from notabene.model.canonical import digest_bytes

SAYS = b'{"bytes": 9999999}'
"""A first member that says how much may follow."""

CONTENT = {
    HEAD: SAYS,
    "runs/0/w1.journal": b"journal" * 1000,
    "runs/0/sealed": b"",
    f"blobs/{digest_bytes(b'pixels')}": b"pixels",
}


def write(path, content=CONTENT, **options):
    """Write an archive with this content."""
    with ArchiveWriter(path, progress=None, total=0, **options) as archive:
        for name, data in content.items():
            archive.add_bytes(name, data)
        return archive.finish()


def forged(path, members, *, tail=True):
    """An archive as somebody else could make it: any members, with digests that fit."""
    buffer = io.BytesIO()
    digests = {}
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info, data in members:
            info = tarfile.TarInfo(info) if isinstance(info, str) else info
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
            digests[info.name] = [digest_bytes(data), len(data)]
        if tail:
            data = msgspec.json.encode(digests)
            info = tarfile.TarInfo(TAIL)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    path.write_bytes(zstandard.ZstdCompressor().compress(buffer.getvalue()))
    return path


class TestWriting:
    """Making one."""

    def test_there_and_back(self, tmp_path):
        """What was written is unpacked with the same names and bytes."""
        size = write(tmp_path / "a.notabene")
        assert (tmp_path / "a.notabene").stat().st_size == size
        out = tmp_path / "out"
        out.mkdir()
        digests = unpack(tmp_path / "a.notabene", out)
        assert {name: (out / name).read_bytes() for name in CONTENT} == CONTENT
        assert digests["runs/0/w1.journal"] == digest_bytes(CONTENT["runs/0/w1.journal"])

    def test_other_tools_can_read_it(self, tmp_path):
        """It is a tar in a Zstandard frame, for whoever comes without notabene."""
        write(tmp_path / "a.notabene")
        data = (
            zstandard.ZstdDecompressor()
            .decompressobj()
            .decompress((tmp_path / "a.notabene").read_bytes())
        )
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            assert tar.getnames() == [*CONTENT, TAIL]

    def test_equal_content_gives_equal_bytes(self, tmp_path):
        """Two archives of the same content are the same file."""
        write(tmp_path / "a.notabene")
        write(tmp_path / "b.notabene")
        assert (tmp_path / "a.notabene").read_bytes() == (tmp_path / "b.notabene").read_bytes()

    def test_nothing_is_replaced_unasked(self, tmp_path):
        """A file that is there stays unless it may be replaced."""
        path = tmp_path / "a.notabene"
        path.write_text("mine")
        with pytest.raises(ConflictError):
            write(path)
        assert path.read_text() == "mine"
        write(path, overwrite=True)
        assert path.stat().st_size > 100

    def test_what_breaks_off_leaves_nothing(self, tmp_path):
        """An archive that was not finished does not appear, and leaves no draft."""
        with ArchiveWriter(tmp_path / "a.notabene", progress=None, total=0) as archive:
            archive.add_bytes(HEAD, SAYS)
        assert list(tmp_path.iterdir()) == []

    def test_a_source_that_changes_is_told(self, tmp_path):
        """Fewer bytes than announced: the source changed, and the archive is not made."""
        with (
            pytest.raises(ConflictError, match="changed"),
            ArchiveWriter(tmp_path / "a.notabene", progress=None, total=0) as archive,
        ):
            archive.add(HEAD, 5, [b"ab"])

    def test_wrong_places(self, tmp_path):
        """A folder, or a place in no folder, is refused in words."""
        for path in (tmp_path, tmp_path / "no" / "a.notabene"):
            with pytest.raises(UsageError):
                write(path)

    def test_progress(self, tmp_path):
        """Progress rises to the total, when writing and when reading."""
        told = []
        with ArchiveWriter(
            tmp_path / "a.notabene", progress=lambda *x: told.append(x), total=4
        ) as archive:
            archive.add_bytes(HEAD, SAYS)
            archive.finish()
        assert told[0] == (4, 4)
        assert told[-1] == (4, 4)
        read = []
        (tmp_path / "out").mkdir()
        unpack(tmp_path / "a.notabene", tmp_path / "out", progress=lambda *x: read.append(x))
        assert read[-1][0] == read[-1][1] == (tmp_path / "a.notabene").stat().st_size


def link(name, kind, target="/etc/passwd"):
    """A member that is no plain file."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


UNSAFE = {
    "absolute": "/etc/passwd",
    "upwards": "../../outside",
    "upwards inside": "runs/0/../../../outside",
    "another name": "runs/0/evil.sh",
    "a hidden file": "runs/0/.journal",
    "no number": "runs/x/w.journal",
    "a deeper folder": "runs/0/sub/w.journal",
    "a blob of no digest": "blobs/abc",
    "a trailing newline": "bundle.json\n",
    "symbolic link": link("runs/0/w.journal", tarfile.SYMTYPE),
    "hard link": link("runs/0/w.journal", tarfile.LNKTYPE),
    "device": link("runs/0/w.journal", tarfile.CHRTYPE),
    "pipe": link("runs/0/w.journal", tarfile.FIFOTYPE),
    "folder": link("runs/0/w.journal", tarfile.DIRTYPE, ""),
    "sparse file": link("runs/0/w.journal", tarfile.GNUTYPE_SPARSE, ""),
    "long name": "runs/0/" + "w" * 200 + ".journal",
}


class TestReading:
    """Taking one in."""

    @pytest.fixture
    def out(self, tmp_path):
        """A folder within another, to see what is written beside it."""
        folder = tmp_path / "deep" / "out"
        folder.mkdir(parents=True)
        return folder

    def outside(self, tmp_path):
        """Files beside the folder that was unpacked into."""
        return [
            p
            for p in tmp_path.rglob("*")
            if p.is_file() and "out" not in p.parts[-3:] and p.suffix != ".notabene"
        ]

    @pytest.mark.parametrize("member", UNSAFE.values(), ids=UNSAFE.keys())
    def test_what_does_not_belong_is_refused(self, tmp_path, out, member):
        """Links, devices, odd names and ways out are refused, and nothing is written outside."""
        path = forged(tmp_path / "a.notabene", [(HEAD, SAYS), (member, b"evil")])
        with pytest.raises(FormatError, match="refused as a whole"):
            unpack(path, out)
        assert [p for p in out.rglob("*") if p.is_file()] == [out / HEAD]
        assert not (tmp_path / "outside").exists()
        assert not (tmp_path / "deep" / "outside").exists()

    def test_a_doubled_member_is_refused(self, tmp_path, out):
        """Two members of one name are refused: one could hide the other."""
        path = forged(tmp_path / "a.notabene", [(HEAD, SAYS), (HEAD, b"[]")])
        with pytest.raises(FormatError, match="twice"):
            unpack(path, out)

    def test_no_flipped_byte_gets_through(self, tmp_path, out):
        """Whatever byte is damaged, the file is refused, or (in its frame) nothing differs."""
        path = tmp_path / "a.notabene"
        content = {HEAD: SAYS, "runs/0/w.journal": bytes(range(64))}
        write(path, content)
        good = path.read_bytes()
        for at in range(len(good)):
            path.write_bytes(good[:at] + bytes([good[at] ^ 0x55]) + good[at + 1 :])
            target = out / str(at)
            target.mkdir()
            try:
                unpack(path, target)
            except (FormatError, IntegrityError):
                continue
            assert {name: (target / name).read_bytes() for name in content} == content
            assert at < 6

    def test_every_cut_is_noticed(self, tmp_path, out):
        """A file cut off at any byte is refused."""
        path = tmp_path / "a.notabene"
        write(path, {HEAD: SAYS})
        good = path.read_bytes()
        for end in range(len(good)):
            path.write_bytes(good[:end])
            target = out / str(end)
            target.mkdir()
            # The last four bytes are the checksum of what is verified by digests as well.
            if end < len(good) - 4:
                with pytest.raises(FormatError):
                    unpack(path, target)

    def test_other_content_under_a_digest(self, tmp_path, out):
        """A blob whose name is not its digest is refused, although the list says it fits."""
        name = f"blobs/{digest_bytes(b'good')}"
        path = forged(tmp_path / "a.notabene", [(HEAD, SAYS), (name, b"evil")])
        with pytest.raises(IntegrityError, match="differs from its digest"):
            unpack(path, out)

    def test_a_member_that_the_list_does_not_know(self, tmp_path, out):
        """A member added later is refused."""
        members = [(HEAD, SAYS), ("desk.journal", b"x")]
        digests = msgspec.json.encode({HEAD: [digest_bytes(SAYS), len(SAYS)]})
        path = forged(tmp_path / "a.notabene", [*members, (TAIL, digests)], tail=False)
        with pytest.raises(IntegrityError, match=r"desk\.journal"):
            unpack(path, out)

    def test_more_than_it_says(self, tmp_path, out, monkeypatch):
        """An archive that unpacks to more than it says is refused before that is written."""
        monkeypatch.setattr("notabene.api.archive.MAX_HEAD", 100)
        members = [(HEAD, b'{"bytes": 50}'), ("runs/0/w.journal", b"\0" * 1000)]
        path = forged(tmp_path / "a.notabene", members)
        with pytest.raises(FormatError, match="more bytes than it says"):
            unpack(path, out)
        assert not (out / "runs").exists()

    @pytest.mark.parametrize("first", [b"{}", b"[]", b"x", b'{"bytes": "y"}'])
    def test_without_a_size(self, tmp_path, out, first):
        """An archive whose first member does not say how much follows is refused."""
        path = forged(tmp_path / "a.notabene", [(HEAD, first)])
        with pytest.raises(FormatError, match="no size"):
            unpack(path, out)

    def test_not_enough_room(self, tmp_path, out):
        """An archive larger than the disk is refused before it fills it."""
        path = forged(tmp_path / "a.notabene", [(HEAD, b'{"bytes": 1000000000000000}')])
        with pytest.raises(TransportError, match="are free"):
            unpack(path, out)

    def test_without_the_list(self, tmp_path, out):
        """An archive without the list of its members is not complete."""
        path = forged(tmp_path / "a.notabene", [(HEAD, SAYS)], tail=False)
        with pytest.raises(FormatError, match="not complete"):
            unpack(path, out)

    @pytest.mark.parametrize("data", [b"", b"abc", b"\x28\xb5\x2f\xfd", b"PK\x03\x04" * 10])
    def test_other_files(self, tmp_path, out, data):
        """A file that is no archive at all is told so."""
        path = tmp_path / "a.notabene"
        path.write_bytes(data)
        with pytest.raises(FormatError, match=str(path)):
            unpack(path, out)

    def test_a_file_that_is_not_there(self, tmp_path, out):
        """A missing file is one clear error."""
        with pytest.raises(NotFoundError):
            unpack(tmp_path / "none.notabene", out)


def test_staging_is_removed_whatever_happens(tmp_path):
    """The folder to unpack into goes at the end, and what a killed import left goes later."""
    left, young = tmp_path / ".import-left", tmp_path / ".import-young"
    for folder in (left, young):
        folder.mkdir()
        (folder / "x").write_text("y")
    os.utime(left, (0, 0))
    with staging(tmp_path) as place:
        (place / "x").write_text("y")
    assert list(tmp_path.iterdir()) == [young]
