"""Images of all kinds of sources: what is stored, and what is refused."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from notabene.errors import NotFoundError, UsageError
from notabene.model.canonical import digest_bytes
from notabene.model.values import ImageValue, read_as
from notabene.tracking import media_base
from notabene.tracking.media_image import Image, to_pixels
from notabene.tracking.media_png import png

GREY = np.arange(24, dtype=np.uint8).reshape(3, 8)
COLOUR = np.arange(72, dtype=np.uint8).reshape(3, 8, 3)


def stored(image: Image) -> tuple[ImageValue, list[bytes | None]]:
    """What is recorded of an image, and its bytes."""
    encoded = image.encode()
    assert encoded.kind == "image"
    return read_as(ImageValue, encoded.value), [blob.data for blob in encoded.blobs]


@pytest.mark.parametrize(
    ("array", "pixels", "mode"),
    [
        (GREY, GREY[:, :, None], "L"),
        (GREY[:, :, None], GREY[:, :, None], "L"),
        (GREY[None], GREY[:, :, None], "L"),
        (COLOUR, COLOUR, "RGB"),
        (COLOUR.transpose(2, 0, 1), COLOUR, "RGB"),
        (np.dstack([COLOUR, GREY]), np.dstack([COLOUR, GREY]), "RGBA"),
        (np.dstack([GREY, GREY]), np.dstack([GREY, GREY]), "LA"),
        (GREY.astype(np.uint16) * 256, GREY[:, :, None].astype(np.uint16) * 256, "I;16"),
        (GREY.astype(np.int64), GREY[:, :, None], "L"),
        (GREY > 5, (GREY[:, :, None] > 5) * np.uint8(255), "L"),
        (GREY / 255, GREY[:, :, None], "L"),
        ((GREY / 255).astype(np.float16), GREY[:, :, None], "L"),
        (COLOUR.tolist(), COLOUR, "RGB"),
        (COLOUR[:, ::-1], COLOUR[:, ::-1], "RGB"),
    ],
    ids=[
        "HW", "HW1", "1HW", "HWC", "CHW", "HW4", "HW2", "uint16", "int64", "bool", "float64",
        "float16", "list", "view",
    ],
)  # fmt: skip
def test_arrays_become_png(array: Any, pixels: np.ndarray, mode: str):
    """Arrays of all layouts and types become the pixels one expects, as PNG."""
    value, (data,) = stored(Image(array))
    assert data == png(pixels)
    assert (value.width, value.height, value.mode) == (8, 3, mode)
    assert value.file.mime == "image/png"
    assert value.file.digest == digest_bytes(data or b"")
    assert (value.clipped, value.nan) == (0, 0)


def test_what_lies_outside_is_counted():
    """Values below and above the range are cut, NaN is black, and both are counted."""
    array = np.array([[-0.5, 0.0, 1.0], [2.0, np.nan, np.inf]])
    value, (data,) = stored(Image(array))
    assert data == png(np.array([[0, 0, 255], [255, 0, 255]], np.uint8)[:, :, None])
    assert (value.clipped, value.nan) == (3, 1)
    value, (data,) = stored(Image(np.array([[-1, 256, 7]])))
    assert data == png(np.array([[0, 255, 7]], np.uint8)[:, :, None])
    assert value.clipped == 2


def test_pixels_are_a_copy():
    """The caller's array is neither changed nor kept."""
    array = GREY.copy()
    pixels, _, _ = to_pixels(array)
    array[:] = 0
    assert pixels[2, 7] == 23


def test_an_array_may_change_until_it_is_encoded():
    """encode() takes the content of that moment, and what it made stays as it is."""
    array = np.zeros((2, 2), np.uint8)
    image = Image(array)
    array[:] = 9
    encoded = image.encode()
    array[:] = 0
    assert encoded.blobs[0].data == png(np.full((2, 2, 1), 9, np.uint8))


def test_the_mode_says_which_axis_holds_the_channels():
    """Where both ends could be channels, the last is taken, unless the mode says otherwise."""
    array = np.arange(3 * 5 * 4, dtype=np.uint8).reshape(3, 5, 4)
    assert stored(Image(array))[0].mode == "RGBA"
    value, _ = stored(Image(array, mode="RGB"))
    assert (value.mode, value.width, value.height) == ("RGB", 4, 5)


