"""What wishes do to a draft: they rewrite its prompt."""

import re

from ...terms import singular
from . import rewriting
from .acts import act
from .descriptions import full_description
from .draft import Draft, is_pronoun
from .grammar import Reading
from .lexicon import lexicon
from .phrases import is_noun_phrase, term_of
from .template import gerund

_IT = re.compile(
    r"(?:it|this|that|him|her|them|things|everything|the result|these|those|one|the (?:picture|image|scene|whole thing"
    r"|photo|whole picture|drawing|shot|subject|thing|style|whole image|whole scene))",
    re.I,
)
_SOMEWHERE = re.compile(
    r"(?:in|on|at|under|by|near|inside|beside|against|above|below|next to|in front of|on top of|over|behind|beneath"
    r"|among|between|into|onto|within|outside|around|with|from|during|through|amid|before|atop|along|across)\s",
    re.I,
)
_WANTING = re.compile(
    r"(?:i want|i would|i need|we need|give me|need|want|how about|let us|can|could|show|use|try|go)\b", re.I
)
_ARTICLE = re.compile(r"(?:an?|the)\s", re.I)
_LINKS = {
    "dress": "wearing ",
    "surround": "surrounded by ",
    "decorate": "with ",
    "fill": "filled with ",
    "top": "topped with ",
    "cover": "covered in ",
}


def _polite(phrase: str) -> str:
    return re.sub(
        r"(?:\s+(?:please|thanks|instead|now|too|as well|to it|to the (?:picture|scene|image|photo)"
        r"|for (?:me|him|her|it)|if possible|in there|in it|then|maybe|this time|for a change|though|also"
        r"|somewhere))+[\s?!.]*$",
        "",
        phrase.strip(" .!?"),
        flags=re.I,
    ).strip(" .!?")


@act
def add(said: Reading, draft: Draft) -> bool:
    """ "Add a hat", "I want a hat", "more trees", "let's have it in the snow"."""
    phrase = re.sub(r"^(?:adding|having|seeing|in|like)\s+(?=\S)", "", _polite(said["THING"]), flags=re.I)
    verb = said.clause[: said.clause.lower().find(said["THING"].lower())].lower().strip()
    if negated := re.match(r"(?:no|zero|less|fewer)\s+(?P<x>.+)", phrase, re.I):
        return draft.exclude(negated["x"])
    if re.match(r"(?:to|you|that you|to know|me|your)\b|.*\b(?:again|luck|else)$", phrase, re.I) or (
        is_pronoun(phrase) and not draft.mention
    ):
        return False
    if pointed := re.match(rf"{_IT.pattern}\s+(?P<where>.+)", phrase, re.I):
        return draft.rewrite(rewriting.move(draft.prompt, pointed["where"]))
    if link := said["LINK"].lower():
        phrase = f"{_LINKS.get(link.split()[0], link + ' ')}{phrase}"
    if _SOMEWHERE.match(f"{phrase} ") and not link and not re.match(r"(?:in the style|with) ", phrase, re.I):
        return draft.rewrite(rewriting.move(draft.prompt, phrase))
    if lexicon().is_praise(phrase) and len(phrase.split()) == 1:
        return False
    if (
        _WANTING.match(verb)
        and full_description(phrase)
        and (rewriting.MEDIUM.match(phrase) or verb.startswith("let us"))
    ):
        return draft.want(phrase)
    return _wanted(phrase, draft) if _WANTING.match(verb) else draft.add(phrase)


@act
def better_somewhere(said: Reading, draft: Draft) -> bool:
    """ "It'd be nicer in the rain", "it would look great with a hat"."""
    where = _polite(said["WHERE"])
    known = draft.known(where.removeprefix("with "))
    return draft.allow(known.term) if known else draft.rewrite(rewriting.move(draft.prompt, where))


