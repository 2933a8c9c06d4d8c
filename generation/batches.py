"""Several pictures of one request with consecutive seeds, in batches that fit the device."""

from collections.abc import Generator

from .engine import Progress
from .errors import ShortOfMemoryError
from .local import LocalEngine
from .request import GenerationRequest


def in_batches(engine: LocalEngine, request: GenerationRequest, count: int) -> Generator[Progress]:
    """Draw `count` pictures, the k-th with the request's seed plus k. The last progress of a batch has its pictures.

    A picture equals the one drawn alone with its seed to within one level of 255. A batch that runs out of
    memory is split in two.
    """
    done, size = 0, engine.at_once(request)
    while done < count:
        now = min(size, count - done)
        part = request.model_copy(update={"seed": request.seed + done})
        try:
            yield from engine.run(part, count=now)
        except ShortOfMemoryError:
            if now == 1:
                raise
            size = now // 2
        else:
            done += now
