"""The turn that follows another one: its request, its reply and what it is made with, ready to be drawn."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from ..generation import GenerationRequest
from ..storage import NewTurn, TurnRecord
from .edits import State
from .interpreters import Interpretation
from .pins import Pin, draw_mask
from .studio import Studio
from .turn_execution import build_turn, collect_provenance, warnings_for

CheckRequest = Callable[[GenerationRequest], None]
"""Raises where a picture may not be drawn."""


@dataclass(frozen=True)
class StateChange:
    """What feedback, edits or a seed change: the state `before` at the turn `parent`, and the state `after`."""

    parent: TurnRecord
    number: int
    """The number that the next turn is expected to have."""
    words: str
    interpretation: Interpretation
    before: State
    after: State
    steps: int
    lines: tuple[str, ...] = ()
    """Where several lines were interpreted: each of them."""
    is_interpreted: bool = True
    """Whether an interpreter was asked; not for edits and seeds."""
    pins: tuple[Pin, ...] = ()
    """Which parts of the parent's picture stay or alone may change."""

    @property
    def has_effect(self) -> bool:
        """Whether a new picture has to be drawn."""
        return self.after != self.before or self.steps != self.parent.request["num_inference_steps"]


def build_next_turn(studio: Studio, change: StateChange, policies: tuple[str, ...], check: CheckRequest) -> NewTurn:
    """Build the turn that a change makes. Raises what `check` raises of its request."""
    parent, after = GenerationRequest.create(**change.parent.request), change.after
    engine = studio.engine(parent.model)
    found = studio.resolve_networks(parent.model, after.prompt, after.negative.render())
    after = replace(after, prompt=found.prompt or change.before.prompt)
    request = parent.next_request(
        engine.defaults,
        prompt=after.prompt,
        negative_prompt=found.negative_prompt,
        loras=found.combine_loras(parent.loras),
        embeddings=found.combine_embeddings(parent.embeddings),
        seed=after.seed,
        num_inference_steps=change.steps,
    )
    request, pin_lines = _restrict(studio, change, request)
    check(request)
    said = change.interpretation
    has_same_networks = (request.loras, request.embeddings) == (parent.loras, parent.embeddings)
    remarks = [] if has_same_networks else found.remarks
    reply = " ".join([said.reply, *pin_lines, *remarks, *warnings_for(engine, request, change.before, after)])
    provenance = collect_provenance(studio, request, policies, said if change.is_interpreted else None, change.lines)
    return build_turn(change.number, change.parent.number, change.words, said.edits, reply, after, request, provenance)


def _restrict(
    studio: Studio, change: StateChange, request: GenerationRequest
) -> tuple[GenerationRequest, tuple[str, ...]]:
    """The request that starts from the parent's picture and changes only what the pins allow."""
    if not change.pins:
        return _unrestrict(studio, change, request), ()
    picture = studio.store.images.open(change.parent.sha256)
    mask, lines = draw_mask(picture, change.pins, studio.judges((), request.model))
    if mask is None:
        return _unrestrict(studio, change, request), lines
    images = studio.store.images
    fields = {"init_image": images.save_source(picture), "mask_image": images.save_source(mask)}
    return GenerationRequest.create(**{**request.model_dump(), **fields}), lines


def _unrestrict(studio: Studio, change: StateChange, request: GenerationRequest) -> GenerationRequest:
    """The request without an earlier turn's pins: it starts from what its session starts from."""
    first = studio.store.turn(change.parent.session, 0)
    if (first.source_image, first.mask_image) == (request.init_image, request.mask_image):
        return request
    fields = {"init_image": first.source_image, "mask_image": first.mask_image}
    return GenerationRequest.create(**{**request.model_dump(), **fields})
