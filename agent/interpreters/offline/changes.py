"""What wishes do to a draft: they rewrite its prompt."""

import re

from . import rewriting
from .draft import Draft, is_pronoun
from .lexicon import lexicon
from .phrases import is_noun_phrase, term_of

IT = (
    r"(?:it|this|that|him|her|them|the (?:picture|image|scene|whole thing"
    r"|photo|whole picture|drawing|shot|subject|thing|style|whole image)"
    r"|things|everything|the result|these|those|one|the whole scene)"
)
PREPOSITION = (
    r"(?:in|on|at|under|by|near|inside|beside|against|above|below|next to"
    r"|in front of|on top of|over|behind|beneath|among|between|into|onto"
    r"|within|outside|around|with|from|during|through|amid|before|atop)"
)
CAMERA = {
    "zoom out": "wide shot",
    "zoom in": "close-up",
    "closer": "close-up",
    "come closer": "close-up",
    "get closer": "close-up",
    "move closer": "close-up",
    "go closer": "close-up",
    "step back": "wide shot",
    "further away": "wide shot",
    "farther away": "wide shot",
    "further out": "wide shot",
    "wider": "wide shot",
    "pull back": "wide shot",
    "zoom out more": "wide shot",
    "zoom in more": "close-up",
}

_WANTING = re.compile(r"(?:i want|i'd|i need|we need|give me|need|want|how about|let's|can|could|show|use|try|go)\b")
_INSTEAD = re.compile(r"\binstead\b", re.I)


def strip_polite(phrase: str) -> str:
    return re.sub(
        r"(?:\s+(?:please|thanks|instead|now|too|as well|to it|to the (?:picture"
        r"|scene|image|photo)|for (?:me|him|her|it)|if possible|in there|in it"
        r"|then|maybe|this time|for a change|though))+[\s?!.]*$",
        "",
        phrase.strip(" .!?"),
        flags=re.I,
    ).strip(" .!?")


def add(match: re.Match[str], draft: Draft) -> bool:
    phrase = strip_polite(match["x"])
    phrase = re.sub(r"^(?:in\s+)?(?:adding\s+)?(?:just\s+)?(?:maybe\s+)?(?:like\s+)?", "", phrase, flags=re.I)
    if _INSTEAD.search(match[0]):
        return draft.rewrite(rewriting.correct(draft.prompt, phrase))
    return wanted(phrase, draft) if re.match(r"(?:i|we)\b", match[0], re.I) else draft.add(phrase)


def have(match: re.Match[str], draft: Draft) -> bool:
    """ "Give her a hat": added as what she has; "make him smile": as what he does."""
    phrase = strip_polite(match["x"])
    if is_pronoun(phrase):
        return draft.add(phrase)
    if re.match(r"\w+ (?:me|us)\b", match[0], re.I):
        return wanted(phrase, draft)
    return draft.add(f"with {phrase}")


def wanted(phrase: str, draft: Draft) -> bool:
    """ "I want a black barn": the barn that is there in black, else one more thing."""
    if recoloured := rewriting.recolour(draft.prompt, phrase):
        return draft.rewrite(recoloured)
    more = re.match(r"(?:an?|the)\s+(?P<thing>[\w-]+)\s+(?=(?:with|wearing|holding)\s)", phrase, re.I)
    return draft.add(phrase[more.end() :] if more and draft.wants(more["thing"]) else phrase)


def do(match: re.Match[str], draft: Draft) -> bool:
    verb, rest = match["verb"].lower(), match["rest"] or ""
    return draft.add(strip_polite(f"{gerund(verb)}{rest}"))


def make(match: re.Match[str], draft: Draft) -> bool:
    """ "Make it a woman", "make it red", "make it look like a comic"."""
    said = strip_polite(match["x"])
    if medium := re.match(r"as\s+(?=an?\s)", said, re.I):
        medium_name = said[medium.end() :]
        return draft.rewrite(
            rewriting.swap_kind(draft.prompt, "style", medium_name) or rewriting.add(draft.prompt, medium_name)
        )
    said = re.sub(
        r"^(?:to\s+)?(?:be|become|look|feel|seem|be set|happen|take place" r"|appear)\s+", "", said, flags=re.I
    )
    said = re.sub(r"^(?:more like|like|into|as if it were|as though it were|as)\s+", "", said, flags=re.I)
    said = re.sub(
        r"^(?:a bit|a little|slightly|way|much|far|really|very|somewhat|a tad" r"|a lot)\s+(?=\w)", "", said, flags=re.I
    )
    if not said:
        return False
    if re.match(PREPOSITION + r"\s", said, re.I):
        return draft.rewrite(rewriting.move(draft.prompt, said))
    if re.fullmatch(
        r"(?:smile|laugh|cry|sit|stand|look|walk|run|wear|hold|dance|jump"
        r"|sleep|wave|point|face|lean|read|ride|play|drink|eat|turn|hug|kiss"
        r"|frown|wink|kneel|fly|swim|stare|gaze|carry)\b.*",
        said,
        re.I,
    ):
        verb, _, rest = said.partition(" ")
        return draft.add(gerund(verb.lower()) + (f" {rest}" if rest else ""))
    if negated := re.match(r"(?:less|not(?: so| too| that)?|without|no)\s+(?P<x>.+)", said, re.I):
        return draft.exclude(negated["x"])
    if both := re.match(r"(?P<x>an?\s.+?)\s+(?:without|with no|but no)\s+(?P<y>.+)", said, re.I):
        return draft.rewrite(rewriting.become(draft.prompt, both["x"])) and draft.exclude(both["y"])
    return draft.rewrite(rewriting.become(draft.prompt, said))


