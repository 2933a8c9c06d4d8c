"""Pure functions that apply a requested change to a prompt."""

import re
from functools import cache

from ...terms import collapse_whitespace, normalize_term, singularize
from .lexicon import any_word_pattern, load_lexicon

_ARTICLE = re.compile(r"^(?:an?|the|some|another|one)\s+", re.I)
MEDIUM = re.compile(
    r"^((?:an?\s+|the\s+)?(?:[\w-]+\s+){0,3}?(?:portrait|photo|photograph"
    r"|picture|painting|drawing|sketch|image|poster"
    r"|shot|logo|icon|close-up|illustration|cover|render|view|watercolou?r"
    r"|model|macro|team photo)\s+(?:of|for)\s+)",
    re.I,
)
_PHRASE_END = re.compile(
    r",|\s(?:in|on|at|by|with|under|over|behind|beside|near|from|through"
    r"|along|among|against|during|of|for|to|lit"
    r"|into|and|who|that|as|around|wearing|holding|\w{3,}ing)\b",
    re.I,
)
_PLACE = (
    r"(?:in|on|at|under|by|near|inside|beside|against|above|below|next to"
    r"|in front of|on top of|over|behind|beneath|from)"
)


def tidy(prompt: str) -> str:
    """The prompt on one line, without doubled or trailing commas."""
    prompt = re.sub(r"\s*,(?:\s*,)*\s*", ", ", collapse_whitespace(prompt)).strip(" ,;")
    return re.sub(r"\s+([.,;!?])", r"\1", prompt)


def add_phrase(prompt: str, phrase: str) -> str:
    """The prompt with a phrase appended, unless it contains the phrase."""
    phrase = collapse_whitespace(phrase).strip(" .,!?")
    if phrase.lower() in prompt.lower() and re.search(rf"\b{re.escape(phrase)}\b", prompt, re.I):
        return prompt
    return f"{prompt}, {phrase}" if prompt else phrase


def remove_term(prompt: str, term: str) -> str:
    """The prompt without a term that can be removed cleanly: ", a hat" or "with a red hat". Otherwise unchanged."""
    if not _may_mention(prompt, term):
        return prompt
    adjectives = r"(?:(?!(?:and|or|of|in|on|at|with)\b)[\w-]+\s+){0,2}?"
    thing = rf"(?:(?:an?|the|some|his|her|its|their)\s+)?{adjectives}{_plural_tolerant(term)}"
    end = rf"(?=\s*(?:,|$)|\s+{_PLACE}\s)"
    return re.sub(rf"(?:,\s*|,?\s+(?:with|wearing|holding|carrying|in)\s+){thing}{end}", "", prompt, flags=re.I)


def swap(prompt: str, old: str, new: str) -> str | None:
    """Replace `old` with `new`. If `old` names a kind ("the season"), replace the word of that kind, if any."""
    old, new = _ARTICLE.sub("", collapse_whitespace(old)), collapse_whitespace(new).strip(" .,!?")
    if not old or not new:
        return None
    if kind := load_lexicon().kind_names.get(old.lower()):
        return swap_kind(prompt, kind, new) or add_phrase(prompt, _style_phrase(new) if kind == "style" else new)
    for candidate in (old, old.split()[-1]):
        if match := _find_phrase(prompt, candidate):
            return _substitute(prompt, match, new)
    return None


def swap_kind(prompt: str, kind: str, new: str) -> str | None:
    """Replace the word of a kind with `new`. None if the prompt has no word of that kind."""
    pattern = _word_pattern(kind, normalize_term(_ARTICLE.sub("", new)))
    match = pattern.search(prompt) if pattern else None
    return _substitute(prompt, match, new) if match else None


@cache
def _word_pattern(kind: str, excluded: str) -> re.Pattern[str] | None:
    """A pattern for any word of a kind except one."""
    words = [word for word in load_lexicon().kinds.get(kind, ()) if normalize_term(word) != excluded]
    if len(words) == len(load_lexicon().kinds.get(kind, ())) and excluded:
        return _word_pattern(kind, "")  # one cache entry for all words outside the kind
    return re.compile(rf"(?<![\w-]){any_word_pattern(words)}(?:s|es)?(?![\w-])", re.I) if words else None


def update_count(prompt: str, phrase: str) -> str:
    """ "Three kittens" replaces the kitten of the prompt, or else is added."""
    noun = phrase.partition(" ")[2]
    match = re.search(
        rf"\b(?:(?:an?|one|two|three|four|five|six|\d+|some|several)\s+)?{_plural_tolerant(noun.split()[-1])}\b",
        prompt,
        re.I,
    )
    return tidy(f"{prompt[: match.start()]}{phrase}{prompt[match.end() :]}") if match else add_phrase(prompt, phrase)


