"""Sessions that start from a picture, and pictures of sessions that go on."""

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from notthat.agent import Conversation, Studio, turn_json
from notthat.agent.replay.regenerate import replay_session
from notthat.agent.source_picture import SourcePicture, session_size
from notthat.errors import InvalidInputError, NotthatError
from notthat.generation.request import Defaults

OpenStudio = Callable[..., Studio]


def photo(width: int = 64, height: int = 32) -> Image.Image:
    image = Image.new("RGB", (width, height), (120, 180, 90))
    ImageDraw.Draw(image).ellipse((2, 2, 20, 20), fill=(200, 10, 10))
    return image


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def test_every_turn_starts_from_the_same_picture_with_all_exclusions(studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(encoded(photo()))
    conversation = Conversation.start("a red ball", studio, picture=tmp_path / "photo.png", strength=0.5)
    first = conversation.head
    assert first.reply.startswith("Starts from your picture of 64 x 32, resized to")
    assert first.source_image is not None
    turns = [first, conversation.say("no watermark"), conversation.say("and no text"), conversation.seed(9)]
    requests = [turn.request for turn in turns]
    assert {(each["init_image"], each["strength"]) for each in requests} == {(first.source_image, 0.5)}
    assert [turn.source_image for turn in turns] == [first.source_image] * 4
    assert turns[-1].negative == "watermark, text"
    assert studio.store.images.open(first.source_image).tobytes() == photo().tobytes()
    assert all(result.identical for result in replay_session(studio, first.session))


def test_the_source_is_in_the_json(studio: Studio) -> None:
    mask = Image.new("L", (64, 32), 255)
    turn = Conversation.start("a ball", studio, picture=photo(), mask=mask).head
    source = json.loads(json.dumps(turn_json(turn)))["source"]
    assert Image.open(source["image"]).convert("RGB").tobytes() == photo().tobytes()
    assert Image.open(source["mask"]).getpixel((0, 0)) == (255, 255, 255)
    assert source["strength"] == 1.0
    assert turn_json(Conversation.start("a ball", studio).head)["source"] is None


def test_a_missing_source_is_one_line_for_each_turn(studio: Studio) -> None:
    turn = Conversation.start("a ball", studio, picture=photo()).head
    assert turn.source_image is not None
    studio.store.images.source_path(turn.source_image).unlink()
    with pytest.raises(NotthatError, match="is gone"):
        list(replay_session(studio, turn.session))


@pytest.mark.parametrize("options", [{}, {"kind": "WEBP", "lossless": True}])
def test_a_picture_of_a_session_goes_on_at_its_turn(studio: Studio, options: dict[str, object]) -> None:
    conversation = Conversation.start("a lighthouse", studio)
    second = conversation.say("no fog")
    conversation.say("no boats")
    data = encoded(studio.store.images.open(second.sha256), **options)
    found = Conversation.continue_from(data, studio)
    assert found is not None
    assert (found.id, found.head.number) == (conversation.id, second.number)
    branch = found.say("no gulls")
    assert (branch.parent, branch.negative) == (second.number, "fog, gulls")
    assert Conversation.continue_from(data, studio, owner="another key") is None
    assert Conversation.continue_from(photo(), studio) is None


def test_a_picture_of_a_session_can_start_another(studio: Studio) -> None:
    drawn = studio.store.images.open(Conversation.start("a lighthouse", studio).head.sha256)
    other = Conversation.start("a lighthouse", studio, picture=drawn, strength=0.4)
    assert other.head.number == 0
    assert len(studio.store.sessions()) == 2


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"picture": Path("nowhere.png")}, "can't be read"),
        ({"picture": b"<svg/>"}, "no picture that can be read"),
        ({"picture": photo(), "strength": 1.5}, "between 0 and 1"),
        ({"picture": photo(), "mask": Image.new("L", (32, 32))}, "the same proportions"),
        ({"strength": 0.5}, "give --from too"),
    ],
)
def test_bad_pictures_change_nothing(studio: Studio, given: dict[str, object], line: str) -> None:
    with pytest.raises(InvalidInputError, match=line):
        Conversation.start("a ball", studio, **given)
    assert not studio.store.sessions()
    assert not list(studio.store.images.pictures())


@pytest.mark.parametrize(
    ("size", "expected"),
    [((3000, 2000), (1280, 832)), ((512, 512), (512, 512)), ((100, 2000), (128, 1984))],
)
def test_the_size_is_that_of_the_picture_within_the_models_area(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    defaults = Defaults(num_inference_steps=20, guidance_scale=5, width=1024, height=1024)
    width, height = session_size(size, defaults)
    assert (width, height) == expected
    assert session_size((640, 640), Defaults(num_inference_steps=1, guidance_scale=1, width=128, height=128)) == (
        128,
        128,
    )


def test_pictures_are_read_once_for_all_faces() -> None:
    source = SourcePicture.read(encoded(photo()), 0.3)
    assert (source.image.size, source.strength, source.mask) == ((64, 32), 0.3, None)
