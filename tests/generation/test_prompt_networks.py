"""LoRAs and textual inversions that a prompt names, and what is read as words."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from notthat.generation import InvalidRequestError, NetworkLibrary
from notthat.generation.foreign_syntax import explain_foreign_syntax
from notthat.generation.prompt_networks import resolve_networks


@pytest.fixture
def library(tmp_path: Path) -> NetworkLibrary:
    """LoRAs `ink` and `styles/oil`, and textual inversions `bad-hands` and `neg`, in the folders of the web UI."""
    models = tmp_path / "webui" / "models"
    for place in ("models/Lora/ink", "models/Lora/styles/oil", "embeddings/bad-hands", "embeddings/neg"):
        file = tmp_path / "webui" / f"{place}.safetensors"
        file.parent.mkdir(parents=True, exist_ok=True)
        save_file({"emb_params": torch.zeros(1, 2)}, file)
    return NetworkLibrary.of(tmp_path / "home", models)


def resolve(library, prompt, negative="", accepts=lambda file: True):
    return resolve_networks(prompt, negative, library, accepts)


@pytest.mark.parametrize(
    ("prompt", "text", "weights"),
    [
        ("a pier, <lora:ink:0.8>, fog", "a pier, fog", {"ink": 0.8}),
        ("<lora:ink> a pier", "a pier", {"ink": 1.0}),
        ("a pier <LORA:Ink:-.5> at dawn", "a pier at dawn", {"ink": -0.5}),
        ("a pier<lyco:styles/oil:te=0.5:unet=0.5><lora:ink.safetensors:1:1>", "a pier", {"oil": 0.5, "ink": 1.0}),
        ("(a pier <lora:oil:1>:1.2)", "(a pier:1.2)", {"oil": 1.0}),
        ("a pier <lora:none:1>", "a pier <lora:none:1>", {}),
    ],
)
def test_a_tag_is_a_lora_of_that_name(library, prompt, text, weights):
    found = resolve(library, prompt)
    assert found.prompt == text
    assert {Path(file).stem: weight for file, weight in found.loras.items()} == weights
    assert len(found.remarks) == len(weights)


def test_a_tag_replaces_a_weight_that_was_given_and_zero_takes_the_lora_out(library):
    given = (("/else.safetensors", 1.0), (str(library.find_lora("ink")), 0.3))
    assert [weight for _, weight in resolve(library, "<lora:ink:0.8>").combine_loras(given)] == [1.0, 0.8]
    assert resolve(library, "<lora:ink:0>").combine_loras(given) == given[:1]
    assert resolve(library, "a pier").combine_loras(given) == given


@pytest.mark.parametrize(
    ("tag", "reason"),
    [("<lora:ink:x>", "is no number"), ("<lora:ink:1:0.5>", "has one weight"), ("<lora:ink:dyn=4>", "has one weight")],
)
def test_a_weight_that_can_not_be_honoured_is_refused(library, tag, reason):
    with pytest.raises(InvalidRequestError, match=reason):
        resolve(library, f"a pier {tag}")


def test_a_name_of_several_files_needs_its_folder(library, tmp_path):
    save_file({"a": torch.zeros(1)}, tmp_path / "webui/models/Lora/styles/ink.safetensors")
    fresh = NetworkLibrary.of(tmp_path / "home", tmp_path / "webui/models")
    with pytest.raises(InvalidRequestError, match="2 files: write the folder"):
        resolve(fresh, "<lora:ink:1>")
    assert resolve(fresh, "<lora:styles/ink:1>").loras


def test_a_textual_inversion_is_named_alone_or_as_comfyui_does(library):
    found = resolve(library, "a hand, embedding:neg.safetensors", "(embedding:Bad-Hands:1.2), fog")
    assert (found.prompt, found.negative_prompt) == ("a hand, neg", "(bad-hands:1.2), fog")
    assert [Path(file).stem for file in found.embeddings] == ["neg", "bad-hands"]
    assert [Path(file).stem for file in resolve(library, "a hand", "BAD-HANDS, negative").embeddings] == ["bad-hands"]
    assert resolve(library, "embedding:none").prompt == "embedding:none"
    assert resolve(library, "a hand", "bad-hands", accepts=lambda file: False).embeddings == []


def test_a_lora_in_a_negative_prompt_is_words_as_in_the_web_ui(library):
    found = resolve(library, "a pier", "fog <lora:ink:1>")
    assert (found.negative_prompt, found.loras) == ("fog <lora:ink:1>", {})
    (line,) = explain_foreign_syntax(found.negative_prompt, "weighted", "negative prompt")
    assert "only other programs act on them: “<lora:ink:1>”" in line


def test_without_a_library_every_text_stays_as_it_is():
    found = resolve(NetworkLibrary(), "a <lora:x:1> pier", "embedding:x")
    assert (found.prompt, found.negative_prompt, found.remarks) == ("a <lora:x:1> pier", "embedding:x", [])


@pytest.mark.parametrize(
    "text",
    [
        *("[cat:dog:0.5]", "[cat::12]", "[fog:0.3]", "[cat|dog]", "{red|blue}", "{2$$red|blue}", "__colour__"),
        *("<hypernet:x:1>", "a cat AND a dog", "<lora:x:1>", "embedding:x"),
    ],
)
def test_what_other_programs_act_on_is_told(text):
    (line,) = explain_foreign_syntax(f"a pier, {text}", "weighted")
    quoted = "AND" if "AND" in text else text
    assert line.startswith("Read as words in the prompt, since ")
    assert f"“{quoted}”" in line


@pytest.mark.parametrize(
    "text",
    [
        *("[fog]", "(fog:1.2), [hat]", "a pier BREAK fog", "A CAT AND A DOG", "a cat and a dog", "5 > 3 <b>", "{}"),
        *("a snake_case__word", "at 12:30", "[note: soft light]", r"\[a|b\]"),
    ],
)
def test_what_is_read_or_has_no_other_meaning_is_not(text):
    assert explain_foreign_syntax(text, "weighted") == []


def test_read_verbatim_a_break_is_a_word():
    (line,) = explain_foreign_syntax("a (red:1.3) hat BREAK [fog]", "plain")
    assert line.endswith("act on them: “BREAK”.")


@given(st.text(st.sampled_from("ab <>:{}[]()|_0.8\\ANDlora:"), max_size=60))
def test_any_text_is_read(text):
    for syntax in ("weighted", "plain"):
        assert all("\n" not in line for line in explain_foreign_syntax(text, syntax))
    assert resolve(NetworkLibrary(), text, text).loras == {}
