"""Decides whether to hand over to a person: on request, or if the picture is still wrong after some turns.

The rule is deterministic: phrases in `prompts/handoff.toml`, and the number of the turn.
"""

import re
import tomllib
from functools import cache
from importlib import resources

from pydantic import BaseModel, ConfigDict, Field

from .. import prompts
from .terms import to_one_line

_ARTICLE = r"(?:(?:an?|the|some|any|one of your|your) )?"


class _HandoffWords(BaseModel):
    model_config = ConfigDict(extra="forbid")

    after: int = Field(ge=0)
    persons: list[str]
    asks: list[str]
    still_wrong: list[str]


def wants_handoff(feedback: str, turn: int) -> bool:
    """Whether the feedback of the turn with this number calls for a person."""
    _, still_wrong, after = _load_rule()
    return asks_for_person(feedback) or (turn >= after and still_wrong.search(_plain(feedback)) is not None)


def asks_for_person(feedback: str) -> bool:
    """Whether the feedback says that the user wants a person."""
    return _load_rule()[0].search(_plain(feedback)) is not None


def _plain(feedback: str) -> str:
    return to_one_line(feedback).replace("’", "'")


@cache
def _load_rule() -> tuple[re.Pattern[str], re.Pattern[str], int]:
    text = resources.files(prompts).joinpath("handoff.toml").read_text(encoding="utf-8")
    words = _HandoffWords.model_validate(tomllib.loads(text))
    person = f"{_ARTICLE}(?:real |actual |live )?(?:{'|'.join(map(re.escape, words.persons))})"
    asks = [re.escape(ask).replace(r"\{person\}", person) for ask in words.asks]
    return _match_any(asks), _match_any(map(re.escape, words.still_wrong)), words.after


def _match_any(patterns: "list[str] | map[str]") -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(patterns)})\b", re.IGNORECASE)