def test_tensors_have_channels_first():
    """A tensor of torch that could be read both ways has its channels first."""
    torch = pytest.importorskip("torch")
    value, _ = stored(Image(torch.rand(3, 5, 4, requires_grad=True)))
    assert (value.width, value.height, value.mode) == (4, 5, "RGB")
    assert stored(Image(torch.ones(2, 2, dtype=torch.bfloat16)))[0].mode == "L"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (np.zeros((2, 3, 4, 5)), "is several images"),
        (np.zeros(3), r"shape \(3,\) is no image"),
        (np.zeros((5, 6, 7)), r"shape \(5, 6, 7\) is no image"),
        (np.zeros((0, 3)), "is no image"),
        (np.zeros((2, 2), complex), "cannot be made from a ndarray"),
        ([[1, 2], [3]], "one length"),
        (3, "cannot be made from a int"),
        (None, "cannot be made from a NoneType"),
        (b"no picture", "those bytes are no PNG"),
        ([["a"]], "cannot be made from a"),
    ],
    ids=[
        "batch",
        "vector",
        "volume",
        "empty",
        "complex",
        "ragged",
        "int",
        "none",
        "bytes",
        "texts",
    ],
)
def test_what_is_no_image(data: Any, said: str):
    """Everything else is refused at once, saying what is allowed."""
    with pytest.raises(UsageError, match=said):
        Image(data)


@pytest.mark.parametrize("mode", ["RGB", "CMYK"])
def test_a_mode_that_does_not_fit(mode: str):
    """A mode the array has not, or that there is not, is refused."""
    with pytest.raises(UsageError, match=mode):
        Image(GREY, mode=mode)


