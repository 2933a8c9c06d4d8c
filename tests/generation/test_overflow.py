"""Numbers that run out of range are an error, and never a black picture."""

import pytest
import torch

from notthat.generation import GenerationError, LocalEngine, generate
from notthat.generation.families.base import Family

from .test_local_engine import a_request


@pytest.fixture
def engine(stable_diffusion) -> LocalEngine:
    return LocalEngine.load(str(stable_diffusion()), device="cpu")


def family(engine: LocalEngine) -> Family:
    return engine._family


def test_an_autoencoder_that_overflows_is_an_error(engine):
    with torch.inference_mode():
        family(engine).vae.decoder.conv_out.bias.fill_(float("nan"))
    with pytest.raises(GenerationError, match="autoencoder's numbers ran out of range"):
        generate(engine, a_request(engine))


def test_a_denoiser_that_overflows_names_the_likely_causes(engine):
    with torch.inference_mode():
        family(engine).denoiser.conv_out.bias.fill_(float("inf"))
    with pytest.raises(GenerationError, match="out of range: try a lower --guidance, or another model"):
        generate(engine, a_request(engine))
