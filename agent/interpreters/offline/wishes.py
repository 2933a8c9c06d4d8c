"""Words about what should be in the picture: they rewrite the prompt."""

import re

from . import rewriting
from .draft import Draft, is_pronoun
from .lexicon import lexicon
from .phrases import is_noun_phrase, term_of
from .rule import Rule

_IT = (
    r"(?:it|this|that|him|her|them|the (?:picture|image|scene|whole thing"
    r"|photo|whole picture|drawing|shot|subject|thing|style|whole image)"
    r"|things|everything|the result|these|those|one|the whole scene)"
)
_PREPOSITION = (
    r"(?:in|on|at|under|by|near|inside|beside|against|above|below|next to"
    r"|in front of|on top of|over|behind|beneath|among|between|into|onto"
    r"|within|outside|around|with|from|during|through|amid|before|atop)"
)
_CAMERA = {
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


def _strip_polite(phrase: str) -> str:
    return re.sub(
        r"(?:\s+(?:please|thanks|instead|now|too|as well|to it|to the (?:picture"
        r"|scene|image|photo)|for (?:me|him|her|it)|if possible|in there|in it"
        r"|then|maybe|this time|for a change|though))+[\s?!.]*$",
        "",
        phrase.strip(" .!?"),
        flags=re.I,
    ).strip(" .!?")


def _add(match: re.Match[str], draft: Draft) -> bool:
    phrase = _strip_polite(match["x"])
    phrase = re.sub(r"^(?:in\s+)?(?:just\s+)?(?:maybe\s+)?(?:like\s+)?", "", phrase, flags=re.I)
    return draft.add(phrase)


def _have(match: re.Match[str], draft: Draft) -> bool:
    """ "Give her a hat": added as what she has; "make him smile": as what he does."""
    phrase = _strip_polite(match["x"])
    if is_pronoun(phrase):
        return draft.add(phrase)
    return draft.add(f"with {phrase}")


def _do(match: re.Match[str], draft: Draft) -> bool:
    verb, rest = match["verb"].lower(), match["rest"] or ""
    return draft.add(_strip_polite(f"{gerund(verb)}{rest}"))


def _make(match: re.Match[str], draft: Draft) -> bool:
    """ "Make it a woman", "make it red", "make it look like a comic"."""
    said = _strip_polite(match["x"])
    said = re.sub(
        r"^(?:to\s+)?(?:be|become|look|feel|seem|be set|happen|take place" r"|appear)\s+", "", said, flags=re.I
    )
    said = re.sub(r"^(?:more like|like|into|as if it were|as though it were|as)\s+", "", said, flags=re.I)
    said = re.sub(
        r"^(?:a bit|a little|slightly|way|much|far|really|very|somewhat|a tad" r"|a lot)\s+(?=\w)", "", said, flags=re.I
    )
    if not said:
        return False
    if re.match(_PREPOSITION + r"\s", said, re.I):
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
    said = re.sub(r"^more\s+(?=\w+$)", "more ", said)
    return draft.rewrite(rewriting.become(draft.prompt, said))


def _attribute(match: re.Match[str], draft: Draft) -> bool:
    """ "Make the background white", "the sky should be pink"."""
    thing, quality = _split_quality(match["x"]) if "q" not in match.groupdict() else (match["x"], match["q"])
    quality = _strip_polite(re.sub(r"^(?:to\s+)?(?:be|become|look|appear|into|in)\s+(?=\w)", "", quality, flags=re.I))
    if not thing or not quality or term_of(thing) is None:
        return False
    if negated := re.match(r"(?:less|not(?: so| too| that)?)\s+(?P<x>.+)", quality, re.I):
        return draft.exclude(negated["x"])
    if re.match(r"(?:an?|the)\s", quality, re.I):
        return draft.rewrite(rewriting.swap(draft.prompt, thing, quality)) or draft.rewrite(
            rewriting.become(draft.prompt, quality)
        )
    return draft.rewrite(rewriting.attribute(draft.prompt, thing, quality))


def _split_quality(said: str) -> tuple[str, str]:
    words = _strip_polite(said).split()
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


def _swap(match: re.Match[str], draft: Draft) -> bool:
    old, new = match["old"], _strip_polite(match["new"])
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


def _instead(match: re.Match[str], draft: Draft) -> bool:
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
    if re.fullmatch(_IT, old, re.I):
        return draft.rewrite(rewriting.become(draft.prompt, new))
    return draft.rewrite(
        rewriting.swap(draft.prompt, old, _strip_polite(new)) or rewriting.become(draft.prompt, _strip_polite(new))
    )


def _move(match: re.Match[str], draft: Draft) -> bool:
    return draft.rewrite(rewriting.move(draft.prompt, _strip_polite(match["where"])))


def _put_in(match: re.Match[str], draft: Draft) -> bool:
    """ "Put a lamp on the table": added with its place."""
    return draft.add(_strip_polite(match["x"] + " " + match["where"]))


def _correct(match: re.Match[str], draft: Draft) -> bool:
    new = _strip_polite(match["x"])
    if is_pronoun(new) or term_of(new) is None:
        return False
    if draft.rejected and (swapped := rewriting.swap(draft.prompt, draft.rejected, new)):
        return draft.rewrite(swapped)
    return draft.rewrite(rewriting.correct(draft.prompt, new))


def _corrected(match: re.Match[str], draft: Draft) -> bool:
    """After a bare "no": what it should have been."""
    if not draft.corrective or not is_noun_phrase(match[0]):
        return False
    if re.match(r"(?:more|less|the same)\b", match[0], re.I) or lexicon().is_praise(match[0]):
        return False
    return _correct(match, draft)


def _not_this(match: re.Match[str], draft: Draft) -> bool:
    """ "Not a scarf", of what was asked for: a correction follows or came before."""
    term = term_of(match["x"])
    if term is None or (
        draft.prompt == draft.state.prompt and not re.search(rf"\b{re.escape(term)}\b", draft.prompt, re.I)
    ):
        return False
    draft.corrective, draft.rejected = True, term
    return True


def _style(match: re.Match[str], draft: Draft) -> bool:
    said = _strip_polite(match["x"])
    if lexicon().is_praise(said) and len(said.split()) < 3:
        return False
    return draft.rewrite(rewriting.become(draft.prompt, said))


def _camera(match: re.Match[str], draft: Draft) -> bool:
    return draft.rewrite(rewriting.become(draft.prompt, _CAMERA[match["x"].lower()]))


def _missing(match: re.Match[str], draft: Draft) -> bool:
    """ "There isn't a door": "add one" may follow; wanted anyway when nothing does."""
    phrase = _strip_polite(match["x"])
    if term_of(phrase) is None:
        return False
    draft.mention = re.sub(r"^(?:any|no)\s+", "", phrase, flags=re.I)
    if match.groupdict().get("point") is not None:
        return True
    return draft.add(draft.mention)


def _comparative(match: re.Match[str], draft: Draft) -> bool:
    return draft.add(_strip_polite(match["x"]))


def _quality_wanted(match: re.Match[str], draft: Draft) -> bool:
    """A bare word that only makes sense as a wish: "winter", "watercolor style", "black and white"."""
    said = _strip_polite(match[0])
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
    kind = lexicon().kind(re.sub(r"\s+(?:style|look|tones?|version)$", "", said, flags=re.I))
    if (
        kind in {"season", "time", "weather", "style", "framing", "light", "color", "emotion"}
        and len(said.split()) <= 4
        and is_noun_phrase(said)
    ):
        return draft.rewrite(rewriting.become(draft.prompt, said))
    return False


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


_VERB = (
    r"(?P<verb>smile|laugh|cry|sit|stand|look|walk|run|wear|hold|dance"
    r"|jump|sleep|wave|point|face|lean|read|ride|play|drink|eat|turn|hug"
    r"|kiss|frown|wink|kneel|fly|swim|stare|gaze|carry|sing|fish|paint"
    r"|climb|drive|cook|write|glow|bloom|float|hang|use|show|smoke|pet"
    r"|stroke|feed|lie|wearing|holding|smiling|looking|sitting|standing"
    r"|walking|running|sleeping|riding|playing|reading|laughing)\b"
)

FIRST = (
    Rule(r"(?:i |we )?(?:wouldn't|would not) mind\s+(?:seeing |having |a bit of )?(?P<x>.+)$", _add, lead="add"),
    Rule(r"not\s+(?P<x>an?\s+[\w -]+)$", _not_this),
    Rule(r"(?P<x>(?:an?|the|in|on|with)?\s*\S.*)$", _corrected),
    Rule(
        r"(?:i (?:meant|said|asked for|was asking for)|i wanted|make that"
        r"|rather|i mean|it's supposed to be|that's supposed to be|it should "
        r"(?:have )?be(?:en)?|should (?:have )?be(?:en)?|supposed to be)\s+"
        r"(?P<x>(?:an?|the|some|two|three)\s.+)$",
        _correct,
    ),
    Rule(
        r"(?P<new>.+?)\s+(?:instead of|rather than|in place of|in lieu of" r"|(?<! be)\bnot(?= an?\b))\s+(?P<old>.+)$",
        _instead,
    ),
    Rule(
        r"(?:instead of|rather than)\s+(?P<old>[\w -]+?)\s+(?:give me|show"
        r"|use|make it|put|i want|draw|have|try|with)\s+(?P<new>.+)$",
        _instead,
    ),
)
"""Corrections, which read like complaints: tried before them."""

RULES = (
    Rule(
        r"(?:change|turn|switch|swap|convert|transform|set|replace|exchange"
        r"|alter|modify|substitute|make)\s+(?P<old>(?!"
        + _IT
        + r"\b)[^,]+?)\s+(?:to|into|for|with|by|out for|in)\s+(?P<new>.+)$",
        _swap,
        lead="change",
    ),
    Rule(
        rf"(?:change|turn|switch|convert|transform|set|move|shift|adapt|bring)\s+{_IT}\s+"
        r"(?:over\s+)?(?:to|into)\s+(?P<x>.+)$",
        _make,
        lead="make it",
    ),
    Rule(r"(?:change|turn|switch|convert|shift)\s+(?:it\s+)?to\s+(?P<x>.+)$", _make, lead="make it"),
    Rule(r"(?:use|try|go (?:for|with)|pick|choose)\s+(?P<new>.+?)\s+for\s+(?P<old>the .+)$", _swap),
    Rule(
        r"(?:put|place|set|move|position|have|seat|show|stand|lay|locate|situate"
        rf"|stick|transport|relocate|drop|hang|let)\s+(?:{_IT}|(?:the|his|her"
        r"|our|my)\s+[\w]+(?:\s\w+)?)\s+(?:be\s+)?(?:sitting |standing |lying "
        rf"|down |up |back )?(?P<where>{_PREPOSITION}\s+.+)$",
        _move,
        lead="put it",
    ),
    Rule(
        r"(?:put|place|set|position|stick|hang)\s+(?:in\s+)?(?P<x>.+?)\s+" rf"(?P<where>{_PREPOSITION}\s+.+)$",
        _put_in,
        lead="add",
    ),
    Rule(
        rf"(?:give|get|buy|lend|hand)\s+(?:{_IT}|the \w+(?: \w+)?|me|us|everyone)\s+" r"(?P<x>.+)$", _have, lead="add"
    ),
    Rule(
        rf"(?:make|let|have|get|see)\s+(?:{_IT}|the \w+|his \w+|her \w+|everyone)\s+"
        rf"(?:to\s+)?(?:be\s+)?{_VERB}(?P<rest>.*)$",
        _do,
    ),
    Rule(
        r"(?:i(?:'d like| want| need|'d love|'d prefer| would like| would prefer"
        rf"| prefer)|we (?:want|need))\s+(?:to (?:see|have)\s+)?{_IT}\s+(?:to "
        rf"(?:be\s+)?)?{_VERB}(?P<rest>.*)$",
        _do,
    ),
    Rule(
        rf"(?:{_IT}|he|she|they|the \w+)\s+(?:should|could|must|needs? to|has to"
        rf"|ought to|might|can)\s+(?:also |really |rather |be )*{_VERB}(?P<rest>.*)$",
        _do,
    ),
    Rule(
        r"(?:make|render|paint|draw|do|get|keep|show|have|shoot|style|redo"
        rf"|recreate|try|turn|let|do it|depict|present|dress)\s+{_IT}\s+(?:all "
        r"|be |in the style of |rather |just |as (?:a |an )?(?=\w+ (?:style"
        r"|painting|drawing|sketch)))?(?P<x>.+)$",
        _make,
        lead="make it",
    ),
    Rule(
        r"(?:i(?:'d like| want| need|'d love|'d prefer| would like| would prefer"
        rf"| prefer| would love)|we (?:want|need|'d like))\s+(?:to (?:see|have)\s+)?{_IT}\s+"
        r"(?:to (?:be\s+|look\s+)?)?(?:more )?(?P<x>.+)$",
        _make,
        lead="make it",
    ),
    Rule(
        rf"(?:{_IT}|he|she|they)(?:\s+(?:should|could|must|needs?|has|ought"
        r"|might|would)(?:\s+to)?|'d)\s+(?:really |rather |also |look better "
        r"|better |be better |be nicer )*(?:be|look|feel|become)\s+(?P<x>.+)$",
        _make,
        lead="make it",
    ),
    Rule(
        r"(?:could|should|can|needs? to|must) be\s+(?:a bit |a little |much " r"|way |slightly )?(?P<x>.+)$",
        _make,
        lead="make it",
    ),
    Rule(r"make\s+(?P<x>.+)$", _attribute, lead="make"),
    Rule(
        r"(?:colou?r|paint|dye|tint)\s+(?P<x>(?:the|his|her|its|their|my)\s.+?)\s+" r"(?P<q>\w+)$",
        _attribute,
        lead="make",
    ),
    Rule(
        r"(?:i(?:'d like| want| need|'d love|'d prefer| would like)\s+|have\s+"
        r"|let\s+|get\s+)(?P<x>(?:the|his|her|its|their|my)\s[\w ]+?)\s+(?:to be"
        r"|be|in|to look|look)\s+(?P<q>.+)$",
        _attribute,
        lead="make",
    ),
    Rule(
        r"(?P<x>(?:the |his |her |its |their |my |all )?[\w' -]+?)\s+(?:should"
        r"|could|must|needs? to|has to|have to|ought to|had better)\s+(?:really "
        r"|rather |also |all )*(?:be|look|become|feel)\s+(?P<q>.+)$",
        _attribute,
        lead="make",
    ),
    Rule(r"(?P<where>(?:there|in the \w+)) (?:should|could|must) be\s+(?P<x>.+)$", _add, lead="add"),
    Rule(
        r"(?:(?:the|a|his|her|its|their|this)\s+[\w ]+?|it|he|she|they|this"
        r"|we|you|i'd|i)\s+(?:really |also |just |definitely |still )*(?:needs?"
        r"|could use|could do with|should have|must have|wants?|would like"
        r"|'d like|deserves?|should wear|should hold|should get|like to see"
        r"|love to see|would love|would prefer|prefer|'d prefer|'d love)\s+"
        r"(?:to (?:see|have)\s+)?(?P<x>(?!to\b|you\b|it\b).+)$",
        _add,
        lead="add",
    ),
    Rule(
        r"(?:add|include|insert|introduce|throw in|put in|draw in|sprinkle in"
        r"|work in|bring in|show|give me|i want|i'd like|i'd love|i need|we need"
        r"|i'd prefer|need|needs|want|let's (?:have|see|add|get|put|try|go for"
        r"|do)|how about|what about|maybe add|try|try adding|go (?:for|with)"
        r"|use|have|more|could use|should have|can (?:we|i) (?:have|get|see)"
        r"|could (?:we|i) (?:have|get|see)|perhaps|bring on|some|with|dress "
        r"(?:him|her|it|them) in|surround (?:it|him|her|them) with|decorate "
        r"(?:it|the \w+) with|fill (?:it|the \w+) with|top it with|cover "
        r"(?:it|the \w+) (?:in|with)|wearing|holding|write|let there be|also)\s+"
        r"(?P<x>(?!you\b|to know\b|it$|that$).+)$",
        lambda match, draft: _added(match, draft),
        lead="add",
    ),
    Rule(
        r"(?:where(?:'s| is| are| did| has)|what happened to|why (?:is there"
        r"|are there|'s there) no|why (?:isn't|aren't) there(?: an?| any)?"
        r"|why no|you forgot|you missed|forgot|forgot to add|i (?:don't|can't) see"
        r"|missing)\s+(?P<x>(?:the|a|an|any|my|his|her|some|no)?\s*[\w' -]+?)"
        r"(?:\s+(?:go|gone|gone to|i asked for|in (?:the|this) (?:picture"
        r"|image))\b.*)?$",
        _missing,
        lead="add",
    ),
    Rule(
        r"(?:there (?:is|are|was|were)(?:n't| not| no)|there's (?:no|not)"
        r"|i see no|it has no|he has no|she has no|still no|there's still no"
        r"|he doesn't have|she doesn't have|it doesn't have|it lacks|lacks"
        r"|is missing|still missing|missing|it's missing)\s+(?:an?\s+|any\s+)?(?P<point>)"
        r"(?P<x>.+)$",
        lambda match, draft: _missing_thing(match, draft),
    ),
    Rule(r"(?P<x>(?:the|his|her|its|their|my)\s[\w ]+?)\s+(?:is|are)\s+missing\b.*$", _missing),
    Rule(rf"(?P<x>{'|'.join(_CAMERA)})(?:\s+(?:a bit|a little|more|out|please|on .*))?$", _camera),
    Rule(
        r"(?P<x>(?:more\s+[\w -]+|(?:a bit |a little |much |slightly |way "
        r"|even )?(?:bright|dark|warm|cool|cold|sharp|soft|big|small|tall"
        r"|short|old|young|light|bold|clean|simpl|fast|happi|sunni|cloud|moodi"
        r"|rich|deep|thick|thin|round|wid|long|loos|tight|low|high|clos|fluffi"
        r"|funni|cut|cozi|cosi|dens|smooth|rough|calm|pal|strong|crisp|clear"
        r"|close)er(?:\s+[\w-]+){0,3}))(?:\s+(?:on|in)\s.*)?$",
        _comparative,
    ),
    Rule(r"(?:as|in|like)\s+(?P<x>an?\s.+)$", _style),
    Rule(r"(?:in (?:the )?)?(?P<x>.+?\s+style)$", _style),
    Rule(r".+$", _quality_wanted),
)
"""Ways to say what is wanted."""


def _added(match: re.Match[str], draft: Draft) -> bool:
    """ "Add a hat"; "I want it darker" is read elsewhere."""
    verb = match[0][: match.start("x")].lower().strip()
    phrase = _strip_polite(match["x"])
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
        re.match(_PREPOSITION + r"\s", phrase, re.I)
        and verb not in {"with", "surround"}
        and not phrase.lower().startswith(("in the style", "with "))
    ):
        return draft.rewrite(rewriting.move(draft.prompt, phrase))
    if lexicon().is_praise(phrase) and len(phrase.split()) == 1:
        return False
    return draft.add(phrase)


def _missing_thing(match: re.Match[str], draft: Draft) -> bool:
    phrase = _strip_polite(match["x"])
    if (term := term_of(phrase)) is None or lexicon().is_praise(match[0]):
        return term is not None
    article = re.search(r"\b(an?)\s+$", match[0][: match.start("x")], re.I)
    draft.mention = f"{article[1].lower() if article else ''} {term}".strip()
    draft.wanted = draft.mention
    return True
