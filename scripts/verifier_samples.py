"""Labelled feedback as training samples of the verifier's encoder: proposed edits, and labels for words and lines."""

import json
import random
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import md5
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from feedback_scoring import folded, matches, state_of

from notthat.agent.edits import Allow, Edit, Exclude, Reroll, Reset, Reweight, SetPrompt, State, Undo
from notthat.agent.interpreters.offline.interpreter import OfflineInterpreter
from notthat.agent.interpreters.verifier.features import (
    Features,
    Proposals,
    WordPieces,
    encode_features,
    encode_proposals,
)
from notthat.agent.interpreters.verifier.network import FAULTS, INTENTS, TAGS, WHOLE_FAULTS

Case = Mapping[str, Any]


@dataclass
class Line:
    """A labelled case with the grammar's edits and the labels of its words."""

    case: Case
    state: State
    grammar: tuple[Edit, ...]
    tags: list[int]
    faults: frozenset[str]
    """Faults of the picture as a whole."""
    mistakes: list[Edit] = field(default_factory=list)
    """Edits that the encoder proposed in its first epochs."""

    @property
    def readings(self) -> list[list[Mapping[str, Any]]]:
        return [self.case["edits"], *self.case.get("alternatives", [])]

    def meant(self, edit: Edit) -> bool:
        """Whether some label of the case asks for the edit."""
        return any(matches(gold, edit, self.state) for reading in self.readings for gold in reading)


def is_held_out(case: Case) -> bool:
    """Whether a case is measured and not trained on."""
    return md5(case["feedback"].encode(), usedforsecurity=False).digest()[-1] % 16 == 0


def load_cases(folder: Path) -> list[Case]:
    """All cases of a folder's files."""
    return [
        json.loads(line) for path in sorted(folder.glob("*.jsonl")) for line in path.read_text("utf-8").splitlines()
    ]


def prepare_lines(cases: Iterable[Case], pieces: WordPieces) -> list[Line]:
    """The cases with the grammar's edits and the labels of their words."""
    interpreter = OfflineInterpreter()
    lines = []
    for case in cases:
        state = state_of(case)
        lines.append(Line(case, state, interpreter.propose(case["feedback"], state), *tag_words(case, state, pieces)))
    return lines


PLAIN = {
    "exclude": (
        "no {}",
        "no {} please",
        "remove the {}",
        "without {}",
        "get rid of the {}",
        "lose the {}",
        "take out the {}",
        "no more {}",
        "{} should go",
        "too much {}",
        "hide the {}",
        "i don't want {}",
        "please delete the {}",
    ),
    "allow": (
        "bring the {} back",
        "{} is fine again",
        "allow {}",
        "put the {} back",
        "the {} can come back",
        "restore {}",
    ),
    "up": ("still {}", "{} again", "there is still {}", "stronger on the {}", "the {} is still there"),
    "none": (
        "keep the {}",
        "love the {}",
        "nice {}",
        "don't remove the {}",
        "leave the {} alone",
        "the {} is perfect",
        "what is a {}?",
        "great {}, thanks",
    ),
}
"""Plain wordings: no such request may be in doubt."""


def plain_lines(cases: Sequence[Case], seed: int, count: int) -> list[Case]:
    """Plain requests about the things of other cases, also of things that the prompt names."""
    source = random.Random(seed)
    terms = [gold["term"][0] for case in cases for gold in case["edits"] if gold["op"] == "exclude"]
    terms = [term for term in terms if len(term.split()) <= 2 and not term.startswith(("missing", "too ", "no "))]
    found: list[Case] = []
    for number in range(count):
        term, case, kind = source.choice(terms), source.choice(cases), source.choice([*["exclude"] * 3, *PLAIN])
        prompt, negative = case["prompt"] or "a street", case["negative"]
        if term.lower() in f"{prompt} {negative}".lower():
            continue
        edit: dict[str, Any] = {"op": kind, "term": [term]}
        if kind == "up":
            edit = {"op": "reweight", "term": [term], "direction": "up"}
        if kind in ("allow", "up"):
            negative = f"{negative}, {term}".strip(", ")
        elif source.random() < 0.4:
            prompt = source.choice(("{} with {}", "{} and {}", "{}, {}", "{} with a {}")).format(prompt, term)
        feedback = source.choice(PLAIN[kind]).format(term)
        found.append(
            {
                "id": f"plain-{number}",
                "kind": "plain",
                "prompt": prompt,
                "negative": negative,
                "feedback": feedback,
                "edits": [] if kind == "none" else [edit],
            }
        )
    return found


def tag_words(case: Case, state: State, pieces: WordPieces) -> tuple[list[int], frozenset[str]]:
    """The tag of each word of the feedback, and the faults of the picture as a whole."""
    features = encode_features(case["feedback"], state, pieces)
    words = [stem(case["feedback"][word.start : word.end]) for word in features.words]
    tags = [0] * len(words)
    faults = set()
    for gold in case["edits"]:
        if gold["op"] == "exclude" and not _tag_term(gold["term"], words, tags):
            faults |= {fault for fault in WHOLE_FAULTS if fault in gold["term"]}
        elif gold["op"] == "prompt":
            _tag_prompt(gold, state.prompt, words, tags)
    return tags, frozenset(faults)


