"""Where long prompts are split into chunks, and which layer of CLIP is read."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from notthat.generation import InvalidRequestError
from notthat.generation.text_encoders.clip import PromptOptions, split_groups

WEIGHTED = PromptOptions("weighted")


@given(st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=6), max_size=40))
def test_chunks_hold_every_token_in_order_and_split_no_group(ids):
    groups = [[(each, 1.0) for each in group] for group in ids]
    parts = split_groups(groups, 8, [0])
    assert [each for part in parts for each in part] == [each for group in groups for each in group]
    assert all(len(part) <= 8 for part in parts)
    ends = set(np.cumsum([len(group) for group in ids]).tolist())
    commas = {k + 1 for k, (token, _) in enumerate(each for group in groups for each in group) if token == 0}
    assert set(np.cumsum([len(part) for part in parts[:-1]]).tolist()) <= ends | commas


def test_a_term_is_not_torn_at_the_border_of_a_chunk(random_model):
    clip = random_model("sd").family.clips[0]
    first, second = clip.chunks(", ".join(["hat"] * 18 + ["umbrella"]), WEIGHTED)
    umbrella = tuple(clip.tokens("umbrella"))
    assert second.ids[1 : 1 + len(umbrella)] == umbrella
    assert first.ids[1:73] == tuple(clip.tokens("hat,")) * 18


def test_an_inversion_is_not_split(random_model, tmp_path):
    file = tmp_path / "marks.safetensors"
    save_file({"emb_params": torch.randn(5, 32)}, file)
    family = random_model("sd").family
    family.learn(str(file))
    options = PromptOptions("weighted", inversions=(str(file),))
    first, second = family.clips[0].chunks(f"{'a' * 72} marks", options)
    vectors = tuple(family.clips[0].tokens("marks", (str(file),)))
    assert len(vectors) == 5
    assert second.ids[1:6] == vectors
    assert not set(vectors) & set(first.ids)


@torch.inference_mode()
def hidden_layers(stock, layer, prompt, negative):
    """The embeddings of both texts from the n-th layer from the end, as arguments of a stock pipeline."""
    is_xl = hasattr(stock, "text_encoder_2")
    encoders = [stock.text_encoder, *([stock.text_encoder_2] if is_xl else [])]
    found = {}
    for name, text in (("prompt_embeds", prompt), ("negative_prompt_embeds", negative)):
        ids = stock.tokenizer(text, padding="max_length", return_tensors="pt").input_ids
        read = [encoder(ids, output_hidden_states=True) for encoder in encoders]
        hidden = [each.hidden_states[-layer] for each in read]
        found[name] = torch.cat(hidden, dim=-1) if is_xl else stock.text_encoder.final_layer_norm(hidden[0])
        if is_xl:
            found[name.replace("prompt_embeds", "pooled_prompt_embeds")] = read[1][0]
    return found


@pytest.mark.parametrize(("kind", "own"), [("sd", 1), ("sdxl", 2)])
def test_clip_skip_counts_layers_from_the_end(random_model, kind, own):
    model = random_model(kind)
    default = model.pixels(negative_prompt="hat")[0]
    assert (model.pixels(negative_prompt="hat", clip_skip=own)[0] == default).all()
    ours = model.pixels(negative_prompt="hat", clip_skip=own + 1)[0]
    assert (ours != default).any()
    stock = model.stock(
        **hidden_layers(model.stock, own + 1, "a man on a beach", "hat"),
        num_inference_steps=3,
        guidance_scale=4.0,
        width=32,
        height=32,
        generator=torch.Generator("cpu").manual_seed(11),
    ).images[0]
    assert abs(ours - np.asarray(stock, np.int16)).max() <= 1


def test_layers_that_a_model_does_not_have_are_refused(random_model):
    with pytest.raises(InvalidRequestError, match="--clip-skip: this model's text encoder has 3 layers, not 4"):
        random_model("sd").pixels(clip_skip=4)
    with pytest.raises(InvalidRequestError, match="--clip-skip: only Stable Diffusion"):
        random_model("flux").pixels(clip_skip=2)
    with pytest.raises(InvalidRequestError, match="--clip-skip"):
        random_model("sd").request(clip_skip=0)