@act
def hoped(said: Reading, draft: Draft) -> bool:
    """ "I was hoping for something more like a castle", "I'm imagining mist around it"."""
    wish = _polite(said["THING"])
    another = re.search(r"\b(?:something|it|more)\b", said.clause) or (_ARTICLE.match(wish) and lexicon().kind(wish))
    return make(said, draft) if another else bool(wish) and draft.add(wish)


@act
def framed(said: Reading, draft: Draft) -> bool:
    """ "45 degree angle", "view from below", "three pairs"."""
    wish = _polite(said.clause)
    term = term_of(said["THING"])
    if term is None or lexicon().is_praise(wish) or draft.known(wish) or not is_noun_phrase(said["THING"]):
        return False
    counted = re.match(
        r"(?:\d{1,2}|two|three|four|five|six|seven|eight|nine|ten|a dozen|several|many)\s+[a-z]", wish, re.I
    )
    if (single := re.fullmatch(r"(?:only|just)?\s*(?:one|a single|single)\s+(?P<x>[\w-]+)", wish, re.I)) and re.search(
        rf"\b{re.escape(single['x'])}", draft.prompt, re.I
    ):
        return draft.rewrite(rewriting.recount(draft.prompt, f"one {single['x']}"))
    if counted and len(wish.split()) <= 3 and singular(term.split()[-1]) not in lexicon().counts:
        return draft.rewrite(rewriting.recount(draft.prompt, wish))
    return (
        term.split()[-1] in lexicon().words["shots"]
        and " of " not in wish
        and len(wish.split()) <= 7
        and draft.add(wish)
    )


@act
def wished(said: Reading, draft: Draft) -> bool:
    """ "A dog by the door would be lovely", "at night would be nicer"."""
    wish = _polite(said["NEW"])
    if (
        is_pronoun(wish)
        or not wish
        or re.search(
            r"\b(?:without|minus|with no)\b|^(?:it|that|this|he|she|they|i|we|you|what|if|which|how)\b", wish, re.I
        )
    ):
        return False
    if gone := re.match(r"(?:no|without|fewer|less)\s+(?P<x>.+)", wish, re.I):
        return draft.exclude(gone["x"])
    if known := draft.known(re.sub(r"^with\s+", "", wish)):
        return draft.allow(known.term)
    if _SOMEWHERE.match(f"{wish} ") and not re.match(r"with\s", wish, re.I):
        return draft.rewrite(rewriting.move(draft.prompt, wish))
    return _wanted(wish, draft)


def _wanted(phrase: str, draft: Draft) -> bool:
    """ "I want a black barn": the barn that is there in black, else one more thing."""
    if recoloured := rewriting.recolour(draft.prompt, phrase):
        return draft.rewrite(recoloured)
    more = re.match(r"(?:an?|the)\s+(?P<thing>[\w-]+)\s+(?=(?:with|wearing|holding)\s)", phrase, re.I)
    return draft.add(phrase[more.end() :] if more and draft.wants(more["thing"]) else phrase)


@act
def give(said: Reading, draft: Draft) -> bool:
    """ "Give her a hat", "dress her in blue"."""
    phrase = _polite(said["THING"])
    if is_pronoun(phrase):
        return draft.add(phrase)
    link = "with" if re.match(r"(?:give|get|buy|lend|hand)\b", said.clause, re.I) else "wearing"
    return draft.add(f"{link} {phrase}")


@act
def treated(said: Reading, draft: Draft) -> bool:
    """ "Serve it with a straw", "cream on top"."""
    on_top = " on top" if said.clause.lower().endswith("on top") else ""
    return is_noun_phrase(said["THING"]) | (not on_top) and draft.add(f"{_polite(said['THING'])}{on_top}")


@act
def do(said: Reading, draft: Draft) -> bool:
    """ "Make him smile", "she should look up"."""
    return draft.add(_polite(f"{gerund(said['DOING'].lower())} {said['REST']}"))


@act
def exclude_doing(said: Reading, draft: Draft) -> bool:
    """ "He shouldn't smile"."""
    doing = said["DOING"].lower()
    if doing in {"wear", "hold", "have", "carry", "wearing", "holding"} and said["REST"]:
        return draft.exclude(said["REST"])
    return draft.exclude_term(gerund(doing))


