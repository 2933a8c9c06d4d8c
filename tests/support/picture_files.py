"""Files of pictures that users give."""

import io

from PIL import Image, ImageDraw


def picture_file(size: tuple[int, int] = (192, 128), form: str = "PNG") -> bytes:
    """A picture of this size in pixels, as a file."""
    picture = Image.linear_gradient("L").resize(size).convert("RGB")
    ImageDraw.Draw(picture).rectangle((20, 20, 90, 90), fill=(30, 90, 160))
    file = io.BytesIO()
    picture.save(file, form)
    return file.getvalue()
