"""Warnings about fields of a `txt2img` request that are ignored, for `warnings` in the `info` of the response.

A value that would have no effect, or that matches what the server does anyway, gives no warning.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from .schemas import CLIP_SKIP, SAMPLER

_IGNORED_FIELDS: dict[str, tuple[tuple[Any, ...], str]] = {
    "scheduler": ((None, "", "automatic", SAMPLER), "the model's own scheduler is used"),
    "subseed_strength": ((None, 0), "variations are not supported and `subseed` is ignored"),
    "seed_resize_from_w": ((None, 0, -1), "the noise has the size of the picture"),
    "seed_resize_from_h": ((None, 0, -1), "the noise has the size of the picture"),
    "eta": ((None, 0, 1), "the model's own sampler determines its noise"),
    "s_churn": ((None, 0), "the model's own sampler determines its noise"),
    "s_noise": ((None, 1), "the model's own sampler determines its noise"),
    "s_min_uncond": ((None, 0), "the guidance method determines how the negative prompt acts"),
    "refiner_checkpoint": ((None, "", "None"), "there is no refiner"),
    "do_not_save_samples": ((None, False), "every picture is stored with its session"),
}
"""Field to (values without a warning, what the server does instead)."""

_SUPPORTED_SETTINGS: dict[str, tuple[Any, ...]] = {
    "sd_vae": ("", "Automatic", "None"),
    "samples_format": ("png",),
}


def list_warnings(fields: Mapping[str, Any], settings: Mapping[str, Any]) -> list[str]:
    """The warnings for the `fields` and the `override_settings` of a request."""
    return [*_warn_about_sampler(fields), *_warn_about_fields(fields), *_warn_about_settings(settings)]


def _warn_about_sampler(fields: Mapping[str, Any]) -> Iterator[str]:
    """`sampler_name` takes precedence over the older `sampler_index`."""
    name = "sampler_name" if fields.get("sampler_name") else "sampler_index"
    if fields.get(name) not in (None, "", SAMPLER):
        yield f"{name}: the model's own sampler is used, not {_shorten(fields[name])}"


def _warn_about_fields(fields: Mapping[str, Any]) -> Iterator[str]:
    for name, (accepted, behaviour) in _IGNORED_FIELDS.items():
        if fields.get(name) not in accepted:
            yield f"{name}: {behaviour}, not {_shorten(fields[name])}"


def _warn_about_settings(settings: Mapping[str, Any]) -> Iterator[str]:
    for name, value in settings.items():
        if (
            name not in ("sd_model_checkpoint", CLIP_SKIP)
            and value is not None
            and value not in _SUPPORTED_SETTINGS.get(name, ())
        ):
            yield f"override_settings.{_shorten(name)}: this setting or value is not supported"


def _shorten(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else f"{text[:59]}…"
