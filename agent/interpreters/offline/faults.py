"""What is wrong with a picture, by the name it has in a negative prompt; and what complaints do to a draft."""

import re

from ...edits import Exclude
from ...terms import singular
from .acts import act
from .draft import Draft, is_pronoun
from .grammar import Reading
from .lexicon import lexicon
from .phrases import is_noun_phrase, term_of

HEDGE = (
    r"(?:(?:a bit|a little(?: bit)?|a tad|a touch|slightly|somewhat|rather"
    r"|kind of|sort of|fairly|quite|pretty|really|very|so|just|all|way"
    r"|much|far|still|super|totally|completely|a bit of|bit|extremely"
    r"|incredibly|awfully|terribly|horribly|weirdly|strangely|oddly|unnaturally"
    r"|damn|fucking|little|looking|somehow|almost|also|kinda|more|less"
    r"|as|being|even|that|strongly|visibly|definitely|clearly|seriously"
    r"|heavily|absolutely|now|again|always|once again|mostly|partly)\s+)*"
)
_NUMBERS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]


def name(subject: str, quality: str) -> str | None:
    """What a complaint is called in a negative prompt: ("the ears", "wrong") -> "bad ears".

    None when the quality is no fault: "the dog looks happy".
    """
    words = lexicon().words
    quality = re.sub(rf"^{HEDGE}", "", f"{quality.lower().strip(' .,!?')} ").strip()
    noun = term_of(subject) if subject and not is_pronoun(subject) else None
    noun = re.sub(r"^(?:left|right|other|upper|lower)\s+(?=\w)", "", noun) if noun else None
    head = noun.split()[-1] if noun else ""
    if head in words["whole_picture"]:
        noun, head = None, ""
    first = quality.split()[0] if quality else ""
    if head in words["writing"] and (first in words["wrongness"] or re.search(_GIBBERISH, quality)):
        return "misspelled text" if head == "spelling" else "gibberish text"
    if re.match(r"(?:gibberish|illegible|misspel|garbled|unreadable)", first):
        return "gibberish text"
    if first in words["extreme"] and head in words["body"]:
        return f"{first} {noun}"
    if first in lexicon().kinds["shape"] and singular(head) in lexicon().counts:  # "the wheels are square"
        return f"{first} {noun}"
    if first in words["wrongness"] and noun and head not in {"people"}:
        return f"bad {noun}"
    known = fault(quality)
    return known if known is not None or noun is None else None


def fault(quality: str) -> str | None:
    """The term for an adjective that is a complaint by itself, else None."""
    known = lexicon()
    for length in (3, 2, 1):
        said = re.sub(r"^over[- ]", "over", " ".join(quality.split()[:length]))
        if said in known.names or said in known.words["faults"]:
            return known.names.get(said, said)
    first = quality.split()[0] if quality else ""
    return first if _SOUNDS_WRONG.fullmatch(first) and first not in known.words["praise"] else None


_SOUNDS_WRONG = re.compile(
    r"over-?(?!all|joyed|head|sized$)\w+ed|over(?:done|blown|lit|bright|sharp)|under-?\w{3,}(?:ed|d|done)|mis-?\w+ed"
    r"|(?!flaw|seam|price|time|effort|match|peer|end|wire|shirt|sleeve|strap|regard|neverthe|noneth|cord|hair|home|leaf)\w{3,}less"
    r"|(?!styl|lav|pol|fin|un|van|publ|establ|nour|cher|fem|blem|burn|pun|ban|fam|rel|acc|abol|dimin|adm|wish|fet|cat|dist|dol|jelly"
    r"|gold|star|sword|cuttle|spoon|Engl|Span|Turk|Ir|Brit|Pol|Scott|Swed|Dan|Finn|Jew|Wel)\w{3,}ish"
    r"|semi-?\w+|pseudo-?\w+|non-?\w{4,}|(?:de|dis)(?:colou?red|figured|formed|jointed|torted|orient(?:ed|ated)|connected)",
    re.I,
)
"""Words that say by their form that something is wrong: "overcooked", "purplish", "misaligned", "lifeless"."""


def complain(draft: Draft, subject: str, quality: str) -> bool:
    """Exclude what is wrong, when the quality is a fault: "still grainy", "the ears look wrong"."""
    found = name(subject, quality)
    return found is not None and draft.exclude_term(found)