@act
def make(said: Reading, draft: Draft) -> bool:
    """ "Make it a queen", "make it red", "make it look like a comic"."""
    wish = _polite(said["THING"])
    if medium := re.match(r"as\s+(?=an?\s)", wish, re.I):
        name = wish[medium.end() :]
        return draft.rewrite(rewriting.swap_kind(draft.prompt, "style", name) or rewriting.add(draft.prompt, name))
    wish = re.sub(r"^(?:to\s+)?(?:be|become|look|feel|seem|be set|happen|take place|appear)\s+", "", wish, flags=re.I)
    wish = re.sub(r"^(?:more like|like|into|as if it were|as though it were|as)\s+", "", wish, flags=re.I)
    degree = r"^(?:a bit|a little|slightly|way|much|far|really|very|somewhat|a tad|a lot)\s+(?=\w)"
    wish = re.sub(degree, "", wish, flags=re.I)
    if not wish:
        return False
    if _SOMEWHERE.match(wish):
        return draft.rewrite(rewriting.move(draft.prompt, wish))
    if negated := re.match(r"(?:less|not(?: so| too| that)?|without|no)\s+(?P<x>.+)", wish, re.I):
        return draft.exclude(negated["x"])
    if both := re.match(r"(?P<x>an?\s.+?)\s+(?:without|with no|but no)\s+(?P<y>.+)", wish, re.I):
        return draft.rewrite(rewriting.become(draft.prompt, both["x"])) and draft.exclude(both["y"])
    return draft.rewrite(rewriting.become(draft.prompt, wish))


@act
def what_if(said: Reading, draft: Draft) -> bool:
    """ "What if the cat wore a bow tie", "what if it was night", "what if there was a moon"."""
    who, verb, rest = said["WHO"].lower(), said["VERB"].lower(), _polite(said["REST"])
    if who in {"we", "you", "i"}:
        return verb in {"added", "put", "had", "used"} and draft.add(rest)
    if who == "there":
        return verb in {"was", "were"} and draft.add(rest)
    if verb in lexicon().past:
        return draft.add(f"{lexicon().past[verb]} {rest}")
    if verb.endswith("ed"):
        return draft.add(f"{re.sub('i$', 'y', verb[:-2])}ing {rest}".strip())
    if not _IT.fullmatch(who) and who not in {"he", "she", "they"}:
        thing = re.sub(r"^the\s+", "", who)
        if re.match(r"an?\s", rest, re.I):
            return draft.rewrite(rewriting.swap(draft.prompt, thing, rest) or rewriting.become(draft.prompt, rest))
        return draft.rewrite(rewriting.attribute(draft.prompt, thing, rest))
    if _SOMEWHERE.match(rest):
        return draft.rewrite(rewriting.move(draft.prompt, rest))
    return draft.rewrite(rewriting.become(draft.prompt, rest))


@act
def setting(said: Reading, draft: Draft) -> bool:
    """ "Background: a stormy sea", "style: watercolor"."""
    thing, wish = re.sub(r"^the\s+", "", said["THING"].lower()), _polite(said["QUALITY"])
    if thing not in lexicon().words["settings"] or not wish:
        return False
    if thing == "subject":
        return draft.rewrite(rewriting.replace_subject(draft.prompt, wish))
    kind = lexicon().kind_names.get(thing)
    if kind in {None, "background"}:
        if _ARTICLE.match(wish):
            return draft.add(f"{wish} in the {thing}" if thing in {"background", "backdrop", "foreground"} else wish)
        return draft.rewrite(rewriting.attribute(draft.prompt, thing, wish))
    if swapped := rewriting.swap_kind(draft.prompt, kind or "", wish):
        return draft.rewrite(swapped)
    if kind in {"season", "time", "weather", "light"} and lexicon().kind(wish) == kind:
        return draft.add(wish)
    if lexicon().kind(wish) is None and " " not in wish:
        return draft.add(f"{wish} {thing}")
    return draft.rewrite(rewriting.become(draft.prompt, wish))


