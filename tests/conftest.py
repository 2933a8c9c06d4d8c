"""Every test lives in its own NOTTHAT_HOME and reaches neither the user's settings nor the network."""

import os
from pathlib import Path

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"  # before anything imports huggingface_hub, which reads it once


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The test's own NOTTHAT_HOME; it doesn't exist yet."""
    for name in tuple(os.environ):
        if name.startswith(("NOTTHAT_", "OPENAI_")):
            monkeypatch.delenv(name)
    folder = tmp_path / "home"
    monkeypatch.setenv("NOTTHAT_HOME", str(folder))
    return folder