PAST = {
    "wore": "wearing",
    "had": "with",
    "held": "holding",
    "sat": "sitting",
    "stood": "standing",
    "lay": "lying",
    "ran": "running",
    "rode": "riding",
    "ate": "eating",
    "drank": "drinking",
    "slept": "sleeping",
    "flew": "flying",
    "swam": "swimming",
    "read": "reading",
    "drove": "driving",
    "sang": "singing",
}


def what_if(match: re.Match[str], draft: Draft) -> bool:
    """ "What if the cat wore a bow tie", "what if it was night", "what if there was a moon"."""
    who, verb, rest = match["who"].lower(), match["verb"].lower(), strip_polite(match["rest"])
    if who in {"we", "you", "i"}:
        return verb in {"added", "put", "had", "used"} and draft.add(rest)
    if who == "there":
        return verb in {"was", "were"} and draft.add(rest)
    if verb in PAST:
        return draft.add(f"{PAST[verb]} {rest}")
    if verb.endswith("ed"):
        return draft.add(f"{re.sub('i$', 'y', verb[:-2])}ing {rest}".strip())
    if not re.fullmatch(IT, who, re.I) and who not in {"he", "she", "they"}:
        thing = re.sub(r"^the\s+", "", who)
        if re.match(r"an?\s", rest, re.I):
            return draft.rewrite(rewriting.swap(draft.prompt, thing, rest) or rewriting.become(draft.prompt, rest))
        return draft.rewrite(rewriting.attribute(draft.prompt, thing, rest))
    if re.match(PREPOSITION + r"\s", rest, re.I):
        return draft.rewrite(rewriting.move(draft.prompt, rest))
    return draft.rewrite(rewriting.become(draft.prompt, rest))


def setting(match: re.Match[str], draft: Draft) -> bool:
    """ "Background: a stormy sea", "style: watercolor"."""
    thing, said = re.sub(r"^the\s+", "", match["thing"].lower().strip()), strip_polite(match["q"])
    if thing not in lexicon().words["settings"] or not said:
        return False
    if thing == "subject":
        return draft.rewrite(rewriting.replace_subject(draft.prompt, said))
    kind = lexicon().kind_names.get(thing)
    if kind in {None, "background"}:
        if re.match(r"(?:an?|the)\s", said, re.I):
            return draft.add(f"{said} in the {thing}" if thing in {"background", "backdrop", "foreground"} else said)
        return draft.rewrite(rewriting.attribute(draft.prompt, thing, said))
    if swapped := rewriting.swap_kind(draft.prompt, kind or "", said):
        return draft.rewrite(swapped)
    if kind in {"season", "time", "weather", "light"} and lexicon().kind(said) == kind:
        return draft.add(said)
    if lexicon().kind(said) is None and " " not in said:
        return draft.add(f"{said} {thing}")
    return draft.rewrite(rewriting.become(draft.prompt, said))


def attribute(match: re.Match[str], draft: Draft) -> bool:
    """ "Make the background white", "the sky should be pink"."""
    thing, quality = split_quality(match["x"]) if "q" not in match.groupdict() else (match["x"], match["q"])
    quality = strip_polite(re.sub(r"^(?:to\s+)?(?:be|become|look|appear|into|in)\s+(?=\w)", "", quality, flags=re.I))
    if not thing or not quality or term_of(thing) is None:
        return False
    if negated := re.match(r"(?:less|not(?: so| too| that)?)\s+(?P<x>.+)", quality, re.I):
        return draft.exclude(negated["x"])
    if re.match(r"(?:an?|the)\s", quality, re.I):
        return draft.rewrite(rewriting.swap(draft.prompt, thing, quality)) or draft.rewrite(
            rewriting.become(draft.prompt, quality)
        )
    return draft.rewrite(rewriting.attribute(draft.prompt, thing, quality))


