"""Every test lives in its own NOTTHAT_HOME and reaches neither the user's settings nor the network.

A test that draws uses a small model with random weights, in the layout of the published ones.
"""

import inspect
import json
import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from object_store import ObjectStoreServer
    from playwright.sync_api import Browser
    from transformers import CLIPTokenizer

os.environ["HF_HUB_OFFLINE"] = "1"  # before anything imports huggingface_hub, which reads it once


CHROMIUM_ARGUMENTS = (
    "--no-sandbox",  # which root can't have
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
"""What Chromium is started with, so that it calls nobody and finds nobody but this machine's own servers."""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The test's own NOTTHAT_HOME; it doesn't exist yet."""
    for name in tuple(os.environ):
        if name.startswith(("NOTTHAT_", "OPENAI_", "LANGSMITH_", "LANGCHAIN_")):
            monkeypatch.delenv(name)
    folder = tmp_path / "home"
    monkeypatch.setenv("NOTTHAT_HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def object_store_server() -> "Iterator[ObjectStoreServer]":
    from object_store import ObjectStoreServer

    with ObjectStoreServer() as server:
        yield server


@pytest.fixture
def s3(object_store_server: "ObjectStoreServer", monkeypatch: pytest.MonkeyPatch) -> "ObjectStoreServer":
    """An object store, to which the environment's `AWS_*` lead."""
    for name, value in object_store_server.environment.items():
        monkeypatch.setenv(name, value)
    return object_store_server


@pytest.fixture
def stable_diffusion(tmp_path: Path) -> Callable[..., Path]:
    """Makes a random model in a folder of the test's own: `stable_diffusion("v_prediction")`."""
    return partial(save_stable_diffusion, tmp_path / "model")


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model that all tests share: for reading only."""
    return save_stable_diffusion(tmp_path_factory.mktemp("models") / "random")


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """The system's Chromium, headless, driven by Playwright: `browser.new_page()`, and close that.

    It lives as long as a module's tests, not all of them: while it does, Playwright's event loop counts as running
    in this thread, and no other test could run one.
    """
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright to look at pages")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no Chromium is installed: apt-get install chromium")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


def save_stable_diffusion(
    folder: Path,
    prediction_type: str = "epsilon",
    scheduler: type[Any] | None = None,
    *,
    force_upcast: bool = True,
) -> Path:
    """A random `StableDiffusionPipeline` in `folder`, with DDIM by default: pictures of 32 x 32 pixels."""
    import torch
    from transformers import CLIPTextConfig, CLIPTextModel

    diffusers: Any = import_module("diffusers")  # as it is for type checkers: half of it has no types
    torch.manual_seed(7)
    words = _tokenizer()
    text_encoder = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(words),
            hidden_size=32,
            intermediate_size=37,
            num_hidden_layers=3,
            num_attention_heads=4,
            bos_token_id=words.bos_token_id,
            eos_token_id=words.eos_token_id,
            pad_token_id=words.pad_token_id,
        )
    )
    unet = diffusers.UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(32, 64),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=32,
        attention_head_dim=8,
        norm_num_groups=8,
    )
    vae = diffusers.AutoencoderKL(
        block_out_channels=(16, 32),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        norm_num_groups=8,
        sample_size=32,
        force_upcast=force_upcast,
    )
    diffusers.StableDiffusionPipeline(
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=words,
        unet=unet,
        scheduler=_scheduler(scheduler or diffusers.DDIMScheduler, prediction_type=prediction_type),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)
    (folder / "notthat.json").write_text(json.dumps({"num_inference_steps": 3, "guidance_scale": 5.0}))
    return folder


def _scheduler(kind: type[Any], **config: object) -> Any:
    """A scheduler with Stable Diffusion's settings."""
    known = inspect.signature(kind).parameters
    settings = {
        "beta_schedule": "scaled_linear",
        "steps_offset": 1,
        "clip_sample": False,
        "skip_prk_steps": True,
        **config,
    }
    return kind(**{name: value for name, value in settings.items() if name in known})


def _tokenizer() -> "CLIPTokenizer":
    """A CLIP tokenizer that knows bytes alone."""
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import CLIPTokenizer

    bytes_ = sorted(ByteLevel.alphabet())
    words = [*bytes_, *(f"{byte}</w>" for byte in bytes_), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={word: k for k, word in enumerate(words)}, merges=[], model_max_length=77)
