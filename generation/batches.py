"""Several pictures of one request, a seed each, as many at once as the device takes."""

from collections.abc import Generator

from .engine import Progress
from .errors import ShortOfMemoryError
from .local import LocalEngine
from .request import GenerationRequest


def in_batches(engine: LocalEngine, request: GenerationRequest, count: int) -> Generator[Progress]:
    """`count` pictures, the k-th from the request's seed plus k; the last progress of each batch brings its own.

    A picture is that of its seed alone to within one level of 255. A batch that finds no memory is made again
    as two.
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
