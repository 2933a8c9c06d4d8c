"""Parses a model's response into edits that are valid for the session, or explains why they are not."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...edits import Allow, Edit, Exclude, Reroll, Reset, Reweight, SetPrompt, State, Undo, minimum_weight
from ...replies import describe
from ...terms import collapse_whitespace, to_one_line
from ..base import Interpretation
from ..edit_draft import EditDraft
from ..guards import acceptable_prompt, acceptable_term
from ..language.lexicon import load_lexicon
from ..language.noun_phrases import MAX_WORDS
from .plain_text import to_plain_text

MAX_EDITS = 12
MAX_REPLY_CHARACTERS = 300
_MAX_ANSWER_CHARACTERS = 20_000


class UnusableResponseError(Exception):
    """An unusable response. The message is the reason, worded for the model."""


class _LLMResponse(BaseModel):
    """The schema of a response: the edits that the feedback means, and a reply."""

    model_config = ConfigDict(extra="ignore")

    edits: Annotated[list[Edit], Field(max_length=MAX_EDITS)]
    reply: str = ""


def parse_response(text: str, state: State, feedback: str = "") -> Interpretation:
    """The edits and the reply of a response, with terms resolved against `state`.

    Terms that the user quotes in `feedback` are accepted whatever they say.

    The model's reply is only kept if none of its edits was changed. Otherwise it might describe other edits.

    Raises:
        UnusableResponseError: if the response has no edits, or an edit that is invalid for the session.
    """
    found = list(_find_json_objects(text))
    if not found:
        raise UnusableResponseError('there is no JSON object with "edits" in it')
    _check_printable(found[-1]["edits"])
    try:
        answer = _LLMResponse.model_validate(found[-1])
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        raise UnusableResponseError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    for edit in answer.edits:
        _check_edit(edit, state)
        _check_words(edit, state, feedback)
    edits = resolve_edits(answer.edits, state, feedback)
    reply = to_plain_text(answer.reply)
    is_reply_valid = set(edits) == set(answer.edits) and 0 < len(reply) <= MAX_REPLY_CHARACTERS
    return Interpretation(edits=edits, reply=reply if is_reply_valid else describe(edits, state), raw=text)


def resolve_edits(edits: list[Edit], state: State, feedback: str = "") -> tuple[Edit, ...]:
    """Edits with the semantics of the offline interpreter.

    Terms get the name under which they are excluded, duplicates are merged, a repeated exclusion raises the weight, and
    the prompt is kept consistent with the exclusions.
    """
    draft = EditDraft(state, feedback)
    for edit in sorted(edits, key=_edit_rank):
        match edit:
            case Exclude() | Reweight():
                _exclude_in_draft(edit, draft)
            case Allow():
                known = draft.find_exclusion(edit.term)
                draft.allow(known.term if known else edit.term)
            case SetPrompt():
                draft.set_prompt(edit.text)
            case Undo() | Reset() | Reroll():
                draft.add_command(edit)
    return draft.finish()


@cache
def response_schema() -> dict[str, Any]:
    """The JSON schema of a response, in the subset that strict servers accept."""
    return {"title": "answer", **_make_strict(_LLMResponse.model_json_schema())}


def has_json_object(text: str) -> bool:
    """Whether a response has a JSON object in it that is not empty, whatever its keys are."""
    return any(_decode_objects(text))


def _exclude_in_draft(edit: Exclude | Reweight, draft: EditDraft) -> None:
    known = draft.find_exclusion(edit.term)
    if known and (isinstance(edit, Reweight) or edit.weight > known.weight):
        draft.set_weight(known, edit.weight)
        return
    term = load_lexicon().names.get(edit.term.lower(), edit.term)
    if draft.state.prompt:
        draft.exclude_term(term, edit.weight)
    else:  # a first prompt describes a picture, and is no complaint
        draft.keep_out(term, edit.weight)


def _edit_rank(edit: Edit) -> int:
    """Sort key: commands, then the prompt, then terms, since each is resolved against the result so far."""
    return 0 if isinstance(edit, Undo | Reset | Reroll) else 1 if isinstance(edit, SetPrompt) else 2


def _check_edit(edit: Edit, state: State) -> None:
    """Raise if an edit is invalid for the session."""
    if not isinstance(edit, Exclude | Allow | Reweight):
        return
    if len(edit.term.split()) > MAX_WORDS:
        raise UnusableResponseError(f"“{edit.term}” is a sentence: a term is at most {MAX_WORDS} words")
    known = EditDraft(state).find_exclusion(edit.term)
    if known is None or not known.is_locked:
        return
    if isinstance(edit, Allow) or (isinstance(edit, Reweight) and edit.weight < minimum_weight(known, state)):
        raise UnusableResponseError(f"“{known.term}” is locked: it cannot be allowed or weakened")


def _check_words(edit: Edit, state: State, feedback: str) -> None:
    """Raise if a new term or a prompt names nothing that a picture can show."""
    match edit:
        case Exclude() | Reweight() if EditDraft(state).find_exclusion(edit.term) is None:
            if acceptable_term(edit.term, state, feedback) is None:
                raise UnusableResponseError(f"“{edit.term}” is no term: name a thing or a quality, in English")
        case SetPrompt():
            if acceptable_prompt(edit.text, state, feedback) is None:
                raise UnusableResponseError(f"“{edit.text}” is no prompt: describe what the picture shows")


def _check_printable(edits: Any) -> None:
    """Raise if a text contains control characters; removing them could change its meaning."""
    for edit in edits if isinstance(edits, list) else ():
        for text in edit.values() if isinstance(edit, dict) else ():
            if isinstance(text, str) and collapse_whitespace(text) != to_one_line(text):
                raise UnusableResponseError(f"{text!r} has unprintable characters")


def _find_json_objects(text: str) -> Iterator[dict[str, Any]]:
    """The JSON objects with an "edits" key in a text, whatever surrounds them."""
    return (value for value in _decode_objects(text) if "edits" in value)


def _decode_objects(text: str) -> Iterator[dict[str, Any]]:
    """The JSON objects in a text. Those inside an object follow it, unless it has an "edits" key."""
    text = text[:_MAX_ANSWER_CHARACTERS]
    decoder, start = json.JSONDecoder(), text.find("{")
    while start >= 0:
        end = start + 1
        try:
            value, value_end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            pass
        else:
            yield value
            end = value_end if "edits" in value else end
        start = text.find("{", end)


def _make_strict(schema: Any) -> Any:
    """A schema without what strict servers reject (defaults, discriminators, `oneOf`). All properties are required."""
    if isinstance(schema, list):
        return [_make_strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {
        "anyOf" if name == "oneOf" else name: _make_strict(value)
        for name, value in schema.items()
        if name not in {"default", "discriminator", "title"}
    }
    if "properties" in strict:
        strict |= {"required": list(strict["properties"]), "additionalProperties": False}
    return strict
