"""Reads answers to a question: "yes", "no, the hat", "yes, and no scarf", "the second one"."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources

from pydantic import BaseModel, ConfigDict

from .. import prompts
from ..errors import InvalidInputError
from ..storage import QuestionRecord
from .edits import Allow, Confirm, Edit, Exclude, Reweight, SetPrompt, edits_adapter
from .interpreters.base import Question
from .terms import normalize_term, to_one_line


@dataclass(frozen=True)
class Answer:
    """An answer to a question."""

    yes: bool
    choices: tuple[int, ...] = ()
    """The chosen edits of a question that asks for a choice."""
    rest: str = ""
    """Feedback that follows the answer."""


class _AnswerWords(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    yes: tuple[str, ...]
    no: tuple[str, ...]
    yes_alone: tuple[str, ...]
    no_alone: tuple[str, ...]
    yes_to_exclusion: tuple[str, ...]
    no_to_exclusion: tuple[str, ...]
    all: tuple[str, ...]
    please: tuple[str, ...]
    thanks: tuple[str, ...]
    leads: tuple[str, ...]
    determiners: tuple[str, ...]
    ordinals: tuple[tuple[str, ...], ...]
    last: tuple[str, ...]

    @property
    def polite(self) -> tuple[str, ...]:
        """Words that say nothing else."""
        return *self.please, *self.thanks


_SEPARATORS = r"[\s,;:.!–—-]"
_PART_END = re.compile(r"\s*[,;:.!&–—]+\s*|\s+(?:and|but)\s+")
"""Ends the name of a candidate."""


def parse_answer(line: str, question: Question) -> Answer | None:
    """The answer that a line gives to a question; None if it does not answer it.

    "no hat" is no answer, but feedback of its own.
    """
    text = to_one_line(line).replace("’", "'")
    return _parse_choice(text, question) or _parse_yes(text, question) or _parse_no(text, question)


def to_answer(confirm: Confirm, question: Question) -> Answer:
    """The answer of an edit.

    Raises:
        InvalidInputError: if the question asks for a choice that the edit does not make.
    """
    if not confirm.yes or not question.choose:
        return Answer(confirm.yes)
    last = len(question.edits) - 1
    choice = 0 if confirm.choice is None and last == 0 else confirm.choice
    if choice is None or choice > last:
        names = ", ".join(f"{index} is “{describe_candidate(edit)}”" for index, edit in enumerate(question.edits))
        raise InvalidInputError(f"say which one is meant: set “choice” to a number from 0 to {last} ({names})")
    return Answer(True, (choice,))


def format_answer(answer: Answer, question: Question) -> str:
    """An answer in words, which `parse_answer` reads."""
    if not answer.yes:
        return "no"
    return " and ".join(describe_candidate(question.edits[index]) for index in answer.choices) or "yes"


def answer_keys(question: QuestionRecord) -> str:
    """The shortest answers to a question: "y/n" or "1 hat, 2 scarf, n"."""
    if not question.choose:
        return "y/n"
    names = map(describe_candidate, edits_adapter.validate_python(question.edits))
    return ", ".join([*(f"{number} {name}" for number, name in enumerate(names, start=1)), "n"])


def describe_candidate(edit: Edit) -> str:
    """The name of an edit in a choice: its term, or its prompt."""
    match edit:
        case Exclude() | Allow() | Reweight():
            return edit.term
        case SetPrompt():
            return edit.text
        case _:
            return edit.op


def is_exclusion(question: Question) -> bool:
    """Whether the question is whether to leave something out."""
    return any(isinstance(edit, Exclude) for edit in question.edits)


def find_named_thing(text: str) -> str | None:
    """The thing that a text names and says nothing about: "hat" for "the hat" and "I mean the hat"."""
    words = _load_words()
    leads, determiners, name = _one_of(words.leads), _one_of(words.determiners), r"([\w'-]+(?:\s[\w'-]+){0,2})"
    match = re.fullmatch(rf"(?:(?:{leads})\s+)*(?:{determiners})\s+{name}[.!]*", text, re.IGNORECASE)
    return match[1] if match else None


def _parse_yes(text: str, question: Question) -> Answer | None:
    words = _load_words()
    if _is_only((*words.yes, *_yes_alone(question), *words.polite), text) and not _is_only(words.thanks, text):
        return Answer(True)
    match = re.match(rf"(?:{_one_of(words.yes)})\b(?!')", text, re.IGNORECASE)
    if match is None:
        return None
    rest = _strip_rest(text[match.end() :], question)
    return Answer(
        True, rest="" if _find_candidates(rest, question) == (tuple(range(len(question.edits))), "") else rest
    )


def _parse_no(text: str, question: Question) -> Answer | None:
    words = _load_words()
    if _is_only((*words.no, *_no_alone(question), *words.polite), text) and not _is_only(words.polite, text):
        return Answer(False)
    if match := re.match(rf"(?:{_one_of(words.no)})\b(?!')", text, re.IGNORECASE):
        return Answer(False, rest=_strip_rest(text[match.end() :], question))
    # "no hat" excludes a hat, while "no, the hat" and "no the hat" answer and name another thing
    follows = rf"\s*[,;:.!–—]|\s+but\b|\s+(?=(?:{_one_of((*words.leads, *words.determiners))})\b)"
    if match := re.match(rf"no(?:{follows})", text, re.IGNORECASE):
        return Answer(False, rest=_strip_rest(text[match.end() :], question))
    return None


def _parse_choice(text: str, question: Question) -> Answer | None:
    """The candidates that a text begins with. For a question without a choice, a text that only repeats its name."""
    words = _load_words()
    if question.choose and _is_only((*words.all, *words.polite, *words.yes), text) and _has_any(words.all, text):
        return Answer(True, tuple(range(len(question.edits))))
    choices, rest = _find_candidates(text, question)
    if not choices:
        return None
    if question.choose:
        return Answer(True, choices, _strip_rest(rest, question))
    return Answer(True) if len(choices) == len(question.edits) and not rest else None


def _find_candidates(text: str, question: Question) -> tuple[tuple[int, ...], str]:
    """The indices of the candidates that a text begins with, and the rest of the text."""
    found: list[int] = []
    rest = text
    while rest:
        end = _PART_END.search(rest)
        part, after = (rest[: end.start()], rest[end.end() :]) if end else (rest, "")
        index = _find_candidate(part, question)
        if index is None:
            if found or not _is_only(_load_words().yes, part):
                break
        elif index not in found:
            found.append(index)
        rest = after
    return tuple(found), rest


def _find_candidate(part: str, question: Question) -> int | None:
    words = _load_words()
    skipped = _one_of((*words.yes, *words.leads, *words.polite))
    name = re.sub(
        rf"^(?:(?:{skipped})\s+)+|(?:\s+(?:{_one_of(words.polite)}))+$", "", part.strip(), flags=re.IGNORECASE
    )
    normalized = normalize_term(name) if name else ""
    names = [normalize_term(describe_candidate(edit)) for edit in question.edits]
    if normalized in names:
        return names.index(normalized)
    return _find_place(name.lower(), len(names)) if question.choose else None


def _find_place(name: str, count: int) -> int | None:
    """The index of "the second one", "2" or "the last"; None if there is none."""
    words = _load_words()
    place = re.sub(r"^(?:the\s+)?(?:number|option|#)?\s*|(?<=\S)\s+one$", "", name)
    if place in words.last:
        return count - 1
    index = next((k for k, names in enumerate(words.ordinals) if place in names), None)
    if index is None and re.fullmatch(r"[0-9]{1,3}", place):
        index = int(place) - 1
    return index if index is not None and 0 <= index < count else None


def _strip_rest(text: str, question: Question) -> str:
    """The feedback after an answer: without separators, polite words, and words that only repeat the answer."""
    words = _load_words()
    polite = _one_of(words.polite)
    rest = re.sub(
        rf"^(?:{_SEPARATORS}*(?:(?:{polite})\b))*{_SEPARATORS}*(?:(?:and|but|also|plus)\b)?{_SEPARATORS}*",
        "",
        text,
        flags=re.IGNORECASE,
    )
    return (
        ""
        if _is_only((*_yes_alone(question), *_no_alone(question), *words.yes, *words.no, *words.polite), rest)
        else rest
    )


def _yes_alone(question: Question) -> tuple[str, ...]:
    words = _load_words()
    return (*words.yes_alone, *(words.yes_to_exclusion if is_exclusion(question) else ()))


def _no_alone(question: Question) -> tuple[str, ...]:
    words = _load_words()
    return (*words.no_alone, *(words.no_to_exclusion if is_exclusion(question) else ()))


def _is_only(phrases: Iterable[str], text: str) -> bool:
    """Whether a text consists of some of these phrases."""
    pattern = rf"(?:{_SEPARATORS}*(?:{_one_of(phrases)})(?!\w))+{_SEPARATORS}*"
    return re.fullmatch(pattern, text, re.IGNORECASE) is not None


def _has_any(phrases: Iterable[str], text: str) -> bool:
    return re.search(rf"\b(?:{_one_of(phrases)})\b", text, re.IGNORECASE) is not None


def _one_of(phrases: Iterable[str]) -> str:
    """A pattern that matches any of these phrases, the longest first."""
    return "|".join(re.escape(phrase) for phrase in sorted(phrases, key=len, reverse=True))


@cache
def _load_words() -> _AnswerWords:
    text = resources.files(prompts).joinpath("answers.toml").read_text(encoding="utf-8")
    return _AnswerWords.model_validate(tomllib.loads(text))
