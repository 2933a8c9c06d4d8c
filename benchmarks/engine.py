"""Our engine against the stock pipeline, alternating in one process: medians of paired runs.

    python benchmarks/engine.py                             # mini: a few minutes on two cores
    python benchmarks/engine.py small                       # a small random model of every family; or small-flux, ...
    python benchmarks/engine.py sd15 sdxl sd35 flux         # needs CUDA: random models of the true sizes

Each pair runs both in alternating order, so that a slowdown of the machine affects both. Prints the medians of both
times and of their ratios. For `mini`: ours over stock; a request over the forward passes that it needs; a turn from a
checkpoint over a full one, by sampler, and whether the pixels are identical; the cost of `nag` per step, and of
`lookahead` by the number of exclusions, over eight seeds; a batch of four over four single pictures. On a busy machine,
use `--processor-time`: other processes do not affect it.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
import torch
from small_models import SIDE, SMALL
from true_sizes import RANDOM

from notthat.generation import GenerationRequest, LocalEngine, Picture, generate
from notthat.generation.families.base import stack
from notthat.generation.loading import load_family, silence_libraries
from notthat.generation.model_catalog import locate_model
from notthat.generation.text_encoders.clip import PromptOptions

diffusers: Any = import_module("diffusers")

PROMPT, NEGATIVE = "portrait of a man", "mustache, watermark, blurry"
EXCLUSIONS = ("mustache", "watermark", "blurry", "hat", "frame", "text")
SAMPLERS = {
    "DDIM": "DDIMScheduler",
    "DPM++ 2M": "DPMSolverMultistepScheduler",
    "UniPC": "UniPCMultistepScheduler",
    "Euler": "EulerDiscreteScheduler",
    "Euler a": "EulerAncestralDiscreteScheduler",
}
BATCH = 4
SEEDS = 8

Work = Callable[[], object]


@dataclass(frozen=True)
class Ratio:
    """The median of each time, and of their ratio within each pair."""

    first: float
    second: float
    ratio: float


@dataclass(frozen=True)
class Bench:
    """The number of pairs and the clock."""

    pairs: int
    clock: Callable[[], float]

    def seconds(self, work: Work) -> float:
        """Seconds that `work` takes, including the device."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        started = self.clock()
        work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        return self.clock() - started

    def paired(self, first: Work, second: Work) -> Ratio:
        """Run both alternately; the first pair is a warm-up."""
        times = []
        for k in range(self.pairs + 1):
            if k % 2:
                b, a = self.seconds(second), self.seconds(first)
            else:
                a, b = self.seconds(first), self.seconds(second)
            times.append((a, b, a / b))
        return Ratio(*(statistics.median(column) for column in zip(*times[1:], strict=True)))


def say(what: str, measured: Ratio, names: tuple[str, str], note: str = "") -> None:
    """One row of the table."""
    first, second = (
        f"{name} {value:7.3f} s" for name, value in zip(names, (measured.first, measured.second), strict=True)
    )
    print(f"{what:<36}{first:>18}{second:>18}   ratio {measured.ratio:.3f}  {note}".rstrip(), flush=True)


def stock(pipeline: Any, request: GenerationRequest) -> Work:
    """A run of the stock pipeline for a request."""
    kind = type(pipeline).__name__
    guidance: dict[str, Any] = {"guidance_scale": request.guidance_scale}
    if kind in ("FluxPipeline", "QwenImagePipeline"):
        guidance = {"true_cfg_scale": request.guidance_scale}
    elif kind in ("ZImagePipeline", "Krea2Pipeline"):  # whose scale is one less
        guidance = {"guidance_scale": request.guidance_scale - 1}

    def draw() -> object:
        if kind == "Flux2KleinPipeline":  # which takes a negative prompt as its embedding alone
            negative = {"negative_prompt_embeds": pipeline.encode_prompt(request.negative_prompt)[0]}
        else:
            negative = {} if kind.startswith("LatentC") else {"negative_prompt": request.negative_prompt}
        return pipeline(
            prompt=request.prompt,
            num_inference_steps=request.num_inference_steps,
            width=request.width,
            height=request.height,
            generator=torch.Generator("cpu").manual_seed(request.seed),
            **guidance,
            **negative,
        )

    return draw


def bare(engine: LocalEngine, request: GenerationRequest) -> Work:
    """The forward passes that a request needs: both texts, two passes per step in one batch, the decoder."""
    family = engine._family

    @torch.inference_mode()
    def forwards() -> None:
        family.forget()
        texts = family.encode([request.negative_prompt, request.prompt], PromptOptions.from_request(request))
        told = stack(texts)
        noise = torch.randn(family.noise_shape(request), device=engine.device, dtype=family.latents_dtype)
        twice, predict = torch.cat([noise] * 2), family.predictor(request)
        for k in range(request.num_inference_steps):
            predict(twice, torch.tensor(999 - 30 * k, device=engine.device), told)
        family.decode(noise)

    return forwards


