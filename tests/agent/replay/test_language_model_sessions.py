"""Sessions on small random models whose text encoder is a language model: said, undone, and replayed from a folder."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import random_flows
import torch

from notthat.agent import Conversation, ReplayResult, Studio, replay_session
from notthat.generation import LocalEngine

PIPELINES = {
    "qwen-image": random_flows.qwen_image,
    "qwen-image-2.1": random_flows.qwen_image21,
    "krea2-distilled": lambda: random_flows.krea2(is_distilled=True),
}
DEFAULTS = {"num_inference_steps": 2, "width": 32, "height": 32}


@pytest.fixture(params=list(PIPELINES))
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The folder of a random model with small defaults."""
    torch.manual_seed(7)
    path = tmp_path / str(request.param)
    random_flows.randomize(PIPELINES[request.param]()).save_pretrained(path)
    (path / "notthat.json").write_text(json.dumps(DEFAULTS))
    return path


def test_a_session_excludes_undoes_and_replays(folder: Path, open_studio: Callable[..., Studio]) -> None:
    studio = open_studio(LocalEngine.load(str(folder), device="cpu"))
    conversation = Conversation.start("a harbour at dawn", studio, seed=1)
    for words in ("no fog", "undo, and no lanterns"):
        conversation.say(words)
    turns = studio.store.turns(conversation.id)
    assert len({turn.sha256 for turn in turns}) == 3
    assert list(replay_session(studio, conversation.id)) == [ReplayResult(k, True, 0) for k in range(3)]
    fresh = open_studio(LocalEngine.load(str(folder), device="cpu"))
    assert all(result.identical for result in replay_session(fresh, conversation.id))