@act
def exclude_quality(said: Reading, draft: Draft) -> bool:
    """ "Don't make it X", "less X": the adjective or the noun."""
    quality = re.sub(rf"^{HEDGE}", "", said["THING"].lower()).strip()
    if lexicon().is_praise(quality) or re.match(r"(?:changed?|better|removed|touched|there|here|in|on)\b", quality):
        return False
    return draft.exclude_term(fault(quality) or "") or draft.exclude(quality)


@act
def too(said: Reading, draft: Draft) -> bool:
    """ "Too dark", "her nose is too big", "too many people"."""
    known, quality, subject = lexicon(), said["QUALITY"].lower(), said["SUBJECT"]
    if (first := re.match(r"(?:much|very|so)\s+(?P<q>[\w-]+)$", quality)) and _is_quality(first["q"]):  # "too much big"
        quality = first["q"]
    if amount := re.match(r"(?:much|many|few|little)\s+(?:of (?:a |an |the )?|like (?:a |an )?)?(?P<x>.+)$", quality):
        if re.match(r"(?:stuff|things|going on|happening|junk|rubbish|crap)\b", amount["x"]):
            return draft.exclude_term("clutter")
        return not quality.startswith(("few", "little")) and draft.exclude(amount["x"])
    quality = _HEAD_END.split(quality)[0]
    quality = re.sub(r"(?:\s+(?:looking|ly|again|still))+$", "", quality).strip(" .!?")
    if quality in known.words["praise"] and quality not in _TOO_MUCH_OF_A_GOOD_THING:
        return quality == "good"
    if not quality or len(quality.split()) > 4:
        return False
    subject = re.sub(r"(?<=\w)\s+\w+ed$", "", subject)  # "saturation cranked too high"
    noun = term_of(subject) if subject and not is_pronoun(subject) else None
    noun = None if noun and noun.split()[-1] in known.words["whole_picture"] else noun
    if noun and quality in known.words["needs_noun"]:
        return draft.exclude_term(f"{quality} {noun}")
    return draft.exclude_term(fault(quality) or known.names.get(quality, quality))


def _is_quality(word: str) -> bool:
    known = lexicon()
    kind = known.kind_of_word.get(word)
    return word in known.words["needs_noun"] | known.words["faults"] or kind in {
        "color",
        "size",
        "age",
        "shape",
        "emotion",
    }


_HEAD_END = re.compile(
    r"\s+(?:for|to|in|on|and|at|with|like|here|now|there|that|this|than|if|my|as|by|when|around|overall|right|even)\b"
    r"(?!$)"
)
_TOO_MUCH_OF_A_GOOD_THING = frozenset(
    {"cute", "pretty", "sweet", "perfect", "nice", "happy", "adorable", "cool", "funny"}
)


@act
def faulty(said: Reading, draft: Draft) -> bool:
    """ "It's blurry", "the ears look wrong"; "it isn't blurry" is fine."""
    if re.match(r"my\s", said["SUBJECT"], re.I) and not re.match(
        r"complain|asking|want", said["QUALITY"], re.I
    ):  # "my screen is dirty"
        return True
    if _VERY.search(said.clause) and lexicon().kind_of_word.get(said["QUALITY"].lower()) == "color":
        return too(said, draft)
    return said["SUBJECT"].lower() not in {"there", "here"} and complain(draft, said["SUBJECT"], said["QUALITY"])


_VERY = re.compile(r"\b(?:very|so|super|extremely|all|way|really|awfully|terribly|quite)\b", re.I)
"""What makes a complaint of a colour: "it is very yellow"."""


@act
def not_good(said: Reading, draft: Draft) -> bool:
    """ "The tower isn't straight", "the hands don't look right"; "it isn't blurry" and "not so dark" differ."""
    quality = re.sub(rf"^{HEDGE}", "", f"{said['QUALITY'].lower()} ").strip()
    if opposite := lexicon().opposites.get(quality):
        return draft.exclude_term(opposite)
    if re.match(
        r"(?:right|natural|real|normal|human|good|correct|convincing|great|proper|okay|ok|believable)", quality
    ):
        return _not_right(said, draft)
    return bool(said["SUBJECT"]) and fault(quality) is not None


