"""What a `txt2img` request asks for that is drawn otherwise here: a line each, for `warnings` in the answer's `info`.

A value that changes nothing, or that asks for what is done anyway, is no news.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from .schemas import SAMPLER

_IS_ALWAYS: dict[str, tuple[tuple[Any, ...], str]] = {
    "scheduler": ((None, "", "automatic", SAMPLER), "the model's own scheduler is used"),
    "subseed_strength": ((None, 0), "no variation is mixed in: `subseed` changes nothing"),
    "seed_resize_from_w": ((None, 0, -1), "the noise is made for the size that is drawn"),
    "seed_resize_from_h": ((None, 0, -1), "the noise is made for the size that is drawn"),
    "clip_skip": ((None, 0, 1), "the text encoder's last layer is used"),
    "eta": ((None, 0, 1), "the model's own sampler decides on its noise"),
    "s_churn": ((None, 0), "the model's own sampler decides on its noise"),
    "s_noise": ((None, 1), "the model's own sampler decides on its noise"),
    "s_min_uncond": ((None, 0), "the negative prompt acts as the guidance method says"),
    "refiner_checkpoint": ((None, "", "None"), "there is no refiner"),
    "do_not_save_samples": ((None, False), "every picture is kept with its session"),
}
"""Fields by name: values that are no news, and what is done whatever the value."""

_SETTINGS: dict[str, tuple[Any, ...]] = {
    "sd_model_checkpoint": (),  # which is honoured
    "CLIP_stop_at_last_layers": (0, 1),
    "sd_vae": ("", "Automatic", "None"),
    "samples_format": ("png",),
}


def remarks_of(fields: Mapping[str, Any], settings: Mapping[str, Any]) -> list[str]:
    """What of a request's `fields` and of its `override_settings` is not honoured."""
    return [*_sampler(fields), *_fields(fields), *_settings(settings)]


def _sampler(fields: Mapping[str, Any]) -> Iterator[str]:
    """Both names mean the same; the newer one wins."""
    name = "sampler_name" if fields.get("sampler_name") else "sampler_index"
    if fields.get(name) not in (None, "", SAMPLER):
        yield f"{name}: the model's own sampler is used, not {_shown(fields[name])}"


def _fields(fields: Mapping[str, Any]) -> Iterator[str]:
    for name, (usual, done) in _IS_ALWAYS.items():
        if fields.get(name) not in usual:
            yield f"{name}: {done}, not {_shown(fields[name])}"


def _settings(settings: Mapping[str, Any]) -> Iterator[str]:
    for name, value in settings.items():
        if name != "sd_model_checkpoint" and value is not None and value not in _SETTINGS.get(name, ()):
            yield f"override_settings.{_shown(name)}: this server has no such setting, or not with this value"


def _shown(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else f"{text[:59]}…"