@act
def attribute(said: Reading, draft: Draft) -> bool:
    """ "Make the background white", "the sky should be pink", "make more red the roof"."""
    thing, quality = said["THING"] or said["OWN"], said["QUALITY"]
    if not quality:
        if turned := re.fullmatch(
            r"(?:more\s+)?(?P<q>[\w-]+)\s+(?P<x>(?:the|his|her|its|their)\s+[\w -]+)", thing, re.I
        ):
            thing, quality = turned["x"], turned["q"]
        else:
            thing, quality = _split_quality(thing)
    quality = _polite(re.sub(r"^(?:to\s+)?(?:be|become|look|appear|into|in)\s+(?=\w)", "", quality, flags=re.I))
    if not thing or not quality or term_of(thing) is None:
        return False
    if negated := re.match(r"(?:less|not(?: so| too| that)?)\s+(?P<x>.+)", quality, re.I):
        return draft.exclude(negated["x"])
    if _ARTICLE.match(quality):
        return draft.rewrite(rewriting.swap(draft.prompt, thing, quality) or rewriting.become(draft.prompt, quality))
    return draft.rewrite(rewriting.attribute(draft.prompt, thing, quality))


def _split_quality(text: str) -> tuple[str, str]:
    """ "The sky a bit darker" -> ("the sky", "darker")."""
    words = _polite(text).split()
    for index in range(1, len(words)):
        word, rest = words[index].lower(), " ".join(words[index:])
        if word in _BEFORE_QUALITY:
            return " ".join(words[:index]), re.sub(r"^(?:look|much|slightly|very|way|a bit|a little)\s+", "", rest)
        if index > 1 and word in lexicon().kind_of_word and lexicon().kind(word) not in _THINGS:
            return " ".join(words[:index]), rest
    return " ".join(words[:-1]), words[-1] if len(words) > 1 else ""


_BEFORE_QUALITY = frozenset(
    [
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
        "way",
        "smile",
    ]
)
_THINGS = frozenset({"background", "clothes", "headwear", "furniture", "place", "person", "animal"})


@act
def swap(said: Reading, draft: Draft) -> bool:
    """ "Swap the dog for a cat", "make the sky pink" where the sky isn't spoken of."""
    old, new = re.sub(r"\s+please$", "", said["OLD"]), _polite(said["NEW"])
    if of := re.fullmatch(r"(?P<x>.+?)(?:'s)?\s+colou?r|(?:the )?colou?r of (?P<y>.+)", old, re.I):
        return draft.rewrite(rewriting.attribute(draft.prompt, of["x"] or of["y"], new))
    if is_pronoun(old) or (_IT.fullmatch(old) and old.split()[-1] not in lexicon().kind_names):
        return False
    if swapped := rewriting.swap(draft.prompt, old, new):
        return draft.rewrite(swapped)
    kind = lexicon().kind(new)
    if kind in {"color", "material", "shape", "size"} and not re.match(r"an?\s", new):
        return draft.rewrite(rewriting.attribute(draft.prompt, old, new))
    swapped = rewriting.swap_kind(draft.prompt, kind, new) if kind else None
    return draft.rewrite(swapped or rewriting.add(draft.prompt, new))