class TestFiles:
    """Files and bytes are kept as they are."""

    @pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"])
    @pytest.mark.parametrize("as_bytes", [True, False])
    def test_bytes_are_kept(self, tmp_path: Path, form: str, as_bytes: bool):
        """The content is stored byte for byte, with its type and size in pixels."""
        image = pytest.importorskip("PIL.Image")
        out = io.BytesIO()
        image.fromarray(np.tile(COLOUR, (5, 7, 1))).save(out, form)
        path = tmp_path / f"picture.{form.lower()}"
        path.write_bytes(out.getvalue())
        value, (data,) = stored(Image(out.getvalue() if as_bytes else path))
        assert data == out.getvalue()
        assert value.file.mime == f"image/{form.lower()}"
        assert value.file.name == ("" if as_bytes else path.name)
        assert (value.width, value.height) == ((56, 15) if form != "TIFF" else (0, 0))

    @pytest.mark.parametrize(
        "options", [{"lossless": True}, {"exif": b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"}]
    )
    def test_every_form_of_webp_has_its_size(self, options: dict[str, Any]):
        """Lossless and extended WebP are measured as well."""
        image = pytest.importorskip("PIL.Image")
        out = io.BytesIO()
        image.fromarray(np.tile(COLOUR, (5, 7, 1))).save(out, "WEBP", **options)
        value, _ = stored(Image(out.getvalue()))
        assert (value.width, value.height) == (56, 15)

    def test_large_files_stay_where_they_are(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        """A large file is not read into memory; its path and digest are given."""
        monkeypatch.setattr(media_base, "IN_MEMORY", 10)
        path = tmp_path / "a.png"
        path.write_bytes(png(COLOUR))
        encoded = Image(str(path)).encode()
        (blob,) = encoded.blobs
        assert (blob.data, blob.path) == (None, str(path))
        assert blob.digest == digest_bytes(png(COLOUR))
        assert encoded.value["width"] == 8

    @pytest.mark.parametrize(
        "content", [b"\xff\xd8\xff", b"\xff\xd8\xff\xe0\0\x10JFIF\0", b"GIF89a", b"RIFF    WEBP"]
    )
    def test_a_torn_file_has_no_size(self, content: bytes):
        """A file that is cut short is kept, its size is not known."""
        value, (data,) = stored(Image(content))
        assert data == content
        assert (value.width, value.height) == (0, 0)

    def test_what_is_not_there(self, tmp_path: Path):
        """A missing file, a folder and a file of another kind are refused with their path."""
        with pytest.raises(NotFoundError, match=r"there is no file .*nothing\.png"):
            Image(tmp_path / "nothing.png")
        with pytest.raises(UsageError, match="is a folder"):
            Image(tmp_path)
        (tmp_path / "a.txt").write_text("hello")
        with pytest.raises(UsageError, match=r"a\.txt is no image"):
            Image(tmp_path / "a.txt")


class TestPillow:
    """Images of PIL."""

    @pytest.mark.parametrize(
        ("mode", "kept"),
        [("RGB", "RGB"), ("L", "L"), ("1", "1"), ("P", "P"), ("RGBA", "RGBA"), ("I;16", "I;16"),
         ("CMYK", "RGB"), ("YCbCr", "RGB"), ("HSV", "RGB"), ("F", "RGB")],
    )  # fmt: skip
    def test_every_mode_becomes_png(self, mode: str, kept: str):
        """Modes that PNG has are kept, others become RGB."""
        image = pytest.importorskip("PIL.Image")
        value, (data,) = stored(Image(image.new(mode, (4, 3))))
        assert (value.width, value.height, value.mode) == (4, 3, kept)
        with image.open(io.BytesIO(data or b"")) as read:
            assert read.size == (4, 3)

    def test_a_mode_converts(self):
        """mode= converts an image of PIL."""
        image = pytest.importorskip("PIL.Image")
        assert stored(Image(image.new("RGBA", (4, 3)), mode="L"))[0].mode == "L"

    def test_only_the_picture_is_kept(self):
        """What was stored beside the pixels (camera, place, comments) is left out."""
        image = pytest.importorskip("PIL.Image")
        picture = image.fromarray(COLOUR)
        plain = Image(picture).encode()
        exif = image.Exif()
        exif[0x010E] = "at home"
        out = io.BytesIO()
        picture.save(out, "PNG", exif=exif)
        with image.open(out) as read:
            read.info["comment"] = "secret"
            assert Image(read).encode() == plain


class TestBesideThePicture:
    """Captions, boxes and masks."""

    def test_captions(self):
        """A caption is a text, a very long one is cut."""
        assert stored(Image(GREY, caption="a cat"))[0].caption == "a cat"
        assert len(stored(Image(GREY, caption="x" * 100_000))[0].caption) == 16_384

    def test_boxes_are_kept_as_given(self):
        """Boxes are any JSON: inline, or as a blob where they are long."""
        boxes = {"predictions": {"box_data": [{"minX": np.float32(0.5)}], "labels": {1: "cat"}}}
        value, _ = stored(Image(GREY, boxes=boxes))
        assert value.boxes == {"predictions": {"box_data": [{"minX": 0.5}], "labels": {"1": "cat"}}}
        value, blobs = stored(Image(GREY, boxes=[boxes] * 1000))
        assert value.boxes is None
        assert value.boxes_file is not None
        assert blobs[1] is not None
        assert blobs[1].startswith(b'[{"predictions"')

    def test_masks_are_pictures(self):
        """A mask is a grey PNG of its classes, with 16 bits where there are more than 256."""
        wide = GREY.astype(np.int32) * 100
        image = Image(
            GREY, masks={"truth": {"mask_data": GREY, "class_labels": {1: "cat"}}, "wide": wide}
        )
        value, blobs = stored(image)
        assert value.masks["truth"].labels == {"1": "cat"}
        assert blobs[1:] == [png(GREY[:, :, None]), png(wide[:, :, None].astype(np.uint16))]

    @pytest.mark.parametrize(
        ("mask", "said"),
        [
            (COLOUR, "is no array"),
            (GREY / 2, "of whole numbers"),
            ({"class_labels": {}}, "is no array"),
            ({"mask_data": GREY, "class_labels": [1]}, "no mapping"),
            (np.array([[-1]]), "from -1 to -1"),
        ],
        ids=["colour", "floats", "none", "labels", "negative"],
    )
    def test_what_is_no_mask(self, mask: Any, said: str):
        """A mask that is no class map is refused with its name."""
        with pytest.raises(UsageError, match=said) as caught:
            Image(GREY, masks={"truth": mask})
        assert "'truth'" in str(caught.value)
