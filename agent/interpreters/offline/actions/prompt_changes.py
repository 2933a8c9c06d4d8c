"""Wishes for what is there to be another: "make it a queen", "the sky should be pink", "style: watercolor"."""

import re

from ...edit_draft import Draft, is_pronoun
from ...language import attribute_rewriting, prompt_rewriting
from ...language.lexicon import lexicon
from ...language.morphology import gerund
from ...language.noun_phrases import is_noun_phrase, term_of
from ..defect_names import fault
from ..grammar.rules import Reading
from .phrase_patterns import ARTICLE, IT, SOMEWHERE, polite
from .registry import act


@act
def do(said: Reading, draft: Draft) -> bool:
    """ "Make him smile", "she should look up"; "pupils will laugh" wishes for nothing."""
    if re.search(r"\bwill\s", said.clause, re.I) or " than " in f" {said['REST']} ":
        return False
    return draft.add(polite(f"{gerund(said['DOING'].lower())} {said['REST']}"))


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
    wish = polite(said["THING"])
    if medium := re.match(r"as\s+(?=an?\s)", wish, re.I):
        name = wish[medium.end() :]
        return draft.rewrite(
            prompt_rewriting.swap_kind(draft.prompt, "style", name) or prompt_rewriting.add(draft.prompt, name)
        )
    wish = re.sub(r"^(?:to\s+)?(?:be|become|look|feel|seem|be set|happen|take place|appear)\s+", "", wish, flags=re.I)
    wish = re.sub(r"^(?:more like|like|into|as if it were|as though it were|as)\s+", "", wish, flags=re.I)
    degree = r"^(?:a bit|a little|slightly|way|much|far|really|very|somewhat|a tad|a lot)\s+(?=\w)"
    wish = re.sub(degree, "", wish, flags=re.I)
    if re.fullmatch(r"(?:none|zero|nothing|neither)", wish, re.I):  # "there should be none"
        return bool(draft.edits)
    turned = not re.match(r"make\b", said.clause, re.I)
    if not wish or (turned and re.fullmatch(r"(?:around|over|up|down|back|out|off|round)", wish, re.I)):
        return False
    if SOMEWHERE.match(wish):
        return draft.rewrite(prompt_rewriting.move(draft.prompt, wish))
    if negated := re.match(r"(?:less|not(?: so| too| that)?|without|no)\s+(?P<x>.+)", wish, re.I):
        return draft.exclude(negated["x"])
    if both := re.match(r"(?P<x>an?\s.+?)\s+(?:without|with no|but no)\s+(?P<y>.+)", wish, re.I):
        return draft.rewrite(prompt_rewriting.become(draft.prompt, both["x"])) and draft.exclude(both["y"])
    if re.search(r"\bin the (?:style|manner) of\b", said.clause, re.I) and lexicon().kind(wish) != "style":
        return draft.add(f"in the style of {wish}")
    return draft.rewrite(attribute_rewriting.aged(draft.prompt, wish) or prompt_rewriting.become(draft.prompt, wish))


@act
def hoped(said: Reading, draft: Draft) -> bool:
    """ "I was hoping for something more like a castle", "I'm imagining mist around it"."""
    wish = polite(said["THING"])
    if placed := re.match(rf"{IT.pattern}\s+(?P<where>.+)", wish, re.I):  # "I pictured her on a shipwreck"
        where = placed["where"]
        return draft.rewrite(
            (prompt_rewriting.move if SOMEWHERE.match(where) else prompt_rewriting.become)(draft.prompt, where)
        )
    another = re.search(r"\b(?:something|it|more)\b", said.clause) or (ARTICLE.match(wish) and lexicon().kind(wish))
    return make(said, draft) if another else bool(wish) and draft.add(wish)