class Mini:
    """All measurements that need no GPU."""

    def __init__(self, bench: Bench, steps: int) -> None:
        self.bench, self.steps = bench, steps
        self.engine = LocalEngine.load("mini")
        asked = {"model": "mini", "prompt": PROMPT, "negative_prompt": NEGATIVE, "seed": 1}
        asked |= {"num_inference_steps": steps, "joining_step": 0, "method": "cfg"}
        self.session = GenerationRequest.with_defaults(asked, lambda: self.engine.defaults)
        self.plain = self.session.model_copy(update={"syntax": "plain", "guidance_rescale": 0.0})

    def measure(self) -> None:
        """Print the table."""
        self.against_stock()
        self.over_bare_forwards()
        for sampler in SAMPLERS:
            self.from_checkpoints(sampler)
        self.attention_guidance()
        self.watching()
        self.batches()

    def against_stock(self) -> None:
        """One picture: ours over the stock pipeline's."""
        pipeline = diffusers.StableDiffusionPipeline.from_pretrained(locate_model("mini"), safety_checker=None)
        pipeline.to(self.engine.device).set_progress_bar_config(disable=True)
        pair = self.fresh(self.plain), stock(pipeline, self.plain)
        say("a picture, over stock", self.bench.paired(*pair), ("ours", "stock"))

    def over_bare_forwards(self) -> None:
        """The overhead beside the forward passes, for `generate` and for a session, which also measures the effect."""
        for what, request in (("a picture", self.plain), ("a session's turn", self.session)):
            pair = self.fresh(request), bare(self.engine, request)
            say(f"{what}, over bare forwards", self.bench.paired(*pair), ("ours", "bare"))

    def from_checkpoints(self, sampler: str) -> None:
        """A turn from a checkpoint over a full one, from a quarter and from half of the steps."""
        family = self.engine._family
        own, kind = family.scheduler, getattr(diffusers, SAMPLERS[sampler])
        family.scheduler = kind.from_config(own.config)
        for share in (4, 2):
            joining = self.steps // share
            request = self.session.model_copy(update={"joining_step": joining})
            measured = self.bench.paired(partial(generate, self.engine, request), self.cold(request))
            same = (pixels(self.cold(request)()) == pixels(generate(self.engine, request))).all()
            left = (self.steps - joining) / self.steps
            note = f"at most {1.1 * left:.3f}, {'bit-identical' if same else 'OTHER PIXELS'}"
            say(f"{sampler}, from step {joining}", measured, ("warm", "cold"), note)
        family.scheduler = own

    def attention_guidance(self) -> None:
        """The cost of `nag` over one pass, and over the two passes of guidance."""
        alone = self.plain.model_copy(update={"guidance_scale": 1.0})
        nag = self.fresh(alone.model_copy(update={"method": "nag"}))
        for what, other in (("one pass", alone), ("guidance", self.plain)):
            measured = self.bench.paired(nag, self.fresh(other))
            more = 1000 * (measured.first - measured.second) / self.steps
            say(f"nag, over {what}", measured, ("nag", what.split()[-1]), f"{more:+.1f} ms a step")

    def watching(self) -> None:
        """The cost of `lookahead` over `cfg`, by the number of exclusions and of look-ahead terms."""
        for count in (1, 3, len(EXCLUSIONS)):
            excluded = EXCLUSIONS[:count]
            request = self.session.model_copy(update={"negative_prompt": ", ".join(excluded)})
            several = [request.model_copy(update={"seed": request.seed + k}) for k in range(SEEDS)]
            for what, shown in (("seen", excluded), ("to look for", ())):
                watched = [each.model_copy(update={"method": "lookahead", "shown": shown}) for each in several]
                pair = self.bench.paired(self.fresh(*watched), self.fresh(*several))
                say(f"lookahead, {count} {what}, over cfg", pair, ("lookahead", "cfg"), f"{SEEDS} seeds")

    def batches(self) -> None:
        """A batch over the same pictures drawn one by one."""
        requests = [self.plain.model_copy(update={"seed": self.plain.seed + k}) for k in range(BATCH)]

        def together() -> list[Picture]:
            *_, last = self.engine.run(self.plain, count=BATCH)
            return list(last.pictures)

        def alone() -> list[Picture]:
            return [generate(self.engine, request) for request in requests]

        worst = max(
            int(abs(pixels(a).astype(np.int16) - pixels(b)).max()) for a, b in zip(together(), alone(), strict=True)
        )
        levels = f"{worst} level{'' if worst == 1 else 's'} apart at most"
        say(f"{BATCH} pictures, as a batch", self.bench.paired(together, alone), ("batch", "alone"), levels)

    def fresh(self, *requests: GenerationRequest) -> Work:
        """Draws requests whose texts are not in the encoder's cache."""

        def draw() -> None:
            for request in requests:
                self.engine._family.forget()
                generate(self.engine, request)

        return draw

    def cold(self, request: GenerationRequest) -> Callable[[], Picture]:
        """Draws a request without a checkpoint."""

        def draw() -> Picture:
            self.engine.checkpoints.clear()
            return generate(self.engine, request)

        return draw