SYNONYMS = {
    "missing": {"missing", "no", "lacking"},
    "cropped": {"cropped", "cut off", "cut"},
    "floating": {"floating", "hovering", "levitating"},
    "fused": {"fused", "merged", "melted", "melting", "merging", "overlapping", "clipping"},
    "extra": {"extra", "two", "double", "duplicate", "second", "three", "too many", "multiple"},
    "deformed": {
        *("deformed", "broken", "bent", "misplaced", "wrong", "bad", "warped", "malformed", "crooked", "mismatched"),
        *("uneven", "disconnected", "detached", "misaligned", "distorted", "weird"),
    },
}


def _tag_term(terms: Sequence[str], words: list[str], tags: list[int]) -> bool:
    for term in terms:
        parts = [stem(part) for part in re.findall(r"\w+|[^\w\s]", term.lower())]
        for start in range(len(words) - len(parts) + 1):
            if words[start : start + len(parts)] == parts and not any(tags[start : start + len(parts)]):
                tags[start : start + len(parts)] = [TAGS.index("exclude")] * len(parts)
                return True
    for term in terms:
        parts = [stem(part) for part in re.findall(r"\w+", term.lower())]
        places = [words.index(part) for part in parts if part in words]
        if len(parts) > 1 and len(places) == len(parts):
            for place in places:
                tags[place] = TAGS.index("quality")
            tags[places[-1]] = TAGS.index("exclude")
            return True
    for term in terms:
        for fault in FAULTS:
            for name in SYNONYMS[fault]:
                parts = [stem(part) for part in re.findall(r"\w+", term.lower().removeprefix(f"{name} "))]
                places = [words.index(part) for part in parts if part in words]
                if term.lower().startswith(f"{name} ") and len(places) == len(parts):
                    for place in places:
                        tags[place] = TAGS.index(fault)
                    return True
    return False


def _tag_prompt(gold: Mapping[str, Any], prompt: str, words: list[str], tags: list[int]) -> None:
    before = {stem(word) for word in re.findall(r"\w+", prompt.lower())}
    if "text" in gold:
        wanted = {stem(word) for word in re.findall(r"\w+", gold["text"].lower())} - before - SMALL
    else:
        wanted = {word for word in words if any(re.search(must, word, re.I) for must in gold["must"])} - before
    for place, word in enumerate(words):
        if word in wanted and not tags[place]:
            tags[place] = TAGS.index("prompt")


SMALL = frozenset(
    [
        "a",
        "an",
        "the",
        "of",
        "in",
        "on",
        "at",
        "with",
        "and",
        "to",
        "is",
        "are",
        "her",
        "his",
        "their",
        "its",
        "for",
        "from",
        "by",
        "no",
        "not",
        "without",
    ]
)


def stem(word: str) -> str:
    word = word.lower()
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