def set_count(prompt: str, phrase: str) -> str | None:
    """ "Two goats" replaces the goat of the prompt. None if the prompt mentions no goat."""
    number = re.fullmatch(
        r"(?:two|three|four|five|six|seven|eight|nine|ten|several|\d{1,2})\s+(?P<noun>[\w-]+)", phrase, re.I
    )
    return update_count(prompt, phrase) if number and _find_phrase(prompt, singularize(number["noun"])) else None


def replace_with(prompt: str, new: str) -> str:
    """ "Make it a queen": replaces the word of the same kind, or else the subject."""
    if counted := set_count(prompt, new):
        return counted
    placed = re.match(rf"(?P<what>an?\s.+?)\s+(?P<where>{_PLACE}\s.+)", new, re.I)
    if placed and load_lexicon().find_kind(placed["where"]) in _CIRCUMSTANCES | _SITES:
        return move(replace_with(prompt, placed["what"]), placed["where"])
    qualified = re.match(r"(?P<what>[\w-]+)\s+(?P<more>with\s.+)", new, re.I)
    if qualified and load_lexicon().find_kind(qualified["what"]) in _BEFORE_NOUN:
        return add_phrase(replace_with(prompt, qualified["what"]), qualified["more"])
    kind = None if re.match(r"\w{3,}ing\s", new) else load_lexicon().find_kind(new)  # "holding a coffee" is no drink
    if kind == "style":
        new = _style_phrase(new)
    if kind and (swapped := swap_kind(prompt, kind, new)):
        return swapped
    is_noun = bool(_ARTICLE.match(new)) or kind in _SUBJECTS
    if kind in _SUBJECTS or (is_noun and kind is None):
        return replace_subject(prompt, new)
    if kind in _BEFORE_NOUN and not _ARTICLE.match(new):
        return describe_subject(prompt, new)
    return add_phrase(prompt, new)


def replace_subject(prompt: str, new: str) -> str:
    """Replace the subject: "portrait of a man in a garden" keeps its garden."""
    start, end = _subject_span(prompt)
    return tidy(f"{prompt[:start]}{new}{prompt[end:]}")


def find_subject(prompt: str) -> tuple[str, str]:
    """The subject of a prompt and the rest of it: ("a man", "in a garden")."""
    start, end = _subject_span(prompt)
    return prompt[start:end].strip(), prompt[end:].strip()


def recolor(prompt: str, phrase: str) -> str | None:
    """ "A black barn" recolors the barn of the prompt. None if the prompt has no such barn."""
    match = re.fullmatch(r"(?:an?|the|(?:his|her|its|their)) (?P<q>[\w-]+) (?P<thing>[\w-]+(?: [\w-]+)?)", phrase, re.I)
    if match is None or load_lexicon().kind_of_word.get(normalize_term(match["q"])) not in _BEFORE_NOUN:
        return None
    if not re.search(rf"\b{re.escape(match['thing'])}\b", prompt, re.I):
        return None
    return attribute(prompt, match["thing"], match["q"])


def describe_subject(prompt: str, adjective: str) -> str:
    """Put an adjective before the subject."""
    start, end = _subject_span(prompt)
    article = _ARTICLE.match(prompt[start:end])
    at = start + (article.end() if article else 0)
    return fix_articles(tidy(f"{prompt[:at]}{adjective} {prompt[at:]}"))


def attribute(prompt: str, thing: str, quality: str) -> str:
    """ "Make the background white": describes the word in the prompt, or else adds "white background"."""
    thing, quality = _ARTICLE.sub("", collapse_whitespace(thing)), collapse_whitespace(quality).strip(" .,!?")
    thing = re.sub(r"^(?:his|her|their|its|my|your)\s+", "", thing, flags=re.I)
    if kind := load_lexicon().kind_names.get(thing.lower()):
        says_it = load_lexicon().find_kind(quality) == kind
        return swap_kind(prompt, kind, quality) or add_phrase(prompt, quality if says_it else f"{quality} {thing}")
    match = _find_phrase(prompt, thing)
    kind = load_lexicon().find_kind(quality)
    if match is None or (" " in quality and (kind not in {"color", "material"} or _is_phrase(quality))):
        return add_phrase(prompt, f"{thing} {quality}" if _is_phrase(quality) else f"{quality} {thing}")
    before = prompt[: match.start()].rstrip().rpartition(" ")
    if kind and load_lexicon().find_kind(before[2]) == kind:
        return fix_articles(tidy(f"{before[0]} {quality} {prompt[match.start() :]}"))
    return fix_articles(tidy(f"{prompt[: match.start()]}{quality} {prompt[match.start() :]}"))


