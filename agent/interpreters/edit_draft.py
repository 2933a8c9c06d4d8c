"""The edits of one utterance while they are collected, resolved against the state."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from ..edits import MAX_PROMPT_CHARACTERS, Allow, Edit, Exclude, Reroll, Reset, Reweight, SetPrompt, State, Undo
from ..exclusions import (
    DEFAULT_WEIGHT,
    MAX_TERM_CHARACTERS,
    MAX_TERM_WORDS,
    MAX_WEIGHT,
    MIN_WEIGHT,
    Exclusion,
    NegativePrompt,
)
from ..terms import collapse_whitespace, normalize_term, stem_term, to_one_line
from .guards import acceptable_edits
from .language import prompt_rewriting
from .language.lexicon import load_lexicon
from .language.noun_phrases import extract_term

STEP = 1.2
"""Factor for one step: "still there" multiplies a weight by it, "too strong" divides by it."""


class EditDraft:
    """The edits that the utterance has asked for so far, and the context of the next clause."""

    def __init__(self, state: State, feedback: str = "") -> None:
        self.state = state
        self.feedback = feedback
        """The user's words: what is quoted there is accepted as a term."""
        self.prompt = state.prompt
        self.edits: list[Edit] = []
        self.mention: str | None = None
        """The last noun phrase mentioned: what "it" and "one" refer to."""
        self.possible_complaint: str | None = None
        """A thing that was pointed at. A complaint, unless the utterance says something else about it."""
        self.missing_thing: str | None = None
        """A thing that was reported missing. It is added, unless the utterance says something else about it."""
        self.is_correction = False
        """Whether a bare "no" came just before, as in "no, keep it"."""
        self.dropped_exclusions = NegativePrompt()
        """The exclusions before a reset in this utterance."""
        self.has_lowered_weight = False
        """Whether a weight was lowered. The next statement about the picture is then the reason for it."""
        self.has_groan = False
        """Whether the utterance groans ("ugh") or has an angry emoji. Bare names are then complaints."""
        self.has_please = False
        """Whether the utterance contains "please". Bare names are then requests."""
        self.has_praise = False
        """Whether the utterance contains praise. A bare likeness may then be a compliment."""
        self.is_pasted_list = False
        """Whether the utterance is a list in the notation of prompts. What it names was meant, without a doubt."""
        self.steps: list[tuple[str, str, tuple[Edit, ...]]] = []
        """Each clause that a rule matched: (clause, rule name, resulting edits)."""

        self.unmatched: list[str] = []
        """The clauses that no rule matched."""

    @contextmanager
    def step(self, clause: str, rule: str) -> Iterator[None]:
        """Attribute the changes made inside the block to this rule."""
        edits, prompt = list(self.edits), self.prompt
        yield
        new = [edit for edit in self.edits if edit not in edits]
        if self.prompt != prompt:
            new += _prompt(self.prompt)
        if new:
            self.steps.append((clause, rule, tuple(new)))

    def finish(self) -> tuple[Edit, ...]:
        """The edits in the order they were requested, with the new prompt last."""
        if self.possible_complaint and not self.has_praise and not self.edits and self.prompt == self.state.prompt:
            self.exclude(self.possible_complaint)
        if self.missing_thing and not self.edits and self.prompt == self.state.prompt:
            self.add(self.missing_thing)
        new = _prompt(self.prompt) if self.prompt != self.state.prompt else []
        return acceptable_edits((*self.edits, *new), self.state, self.feedback)

    # existing exclusions

    def find_exclusion(self, phrase: str) -> Exclusion | None:
        """The exclusion that a phrase refers to: the same term, a synonym, or a part of it."""
        term = extract_term(phrase) or collapse_whitespace(phrase.lower())
        if not term:
            return None
        negative = self.state.negative
        return negative.find(term) or self._find_synonym(term) or negative.find_stem(term)

    def _find_synonym(self, term: str) -> Exclusion | None:
        if not load_lexicon().find_groups(normalize_term(term)):
            return None
        return next(
            (exclusion for exclusion in self.state.negative if load_lexicon().is_same(exclusion.term, term)), None
        )

    def find_all_mentioned(self, text: str, negative: NegativePrompt | None = None) -> list[Exclusion]:
        """The exclusions that a text mentions, in the order of the negative prompt."""
        negative = self.state.negative if negative is None else negative
        lower_text = re.sub(r"\b(?:anti|non|no)-(?=\w)", "", text.lower())  # "your anti-blue rule"
        words = re.findall(r"[\w'-]+", lower_text)
        words = [_positive_form(word) for word in words]
        spans = {" ".join(words[i:j]) for i in range(len(words)) for j in range(i + 1, min(i + 5, len(words) + 1))}
        keys, stems = {normalize_term(span) for span in spans}, {stem_term(span) for span in spans}
        exact = [
            exclusion
            for exclusion in negative
            if normalize_term(exclusion.term) in keys or stem_term(exclusion.term) in stems
        ]
        if exact:
            return exact
        groups = frozenset[int]().union(*map(load_lexicon().find_groups, keys))
        synonyms = [
            exclusion
            for exclusion in negative
            if not groups.isdisjoint(load_lexicon().find_groups(normalize_term(exclusion.term)))
        ]
        heads = {normalize_term(word) for word in words}
        return synonyms or [exclusion for exclusion in negative if normalize_term(exclusion.term).split()[-1] in heads]

    def find_mentioned(self, phrase: str) -> Exclusion | None:
        """The exclusion that a phrase names, or the latest one for "it"."""
        if is_pronoun(phrase):
            if self.mention and (known := self.find_exclusion(self.mention)):
                return known
            return None if self.missing_thing else self.state.negative.latest
        return self.find_exclusion(phrase) or next(iter(self.find_all_mentioned(phrase)), None)

    # edits

    def add_command(self, edit: Undo | Reset | Reroll) -> bool:
        """Add a command, unless the draft has it already."""
        if not any(edit.op == other.op for other in self.edits):
            if isinstance(edit, Reset):
                self._reset()
            self.edits.append(edit)
        return True

    def _reset(self) -> None:
        """Cancel earlier edits of the user's own exclusions, and hide these exclusions from later clauses."""
        kept = self.state.negative.only_locked()
        self.dropped_exclusions = self.state.negative
        self.state = replace(self.state, negative=kept)
        moot = [edit for edit in self._term_edits() if edit.term not in kept]
        self.edits = [edit for edit in self.edits if edit not in moot]

    def exclude(self, phrase: str) -> bool:
        """Exclude what a phrase names, or raise its weight if it is excluded. False if the phrase names no term."""
        if is_pronoun(phrase):
            phrase = self.mention or ""
        term = extract_term(phrase)
        if term is None:
            return False
        self.mention = term
        return self.exclude_term(term)

    def exclude_term(self, term: str, weight: float = DEFAULT_WEIGHT) -> bool:
        """Exclude exactly this term, and remove it from the prompt."""
        self.prompt = prompt_rewriting.remove_term(self.prompt, term)
        if known := self.find_exclusion(term):
            return self.strengthen(known)
        term = _shorten_term(term)
        if term and not any(normalize_term(term) == normalize_term(edit.term) for edit in self._term_edits()):
            self.edits.append(Exclude(term=term, weight=weight))
        return bool(term)

    def retract(self, term: str) -> bool:
        """Remove the draft's exclusion of a term. False if there is none."""
        remaining = [
            edit
            for edit in self.edits
            if not (isinstance(edit, Exclude) and normalize_term(edit.term) == normalize_term(term))
        ]
        if len(remaining) == len(self.edits):
            return False
        self.edits = remaining
        if self.prompt == prompt_rewriting.remove_term(self.state.prompt, term):
            self.prompt = self.state.prompt
        return True

    def keep_out(self, term: str, weight: float = DEFAULT_WEIGHT) -> bool:
        """Exclude exactly this term, without a higher weight if it is excluded already."""
        if known := self.find_exclusion(term):
            self.edits.append(Exclude(term=known.term))
            return True
        return self.exclude_term(term, weight)

    def strengthen(self, known: Exclusion) -> bool:
        """Raise the weight by one step."""
        return self.set_weight(known, max(round(known.weight * STEP, 1), round(known.weight + 0.1, 1)))

    def weaken(self, known: Exclusion) -> bool:
        """Lower the weight by one step."""
        self.has_lowered_weight = True
        reasons = [edit for _, rule, edits_made in self.steps if rule in _REASONS for edit in edits_made]
        self.edits = [edit for edit in self.edits if not (isinstance(edit, Exclude) and edit in reasons)]
        return self.set_weight(known, min(round(known.weight / STEP, 1), round(known.weight - 0.1, 1)))

    def set_weight(self, known: Exclusion, weight: float) -> bool:
        """Set the weight, clamped to the valid range."""
        weight = min(MAX_WEIGHT, max(MIN_WEIGHT, weight))
        if not any(normalize_term(known.term) == normalize_term(edit.term) for edit in self._term_edits()):
            self.edits.append(Reweight(term=known.term, weight=weight))
        self.mention = known.term
        return True

    def allow(self, term: str) -> bool:
        """Remove a term from the exclusions."""
        self.edits = [
            edit
            for edit in self.edits
            if not (isinstance(edit, Exclude | Reweight) and normalize_term(edit.term) == normalize_term(term))
        ]
        if not any(
            isinstance(edit, Allow) and normalize_term(edit.term) == normalize_term(term) for edit in self.edits
        ):
            self.edits.append(Allow(term=term))
        self.mention = term
        return True

    def rewrite(self, prompt: str | None) -> bool:
        """Set a tidied prompt, and allow exclusions that it asks for. False for None."""
        return bool(prompt) and self.set_prompt(prompt_rewriting.tidy(prompt or ""))

    def set_prompt(self, prompt: str) -> bool:
        """Set the prompt without tidying it, and allow exclusions that it asks for."""
        if not prompt:
            return False
        new_words = set(re.findall(r"[\w'-]+", prompt.lower())) - set(re.findall(r"[\w'-]+", self.prompt.lower()))
        new_words = set(map(normalize_term, new_words))
        for exclusion in self.state.negative:
            if not exclusion.is_locked and new_words.issuperset(normalize_term(exclusion.term).split()):
                self.allow(exclusion.term)
        self.prompt = prompt
        return True

    def is_in_prompt(self, term: str) -> bool:
        """Whether the prompt contains every word of a term."""
        words = {normalize_term(word) for word in re.findall(r"[\w'-]+", self.prompt)}
        return all(normalize_term(word) in words for word in term.split())

    def add(self, phrase: str) -> bool:
        """Add a phrase to the prompt."""
        if is_pronoun(phrase):
            phrase = self.mention or ""
        return bool(phrase) and self.rewrite(prompt_rewriting.add_phrase(self.prompt, phrase))

    def _term_edits(self) -> Iterator[Exclude | Allow | Reweight]:
        return (edit for edit in self.edits if isinstance(edit, Exclude | Allow | Reweight))