@act
def instead(said: Reading, draft: Draft) -> bool:
    """ "A cat instead of a dog", "watercolor rather than photo"."""
    old, new = said["OLD"], _polite(said["NEW"])
    if re.match(r"too\b", new, re.I):  # "he looks rather too stern"
        return False
    if re.search(
        r"\b(?:i am|is|are|was|must|should|do|does|i|has|have|would|rather|can|could|will|did|am|be)$", new, re.I
    ):
        return False
    if re.search(r"\bnot\s+\S+$", said.clause, re.I) and lexicon().kind(old) is None and not _ARTICLE.match(old):
        return False
    new = re.sub(
        r"^(?:(?:can|could|may) (?:i|we|you) (?:please )?(?:have|get|see|do|try|make it|use)"
        r"|(?:can|could|may|might|should|would|let) there (?:please )?be|there (?:should|must|could|need to) be"
        r"|make (?:it|that|him|her|this)|i (?:would like|would prefer|want|meant|said)|use|put|draw|show"
        r"|give (?:me|him|her)|have|with|try|let it be|let us have|do|turn it into|it should be|should be|as|in"
        r"|change (?:it|that) to)\s+(?:be\s+)?",
        "",
        new,
        flags=re.I,
    )
    if _IT.fullmatch(old):
        return draft.rewrite(rewriting.become(draft.prompt, new))
    if swapped := rewriting.swap(draft.prompt, old, new):
        return draft.rewrite(swapped)
    worn = lexicon().kind(new) in {"headwear", "clothes"} and lexicon().kind(old) in {"headwear", "clothes"}
    return draft.rewrite(rewriting.add(draft.prompt, new) if worn else rewriting.become(draft.prompt, new))


@act
def turned(said: Reading, draft: Draft) -> bool:
    """ "Rotate it 30 degrees"."""
    verb = said.clause.split()[0].lower()
    return draft.add(_polite(f"{_TURNED[verb]} {said['REST']}"))


_TURNED = {"rotate": "rotated", "tilt": "tilted", "flip": "flipped", "mirror": "mirrored"}


@act
def scaled(said: Reading, draft: Draft) -> bool:
    """ "Scale the door up", "shrink the logo"."""
    if (term := term_of(said["THING"])) is None or is_pronoun(said["THING"]):
        return False
    smaller = re.search(r"\b(?:down|smaller|shrink|downsize)\b", said.clause, re.I)
    return draft.add(f"{'smaller' if smaller else 'bigger'} {term}")


@act
def compared(said: Reading, draft: Draft) -> bool:
    """ "Fur darker", "the boat a bit bigger"."""
    term = term_of(said["THING"])
    plain = is_noun_phrase(said["THING"]) and said["THING"].lower().split()[0] not in lexicon().words["verbs"]
    if term is None or is_pronoun(said["THING"]) or not plain or len(said["THING"].split()) > 3:
        return False
    quality = re.sub(r"^(?:a bit|a little|much|way|slightly|even|a tad|far)\s+", "", said["COMPARATIVE"])
    return " " not in _polite(quality) and draft.add(f"{_polite(quality)} {term}")


@act
def move(said: Reading, draft: Draft) -> bool:
    """ "Put it on a beach", "move it to a shelf"."""
    if place := _polite(said["PLACE"]):
        on = "on" if lexicon().kind(place) in {"furniture", "vessel"} else "in"
        return draft.rewrite(rewriting.move(draft.prompt, f"{on} {place}"))
    return draft.rewrite(rewriting.move(draft.prompt, _polite(said["WHERE"])))


@act
def put_in(said: Reading, draft: Draft) -> bool:
    """ "Put a lamp on the table": added with its place."""
    return draft.add(_polite(f"{said['THING']} {said['WHERE']}"))


@act
def correct(said: Reading, draft: Draft) -> bool:
    """ "I meant a cat": in the place of what was understood."""
    new = _polite(said["THING"])
    if none := re.match(r"(?:no|without|zero)\s+(?P<x>.+)", new, re.I):
        return draft.exclude(none["x"])
    if is_pronoun(new) or term_of(new) is None:
        return False
    if draft.rejected and (swapped := rewriting.swap(draft.prompt, draft.rejected, new)):
        return draft.rewrite(swapped)
    if draft.refused and draft.refused == draft.rejected:
        return draft.add(new)
    return draft.rewrite(rewriting.correct(draft.prompt, new))


@act
def corrected(said: Reading, draft: Draft) -> bool:
    """After a bare "no": what it should have been."""
    phrase = said["THING"]
    if not draft.corrective or not is_noun_phrase(phrase):
        return False
    if re.match(r"(?:more|less|the same)\b", phrase, re.I) or lexicon().is_praise(phrase):
        return False
    return correct(said, draft)