def _not_right(said: Reading, draft: Draft) -> bool:
    noun = term_of(said["SUBJECT"])
    if noun is None or is_pronoun(said["SUBJECT"]) or noun.split()[-1] in lexicon().words["whole_picture"]:
        real = re.search(r"real|natural|human|convincing|believable", said["QUALITY"], re.I)
        return draft.exclude_term("unrealistic" if real else "bad quality")
    return draft.exclude_term(f"bad {noun}")


@act
def hedged(said: Reading, draft: Draft) -> bool:
    """ "A bit formal", "slightly crooked": a complaint unless it is praise."""
    quality = re.split(r"\s+(?:for|to|in|on|here|at)\b", said["QUALITY"].lower())[0].strip(" .!?")
    if not quality or len(quality.split()) > 3 or lexicon().is_praise(quality):
        return False
    if quality not in lexicon().words["faults"] and re.match(
        r"(?:more|less|better|different|of|like|\w+er\b)", quality
    ):
        return False
    return complain(draft, said["SUBJECT"], quality) or draft.exclude_term(quality)


@act
def looks_like(said: Reading, draft: Draft) -> bool:
    """ "It looks like a comic", "as if it were drawn", "more like a render than a photo"."""
    text = re.sub(r"\s+(?:than|rather than)\s.*$", "", said["THING"].lower())
    text = re.sub(r"\s+(?:vibes?|energy)$", "", text)
    if lexicon().is_praise(text):
        return True
    made = re.match(
        r"(?:it|they|he|she|this|that|someone|somebody|\w+)\s+(?:(?:is|was|were|are|has been|had been|came)\s+)?"
        r"(?P<how>\w+)\b(?:\s+(?:of|from|in|with|by|on)\s+(?P<of>.+))?",
        text,
    )
    if made:
        if made["how"] == "made" and made["of"]:
            return draft.exclude(made["of"])
        if made["how"] in lexicon().made:
            return draft.exclude_term(lexicon().made[made["how"]])
        if re.match(r"(?:it|they|he|she|someone)\b", text):
            return False
    if (
        re.match(r"(?:my|your|our|i|you|we)\b", text)
        or set(said["SUBJECT"].lower().split()[:1]) & lexicon().words["verbs"]
    ):
        return False
    text = re.sub(
        r"^(?:something (?:out of|from)|an? (?:cheap|bad|crappy|poor|terrible|kid's|child's)|straight out of|more of"
        r"|more like|it came (?:out of|from))\s+",
        "",
        text,
    )
    return draft.exclude(text)


@act
def resembles(said: Reading, draft: Draft) -> bool:
    """ "Reminds me of a cheap cartoon": a complaint only where a style or a fault is named."""
    words = set(said["THING"].lower().split())
    if words & lexicon().words["faults"] or lexicon().kind(said["THING"]) == "style":
        return looks_like(said, draft)
    return True


@act
def not_enough(said: Reading, draft: Draft) -> bool:
    """ "Not sharp enough": what it is instead, else the quality is wanted."""
    quality = re.sub(rf"^{HEDGE}", "", f"{said['QUALITY'].lower()} ").strip()
    if opposite := lexicon().opposites.get(quality):
        return draft.exclude_term(opposite)
    return "enough" in said.clause.lower().split() and draft.add(quality)


@act
def counted(said: Reading, draft: Draft) -> bool:
    """ "He has six fingers", "the horse has five legs", "an arm too many"."""
    number, part = said["NUMBER"].lower(), said["PART"].lower()
    if not part and draft.mention:
        number, part = "extra", draft.mention.split()[-1]
    normal = lexicon().counts.get(singular(part))
    if normal is None:
        return False
    if said["SIDE"]:
        return draft.exclude_term(f"bad {part}")
    count = int(number) if number.isdigit() else _NUMBERS.index(number) if number in _NUMBERS else 99
    if count == normal:
        return False
    kind = "extra" if count > normal or (count > 2 and normal == 4) else "missing"
    return draft.exclude_term(f"{kind} {_plural(part)}")


@act
def part_missing(said: Reading, draft: Draft) -> bool:
    """ "Where did its tail go?", "one arm is missing"."""
    part = said["PART"].lower()
    return singular(part) in {*lexicon().counts, "limb"} and draft.exclude_term(f"missing {_plural(part)}")