_REASONS = frozenset({"looks_like", "faulty", "fault"})
"""Complaint rules that can give the reason for a lower weight: "it all went mushy, relax the noise block"."""

_POINTERS = frozenset(
    [
        "it",
        "that",
        "them",
        "this",
        "those",
        "these",
        "one",
        "him",
        "her",
        "some",
        "any",
        "thing",
        "things",
        "the",
        "all",
        "of",
    ]
)


def _shorten_term(term: str) -> str:
    """The term with as many words and characters as a term may have; empty if none of them is visible."""
    words = to_one_line(term.replace(",", " ")).split()[:MAX_TERM_WORDS]
    return to_one_line(" ".join(words)[:MAX_TERM_CHARACTERS])


def _prompt(text: str) -> list[SetPrompt]:
    """The edit for a new prompt. None if the prompt has no visible characters."""
    text = to_one_line(to_one_line(text)[:MAX_PROMPT_CHARACTERS])
    return [SetPrompt(text=text)] if text else []


def is_pronoun(phrase: str) -> bool:
    """Whether a phrase consists of pronouns and other function words."""
    words = phrase.lower().strip(" ?!.,").split()
    return all(word in _POINTERS for word in words)


def _positive_form(word: str) -> str:
    """ "Blurrier" -> "blurry", "darker" -> "dark"; other words are returned unchanged."""
    bases = (re.sub(ending, base, word) for ending, base in (("ier$", "y"), ("er$", ""), ("r$", "")))
    return next((base for base in bases if base != word and base in load_lexicon().words["faults"]), word)
