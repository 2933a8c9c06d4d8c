"""Extraction of terms: the noun phrase in a stretch of words, as an image caption would have it."""

import re

from ...terms import collapse_whitespace
from .lexicon import load_lexicon

MAX_WORDS = 5
_MOST_WORDS = 40
"""Number of words that are searched for a term."""
_DETERMINERS = frozenset({"the", "his", "her", "their", "my", "your", "our", "its", "that", "this"})
_NEW_PHRASE = _DETERMINERS | {"it", "them", "him", "these", "those", "a", "an"}
"""Words that always start a new phrase: "the skull | its overdone", "the scarf | she never wore"."""
_AUXILIARIES = frozenset({"longer", "do", "does", "did", "is", "are", "was", "were", "would", "could", "should", "has"})
_OUTSIDE = frozenset({"front", "back", "there", "here", "in", "of"})
"""Words after an "out" that makes a phrase a place: "the bins | out front"."""
_OF = re.compile(
    r"^(?:half (?:an?|the)\s+|(?:(?:about|around|roughly|at least|almost)\s+)?(?:(?:a|the|all|any)\s+)?"
    r"(?:bits?|lots?|loads?|tons?|bunch|pair"
    r"|couple|kinds?|sorts?|piece|line|row|strip|patch|splash|swarm|streak|group|set|flock|pile|amount|number|hint|trace"
    r"|traces|touch|rest|half|part|parts|majority|some|all"
    r"|any|any sign|signs?|sight|presence|most|none|both|two|one)\s+of\s+)",
    re.I,
)
_OWNER = re.compile(r"^(?:(?:the|his|her|their|my|a|an|that|this)\s+(?:[\w-]+\s+)?)?[\w-]+(?:'s|s')\s+(?=\w)", re.I)


def extract_term(phrase: str) -> str | None:
    """The term that a phrase names: "those annoying birds behind her" -> "birds".

    None for a pronoun ("it") or a phrase that is no noun phrase.
    """
    known = load_lexicon()
    phrase = re.sub(r"\s+a (?:little|bit|lot|tad)(?: bit)?[\s.!]*$", "", phrase)
    phrase = collapse_whitespace(re.sub(r"[\"“”()\[\]{}<>*_?!.,;:\\|]", " ", phrase.lower()))
    words = _OWNER.sub("", _OF.sub("", phrase)).split()[:_MOST_WORDS]
    while words and words[0] in known.words["quantifiers"] | known.words["expletives"]:
        words = _OF.sub("", " ".join(words[1:])).split()
    words = _cut_at_clause(words)
    while len(words) > 1 and words[-1] in known.words["trailing"]:
        words = words[:-1]
    while words and words[-1] in known.words["quantifiers"] | {"any", "thing", "things", "stuff"} and len(words) > 1:
        words = words[:-1]
    if not words or len(words) > MAX_WORDS or words[0] in known.words["pronouns"] | _AUXILIARIES:
        return None
    term = " ".join(words).strip("'- ")
    return known.names.get(term, term) or None


def _cut_at_clause(words: list[str]) -> list[str]:
    cuts = load_lexicon().words["cuts"]
    for index, word in enumerate(words):
        following = words[index + 1] if index + 1 < len(words) else ""
        if word == "can" and not following:  # "a watering can"
            continue
        if word == "look" and not following and not words[index - 1].endswith("s"):  # "that cheap look"
            continue
        if index == 0:
            if word in cuts and word not in {"out", "off", "over", "under", "like", "up", "down"}:
                return []
            continue
        if word == "back" and following in {"there", "here"}:  # "that waterfall | back there"
            return words[:index]
        if word == "out" and following in _OUTSIDE:
            return words[:index]
        if word in _NEW_PHRASE and words[index - 1] not in {"of", "and", "with"}:
            return words[:index]
        if word == "of" and following not in _DETERMINERS | {"any"}:
            continue
        if word in {"of", "to"} or word in cuts or (_is_participle(word, following) and not _is_flaw(word)):
            if words[index - 1] in {"out", "depth", "cut"} or (
                word in {"up", "off", "out"} and following and following not in {"there", "here", *_DETERMINERS}
            ):
                continue
            return words[:index]
    return words


def _is_participle(word: str, following: str) -> bool:
    """Whether a participle clause starts here: "birds | flying over ..."."""
    starters = load_lexicon().words["cuts"] | {"the", "a", "an", "his", "her", "their", "my", "its", "around", "about"}
    return bool(re.fullmatch(r"\w{2,}(?:ing|ed)", word)) and following in starters


def _is_flaw(word: str) -> bool:
    """Whether a word that ends like a participle is a noun: "purple fringing | along the edge"."""
    return word in load_lexicon().words["flaws"] | load_lexicon().words["ing_things"]


def is_noun_phrase(text: str) -> bool:
    """Whether a clause is a bare noun phrase, such as the second half of "no cars and no people"."""
    words, known = text.lower().split(), load_lexicon().words
    if not 0 < len(words) <= 6 or words[0] in known["sentence_starts"]:
        return False
    if any(
        word in _NEW_PHRASE and words[index] not in known["joiners"] for index, word in enumerate(words[1:])
    ):  # "paint | the van"
        return False
    return not any(
        word in known["sentence_verbs"] or word.endswith(("n't", "'re", "'ll", "'m", "'ve", "'d")) for word in words
    )