def pixels(picture: Picture) -> Any:
    """A picture as an array of shape (height, width, 3)."""
    return np.asarray(picture.image)


def measure_random(kind: str, bench: Bench, steps: int, *, compiled: bool) -> None:
    """Ours over stock, for a random model of the true size."""
    torch.manual_seed(0)
    side = 512 if kind == "sd15" else 1024
    with tempfile.TemporaryDirectory() as folder:
        dtype = torch.bfloat16 if kind in ("sd35", "flux") else torch.float16
        with torch.device("cuda"):
            pipeline = RANDOM[kind]().to("cuda", dtype)
        pipeline.set_progress_bar_config(disable=True)
        pipeline.save_pretrained(folder)
        engine = LocalEngine.load(folder, "cuda", compiled=compiled)
    request = plain_request(folder, steps, side)
    pair = partial(generate, engine, request), stock(pipeline, request)
    say(f"{kind}, {side} pixels", bench.paired(*pair), ("ours", "stock"))


def measure_small(kind: str, bench: Bench, steps: int) -> None:
    """Ours over stock, for a small random model on the CPU, with the texts encoded for every picture."""
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        with silence_libraries():
            SMALL[kind]().save_pretrained(folder)
            pipeline = diffusers.DiffusionPipeline.from_pretrained(folder)
        family = load_family(folder, torch.device("cpu"))
    pipeline.set_progress_bar_config(disable=True)
    engine = LocalEngine(kind, family, torch.device("cpu"))
    request = plain_request(kind, steps, SIDE)

    def ours() -> Picture:
        family.forget()
        return generate(engine, request)

    drawn = stock(pipeline, request)
    apart = int(abs(pixels(ours()).astype(np.int16) - np.asarray(drawn().images[0])).max())
    say(f"{kind}, {SIDE} pixels", bench.paired(ours, drawn), ("ours", "stock"), f"{apart} of 255 apart at most")


def plain_request(model: str, steps: int, side: int) -> GenerationRequest:
    """A request in the stock meaning of every word."""
    asked = {"model": model, "prompt": PROMPT, "negative_prompt": NEGATIVE, "seed": 1, "syntax": "plain"}
    asked |= {"num_inference_steps": steps, "guidance_scale": 4.0, "width": side, "height": side}
    return GenerationRequest.create(**asked)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the selected measurements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "models",
        nargs="*",
        default=["mini"],
        help=f"mini, small, small-FAMILY ({', '.join(SMALL)}), {', '.join(RANDOM)}",
    )
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--compile", action="store_true", help="compile the model by region with torch.compile")
    parser.add_argument(
        "--processor-time", action="store_true", help="measure processor time instead of wall-clock time"
    )
    asked = parser.parse_args(arguments)
    bench = Bench(asked.pairs, time.process_time if asked.processor_time else time.perf_counter)
    where = torch.cuda.get_device_name() if torch.cuda.is_available() else f"{torch.get_num_threads()} threads"
    print(f"{where}, torch {torch.__version__}, {asked.steps} steps, medians of {asked.pairs} pairs")
    names = [
        each for name in asked.models for each in ([f"small-{kind}" for kind in SMALL] if name == "small" else [name])
    ]
    for name in names:
        if name == "mini":
            Mini(bench, asked.steps).measure()
        elif (kind := name.removeprefix("small-")) != name and kind in SMALL:
            measure_small(kind, bench, asked.steps)
        elif name not in RANDOM:
            parser.error(f"no model {name}: mini, small, small-FAMILY ({', '.join(SMALL)}), {', '.join(RANDOM)}")
        elif not torch.cuda.is_available():
            parser.error(f"{name} needs CUDA: without it there is mini")
        else:
            measure_random(name, bench, asked.steps, compiled=asked.compile)


if __name__ == "__main__":
    main()
