"""The verifier: its forward pass, what it reads, and what it decides."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from transformers import BertConfig, BertModel

from notthat.agent.edits import Allow, Edit, Exclude, Reset, Reweight, SetPrompt, State, Undo
from notthat.agent.exclusions import parse_negative
from notthat.agent.interpreters.verifier.features import (
    MAX_FEEDBACK,
    encode_features,
    encode_proposals,
    load_word_pieces,
)
from notthat.agent.interpreters.verifier.network import HEADS, INTENTS, TAGS, Network
from notthat.agent.interpreters.verifier.verifier import WEIGHTS, load_verifier


def state(prompt: str = "portrait of a man", negative: str = "") -> State:
    return State(prompt=prompt, negative=parse_negative(negative), seed=0)


def bert(network: Network) -> BertModel:
    """The same encoder, run by transformers."""
    weights = {name: torch.from_numpy(values) for name, values in network.weights().items()}
    layers = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("layer."))
    width = weights["segments"].shape[1]
    model = BertModel(
        BertConfig(
            vocab_size=len(weights["words"]),
            hidden_size=width,
            num_hidden_layers=layers,
            num_attention_heads=HEADS,
            intermediate_size=4 * width,
            max_position_embeddings=len(weights["positions"]),
            hidden_act="gelu_pytorch_tanh",
        ),
        add_pooling_layer=False,
    ).eval()
    state = {
        "embeddings.word_embeddings.weight": weights["words"],
        "embeddings.position_embeddings.weight": weights["positions"],
        "embeddings.token_type_embeddings.weight": weights["segments"],
    }
    for kind in ("weight", "bias"):
        state[f"embeddings.LayerNorm.{kind}"] = weights[f"embedding.norm.{kind}"]
        for number in range(layers):
            ours, theirs = f"layer.{number}.", f"encoder.layer.{number}."
            for part, values in zip(("query", "key", "value"), weights[f"{ours}qkv.{kind}"].chunk(3), strict=True):
                state[f"{theirs}attention.self.{part}.{kind}"] = values
            state[f"{theirs}attention.output.dense.{kind}"] = weights[f"{ours}mix.{kind}"]
            state[f"{theirs}attention.output.LayerNorm.{kind}"] = weights[f"{ours}attention.norm.{kind}"]
            state[f"{theirs}intermediate.dense.{kind}"] = weights[f"{ours}inner.{kind}"]
            state[f"{theirs}output.dense.{kind}"] = weights[f"{ours}outer.{kind}"]
            state[f"{theirs}output.LayerNorm.{kind}"] = weights[f"{ours}output.norm.{kind}"]
    model.load_state_dict(state)
    return model


def test_the_forward_pass_is_that_of_transformers() -> None:
    network = Network.load(WEIGHTS)
    features = encode_features("too cartoonish, bring the hat back", state(negative="hat"), load_word_pieces())
    with torch.inference_mode():
        theirs = bert(network)(
            torch.from_numpy(features.ids)[None], token_type_ids=torch.from_numpy(features.segments)[None]
        ).last_hidden_state[0]
    np.testing.assert_allclose(network.read(features).states, theirs.numpy(), atol=2e-3)


def test_probabilities_have_one_row_per_word_exclusion_and_proposal() -> None:
    edits = (Exclude(term="hat"), Reweight(term="text", weight=1.3))
    now = state(negative="text, fog")
    features = encode_features("no hat, and still text", now, load_word_pieces())
    network = Network.load(WEIGHTS)
    context = network.read(features)
    readings = network.readings(features, context)
    assert network.judge(encode_proposals(edits, now, load_word_pieces()), context).shape == (2,)
    assert readings.words.shape == (6, len(TAGS))
    assert readings.exclusions.shape == (2, 4)
    assert readings.prompt_words.shape == (4,)
    assert readings.intents.shape == (len(INTENTS),)
    np.testing.assert_allclose(readings.words.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize(
    ("feedback", "negative", "edits"),
    [
        ("no hat", "", [Exclude(term="hat")]),
        ("too dark", "", [Exclude(term="dark")]),
        ("remove the beard please", "", [Exclude(term="beard")]),
        ("get rid of the glasses", "", [Exclude(term="glasses")]),
        ("bring the hat back", "hat", [Allow(term="hat")]),
        ("undo", "", [Undo()]),
        ("start over", "hat", [Reset()]),
    ],
)
def test_a_plain_request_is_made_without_a_question(feedback: str, negative: str, edits: list[Edit]) -> None:
    interpretation = load_verifier().review(feedback, state(negative=negative), edits)
    assert list(interpretation.edits) == edits
    assert interpretation.question is None


@pytest.mark.parametrize(
    ("feedback", "edits"),
    [
        ("the beard is glorious, well done", [Exclude(term="beard")]),
        ("my dog ate my hat yesterday lol", [Exclude(term="hat")]),
        ("don't you dare remove the scarf", [Exclude(term="scarf")]),
        ("which seed was that?", [Exclude(term="seed")]),
    ],
)
def test_a_change_nobody_asked_for_is_not_made(feedback: str, edits: list[Edit]) -> None:
    assert load_verifier().review(feedback, state(), edits).edits == ()


def test_an_edit_that_nobody_proposed_is_found() -> None:
    interpretation = load_verifier().review("could do without the sunglasses, honestly", state(), ())
    assert [edit.term for edit in interpretation.edits if isinstance(edit, Exclude)] == ["sunglasses"]


def test_a_request_without_a_known_edit_is_not_understood() -> None:
    interpretation = load_verifier().review("could you fix that for me please, it is all wrong", state(), ())
    assert interpretation.edits == ()
    assert not interpretation.understood or interpretation.question


def test_what_is_longer_than_the_encoder_reads_is_cut() -> None:
    edits = tuple(Exclude(term=f"thing {number}") for number in range(40))
    long = state("castle " * 300, ", ".join(f"thing {number}" for number in range(200)))
    features = encode_features("no hat and " * 5000, long, load_word_pieces())
    assert len(features.ids) + len(encode_proposals(edits, long, load_word_pieces()).ids) < 320
    assert len(features.words) <= MAX_FEEDBACK
    assert load_verifier().review("no hat and " * 5000, long, edits)


@pytest.mark.parametrize("feedback", ["", " ", "\x00", "🙂" * 50, "不要帽子", "\ud7ff", "((((", "a" * 1000])
def test_any_text_is_read(feedback: str) -> None:
    load_verifier().review(feedback, state(), (SetPrompt(text="a woman"),))


def test_reading_feedback_imports_no_torch() -> None:
    code = (
        "import sys; from notthat.agent.interpreters import OfflineInterpreter; from notthat.agent.edits import State\n"
        "from notthat.agent.exclusions import parse_negative\n"
        "print(OfflineInterpreter().interpret('no hat', State(prompt='a man', negative=parse_negative(''), seed=0)))\n"
        "assert 'torch' not in sys.modules and 'transformers' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_same_line_is_judged_the_same_again() -> None:
    verifier = load_verifier()
    first = verifier.read("lose the hat", state(), (Exclude(term="hat"),))
    assert verifier.read("lose the hat", state(), (Exclude(term="hat"),)) == first


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    weights = load_file(WEIGHTS)
    del weights["head.word.0.weight"]
    save_file(weights, tmp_path / "weights.safetensors")
    with pytest.raises(ValueError, match="missing"):
        Network.load(tmp_path / "weights.safetensors").read(encode_features("no hat", state(), (), load_word_pieces()))
