"""What is wrong with a picture, by the name it has in a negative prompt; and what complaints do to a draft."""

import re

from ...terms import singular
from .draft import Draft, is_pronoun
from .lexicon import lexicon
from .phrases import term_of

BE = (
    r"(?:\s+(?:is|are|was|were|isn't|aren't|looks?|looked|feels?|seems?"
    r"|appears?|reads?|came out|comes out|turned out|comes across|come across"
    r"|ended up|has become|have become|became|got|gets|has gotten|being"
    r"|'s|'re)|'s|'re)"
)
HEDGE = (
    r"(?:(?:a bit|a little(?: bit)?|a tad|a touch|slightly|somewhat|rather"
    r"|kind of|sort of|fairly|quite|pretty|really|very|so|just|all|way"
    r"|much|far|still|super|totally|completely|a bit of|bit|extremely"
    r"|incredibly|awfully|terribly|horribly|weirdly|strangely|oddly|unnaturally"
    r"|damn|fucking|little|looking|somehow|almost|also|kinda|more|less"
    r"|as|being|even|that|strongly|visibly|definitely|clearly|seriously"
    r"|heavily|absolutely|now|again|always|once again|mostly|partly)\s+)*"
)
NUMBER = (
    r"(?P<n>\d{1,2}|one|two|three|four|five|six|seven|eight|nine|ten|too many"
    r"|extra|an extra|a third|a second|a sixth|multiple|several)"
)
_NUMBERS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]


MADE = {
    "drawn": "drawing",
    "painted": "painting",
    "rendered": "3d render",
    "drew": "drawing",
    "photoshopped": "photoshopped",
    "sketched": "sketch",
    "filtered": "filter",
    "airbrushed": "airbrushed",
    "generated": "ai generated",
    "animated": "cartoon",
    "sculpted": "sculpture",
    "melting": "melted",
}
"""What a picture is that looks as if it were ..."""


def name(subject: str, quality: str) -> str | None:
    """What a complaint is called in a negative prompt: ("the teeth", "off") -> "bad teeth".

    None when the quality is no fault: "the dog looks happy".
    """
    words = lexicon().words
    quality = re.sub(rf"^{HEDGE}", "", f"{quality.lower().strip(' .,!?')} ").strip()
    noun = term_of(subject) if subject and not is_pronoun(subject) else None
    head = noun.split()[-1] if noun else ""
    if head in words["whole_picture"]:
        noun, head = None, ""
    first = quality.split()[0] if quality else ""
    if head in words["writing"] and (first in words["wrongness"] or re.search(_GIBBERISH, quality)):
        return "misspelled text" if head == "spelling" else "gibberish text"
    if first in words["wrongness"] and noun and head not in {"people"}:
        return f"bad {noun}"
    known = fault(quality)
    return known if known is not None or noun is None else None


def fault(quality: str) -> str | None:
    """The term for an adjective that is a complaint by itself, else None."""
    known = lexicon()
    for length in (3, 2, 1):
        said = " ".join(quality.split()[:length])
        if said in known.names or said in known.words["faults"]:
            return known.names.get(said, said)
    return None


def complain(draft: Draft, subject: str, quality: str) -> bool:
    """Exclude what is wrong, when the quality is a fault: "still grainy", "the teeth look off"."""
    found = name(subject, quality)
    return found is not None and draft.exclude_term(found)


def exclude(match: re.Match[str], draft: Draft) -> bool:
    return draft.exclude(match["x"])


def exclude_quality(match: re.Match[str], draft: Draft) -> bool:
    """ "Don't make it X", "less X": the adjective or the noun."""
    quality = re.sub(rf"^{HEDGE}", "", match["x"].lower()).strip()
    return draft.exclude_term(fault(quality) or "") or draft.exclude(quality)


def too(match: re.Match[str], draft: Draft) -> bool:
    """ "Too dark", "her nose is too big", "too many people"."""
    known, quality = lexicon(), match["q"].lower().strip()
    subject = re.sub(rf"(?:{BE})?\s*$", "", re.sub(rf"\b{HEDGE}$", "", (match["s"] or "").strip() + " ").rstrip())
    if re.search(r"\b(?:not|n't|never|nothing)\b|n't$", match["s"] or "", re.I):
        return True
    if amount := re.match(r"(?:much|many|few|little)\s+(?:of (?:a |an |the )?|like (?:a |an )?)?(?P<x>.+)$", quality):
        if quality.startswith(("few", "little")):
            return False
        return draft.exclude(amount["x"])
    quality = re.split(
        r"\s+(?:for|to|in|on|and|at|with|like|here|now|there|that|this|than"
        r"|if|my|as|by|when|around|overall|right|even)\b",
        quality,
    )[0]
    quality = re.sub(r"(?:\s+(?:looking|ly|in|again|still))+$", "", quality).strip(" .!?")
    if quality in known.words["praise"] and quality not in {"cute", "pretty", "sweet", "perfect", "nice", "happy"}:
        return quality == "good"
    if not quality or len(quality.split()) > 4:
        return False
    noun = term_of(subject) if not is_pronoun(subject) else None
    noun = None if noun and noun.split()[-1] in known.words["whole_picture"] else noun
    called = fault(quality)
    if noun and quality in known.words["needs_noun"]:
        return draft.exclude_term(f"{quality} {noun}")
    return draft.exclude_term(called or known.names.get(quality, quality))


def faulty(match: re.Match[str], draft: Draft) -> bool:
    return complain(draft, match.groupdict().get("s") or "", match["q"])


