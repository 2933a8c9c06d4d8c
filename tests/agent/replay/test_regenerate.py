"""Every turn's picture again from its stored request alone."""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from notthat.agent import Conversation, ReplayResult, Studio, replay_session
from notthat.errors import InvalidInputError
from notthat.generation import GenerationRequest, Picture, Progress, StubEngine
from notthat.storage import DamagedPictureError, MissingPictureError, UnknownSessionError

OpenStudio = Callable[..., Studio]


class Lighter(StubEngine):
    """Paints every pixel lighter by `levels` of 255, and one pixel by two levels more."""

    levels = 3

    def run(self, request: GenerationRequest) -> Iterator[Progress]:
        for progress in super().run(request):
            picture = progress.picture
            yield progress if picture is None else replace(progress, picture=self._lighter(picture))

    def _lighter(self, picture: Picture) -> Picture:
        pixels = np.asarray(picture.image, np.int16) // 2 + self.levels
        pixels[0, 0, 0] += 2
        return Picture(Image.fromarray(pixels.astype(np.uint8)), picture.seconds)


class Lightest(Lighter):
    levels = 9


class Larger(StubEngine):
    """Paints a picture of another size than was asked for."""

    def run(self, request: GenerationRequest) -> Iterator[Progress]:
        return super().run(request.model_copy(update={"width": 64}))


@pytest.fixture
def session(studio: Studio) -> str:
    """A session with a branch: turns 1 and 2 both grew from turn 0."""
    return converse(studio)


def converse(studio: Studio) -> str:
    conversation = Conversation.start("a harbour at dawn without boats", studio, seed=1)
    for words in ("no fog", "undo, and no lanterns"):
        conversation.say(words)
    return conversation.id


def tamper(home: Path, statement: str) -> None:
    with sqlite3.connect(home / "notthat.db") as db:
        assert db.execute(statement).rowcount == 1
    db.close()


def test_every_turn_comes_out_the_same(open_studio: OpenStudio, session: str) -> None:
    assert list(replay_session(open_studio(), session)) == [ReplayResult(k, True, 0) for k in range(3)]


def test_a_replay_changes_nothing(studio: Studio, session: str) -> None:
    before = [studio.store.sessions(), studio.store.turns(session)]
    assert len(list(replay_session(studio, session))) == 3
    assert [studio.store.sessions(), studio.store.turns(session)] == before


def test_every_step_is_heard_of(studio: Studio, session: str) -> None:
    heard: list[Progress] = []
    turns = replay_session(studio, session, heard.append)
    next(turns)
    assert [progress.step for progress in heard] == [1, 2, 3, 4]
    assert len(list(turns)) == 2
    assert len(heard) == 12


def test_another_engine_is_found_out_with_the_greatest_difference(open_studio: OpenStudio) -> None:
    session = converse(open_studio(Lighter()))
    assert list(replay_session(open_studio(Lightest()), session)) == [ReplayResult(k, False, 6) for k in range(3)]
    assert list(replay_session(open_studio(Lighter()), session)) == [ReplayResult(k, True, 0) for k in range(3)]


def test_a_picture_of_another_size_is_as_different_as_can_be(open_studio: OpenStudio, session: str) -> None:
    assert list(replay_session(open_studio(Larger()), session)) == [ReplayResult(k, False, 255) for k in range(3)]


def test_a_request_that_was_changed_is_found_out(studio: Studio, home: Path, session: str) -> None:
    tamper(home, "UPDATE turns SET request = json_set(request, '$.seed', 2) WHERE number = 1")
    turn = studio.store.turn(session, 1)
    *_, last = StubEngine("stub").run(GenerationRequest.create(**turn.request))
    assert last.picture is not None
    now, then = (np.asarray(image, int) for image in (last.picture.image, studio.store.images.open(turn.sha256)))
    assert list(replay_session(studio, session)) == [
        ReplayResult(0, True, 0),
        ReplayResult(1, False, int(abs(now - then).max())),
        ReplayResult(2, True, 0),
    ]


def test_a_request_that_was_broken_is_refused_in_one_line(studio: Studio, home: Path, session: str) -> None:
    tamper(home, "UPDATE turns SET request = json_set(request, '$.num_inference_steps', 'many') WHERE number = 0")
    with pytest.raises(InvalidInputError, match=r"^--steps: [^\n]+$"):
        list(replay_session(studio, session))


def test_a_picture_that_is_gone_is_an_error(studio: Studio, session: str) -> None:
    studio.store.turn(session, 1).image.unlink()
    turns = replay_session(studio, session)
    assert next(turns) == ReplayResult(0, True, 0)
    with pytest.raises(MissingPictureError):
        next(turns)


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n and so on"])
def test_a_picture_that_is_damaged_is_an_error(studio: Studio, session: str, content: bytes) -> None:
    studio.store.turn(session, 0).image.write_bytes(content)
    with pytest.raises(DamagedPictureError):
        list(replay_session(studio, session))


def test_a_picture_that_was_painted_over_is_an_error(studio: Studio, session: str) -> None:
    Image.new("RGB", (32, 32), "teal").save(studio.store.turn(session, 2).image)
    turns = replay_session(studio, session)
    assert [next(turns).identical, next(turns).identical] == [True, True]
    with pytest.raises(DamagedPictureError):
        next(turns)


def test_an_unknown_session_is_refused(studio: Studio) -> None:
    with pytest.raises(UnknownSessionError):
        next(replay_session(studio, "nowhere"))