def split_quality(said: str) -> tuple[str, str]:
    words = strip_polite(said).split()
    for index in range(1, len(words)):
        rest = " ".join(words[index:])
        word = words[index].lower()
        if word in {
            "more",
            "a",
            "an",
            "look",
            "much",
            "slightly",
            "less",
            "not",
            "very",
            "in",
            "into",
            "like",
            "be",
            "with",
            "bit",
            "a bit",
            "way",
            "smile",
        }:
            return " ".join(words[:index]), re.sub(r"^(?:look|much|slightly|very|way|a bit|a little)\s+", "", rest)
        if (
            word in lexicon().kind_of_word
            and index > 1
            and lexicon().kind(word)
            not in {"background", "clothes", "headwear", "furniture", "place", "person", "animal"}
        ):
            return " ".join(words[:index]), rest
    return " ".join(words[:-1]), words[-1] if len(words) > 1 else ""


def swap(match: re.Match[str], draft: Draft) -> bool:
    old, new = match["old"], strip_polite(match["new"])
    old = re.sub(r"\s+(?:please|colou?r)$", "", old)
    swapped = rewriting.swap(draft.prompt, old, new)
    if swapped is None:
        kind = lexicon().kind(new)
        colours = kind in {"color", "material", "shape", "size"} and not re.match(r"an?\s", new)
        swapped = (
            rewriting.attribute(draft.prompt, old, new)
            if colours
            else (rewriting.swap_kind(draft.prompt, kind, new) if kind else None) or rewriting.add(draft.prompt, new)
        )
    return draft.rewrite(swapped)


def instead(match: re.Match[str], draft: Draft) -> bool:
    """ "A cat instead of a dog", "watercolor rather than photo"."""
    if re.search(
        r"(?:\b(?:i'm|is|are|was|it's|that's|must|should|do|does|i|has|have" r"|would|rather|he's|she's)|n't)$",
        match["new"],
        re.I,
    ):
        return False
    new = re.sub(
        r"^(?:make (?:it|that|him|her|this)|i(?:'d like|'d prefer| want| meant"
        r"| said)|use|put|draw|show|give (?:me|him|her)|have|with|try|let it be"
        r"|let's have|do|turn it into|it should be|should be|as|in)\s+(?:be\s+)?",
        "",
        match["new"],
        flags=re.I,
    )
    old = match["old"]
    if re.fullmatch(IT, old, re.I):
        return draft.rewrite(rewriting.become(draft.prompt, new))
    return draft.rewrite(
        rewriting.swap(draft.prompt, old, strip_polite(new)) or rewriting.become(draft.prompt, strip_polite(new))
    )


def move(match: re.Match[str], draft: Draft) -> bool:
    return draft.rewrite(rewriting.move(draft.prompt, strip_polite(match["where"])))


def put_in(match: re.Match[str], draft: Draft) -> bool:
    """ "Put a lamp on the table": added with its place."""
    return draft.add(strip_polite(match["x"] + " " + match["where"]))


def correct(match: re.Match[str], draft: Draft) -> bool:
    new = strip_polite(match["x"])
    if is_pronoun(new) or term_of(new) is None:
        return False
    if draft.rejected and (swapped := rewriting.swap(draft.prompt, draft.rejected, new)):
        return draft.rewrite(swapped)
    if draft.refused and draft.refused == draft.rejected:
        return draft.add(new)
    return draft.rewrite(rewriting.correct(draft.prompt, new))


def corrected(match: re.Match[str], draft: Draft) -> bool:
    """After a bare "no": what it should have been."""
    if not draft.corrective or not is_noun_phrase(match[0]):
        return False
    if re.match(r"(?:more|less|the same)\b", match[0], re.I) or lexicon().is_praise(match[0]):
        return False
    return correct(match, draft)


def as_said(match: re.Match[str], draft: Draft) -> bool:
    return draft.add(strip_polite(match[0]))


def not_this(match: re.Match[str], draft: Draft) -> bool:
    """ "Not a scarf", of what was asked for: a correction follows or came before."""
    term = term_of(match["x"])
    if term is None or (
        draft.prompt == draft.state.prompt and not re.search(rf"\b{re.escape(term)}\b", draft.prompt, re.I)
    ):
        return False
    draft.corrective, draft.rejected = True, term
    return True


def style(match: re.Match[str], draft: Draft) -> bool:
    said = strip_polite(match["x"])
    if lexicon().is_praise(said) and len(said.split()) < 3:
        return False
    return draft.rewrite(rewriting.become(draft.prompt, said))


