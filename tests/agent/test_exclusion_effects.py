"""What exclusions did to a picture: said where nobody could see it, and by term."""

import json
import sqlite3
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from notthat.agent import Conversation, Studio
from notthat.agent.exclusion_effects import describe_effect, effects_by_term
from notthat.agent.turn_serialization import turn_json
from notthat.generation import GenerationRequest, LocalEngine, Progress, StubEngine

OpenStudio = Callable[..., Studio]

ALMOST_NOTHING = "moved the picture by almost nothing."


class Measuring(StubEngine):
    """Measures an `effect`; words that it is `blind` to change no pixel."""

    def __init__(self, effect: float | None = 0.3, blind: str = "") -> None:
        super().__init__()
        self.effect, self.blind = effect, blind

    def run(self, request: GenerationRequest) -> Generator[Progress]:
        seen = request.negative_prompt.replace(f", {self.blind}", "") if self.blind else request.negative_prompt
        for progress in super().run(request.model_copy(update={"negative_prompt": seen, "shown": ()})):
            picture = progress.picture and replace(progress.picture, negative_effect=self.effect)
            yield replace(progress, picture=picture)


def test_an_exclusion_that_moves_the_prediction_by_almost_nothing_is_told(open_studio: OpenStudio) -> None:
    studio = open_studio(Measuring(effect=0.002))
    conversation = Conversation.start("a harbour without boats", studio)
    assert conversation.head.reply.endswith(f"Excluding “boats” {ALMOST_NOTHING}")
    assert turn_json(conversation.head)["negative_effect"] == 0.002
    assert turn_json(studio.store.turn(conversation.id)) == turn_json(conversation.head)
    assert ALMOST_NOTHING not in conversation.say("bring the boats back").reply
    assert f"Excluding “fog” and “rain” {ALMOST_NOTHING}" in conversation.say("no fog and no rain").reply


def test_an_exclusion_among_others_that_nobody_can_see_is_told(open_studio: OpenStudio) -> None:
    conversation = Conversation.start("a harbour without boats", open_studio(Measuring(blind="fog")))
    assert ALMOST_NOTHING not in conversation.head.reply
    assert conversation.say("no fog").reply == f"Excluded “fog”. Excluding “fog” {ALMOST_NOTHING}"
    assert ALMOST_NOTHING not in conversation.say("no rain").reply
    assert ALMOST_NOTHING not in conversation.say("no people, and another one").reply


def test_a_parent_with_the_former_name_of_its_method_is_compared_too(open_studio: OpenStudio, home: Path) -> None:
    studio = open_studio(Measuring(blind="fog"))
    asked = {"method": "lookahead"}
    conversation = Conversation.start("a harbour without boats", studio, request=asked)
    head, images = conversation.head, studio.store.images
    former = {**head.request, "method": "dynamic"}
    images.path(head.sha256, head.request).rename(images.path(head.sha256, former))
    with closing(sqlite3.connect(home / "notthat.db")) as database, database:
        database.execute("UPDATE turns SET request = ?", [json.dumps(former)])
    turn = Conversation.open(conversation.id, studio).say("no fog")
    assert turn.reply == f"Excluded “fog”. Excluding “fog” {ALMOST_NOTHING}"
    assert turn.request["method"] == "lookahead"
    assert studio.store.turn(conversation.id, 0).request == former  # which stays as it was stored


def test_a_parent_whose_picture_is_gone_costs_no_turn(open_studio: OpenStudio) -> None:
    conversation = Conversation.start("a harbour without boats", open_studio(Measuring()))
    Path(conversation.head.image).unlink()
    assert conversation.say("no fog").reply == "Excluded “fog”."


@pytest.mark.parametrize("effect", [None, 0.3])
def test_what_was_not_measured_or_is_seen_is_not_spoken_of(open_studio: OpenStudio, effect: float | None) -> None:
    conversation = Conversation.start("a harbour without boats", open_studio(Measuring(effect)))
    assert ALMOST_NOTHING not in conversation.head.reply
    assert turn_json(conversation.head)["negative_effect"] == effect


def test_terms_are_told_as_they_were_excluded(open_studio: OpenStudio) -> None:
    studio = open_studio()
    conversation = Conversation.start("a harbour without boats", studio)
    turn = conversation.say("really no fog (at all)")
    assert list(effects_by_term(studio, turn)) == [exclusion.term for exclusion in turn.exclusions]


def test_where_nothing_can_be_excluded_terms_do_not_act(open_studio: OpenStudio, model_folder: Path) -> None:
    studio = open_studio(LocalEngine.load(str(model_folder), device="cpu"))
    asked = {"method": "cfg"}
    conversation = Conversation.start("a harbour without boats", studio, guidance=1.0, request=asked)
    (exclusion,) = conversation.state.negative
    assert effects_by_term(studio, conversation.head) == {}
    assert describe_effect(studio, conversation.head, exclusion) == "boats can't act here."
    assert turn_json(conversation.head)["negative_effect"] is None