@act
def not_this(said: Reading, draft: Draft) -> bool:
    """ "Not a scarf", of what was asked for: a correction follows or came before; of anything else: none of it."""
    term = term_of(said["THING"])
    if term is None:
        return False
    if draft.prompt == draft.state.prompt and not draft.wants(term):
        return draft.exclude(term)
    draft.corrective, draft.rejected = True, term
    return True


@act
def style(said: Reading, draft: Draft) -> bool:
    """ "As an oil painting", "in watercolor style"."""
    wish = _polite(said["THING"])
    if lexicon().is_praise(wish) and len(wish.split()) < 3:
        return False
    return draft.rewrite(rewriting.become(draft.prompt, f"{wish} style" if said.clause.endswith("style") else wish))


@act
def camera(said: Reading, draft: Draft) -> bool:
    """ "Zoom out", "zoom out so that we see the sea"."""
    framed = rewriting.become(draft.prompt, lexicon().camera[said["CAMERA"].lower()])
    return draft.rewrite(rewriting.add(framed, said["THING"]) if said["THING"] else framed)


@act
def missing(said: Reading, draft: Draft) -> bool:
    """ "Where is the moon?", "you forgot the moon"."""
    phrase = _polite(said["THING"])
    if term_of(phrase) is None:
        return False
    draft.mention = phrase
    return draft.allow(known.term) if (known := draft.known(phrase)) else draft.add(phrase)


@act
def there_is_no(said: Reading, draft: Draft) -> bool:
    """ "There isn't a moon": "add one" may follow; wanted anyway when nothing does."""
    phrase = _polite(said["THING"])
    if (term := term_of(phrase)) is None or lexicon().is_praise(said.clause):
        return term is not None
    if singular(term.split()[-1]) in {*lexicon().counts, "face"} and draft.known(term) is None:
        return draft.exclude_term(f"missing {term}")
    article = re.search(r"\b(an?)\s+$", said.clause[: said.clause.find(said["THING"])], re.I)
    draft.mention = draft.wanted = f"{article[1].lower() if article else ''} {term}".strip()
    return True


@act
def add_as_said(said: Reading, draft: Draft) -> bool:
    """ "Brighter", "shot from below"."""
    return draft.add(_polite(said.clause))


@act
def quality_wanted(said: Reading, draft: Draft) -> bool:
    """A bare word that only makes sense as a wish: "winter", "watercolor style", "black and white"."""
    wish = _polite(said["QUALITY"])
    words = wish.split()
    if draft.known(wish):  # what is out is not wished for by its name alone
        return False
    if _CIRCUMSTANCE.match(wish) and len(words) <= 8:
        if wish.lower().startswith("as "):
            return draft.rewrite(rewriting.become(draft.prompt, wish[3:]))
        return draft.rewrite(rewriting.move(draft.prompt, wish))
    if not words or not is_noun_phrase(wish) or len(words) > 4:
        return False
    if len(words) > 1 and lexicon().kind(words[0]) in _QUALITIES:
        return draft.add(wish)
    kind = lexicon().kind(re.sub(r"\s+(?:style|look|tones?|version)$", "", wish, flags=re.I))
    return kind in _MOODS and draft.rewrite(rewriting.become(draft.prompt, wish))


_CIRCUMSTANCE = re.compile(
    r"(?:as|in|at|on|under|from|during|by)\s+(?!the (?:end|other|moment)|all\b|case\b|fact\b|least\b|first\b"
    r"|last\b|it\b|that\b|this\b|my\b|your\b|a (?:good|bad) way)\S",
    re.I,
)
_QUALITIES = frozenset(["color", "hair", "age", "material", "shape", "print", "light", "weather", "season"])
_MOODS = frozenset(["season", "time", "weather", "style", "framing", "light", "color", "emotion", "decor"])