class Corruption:
    """Sets of proposed edits for a line."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def propose(self, line: Line) -> list[Edit]:
        """Proposed edits, some right and some wrong."""
        pick = self._random.random()
        proposed: list[Edit] = []
        if pick < 0.65:
            proposed = list(line.grammar)
        elif pick < 0.85:
            proposed = self.gold(line)
        if line.mistakes and self._random.random() < 0.5:
            proposed += [edit for edit in line.mistakes if self._random.random() < 0.7]
        if self._random.random() < 0.4:
            proposed += [edit for _ in range(self._random.choice((1, 1, 2))) if (edit := self.wrong(line))]
        if proposed and self._random.random() < 0.15:
            proposed.pop(self._random.randrange(len(proposed)))
        if self._random.random() < 0.5:
            self._random.shuffle(proposed)
        return list(dict.fromkeys(proposed))[:8]

    def gold(self, line: Line) -> list[Edit]:
        """The right edits, with one of the accepted terms each."""
        edits: list[Edit] = []
        for gold in self._random.choice(line.readings):
            known = next((e for e in line.state.negative if folded(e.term) in map(folded, gold.get("term", ()))), None)
            term = (
                gold["term"][min(int(self._random.expovariate(1.2)), len(gold["term"]) - 1)] if "term" in gold else ""
            )
            weight = known.weight if known else 1.0
            try:
                match gold["op"]:
                    case "exclude":
                        edits.append(Exclude(term=term))
                    case "allow":
                        edits.append(Allow(term=known.term if known else term))
                    case "reweight":
                        up = gold.get("direction", "up") == "up"
                        edits.append(
                            Reweight(term=known.term if known else term, weight=weight + (0.2 if up else -0.3))
                        )
                    case "prompt" if "text" in gold:
                        edits.append(SetPrompt(text=gold["text"]))
                    case "undo":
                        edits.append(Undo(turns=gold.get("turns", 1)))
                    case "reset":
                        edits.append(Reset())
                    case "reroll":
                        edits.append(Reroll())
            except ValueError:
                continue
        return edits

    def wrong(self, line: Line) -> Edit | None:
        """An edit that is probably wrong: another operation, or other words."""
        pick = self._random.random()
        try:
            if pick < 0.4:
                return Exclude(term=self._span(line.case["feedback"]))
            if pick < 0.5 and line.state.prompt:
                return Exclude(term=self._span(line.state.prompt, 2))
            if pick < 0.6:
                return SetPrompt(text=f"{line.state.prompt}, {self._span(line.case['feedback'])}".strip(", "))
            if pick < 0.75 and len(line.state.negative):
                known = self._random.choice(list(line.state.negative))
                weight = round(known.weight + self._random.choice((0.3, -0.3)), 2)
                return self._random.choice((Allow(term=known.term), Reweight(term=known.term, weight=weight)))
            if pick < 0.8:
                return self._random.choice((Undo(), Reset(), Reroll()))
            right = self.gold(line) + list(line.grammar)
            return self._twist(self._random.choice(right), line) if right else None
        except ValueError:
            return None

    def _twist(self, edit: Edit, line: Line) -> Edit | None:
        words = line.case["feedback"].split()
        match edit:
            case Exclude():
                parts = edit.term.split()
                roll = self._random.random()
                if roll < 0.3 and len(parts) > 1:
                    return Exclude(term=" ".join(parts[1:] if self._random.random() < 0.5 else parts[:-1]))
                if roll < 0.6:
                    at = next((n for n, word in enumerate(words) if stem(word.strip(".,!?")) == stem(parts[0])), None)
                    if at is not None and at > 0:
                        return Exclude(term=f"{words[at - 1].strip('.,!?')} {edit.term}")
                    at = next((n for n, word in enumerate(words) if stem(word.strip(".,!?")) == stem(parts[-1])), None)
                    if at is not None and at + 1 < len(words):
                        return Exclude(term=f"{edit.term} {words[at + 1].strip('.,!?')}")
                if roll < 0.75:
                    return SetPrompt(text=f"{line.state.prompt}, {edit.term}".strip(", "))
                return Exclude(
                    term=f"{self._random.choice(('no', 'missing', 'more', 'too much', 'the', 'any'))} {edit.term}"
                )
            case Allow():
                return self._random.choice((Exclude(term=f"{edit.term}"), Reweight(term=edit.term, weight=1.6)))
            case Reweight():
                return self._random.choice((Allow(term=edit.term), Reweight(term=edit.term, weight=2.0 - edit.weight)))
            case SetPrompt():
                return SetPrompt(text=self._span(line.case["feedback"], 6))
            case _:
                return self._random.choice((Undo(), Reset(), Reroll()))

    def _span(self, text: str, longest: int = 4) -> str:
        words = re.findall(r"[\w'-]+", text) or ["x"]
        start = self._random.randrange(len(words))
        return " ".join(words[start : start + self._random.randint(1, longest)])[:60]


@dataclass
class Sample:
    features: Features
    proposals: Proposals
    meant: list[float]
    tags: list[int]
    replaced: list[float] | None
    """For each word of the prompt, 1 if a right prompt is without it; None if the case has no right prompt."""
    changes: list[int]
    intents: list[float]


def make_sample(line: Line, proposals: Sequence[Edit], pieces: WordPieces) -> Sample:
    features = encode_features(line.case["feedback"], line.state, pieces)
    encoded = encode_proposals(proposals, line.state, pieces)
    changes = []
    for exclusion, _ in features.exclusions:
        found = 0
        for gold in line.case["edits"]:
            if "term" in gold and folded(exclusion.term) in map(folded, gold["term"]):
                if gold["op"] == "allow":
                    found = 1
                elif gold["op"] == "reweight":
                    found = 2 if gold.get("direction", "up") == "up" else 3
        changes.append(found)
    ops = {gold["op"] for gold in line.case["edits"]}
    intents = [float(bool(ops)), *(float(op in ops) for op in INTENTS[1 : -len(WHOLE_FAULTS)])]
    intents += [float(fault in line.faults) for fault in WHOLE_FAULTS]
    new = next((gold.get("text") for gold in line.case["edits"] if gold["op"] == "prompt"), line.state.prompt)
    replaced = None
    if new:
        kept = {stem(word) for word in re.findall(r"\w+", new.lower())}
        prompt_words = [stem(line.state.prompt[word.start : word.end]) for word in features.prompt_words]
        replaced = [float(word.isalnum() and word not in kept and word not in SMALL) for word in prompt_words]
    return Sample(
        features,
        encoded,
        [float(line.meant(edit)) for edit in proposals[: len(encoded.markers)]],
        line.tags[: len(features.words)],
        replaced,
        changes,
        intents,
    )
