"""What the encoder reads, as one sequence of word pieces: the line with its state, then proposed edits.

    [CLS] feedback [SEP] prompt [SEP] (negative) term (negative) term [SEP]
    (exclude) term (prompt) new words (without) old words [SEP]

A word in parentheses is a marker: a token that stands for an operation. The encoder's output at a marker is about that
exclusion or edit; its output at the first piece of a word is about that word. The first part does not see the second,
so that it is read once, whatever is proposed.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from ...edits import Allow, Edit, Exclude, Reroll, Reset, Reweight, SetPrompt, State, Undo
from ...exclusions import Exclusion

MAX_FEEDBACK = 96
MAX_PROMPT = 32
MAX_EXCLUSIONS = 8
MAX_PROPOSALS = 8
MAX_PHRASE = 12
"""Lengths in word pieces, and numbers of exclusions and edits; what is longer is cut."""

MARKERS = ("negative", "exclude", "allow", "up", "down", "prompt", "without", "undo", "reset", "reroll")
VOCABULARY = Path(__file__).with_name("vocab.txt")


@dataclass(frozen=True)
class Word:
    """A word of the feedback or the prompt: its characters, and the index of its first piece in the sequence."""

    start: int
    end: int
    index: int


@dataclass(frozen=True)
class Features:
    """The first part of the sequence, and where in it are words and exclusions."""

    ids: NDArray[np.int64]
    """Word pieces, shape (length,)."""
    segments: NDArray[np.int64]
    """0 for the feedback and 1 for the rest, shape (length,)."""
    words: tuple[Word, ...]
    """The words of the feedback."""
    prompt_words: tuple[Word, ...]
    exclusions: tuple[tuple[Exclusion, int], ...]
    """Exclusions with the index of their marker."""


@dataclass(frozen=True)
class Proposals:
    """The second part of the sequence."""

    ids: NDArray[np.int64]
    """Word pieces, shape (length,)."""
    markers: tuple[int, ...]
    """Index of the marker of each proposed edit."""


class WordPieces:
    """BERT's lower-cased word pieces."""

    def __init__(self, vocabulary: Path = VOCABULARY) -> None:
        pieces = vocabulary.read_text(encoding="utf-8").splitlines()
        ids = {piece: index for index, piece in enumerate(pieces)}
        self._tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=40))
        self._tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
        self._tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        self.start, self.separator, self.padding = ids["[CLS]"], ids["[SEP]"], ids["[PAD]"]
        self.markers = {name: ids[f"[unused{number}]"] for number, name in enumerate(MARKERS, 1)}

    def encode(self, text: str, limit: int) -> tuple[list[int], list[tuple[int, int, int]]]:
        """At most `limit` pieces of a text, and (start, end, first piece) of each of its words."""
        text = text[: 12 * limit].encode("utf-8", "replace").decode("utf-8")  # lone surrogates have no UTF-8
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        words: list[tuple[int, int, int]] = []
        previous = None
        for index, (word, (start, end)) in enumerate(zip(encoding.word_ids[:limit], encoding.offsets, strict=False)):
            if word != previous:
                words.append((start, end, index))
            else:
                words[-1] = (words[-1][0], end, words[-1][2])
            previous = word
        return encoding.ids[:limit], words


@cache
def load_word_pieces() -> WordPieces:
    """The word pieces of the shipped encoder."""
    return WordPieces()


def encode_features(feedback: str, state: State, pieces: WordPieces) -> Features:
    """Encode feedback about a picture in `state`."""
    ids, words = pieces.encode(feedback, MAX_FEEDBACK)
    sequence = [pieces.start, *ids, pieces.separator]
    feedback_length = len(sequence)
    prompt_ids, prompt_words = pieces.encode(state.prompt, MAX_PROMPT)
    sequence += [*prompt_ids, pieces.separator]
    exclusions = []
    for exclusion in _relevant_exclusions(feedback, state):
        exclusions.append((exclusion, len(sequence)))
        sequence += [pieces.markers["negative"], *pieces.encode(exclusion.term, MAX_PHRASE)[0]]
    sequence.append(pieces.separator)
    segments = np.ones(len(sequence), np.int64)
    segments[:feedback_length] = 0
    return Features(
        np.array(sequence, np.int64),
        segments,
        tuple(Word(start, end, 1 + index) for start, end, index in words),
        tuple(Word(start, end, feedback_length + index) for start, end, index in prompt_words),
        tuple(exclusions),
    )


def encode_proposals(edits: Sequence[Edit], state: State, pieces: WordPieces) -> Proposals:
    """Encode the first `MAX_PROPOSALS` edits that were proposed for a picture in `state`."""
    sequence: list[int] = []
    markers = []
    for edit in edits[:MAX_PROPOSALS]:
        markers.append(len(sequence))
        sequence += _encode_edit(edit, state, pieces)
    sequence.append(pieces.separator)
    return Proposals(np.array(sequence, np.int64), tuple(markers))


def _relevant_exclusions(feedback: str, state: State) -> list[Exclusion]:
    """At most `MAX_EXCLUSIONS` exclusions: those that share a word with the feedback, then the latest ones."""
    exclusions = list(state.negative)
    if len(exclusions) <= MAX_EXCLUSIONS:
        return exclusions
    stems = {word[:4] for word in re.findall(r"\w+", feedback.lower())}
    order = sorted(
        range(len(exclusions)),
        key=lambda n: (not any(word[:4] in stems for word in exclusions[n].term.lower().split()), -n),
    )
    return [exclusions[n] for n in sorted(order[:MAX_EXCLUSIONS])]


def _encode_edit(edit: Edit, state: State, pieces: WordPieces) -> list[int]:
    markers = pieces.markers
    match edit:
        case Exclude():
            return [markers["exclude"], *pieces.encode(edit.term, MAX_PHRASE)[0]]
        case Allow():
            return [markers["allow"], *pieces.encode(edit.term, MAX_PHRASE)[0]]
        case Reweight():
            known = state.negative.find(edit.term)
            direction = "up" if edit.weight > (known.weight if known else 1.0) else "down"
            return [markers[direction], *pieces.encode(edit.term, MAX_PHRASE)[0]]
        case SetPrompt():
            before, after = _words(state.prompt), _words(edit.text)
            added = " ".join(word for word in after if word not in before)
            removed = " ".join(word for word in before if word not in after)
            encoded = [markers["prompt"], *pieces.encode(added, MAX_PHRASE)[0]]
            return [*encoded, markers["without"], *pieces.encode(removed, MAX_PHRASE)[0]] if removed else encoded
        case Undo():
            return [markers["undo"]]
        case Reset():
            return [markers["reset"]]
        case Reroll():
            return [markers["reroll"]]


def _words(text: str) -> list[str]:
    return re.findall(r"[\w'-]+", text.lower())
