"""The pictures of the exclusion benchmark: the prompts of its columns, and the worker processes that draw them."""

import hashlib
import json
import multiprocessing
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from judge import KINDS, Pixels
from PIL import Image
from rich.console import Console
from rich.progress import track

from notthat.agent import Conversation, Settings, Studio
from notthat.agent.verification import VerifyOptions
from notthat.generation import Engine, GenerationRequest, LocalEngine, Picture, Progress
from notthat.storage import TurnRecord

SUBJECTS = ("man", "woman", "child")

_PLURAL = ("glasses", "sunglasses", "earrings", "text")
_KIND_OF = {name: kind for kind, names in KINDS.items() for name in names}

stderr = Console(stderr=True)


def a(name: str) -> str:
    """The name with its article: a hat, glasses."""
    return name if name in _PLURAL else f"a {name}"


AT_ONCE = 8
"""Consecutive seeds of one prompt, drawn as a batch."""


def bare(seed: int, name: str) -> str:
    """The prompt for a seed, in whose pictures an attribute is frequent; the subject changes with each batch.

    Plain pictures have people's attributes; styles, overlays and faults are those of found pictures.
    """
    found = "" if name in KINDS["objects"] else "found "
    return f"{found}portrait of a {SUBJECTS[seed // AT_ONCE % len(SUBJECTS)]}"


def refused(prompt: str, name: str) -> str:
    """The prompt with a negation, as users write it: “without X”."""
    match _KIND_OF[name]:
        case "styles":
            return f"{prompt}, not a {name}"
        case "faults":
            return f"{prompt}, not {name}"
        case _:
            return f"{prompt} without {a(name)}"


def wanted(prompt: str, name: str) -> str:
    """The prompt that asks for the attribute."""
    match _KIND_OF[name]:
        case "styles":
            return f"{name} {prompt}"
        case "objects":
            return f"{prompt} with {a(name)}"
        case _:
            return f"{prompt}, {name}"


class Drawer:
    """Draws requests in one process per core. Each request is drawn once and its picture is cached.

    With `folder`, the cache is kept there, so that an interrupted run can continue.
    """

    def __init__(self, jobs: int, folder: Path | None = None) -> None:
        self.engine = LocalEngine.load("mini")
        self.pool = multiprocessing.get_context("spawn").Pool(jobs, _start_worker)
        self.drawn: dict[GenerationRequest, Pixels] = {}
        self._folder = folder
        self._made_by = json.dumps(self.engine.provenance(), sort_keys=True)

    def request(self, seed: int, prompt: str, negative: str = "", **asked: object) -> GenerationRequest:
        """A request with mini's defaults, as in a session."""
        values = {"model": "mini", "prompt": prompt, "negative_prompt": negative, "seed": seed, **asked}
        return GenerationRequest.with_defaults(values, lambda: self.engine.defaults)

    def draw(self, requests: Sequence[GenerationRequest], what: str) -> Pixels:
        """The pictures of the requests; shape (len(requests), height, width, 3)."""
        new = batches([request for request in dict.fromkeys(requests) if not self._has(request)])
        if new:
            drawing = track(self.pool.imap(_draw, new), what, len(new), console=stderr, disable=not what)
            for batch, pictures in zip(new, drawing, strict=True):
                self.drawn |= dict(zip(batch, pictures, strict=True))
                self._keep(batch)
        return np.stack([self.drawn[request] for request in requests])

    def _has(self, request: GenerationRequest) -> bool:
        if request not in self.drawn and self._folder and (path := self._path(self._folder, request)).exists():
            self.drawn[request] = np.asarray(Image.open(path))
        return request in self.drawn

    def _keep(self, batch: Sequence[GenerationRequest]) -> None:
        if self._folder:
            self._folder.mkdir(parents=True, exist_ok=True)
            for request in batch:
                Image.fromarray(self.drawn[request]).save(self._path(self._folder, request))

    def _path(self, folder: Path, request: GenerationRequest) -> Path:
        """The cache path of a request; it depends on the weights and library versions."""
        return folder / f"{hashlib.sha256((self._made_by + request.model_dump_json()).encode()).hexdigest()[:32]}.png"


def batches(requests: Sequence[GenerationRequest]) -> list[list[GenerationRequest]]:
    """Groups of at most `AT_ONCE` requests that differ only in consecutive seeds."""
    found: list[list[GenerationRequest]] = []
    for request in requests:
        before = found[-1] if found else []
        if 0 < len(before) < AT_ONCE and before[-1].model_copy(update={"seed": before[-1].seed + 1}) == request:
            before.append(request)
        else:
            found.append([request])
    return found


_worker: list[LocalEngine] = []


def _start_worker() -> None:
    torch.set_num_threads(1)
    _worker.append(LocalEngine.load("mini"))


def _draw(batch: Sequence[GenerationRequest]) -> list[Pixels]:
    """Initialise a worker process."""
    *_, last = _worker[0].run(batch[0], count=len(batch))
    return [np.asarray(picture.image) for picture in last.pictures]


def agent_requests(seeds: Sequence[int], name: str) -> Iterator[GenerationRequest]:
    """The request that the agent builds: from the first prompt, or for every second batch from a second turn."""
    for turn in agent_turns(seeds, name, _Recorder):
        yield GenerationRequest.create(**turn.request)


def agent_turns(
    seeds: Sequence[int],
    name: str,
    create_engine: Callable[[Engine], Engine],
    verification: VerifyOptions | None = None,
) -> Iterator[TurnRecord]:
    """The turns of the agent for each seed, in sessions of their own. `create_engine` gets the engine of mini."""
    with (
        tempfile.TemporaryDirectory() as home,
        Studio.open(Settings.load(home=Path(home), interpreter="offline")) as opened,
    ):
        engine = create_engine(opened.engine("mini"))
        studio = Studio(opened.store, opened.interpreter, load_engine=lambda _: engine)
        for seed in seeds:
            options: dict[str, Any] = {"seed": seed, "verification": verification}
            if seed // AT_ONCE % 2 == 0:
                conversation = Conversation.start(refused(bare(seed, name), name), studio, **options)
            else:
                conversation = Conversation.start(bare(seed, name), studio, **options)
                conversation.say(f"no {name}")
            yield conversation.head


class _Recorder:
    """An engine that draws nothing."""

    model = "mini"

    def __init__(self, engine: Engine) -> None:
        self.defaults, self.warnings, self.tokenize = engine.defaults, engine.warnings, engine.tokenize
        self.provenance, self.effects = engine.provenance, engine.effects
        self.can_exclude = engine.can_exclude

    def run(self, request: GenerationRequest) -> Generator[Progress]:
        """A black picture."""
        yield self._finish(request, Image.new("RGB", (request.width, request.height)))

    def _finish(self, request: GenerationRequest, image: Image.Image) -> Progress:
        return Progress(request.num_inference_steps, request.num_inference_steps, Picture(image, 0.0))


class DrawerEngine(_Recorder):
    """An engine whose pictures are those of a drawer, so that no request is drawn twice."""

    def __init__(self, drawer: Drawer) -> None:
        super().__init__(drawer.engine)
        self._drawer = drawer

    def run(self, request: GenerationRequest) -> Generator[Progress]:
        """The drawer's picture."""
        yield self._finish(request, Image.fromarray(self._drawer.draw([request], "")[0]))