def camera(match: re.Match[str], draft: Draft) -> bool:
    return draft.rewrite(rewriting.become(draft.prompt, CAMERA[match["x"].lower()]))


def missing(match: re.Match[str], draft: Draft) -> bool:
    """ "There isn't a moon": "add one" may follow; wanted anyway when nothing does."""
    phrase = strip_polite(match["x"])
    if term_of(phrase) is None:
        return False
    draft.mention = re.sub(r"^(?:any|no)\s+", "", phrase, flags=re.I)
    if match.groupdict().get("point") is not None:
        return True
    return draft.add(draft.mention)


def comparative(match: re.Match[str], draft: Draft) -> bool:
    return draft.add(strip_polite(match["x"]))


def quality_wanted(match: re.Match[str], draft: Draft) -> bool:
    """A bare word that only makes sense as a wish: "winter", "watercolor style", "black and white"."""
    said = strip_polite(match[0])
    if (
        re.match(
            r"(?:as|in|at|on|under|from|during|by)\s+(?!the (?:end|other|moment)"
            r"|all\b|case\b|fact\b|least\b|first\b|last\b|it\b|that\b|this\b|my\b"
            r"|your\b)\S",
            said,
            re.I,
        )
        and len(said.split()) <= 8
    ):
        if said.lower().startswith("as "):
            return draft.rewrite(rewriting.become(draft.prompt, said[3:]))
        return draft.rewrite(rewriting.move(draft.prompt, said))
    if lexicon().kind(said.split()[0]) in _QUALITIES and 1 < len(said.split()) <= 4 and is_noun_phrase(said):
        return draft.add(said)
    kind = lexicon().kind(re.sub(r"\s+(?:style|look|tones?|version)$", "", said, flags=re.I))
    if (
        kind in {"season", "time", "weather", "style", "framing", "light", "color", "emotion"}
        and len(said.split()) <= 4
        and is_noun_phrase(said)
    ):
        return draft.rewrite(rewriting.become(draft.prompt, said))
    return False


_QUALITIES = frozenset(["color", "hair", "age", "material", "shape", "print", "light", "weather", "season"])


def gerund(verb: str) -> str:
    """ "smile" -> "smiling", "sit" -> "sitting"."""
    if verb.endswith("ing"):
        return verb
    if verb.endswith("ie"):
        return verb[:-2] + "ying"
    if verb.endswith("e") and not verb.endswith(("ee", "oe", "ye")):
        return verb[:-1] + "ing"
    doubled = re.fullmatch(r"[^aeiou]*[aeiou][bdgmnprt]", verb)
    return verb + (verb[-1] if doubled else "") + "ing"


def added(match: re.Match[str], draft: Draft) -> bool:
    """ "Add a hat"; "I want it darker" is read elsewhere."""
    verb = match[0][: match.start("x")].lower().strip()
    phrase = strip_polite(match["x"])
    phrase = re.sub(r"^(?:adding|having|seeing)\s+", "", phrase, flags=re.I)
    if negated := re.match(r"(?:no|zero|less|fewer)\s+(?P<x>.+)", phrase, re.I):
        return draft.exclude(negated["x"])
    if pointed := re.match(rf"{IT}\s+(?P<where>.+)", phrase, re.I):
        return draft.rewrite(rewriting.move(draft.prompt, pointed["where"]))
    if verb in {"more", "some", "with", "wearing", "holding"} or verb.startswith(
        ("dress", "surround", "decorate", "fill", "top", "cover")
    ):
        link = {
            "dress": "wearing ",
            "surround": "surrounded by ",
            "decorate": "with ",
            "fill": "filled with ",
            "top": "topped with ",
            "cover": "covered in ",
        }
        phrase = f"{link.get(verb.split()[0], verb + ' ')}{phrase}"
    if (
        re.match(PREPOSITION + r"\s", phrase, re.I)
        and verb not in {"with", "surround"}
        and not phrase.lower().startswith(("in the style", "with "))
    ):
        return draft.rewrite(rewriting.move(draft.prompt, phrase))
    if _INSTEAD.search(match[0]):
        return draft.rewrite(rewriting.correct(draft.prompt, phrase))
    if lexicon().is_praise(phrase) and len(phrase.split()) == 1:
        return False
    if _WANTING.match(verb):
        return wanted(phrase, draft)
    return draft.add(phrase)


def missing_thing(match: re.Match[str], draft: Draft) -> bool:
    phrase = strip_polite(match["x"])
    if (term := term_of(phrase)) is None or lexicon().is_praise(match[0]):
        return term is not None
    article = re.search(r"\b(an?)\s+$", match[0][: match.start("x")], re.I)
    draft.mention = f"{article[1].lower() if article else ''} {term}".strip()
    draft.wanted = draft.mention
    return True
