"""Pictures that users give, as RGB pixels, and bad ones in one line."""

import base64
import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from notthat.generation.errors import InvalidRequestError
from notthat.generation.input_image import data_url_bytes, fit_size, read_input_image, read_mask


def encode(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def half_red(mode: str = "RGB", size: tuple[int, int] = (32, 16)) -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", size, (255, 0, 0))
    image.paste((0, 0, 255), (size[0] // 2, 0, *size))
    return image.convert(mode)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "BMP", "TIFF", "GIF"])
def test_lossless_pictures_keep_their_pixels(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    assert read_input_image(encode(half_red(), kind, **options)).tobytes() == half_red().tobytes()


def test_cmyk_is_converted() -> None:
    image = read_input_image(encode(half_red("CMYK"), "JPEG", quality=95))
    assert image.mode == "RGB"
    assert image.getpixel((2, 8))[0] > 200 > 60 > image.getpixel((2, 8))[2]


def test_sixteen_bits_keep_their_brightness() -> None:
    gray = Image.fromarray(np.full((16, 16), 40000, np.uint16))
    assert read_input_image(encode(gray)).getpixel((0, 0)) == (156, 156, 156)


def test_exif_rotation_is_applied_and_metadata_dropped() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    image = read_input_image(encode(half_red(), "JPEG", exif=exif))
    assert image.size == (16, 32)
    assert not image.info
    assert image.getpixel((8, 2))[0] > 200  # the left is on top


def test_transparency_is_put_on_white() -> None:
    image = half_red("RGBA")
    image.putalpha(0)
    assert read_input_image(encode(image)).getpixel((0, 0)) == (255, 255, 255)


def test_an_animation_is_its_first_frame() -> None:
    frames = [Image.new("RGB", (16, 16), color) for color in ("lime", "black")]
    data = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert read_input_image(data).getpixel((0, 0)) == (0, 255, 0)


def png_header(width: int, height: int) -> bytes:
    """A PNG that says it is of this size, with nearly no data."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (png_header(20_000, 20_000), "too large"),
        (png_header(8000, 8000), "not 8000 x 8000"),
        (png_header(9000, 10), "too large"),
        (png_header(64, 64), "damaged or incomplete"),
        (encode(half_red())[:-40], "damaged or incomplete"),
        (encode(half_red(), "JPEG")[:200], "damaged or incomplete"),
        (encode(Image.new("RGB", (4, 40))), "at least 8 x 8"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no picture that can be read"),
        (b"<!doctype html><html></html>", "no picture that can be read"),
        (b"", "is empty"),
    ],
)
def test_bad_pictures_get_one_line(data: bytes, line: str) -> None:
    for read in (read_input_image, read_mask):
        with pytest.raises(InvalidRequestError, match=line) as raised:
            read(data)
        assert "\n" not in str(raised.value)


def test_a_mask_is_gray_and_transparency_is_what_changes() -> None:
    gray = read_mask(encode(Image.new("L", (16, 16), 255)))
    assert (gray.mode, gray.getpixel((0, 0))) == ("L", 255)
    picture = half_red("RGBA")
    picture.paste((0, 0, 0, 0), (0, 0, 16, 16))
    mask = read_mask(encode(picture))
    assert (mask.getpixel((2, 2)), mask.getpixel((30, 2))) == (255, 0)
    assert read_mask(encode(Image.new("RGBA", (16, 16), "white"))).getpixel((0, 0)) == 255


def test_data_urls_are_decoded_and_nothing_is_fetched() -> None:
    data = encode(half_red())
    text = base64.b64encode(data).decode()
    assert data_url_bytes(f"data:image/png;base64,{text}") == data_url_bytes(text) == data
    for address in ("http://localhost/a.png", "file:///etc/passwd", "https://a.b/c,d", "data:image/png,abc", "data:"):
        with pytest.raises(InvalidRequestError, match="no address is fetched"):
            data_url_bytes(address)
    with pytest.raises(InvalidRequestError, match="base64"):
        data_url_bytes("data:image/png;base64,%%%")


@pytest.mark.parametrize(
    ("picture", "model", "multiple", "size"),
    [
        ((512, 512), (512, 512), 8, (512, 512)),
        ((300, 200), (512, 512), 8, (304, 200)),
        ((4000, 3000), (1024, 1024), 16, (1184, 880)),
        ((8192, 8), (128, 128), 16, (4096, 16)),
        ((100, 104), (1024, 1024), 4, (96, 104)),
    ],
)
def test_a_picture_is_drawn_at_about_its_size_or_with_the_models_number_of_pixels(picture, model, multiple, size):
    assert fit_size(picture, model, multiple) == size