@act
def what_if(said: Reading, draft: Draft) -> bool:
    """ "What if the cat wore a bow tie", "what if it was night", "what if there was a moon"."""
    who, verb, rest = said["WHO"].lower(), said["VERB"].lower(), polite(said["REST"])
    if who in {"we", "you", "i"}:
        return verb in {"added", "put", "had", "used"} and draft.add(rest)
    if who == "there":
        return verb in {"was", "were"} and draft.add(rest)
    if verb in lexicon().past:
        return draft.add(f"{lexicon().past[verb]} {rest}")
    if verb.endswith("ed"):
        return draft.add(f"{re.sub('i$', 'y', verb[:-2])}ing {rest}".strip())
    if not IT.fullmatch(who) and who not in {"he", "she", "they"}:
        thing = re.sub(r"^the\s+", "", who)
        if re.match(r"an?\s", rest, re.I):
            return draft.rewrite(
                prompt_rewriting.swap(draft.prompt, thing, rest) or prompt_rewriting.become(draft.prompt, rest)
            )
        return draft.rewrite(prompt_rewriting.attribute(draft.prompt, thing, rest))
    if SOMEWHERE.match(rest):
        return draft.rewrite(prompt_rewriting.move(draft.prompt, rest))
    return draft.rewrite(prompt_rewriting.become(draft.prompt, rest))


@act
def setting(said: Reading, draft: Draft) -> bool:
    """ "Background: a stormy sea", "style: watercolor"."""
    thing, wish = re.sub(r"^the\s+", "", said["THING"].lower()), polite(said["QUALITY"])
    if thing not in lexicon().words["settings"] or not wish:
        return False
    if thing == "subject":
        return draft.rewrite(prompt_rewriting.replace_subject(draft.prompt, wish))
    kind = lexicon().kind_names.get(thing)
    if kind in {None, "background"}:
        if ARTICLE.match(wish):
            return draft.add(f"{wish} in the {thing}" if thing in {"background", "backdrop", "foreground"} else wish)
        return draft.rewrite(prompt_rewriting.attribute(draft.prompt, thing, wish))
    if swapped := prompt_rewriting.swap_kind(draft.prompt, kind or "", wish):
        return draft.rewrite(swapped)
    if kind in {"season", "time", "weather", "light"} and lexicon().kind(wish) == kind:
        return draft.add(wish)
    if lexicon().kind(wish) is None and " " not in wish:
        return draft.add(f"{wish} {thing}")
    return draft.rewrite(prompt_rewriting.become(draft.prompt, wish))


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
    quality = polite(re.sub(r"^(?:to\s+)?(?:be|become|look|appear|into|in)\s+(?=\w)", "", quality, flags=re.I))
    if not thing or not quality or term_of(thing) is None:
        return False
    if negated := re.match(r"(?:less|not(?: so| too| that)?)\s+(?P<x>.+)", quality, re.I):
        return draft.exclude(negated["x"])
    if ARTICLE.match(quality):
        return draft.rewrite(
            prompt_rewriting.swap(draft.prompt, thing, quality) or prompt_rewriting.become(draft.prompt, quality)
        )
    return draft.rewrite(prompt_rewriting.attribute(draft.prompt, thing, quality))


@act
def was_so(said: Reading, draft: Draft) -> bool:
    """ "The dress was green", "her hair is shorter in real life": so it should be."""
    quality = polite(said["QUALITY"])
    told = re.search(r"\b(?:real life|reality|irl|in person|in the photo|originally)$", said.clause, re.I)
    if term_of(said["OWN"]) is None or " " in quality or lexicon().is_praise(quality):
        return False
    if not told and lexicon().kind(quality) not in {"color", "material", "hair"}:
        return False
    return draft.rewrite(prompt_rewriting.attribute(draft.prompt, said["OWN"], quality))


@act
def was_then(said: Reading, draft: Draft) -> bool:
    """ "They got married in winter": so it should be then."""
    where = polite(said["WHERE"])
    return lexicon().kind(where) in {"season", "time"} and draft.rewrite(prompt_rewriting.move(draft.prompt, where))


def _split_quality(text: str) -> tuple[str, str]:
    """ "The sky a bit darker" -> ("the sky", "darker")."""
    words = polite(text).split()
    for index in range(1, len(words)):
        word, rest = words[index].lower(), " ".join(words[index:])
        if word in _COMPARED:
            return " ".join(words[:index]), " ".join(words[index:])
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


_COMPARED = frozenset(["further", "farther", "closer", "higher", "lower"])
_THINGS = frozenset({"background", "clothes", "headwear", "furniture", "place", "person", "animal"})


