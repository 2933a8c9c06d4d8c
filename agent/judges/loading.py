"""Judges by name."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from .base import Judge, JudgeError
from .language_model import LanguageModelJudge
from .source import JudgeSource, locate_judge

if TYPE_CHECKING:
    import torch

    from ..interpreters.llm import LLMClient

MINI, LLM = "mini", "llm"

CreateClient = Callable[[], "LLMClient"]


def load_judge(name: str, *, create_client: CreateClient, device: str | None = None) -> Judge:
    """The judge `mini`, `llm` (the language model of the settings), or one from a hub id or a folder.

    Weights are loaded with the first picture, on `device`, by default the best one.

    Raises:
        JudgeError: there is no such judge.
    """
    if name == LLM:
        return LanguageModelJudge(create_client())
    return _load_mini(device) if name == MINI else _load_published(locate_judge(name), device)


def _load_mini(device: str | None) -> Judge:
    from .mini import MiniJudge  # imports torch, which takes seconds

    return MiniJudge(_resolve_device(device))


def _load_published(source: JudgeSource, device_name: str | None) -> Judge:
    device = _resolve_device(device_name)
    match source.kind:
        case "owlv2":
            from .detectors import Owlv2Judge

            return Owlv2Judge(source, device)
        case "siglip" | "siglip2":
            from .siglip import SiglipJudge

            return SiglipJudge(source, device)
        case _:
            from .detectors import Sam3Judge

            return Sam3Judge(source, device)


def _resolve_device(name: str | None) -> "torch.device":
    from ...generation.errors import InvalidDeviceError
    from ...generation.loading import resolve_device

    try:
        return resolve_device(name)
    except InvalidDeviceError as error:
        raise JudgeError(str(error)) from error
