"""One exclusion at a time is left out of a turn: what each of them does."""

import asyncio
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from PIL import Image

from notthat.agent import AsyncConversation, Conversation, Studio
from notthat.agent.exclusion_audit import AuditResult, ExclusionAudit
from notthat.agent.replay.gif_and_grid import save_audit_grid
from notthat.errors import InvalidInputError, NotthatError
from notthat.generation import GenerationRequest, LocalEngine, Progress, StubEngine

OpenStudio = Callable[..., Studio]


class Recording(StubEngine):
    """Keeps its requests. The word “fog” changes no pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[GenerationRequest] = []

    def run(self, request: GenerationRequest) -> Generator[Progress]:
        self.requests.append(request)
        seen = ", ".join(term for term in request.negative_prompt.split(", ") if term != "fog")
        yield from super().run(request.model_copy(update={"negative_prompt": seen, "shown": ()}))


@pytest.fixture
def engine() -> Recording:
    return Recording()


@pytest.fixture
def conversation(engine: Recording, open_studio: OpenStudio) -> Conversation:
    """A session that excludes six terms of a policy, boats and fog."""
    conversation = Conversation.start("a harbour without boats", open_studio(engine), seed=5, policies=["quality"])
    conversation.say("no fog")
    engine.requests.clear()
    return conversation


def test_each_exclusion_is_left_out_in_turn(conversation: Conversation, engine: Recording) -> None:
    results = {result.exclusion.term: result for result in conversation.audit()}
    assert tuple(results) == conversation.state.negative.terms
    whole, *others = engine.requests
    assert whole == GenerationRequest.create(**conversation.head.request)
    for term, request in zip(results, others, strict=True):
        kept = [other for other in conversation.state.negative.terms if other != term]
        assert request.negative_prompt == ", ".join(kept)
        assert (request.seed, request.prompt) == (5, "a harbour")
    assert [request.base_negative_prompt for request in others[-2:]] == [whole.base_negative_prompt] * 2
    assert "blurry" not in others[0].base_negative_prompt  # a policy's term
    assert "watermark" in others[0].base_negative_prompt


def test_an_exclusion_that_changes_nothing_is_named(conversation: Conversation) -> None:
    boats, fog = list(conversation.audit())[-2:]
    assert fog.summary == "“fog” changes nothing: the picture is the same without it."
    assert (fog.as_json()["psnr"], fog.as_json()["changed"], fog.as_json()["has_effect"]) == (None, 0.0, False)
    assert boats.summary == f"Without “boats”, {boats.difference.changed:.1%} of the pixels change visibly."
    assert boats.as_json()["has_effect"]
    assert boats.before == fog.image
    assert boats.as_json()["words"] == "a harbour without boats"


def test_it_draws_as_results_are_asked_for_and_stores_nothing(
    conversation: Conversation, engine: Recording, home: Path
) -> None:
    store, pictures = conversation.studio.store, sorted(home.rglob("*.png"))
    results = conversation.audit()
    assert not engine.requests
    next(results)
    assert len(engine.requests) == 2

    def stop(progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        next(conversation.audit(on_step=stop))
    assert len(store.turns(conversation.id)) == 2
    assert store.attempts.all() == []
    assert sorted(home.rglob("*.png")) == pictures


def test_at_most_so_many_are_audited_the_latest_ones(conversation: Conversation, engine: Recording) -> None:
    audit = ExclusionAudit(conversation.studio, conversation.head, limit=2)
    assert audit.pictures == 3
    assert [result.exclusion.term for result in audit.results()] == ["boats", "fog"]
    assert audit.is_reproduced
    assert len(engine.requests) == 3
    with pytest.raises(InvalidInputError, match="at least 1"):
        conversation.audit(limit=0)


def test_a_turn_without_exclusions_draws_nothing(open_studio: OpenStudio, engine: Recording) -> None:
    conversation = Conversation.start("a harbour", open_studio(engine))
    engine.requests.clear()
    assert list(conversation.audit()) == []
    assert not engine.requests


def test_a_picture_that_comes_out_otherwise_is_compared_as_it_is_drawn_now(open_studio: OpenStudio) -> None:
    conversation = Conversation.start("a harbour without fog", open_studio())
    audit = ExclusionAudit(open_studio(Recording()), conversation.head)
    (result,) = audit.results()
    assert not audit.is_reproduced
    assert result.difference.max_abs_diff == 0


def test_a_grid_shows_all_pictures(conversation: Conversation, tmp_path: Path) -> None:
    results = list(conversation.audit(limit=2))
    save_audit_grid(1, results, tmp_path / "audit.png")
    sheet = Image.open(tmp_path / "audit.png").convert("RGB")
    width = 32 + 6 + 32  # a picture beside the map of its changes
    assert sheet.size == (2 * (width + 12) + 12, 2 * (32 + 12 + 34) + 12)
    assert sheet.crop((12, 12, 44, 44)) == results[0].before
    assert sheet.crop((94, 12, 126, 44)) == results[0].image
    with pytest.raises(NotthatError, match=r"can't be written"):
        save_audit_grid(1, results, tmp_path / "no" / "audit.png")


def test_the_async_twin_draws_off_the_loop(conversation: Conversation) -> None:
    steps: list[int] = []

    async def count(progress: Progress) -> None:
        steps.append(progress.step)

    async def audit() -> list[AuditResult]:
        twin = AsyncConversation(conversation)
        return [result async for result in twin.audit(limit=2, on_step=count)]

    assert asyncio.run(audit()) == list(conversation.audit(limit=2))
    assert steps == [1, 2, 3, 4] * 3


def test_a_real_model_is_audited(open_studio: OpenStudio, model_folder: Path) -> None:
    studio = open_studio(LocalEngine.load(str(model_folder), device="cpu"))
    conversation = Conversation.start("a harbour without boats and fog", studio, seed=1)
    audit = ExclusionAudit(studio, conversation.head)
    results = list(audit.results())
    assert [result.difference.max_abs_diff > 0 for result in results] == [True, True]
    assert (audit.is_reproduced, audit.warnings()) == (True, [])
    allowed = conversation.say("bring the fog back")
    assert results[1].image == studio.store.images.open(allowed.sha256)