def _plural(part: str) -> str:
    return part if part.endswith("s") or part in {"feet", "teeth"} else f"{part}s"


@act
def cropped(said: Reading, draft: Draft) -> bool:
    return draft.exclude_term("cropped")


@act
def blurry(said: Reading, draft: Draft) -> bool:
    return draft.exclude_term("blurry")


@act
def made(said: Reading, draft: Draft) -> bool:
    """ "It looks painted"."""
    how = next(word for word in reversed(re.findall(r"\w+", said.clause.lower())) if word in lexicon().made)
    return draft.exclude_term(lexicon().made[how])


@act
def tint(said: Reading, draft: Draft) -> bool:
    return draft.exclude(said["TINT"])


@act
def bad(said: Reading, draft: Draft) -> bool:
    """ "The face is melting": something is wrong with the thing."""
    if symptom(said, draft):
        return True
    noun = term_of(said["THING"])
    if noun is None or is_pronoun(said["THING"]) or lexicon().is_praise(said.clause):
        return False
    noun = re.sub(r"^(?:left|right|other|upper|lower)\s+(?=\w)", "", noun)
    return draft.exclude_term("gibberish text" if _is_writing(noun) else f"bad {noun}")


@act
def bad_or_exclude(said: Reading, draft: Draft) -> bool:
    """ "What happened to her hands": a bad part; of anything else there should be none."""
    noun = term_of(said["THING"])
    if noun is None:
        return draft.exclude_term("bad quality")
    if more := re.match(r"(?:extra|third|second|additional|sixth|fifth)\s+(?P<part>[\w-]+)$", noun):
        return draft.exclude_term(f"extra {_plural(more['part'])}")
    if re.search(r"\b(?:happened|wrong|off|weird|strange|odd|funny|right)\b", said.clause) or _is_part(noun):
        return draft.exclude_term("gibberish text" if _is_writing(noun) else f"bad {noun}")
    return draft.exclude(noun)


@act
def bad_part(said: Reading, draft: Draft) -> bool:
    """ "Those hands", and nothing more."""
    return said["PART"].lower() in lexicon().words["body"] and draft.exclude_term(f"bad {said['PART'].lower()}")


@act
def bad_text(said: Reading, draft: Draft) -> bool:
    """ "The lettering makes no sense"."""
    noun = term_of(said["THING"]) if said["THING"] else None
    if noun is None or _is_writing(noun):
        return draft.exclude_term("gibberish text")
    return draft.exclude(noun)


@act
def bad_if_part(said: Reading, draft: Draft) -> bool:
    """ "That's not his tail": a bad one."""
    part = said["PART"].lower()
    if part in lexicon().words["writing"] | {"language", "english"}:
        return draft.exclude_term("gibberish text")
    return part in lexicon().words["body"] and draft.exclude_term(f"bad {part}")


@act
def flaw(said: Reading, draft: Draft) -> bool:
    """ "Banding in the sky": what is there by mistake, and nothing said of it."""
    term = term_of(said["THING"])
    flaws = lexicon().words["flaws"]
    if re.fullmatch(r"an?\s+[\w-]+", said.clause, re.I):  # "or a stain?"
        return False
    named = term is not None and (term in flaws or term.split()[-1] in flaws)
    return named and not lexicon().is_praise(said.clause) and draft.exclude(term or "")


@act
def bare_fault(said: Reading, draft: Draft) -> bool:
    """A fault and nothing else: "blurry", "blurry background", "extra fingers", "weird hands"."""
    text, words = said["THING"].lower().strip(" .!?"), lexicon().words
    if fault(text) is not None and len(text.split()) == len((fault(text) or "").split()):
        return draft.exclude_term(fault(text) or text)
    first, *rest = text.split()
    if not is_noun_phrase(text):  # "neon is great"
        return False
    if len(rest) in (1, 2) and rest[-1] in words["wrongness"] | words["faults"] and first not in words["faults"]:
        return complain(draft, " ".join([first, *rest[:-1]]), rest[-1])  # "hands weird"
    if len(rest) not in (1, 2) or first not in words["wrongness"] | words["faults"] | {"extra", "missing"}:
        return False
    if rest[-1] in words["body"] | words["writing"] and first in words["wrongness"]:
        return draft.exclude_term(f"bad {' '.join(rest)}")
    return draft.exclude_term(text)


