"""Quoted words in a first prompt or in feedback are taken literally."""

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from offline_feedback import brief, read

from notthat.agent.edits import Allow, Exclude, Reweight, SetPrompt, State
from notthat.agent.exclusions import parse_negative
from notthat.agent.interpreters import OfflineInterpreter


@pytest.mark.parametrize(
    ("prompt", "expected", "wanted"),
    [
        ('a man without "watermark"', "exclude watermark; prompt", "a man"),
        ("a man without “hat”", "exclude hat; prompt", "a man"),
        ("a man without 'hat'", "exclude hat; prompt", "a man"),
        ('a shop with no "OPEN" sign', "exclude open sign; prompt", "a shop"),
        ('a cat without \\"hat\\"', "exclude hat; prompt", "a cat"),
        ('a man without "red hat", smiling', "exclude red hat; prompt", "a man, smiling"),
        ('a man with no "text and logos"', "exclude text and logos; prompt", "a man"),
        ('a street, no no-entry sign or "STOP" sign', "exclude no-entry sign; exclude stop sign; prompt", "a street"),
        ('a cup without steam and a sign that says "no"', "exclude steam; prompt", 'a cup, a sign that says "no"'),
        ('a room with nobody in "the" chair', "exclude people; prompt", "a room"),
        ('a poster titled "no end" with no people', "exclude people; prompt", 'a poster titled "no end"'),
        ('a 6" nail without rust, a 7" nail', "exclude rust; prompt", 'a 6" nail, a 7" nail'),
        ('a sign that says "no dogs"', "prompt", 'a sign that says "no dogs"'),
    ],
)
def test_what_a_first_prompt_has_in_quotes_is_read_as_it_is_written(prompt: str, expected: str, wanted: str) -> None:
    edits = read(prompt, prompt="")
    assert brief(edits) == expected
    assert edits[-1] == SetPrompt(text=wanted)


_ANY_CHARACTER = st.characters(codec=None, exclude_categories=())
"""Halves of characters, NUL and the like included."""
_PHRASES = (
    "no ",
    "without ",
    "a man ",
    "hat",
    " and ",
    ", ",
    " or ",
    ". ",
    "sign saying ",
    "in a park",
    "nobody ",
    "add ",
)
_MARKS = ('"', "“", "”", "'", "‘", "’", "`", "\\", '\\"', "«", "»", "(", ")", "[", "]")
_UNSEEN = ("\0", "\x1b[2J", "\x07", "\r", "\x85", "\u200b", "\u2060", "\ufeff", "\ue000", "\u202e", "\u200d")
_QUOTED = st.lists(
    st.sampled_from([*_PHRASES, *_MARKS, *_UNSEEN]) | st.text(_ANY_CHARACTER, max_size=4),
    max_size=14,
).map("".join)


@settings(max_examples=300, deadline=None)
@example('a man without "watermark"', "")
@example('no "a\0b"', "a \0 man")
@example("nobody in “the chair”", "")
@example("no red\u3164fog\u3164old\u3164hat\u3164big\u3164cat\u3164wet\u3164dog\u3164sad", "")
@example("no red\1fog\1old\1hat\1big\1cat\1wet\1dog\1sad", "a man")
@given(text=_QUOTED, prompt=st.sampled_from(["", "a man in a hat", 'a "red\0" hat', "\u200b", "\u0301"]))
def test_no_control_character_and_no_mask_is_in_an_edit_or_a_reply(text: str, prompt: str) -> None:
    said = OfflineInterpreter().interpret(text, State(prompt=prompt, negative=parse_negative("hat"), seed=1))
    texts = [said.reply]
    for edit in said.edits:
        texts += [edit.text] if isinstance(edit, SetPrompt) else []
        texts += [edit.term] if isinstance(edit, Exclude | Allow | Reweight) else []
    for each in texts:
        assert not {unicodedata.category(character) for character in each} & {"Cc", "Cs", "Co", "Zl", "Zp"}
        assert not set(each) & {"\u200b", "\u2060", "\ufeff", "\u202e"}
        assert each.strip()
