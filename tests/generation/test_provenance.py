"""What decides a picture besides its request."""

from pathlib import Path

import pytest

import notthat.generation.provenance as provenance
from notthat.generation.provenance import library_versions, weights_sha256


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder with two files of weights, one of which counts as large."""
    folder = tmp_path / "model"
    (folder / "unet").mkdir(parents=True)
    (folder / "model_index.json").write_text("{}")
    (folder / "unet" / "a.safetensors").write_bytes(b"1" * 1000)
    (folder / "b.safetensors").write_bytes(b"2")
    return folder


def test_the_hash_is_that_of_the_weights_alone(model: Path, tmp_path: Path) -> None:
    before = weights_sha256(str(model))
    (model / "model_index.json").write_text('{"other": 1}')
    assert weights_sha256(str(model)) == before
    moved = model.rename(tmp_path / "elsewhere")
    assert weights_sha256(str(moved)) == before
    (moved / "b.safetensors").write_bytes(b"3")
    assert weights_sha256(str(moved)) != before


def test_a_large_file_is_read_once_as_long_as_it_stays(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provenance, "_LARGE", 1000)
    cache, large = tmp_path / "cache.json", model / "unet" / "a.safetensors"
    first = weights_sha256(str(model), cache)
    assert str(large) in cache.read_text()
    assert weights_sha256(str(model), cache) == first
    large.write_bytes(b"4" * 2000)
    assert weights_sha256(str(model), cache) not in (first, None)
    cache.write_text("[broken")
    assert weights_sha256(str(model), cache) == weights_sha256(str(model))


def test_the_libraries_are_those_that_are_installed() -> None:
    assert set(library_versions()) == {"torch", "diffusers", "transformers", "numpy", "pillow"}