@act
def symptom(said: Reading, draft: Draft) -> bool:
    """ "I can count the pixels": what that is a sign of."""
    if said.denied or lexicon().is_praise(said.clause):
        return False
    text = f" {said.clause.lower()} "
    found = next(
        (term for term, signs in lexicon().symptoms.items() if any(f" {sign} " in text for sign in signs)), None
    )
    return found is not None and draft.exclude_term(found)


@act
def annoyed(said: Reading, draft: Draft) -> bool:
    """ "The flies bother me": there should be none; "his smile creeps me out": the smile should be another."""
    noun = term_of(said["THING"]) if said["THING"] else None
    if noun and noun.split()[-1] in lexicon().words["body"] and not draft.known(noun):
        return draft.exclude_term(f"bad {noun}")
    return not lexicon().is_praise(said.thing) and draft.exclude(said.thing)


@act
def vibes(said: Reading, draft: Draft) -> bool:
    """ "Clip art vibes"."""
    return lexicon().is_praise(said.clause) or draft.exclude(said["THING"])


@act
def groaned_at(said: Reading, draft: Draft) -> bool:
    """ "Ugh, that vignette"."""
    return draft.groaned and draft.exclude(said["OWN"])


@act
def pointed_at(said: Reading, draft: Draft) -> bool:
    """ "There's a spoon on it": a complaint, if nothing else is said about it."""
    if lexicon().is_praise(said.clause):
        return True
    if re.match(r"(?:been|to|had|gone|come|become|\w+ed)\b", said["THING"], re.I):  # "he has been ..."
        return False
    draft.mention = term_of(said["THING"])
    if draft.mention and any(isinstance(edit, Exclude) for edit in draft.edits):  # one complaint more
        return draft.exclude(draft.mention)
    draft.pending = draft.mention
    return draft.mention is not None


@act
def never(said: Reading, draft: Draft) -> bool:
    """ "Don't make it any darker" keeps it as it is; "don't make it a cartoon" leaves that out."""
    if re.match(r"(?:any|even|still|much|get|become|be)\b|(?:more|less)\b|\w+er\b", said["THING"], re.I):
        return True
    return exclude_quality(said, draft)


@act
def never_attribute(said: Reading, draft: Draft) -> bool:
    """ "Don't make the sky green", "the sky shouldn't be green"."""
    if re.search(r"\b(?:more|less|\w+er)$", said["THING"]):
        return True
    words = said["THING"].split()
    thing, quality = (said["THING"], said["QUALITY"]) if said["QUALITY"] else (" ".join(words[:-1]), words[-1])
    return bool(thing) and draft.exclude(f"{quality} {term_of(thing) or ''}")


def speaks_of_weight(clause: str) -> bool:
    """Whether a clause is about how hard something is excluded."""
    return bool(_ABOUT_WEIGHT.search(clause))


def points_at_nothing_else(clause: str) -> bool:
    """Whether a clause names nothing: "still there", "it is back again"."""
    words = set(re.findall(r"[a-z']+", clause.lower()))
    return bool(words) and words <= lexicon().words["pointing"]


_ABOUT_WEIGHT = re.compile(
    r"\b(?:exclusions?|negatives?|ban|block|filter|restriction|veto|rule|penalty|weights?|weighted|emphasis|suppress\w*"
    r"|exclud\w*|against|down on|strength|fight\w*|push\w*|punish\w*|penali\w*)\b",
    re.I,
)


def _is_part(noun: str) -> bool:
    return noun.split()[-1] in lexicon().words["body"] | lexicon().words["writing"]


def _is_writing(noun: str) -> bool:
    return noun.split()[-1] in lexicon().words["writing"] | {"sign", "signs", "logo", "poster", "awning", "sticker"}


_GIBBERISH = (
    r"\b(?:nonsense|gibberish|garbled|unreadable|illegible|sense|misspel\w+"
    r"|mis-?spelt|scrambled|jumbled|wrong|not (?:a )?(?:real )?(?:word"
    r"|english|language)|gobbledygook|made up|made-up|typos?|backwards"
    r"|random|garbage|rubbish|mangled|babble|incorrect|errors?|mistakes?"
    r"|meaningless|off)\b"
)
