"""One-shot pictures: no session, the stock meaning of every word, files in a folder of the user's."""

import hashlib
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL.PngImagePlugin import PngInfo

from ...errors import NotthatError
from ...generation import GenerationRequest, LocalEngine
from ...generation import generate as run
from ...generation.infotext import png_text

if TYPE_CHECKING:
    from PIL.Image import Image

    from ...generation import Engine, Progress


@dataclass(frozen=True)
class Drawn:
    """A picture in its file, and the request it was made from."""

    path: Path
    image: "Image"
    request: GenerationRequest
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """What `--json` prints."""
        return {
            "image": str(self.path.absolute()),
            "sha256": hashlib.sha256(self.image.tobytes()).hexdigest(),
            "prompt": self.request.prompt,
            "negative": self.request.negative_prompt,
            "seed": self.request.seed,
            "steps": self.request.num_inference_steps,
            "guidance": self.request.guidance_scale,
            "width": self.request.width,
            "height": self.request.height,
            "model": self.request.model,
            "seconds": round(self.seconds, 3),
        }


def first_request(
    model: str, prompt: str, negative: str | None, asked: dict[str, Any]
) -> "tuple[Engine, GenerationRequest]":
    """The engine, and the request for the first picture: what was asked for, and the model's defaults."""
    given = {name: value for name, value in asked.items() if value is not None}
    given = {"seed": secrets.randbelow(2**32), **given, "model": model, "prompt": prompt}
    given |= {"negative_prompt": negative or "", "no_negative": negative is None, "syntax": "plain", "joining_step": 0}
    given.setdefault("method", "cfg")
    load = cache(partial(LocalEngine.load, model))
    request = GenerationRequest.with_defaults(given, lambda: load().defaults)
    return load(), request


def draw_to_folder(
    engine: "Engine", first: GenerationRequest, count: int, folder: Path, on_step: "Callable[[Progress], None]"
) -> Iterator[Drawn]:
    """`count` pictures, the k-th from the first one's seed plus k; no file is written over.

    Raises:
        InvalidRequestError: where the seeds would run out; nothing is drawn then.
        NotthatError: where the folder or a file can't be written.
    """
    requests = [GenerationRequest.checked(**{**first.model_dump(), "seed": first.seed + k}) for k in range(count)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for request in requests:
            picture = run(engine, request, on_step)
            path = _free_name(folder, str(request.seed))
            chunks = PngInfo()
            for key, text in png_text(request).items():
                chunks.add_text(key, text)
            picture.image.save(path, pnginfo=chunks)
            yield Drawn(path, picture.image, request, picture.seconds)
    except OSError as error:
        raise NotthatError(f"{folder} can't be written: {error.strerror or error}") from None


def _free_name(folder: Path, stem: str) -> Path:
    path, copy = folder / f"{stem}.png", 1
    while path.exists():
        copy += 1
        path = folder / f"{stem}-{copy}.png"
    return path