@act
def swap(said: Reading, draft: Draft) -> bool:
    """ "Swap the dog for a cat", "make the sky pink" where the sky isn't spoken of."""
    old, new = re.sub(r"\s+please$", "", said["OLD"]), polite(said["NEW"])
    if re.match(r"(?:it|him|them|this|that|her an?)\s", old, re.I):  # "make it a queen with a crown" swaps nothing
        return False
    if of := re.fullmatch(r"(?P<x>.+?)(?:'s)?\s+colou?r|(?:the )?colou?r of (?P<y>.+)", old, re.I):
        return draft.rewrite(prompt_rewriting.attribute(draft.prompt, of["x"] or of["y"], new))
    if is_pronoun(old) or (IT.fullmatch(old) and old.split()[-1] not in lexicon().kind_names):
        return False
    if swapped := prompt_rewriting.swap(draft.prompt, old, new):
        return draft.rewrite(swapped)
    kind = lexicon().kind(new)
    if kind in {"color", "material", "shape", "size"} and not re.match(r"an?\s", new):
        return draft.rewrite(prompt_rewriting.attribute(draft.prompt, old, new))
    swapped = prompt_rewriting.swap_kind(draft.prompt, kind, new) if kind else None
    return draft.rewrite(swapped or prompt_rewriting.add(draft.prompt, new))


@act
def style(said: Reading, draft: Draft) -> bool:
    """ "As an oil painting", "in watercolor style"."""
    wish = polite(said["THING"])
    if lexicon().is_praise(wish) and len(wish.split()) < 3:
        return False
    return draft.rewrite(
        prompt_rewriting.become(draft.prompt, f"{wish} style" if said.clause.endswith("style") else wish)
    )


@act
def quality_wanted(said: Reading, draft: Draft) -> bool:
    """A bare word that only makes sense as a wish: "winter", "watercolor style", "black and white"."""
    wish = polite(said["QUALITY"])
    words = wish.split()
    if draft.known(wish):  # what is out is not wished for by its name alone
        return False
    if lexicon().kind(words[0] if words else "") in _QUALITIES and (
        other := attribute_rewriting.modified(draft.prompt, wish)
    ):
        return draft.rewrite(other)
    if _CIRCUMSTANCE.match(wish) and len(words) <= 8:
        if wish.lower().startswith("as "):
            return draft.rewrite(prompt_rewriting.become(draft.prompt, wish[3:]))
        return draft.rewrite(prompt_rewriting.move(draft.prompt, wish))
    if not words or not is_noun_phrase(wish) or len(words) > 4:
        return False
    named = lexicon().words
    if (made_in := re.fullmatch(r"the\s+(?P<thing>[\w -]+?) in (?P<q>[\w-]+)", wish, re.I)) and draft.wants(
        made_in["thing"]
    ):
        return draft.rewrite(prompt_rewriting.attribute(draft.prompt, made_in["thing"], made_in["q"]))
    unwished = named["faults"] | named["wrongness"] | named["quantifiers"]
    looks = words[-1].lower() in named["looks"] and words[0].lower() not in unwished
    if len(words) > 1 and (looks or lexicon().kind(words[0]) in _QUALITIES):
        return draft.add(wish)
    if re.fullmatch(r"[a-z]{4,}less", wish) and not fault(wish) and not lexicon().is_praise(wish):  # "sleeveless"
        return draft.rewrite(prompt_rewriting.describe_subject(draft.prompt, wish))
    kind = lexicon().kind(re.sub(r"\s+(?:style|look|tones?|version)$", "", wish, flags=re.I))
    return kind in _MOODS and draft.rewrite(prompt_rewriting.become(draft.prompt, wish))


_CIRCUMSTANCE = re.compile(
    r"(?:as|in|at|on|under|from|during|by)\s+(?!the (?:end|other|moment)|all\b|case\b|fact\b|least\b|first\b"
    r"|last\b|it\b|that\b|this\b|my\b|your\b|a (?:good|bad) way)\S",
    re.I,
)


_QUALITIES = frozenset(["color", "hair", "age", "material", "shape", "print", "light", "weather", "season"])


_MOODS = frozenset(["tone", "season", "time", "weather", "style", "framing", "light", "color", "emotion", "decor"])