def hedged(match: re.Match[str], draft: Draft) -> bool:
    """ "A bit formal", "slightly crooked": a complaint unless it is praise."""
    quality = re.split(r"\s+(?:for|to|in|on|here|at)\b", match["q"].lower())[0].strip(" .!?")
    if not quality or len(quality.split()) > 3 or lexicon().is_praise(quality):
        return False
    if (
        re.match(r"(?:more|less|better|different|of|like|\w+er\b)", quality)
        and quality not in lexicon().words["faults"]
    ):
        return False
    return complain(draft, match["s"] or "", quality) or draft.exclude_term(quality)


def looks_like(match: re.Match[str], draft: Draft) -> bool:
    said = re.sub(r"\s+(?:vibes?|energy)$", "", match["x"].lower())
    if lexicon().is_praise(said):
        return True
    if made := re.match(
        r"(?:it|they|he|she|this|that|someone|somebody|\w+)(?:'s|'re)?\s+"
        r"(?:(?:is|was|were|are|has been|had been)\s+)?(?P<how>\w+)\b(?:\s+"
        r"(?:of|from|in|with|by|on)\s+(?P<of>.+))?",
        said,
    ):
        if made["how"] == "made" and made["of"]:
            return draft.exclude(made["of"])
        if made["how"] in MADE:
            return draft.exclude_term(MADE[made["how"]])
        if re.match(r"(?:it|they|he|she|someone)\b", said):
            return False
    said = re.sub(
        r"^(?:something (?:out of|from)|a (?:cheap|bad|crappy|poor|terrible"
        r"|kid's|child's)|straight out of|it came (?:out of|from)|more of"
        r"|more like)\s+",
        "",
        said,
    )
    return draft.exclude(said)


def not_enough(match: re.Match[str], draft: Draft) -> bool:
    """ "Not sharp enough": what it is instead, else the quality is wanted."""
    quality = re.sub(rf"^{HEDGE}", "", match["q"].lower()).strip()
    if opposite := lexicon().opposites.get(quality):
        return draft.exclude_term(opposite)
    return draft.add(quality)


def counted(match: re.Match[str], draft: Draft) -> bool:
    """ "He has six fingers", "the horse has five legs"."""
    said, part = match["n"].lower(), match["part"].lower()
    normal = lexicon().counts.get(singular(part))
    if normal is None:
        return False
    if match["left"]:
        return draft.exclude_term(f"bad {part}")
    number = int(said) if said.isdigit() else _NUMBERS.index(said) if said in _NUMBERS else 99
    if number == normal:
        return False
    kind = "extra" if number > normal or (number > 2 and normal == 4) else "missing"
    plural = part if part.endswith("s") or part in {"feet", "teeth"} else f"{part}s"
    return draft.exclude_term(f"{kind} {plural}")


def bad(match: re.Match[str], draft: Draft) -> bool:
    """ "What happened to her hands", "those hands": the part is bad."""
    noun = term_of(match["x"])
    if noun is None or noun.split()[-1] not in lexicon().words["body"] | lexicon().words["writing"]:
        return False
    return draft.exclude_term("gibberish text" if noun.split()[-1] in lexicon().words["writing"] else f"bad {noun}")


def bare(match: re.Match[str], draft: Draft) -> bool:
    """A fault and nothing else: "blurry", "blurry background", "extra fingers", "weird hands"."""
    said = match[0].lower().strip(" .!?")
    words = said.split()
    body = lexicon().words["body"] | lexicon().words["writing"]
    if fault(said) is not None and len(words) == len((fault(said) or "").split()):
        return draft.exclude_term(fault(said) or said)
    if len(words) in (2, 3) and (
        words[0] in lexicon().words["wrongness"] | {"extra", "missing"} or (words[0] in lexicon().words["faults"])
    ):
        if words[-1] in body and words[0] in lexicon().words["wrongness"]:
            return draft.exclude_term(f"bad {' '.join(words[1:])}")
        return draft.exclude_term(said)
    return False


def pointed_at(match: re.Match[str], draft: Draft) -> bool:
    """ "There's a spoon on it": a complaint, if nothing else is said about it."""
    if lexicon().is_praise(match[0]):
        return True
    draft.mention = draft.pending = term_of(match["x"])
    return draft.mention is not None


def remove_mentioned(match: re.Match[str], draft: Draft) -> bool:
    return draft.mention is not None and draft.exclude(draft.mention)


_GIBBERISH = (
    r"\b(?:nonsense|gibberish|garbled|unreadable|illegible|sense|misspel\w+"
    r"|mis-?spelt|scrambled|jumbled|wrong|not (?:a )?(?:real )?(?:word"
    r"|english|language)|gobbledygook|made up|made-up|typos?|backwards"
    r"|random|garbage|rubbish|mangled|babble|incorrect|errors?|mistakes?"
    r"|meaningless|off)\b"
)


def right_or_gone(match: re.Match[str], draft: Draft) -> bool:
    if re.search(r"look right|look good", match[0], re.I):
        return not_right(match, draft)
    return draft.exclude(match["x"])


def bad_text(match: re.Match[str], draft: Draft) -> bool:
    noun = term_of(match["s"]) or ""
    writing = lexicon().words["writing"] | {"sign", "signs", "logo", "poster", "awning", "sticker"}
    return (
        draft.exclude_term("gibberish text")
        if noun.split()[-1:] and noun.split()[-1] in writing
        else draft.exclude(noun)
    )


def not_right(match: re.Match[str], draft: Draft) -> bool:
    noun = term_of(match["x"])
    if noun is None or noun.split()[-1] in lexicon().words["whole_picture"]:
        return draft.exclude_term(
            "unrealistic" if re.search(r"real|natural|human|convincing", match[0], re.I) else "bad quality"
        )
    return draft.exclude_term(f"bad {noun}")