def move(prompt: str, where: str) -> str:
    """ "Put it on a beach": replaces the place in the prompt, or else adds it."""
    where = collapse_whitespace(where).strip(" .,!?")
    kind = load_lexicon().find_kind(where)
    if (
        kind in {"color", "material"}
        and re.fullmatch(r"in [\w-]+", where)
        and load_lexicon().find_kind(find_subject(prompt)[0]) != "person"
    ):
        return replace_with(prompt, where[3:])
    if (
        kind is None
        and (head := re.match(r"(?P<x>.+?)\s+(?P<more>with\s.+)", where))
        and load_lexicon().find_kind(head["x"])
    ):
        return add_phrase(move(prompt, head["x"]), head["more"])
    if kind in _SITES:
        places = any_word_pattern(word for name in ("place", "city") for word in load_lexicon().kinds[name])
        match = re.search(rf"\b{_PLACE}\s+(?:(?:an?|the|his|her)\s+)?(?:[\w-]+\s+){{0,2}}?{places}\b", prompt, re.I)
        if match:
            return tidy(prompt[: match.start()] + where + prompt[match.end() :])
    if kind in {"place", "city", "building", "furniture"}:
        for match in re.finditer(
            rf"\b{_PLACE}\s+(?P<there>[^,]+?)(?=,|\s(?:with|wearing|holding|at|in|on)\b|$)", prompt, re.I
        ):
            if load_lexicon().find_kind(match["there"]) not in _NO_PLACES:
                return tidy(prompt[: match.start()] + where + prompt[match.end() :])
    if kind and kind in _CIRCUMSTANCES and (swapped := swap_kind(prompt, kind, re.sub(rf"^{_PLACE}\s+", "", where))):
        return swapped
    return add_phrase(prompt, where)


def correct(prompt: str, new: str) -> str:
    """ "No, a tram": replaces what was misunderstood."""
    kind = load_lexicon().find_kind(new)
    if kind and (swapped := swap_kind(prompt, kind, new)):
        return swapped
    return replace_subject(prompt, new) if _ARTICLE.match(new) or kind in _SUBJECTS else add_phrase(prompt, new)


_SUBJECTS = frozenset(
    [
        "person",
        "animal",
        "vehicle",
        "building",
        "furniture",
        "flower",
        "tree",
        "fruit",
        "food",
        "drink",
        "vessel",
        "headwear",
        "clothes",
        "instrument",
    ]
)
_NO_PLACES = frozenset(
    ["clothes", "headwear", "season", "time", "weather", "light", "style", "emotion", "posture", "print", "hair"]
)
_CIRCUMSTANCES = frozenset(["season", "time", "weather", "light"])
_SITES = frozenset(["place", "city", "building"])
_BEFORE_NOUN = frozenset(["color", "material", "age", "size", "shape", "print", "weather", "emotion", "hair"])


def _style_phrase(new: str) -> str:
    return re.sub(r"^(?:more like|look like|like)\s+", "", new, flags=re.I)


def _is_phrase(quality: str) -> bool:
    return bool(re.match(r"(?:in|on|at|with|like|look|from|made|\w+ing)\b", quality, re.I))


def _find_phrase(prompt: str, phrase: str) -> re.Match[str] | None:
    """The match of a phrase in a prompt, in singular or plural."""
    return re.search(rf"\b{_plural_tolerant(phrase)}\b", prompt, re.I) if _may_mention(prompt, phrase) else None


def _may_mention(prompt: str, phrase: str) -> bool:
    """A quick test that saves most of the regular expression searches."""
    return _strip_plural(phrase).lower() in prompt.lower()


def _plural_tolerant(word: str) -> str:
    return re.escape(_strip_plural(word)) + "(?:s|es)?"


def _strip_plural(word: str) -> str:
    return word[:-1] if word.endswith("s") and len(word) > 3 else word


def _subject_span(prompt: str) -> tuple[int, int]:
    medium = MEDIUM.match(prompt)
    start = medium.end() if medium else 0
    end = _PHRASE_END.search(prompt, start + 1)
    return start, end.start() if end else len(prompt)


def _substitute(prompt: str, match: re.Match[str], new: str) -> str:
    """Put `new` in place of the match, and keep the article before it."""
    before = prompt[: match.start()]
    plain = _ARTICLE.sub("", new) if re.search(r"\b(?:an?|the)\s+(?:[\w-]+\s+)?$", before, re.I) else new
    return fix_articles(tidy(f"{before}{plain}{prompt[match.end() :]}"))


def fix_articles(prompt: str) -> str:
    """The prompt with "a" and "an" corrected for the words after them."""
    prompt = re.sub(
        r"\ban?\s+(?=(?:two|three|four|five|six|seven|eight|nine|ten|several" r"|many)\b)", "", prompt, flags=re.I
    )
    prompt = re.sub(r"\b(a)(?=\s+(?:[aeio]|u(?:mb|n[^i]|r|g|p)))", r"\1n", prompt, flags=re.I)
    return re.sub(r"\b(a)n(?=\s+[bcdfgjklmnpqrstvwxyz])", r"\1", prompt, flags=re.I)
