"""Words about what shouldn't be in the picture, said outright or as a complaint."""

import re

from ...terms import singular
from .draft import Draft, is_pronoun
from .lexicon import either, lexicon
from .phrases import term_of
from .rule import Rule

REMOVE = (
    r"(?:remove|delete|erase|drop|lose|ditch|kill|scrap|scratch|nix|omit"
    r"|exclude|avoid|skip|hide|banish|ban|scrub|eliminate|discard|dump"
    r"|toss"
    r"|axe|forget(?: about)?|get rid of|getting rid of|do away with|take out"
    r"|take away|take off|leave out|leave off|cut out|edit out|crop out"
    r"|photoshop out|airbrush out|paint out"
    r"|clean up|clear (?:up|out|away|off)|clear(?= the)|cut(?= (?:the"
    r"|that|those|these|all))|wipe(?: off| out| away)?|strip(?: out| away"
    r"| off)?|hold(?= the)|chuck|bin|trash|rid (?:it |this |me |us )?of"
    r"|subtract|block|filter out|suppress"
    r"|eradicate|excise|expunge|purge|throw (?:out|away)|get(?= .* (?:out"
    r"|off|away)$)|shave(?: off)?|away with|enough (?:with|of)|down with"
    r"|say no to|spare (?:me|us)|leave(?= .* (?:out|off|away)$)|less|fewer"
    r"|minus|reduce|tone down|turn down|dial down|cut down(?: on)?|cut back(?: on)?"
    r"|ease up on|easy on|go easy on|stop with|stop adding|stop (?:drawing"
    r"|giving|putting|making|showing|including|using)(?: me| him| her"
    r"| it)?|quit (?:it )?(?:with|adding)|don't want|hate|lower|decrease"
    r"|minimi[sz]e|soften|swap out)"
)
_BE = (
    r"(?:\s+(?:is|are|was|were|isn't|aren't|looks?|looked|feels?|seems?"
    r"|appears?|reads?|came out|comes out|turned out|comes across|come across"
    r"|ended up|has become|have become|became|got|gets|has gotten|being"
    r"|'s|'re)|'s|'re)"
)
_HEDGE = (
    r"(?:(?:a bit|a little(?: bit)?|a tad|a touch|slightly|somewhat|rather"
    r"|kind of|sort of|fairly|quite|pretty|really|very|so|just|all|way"
    r"|much|far|still|super|totally|completely|a bit of|bit|extremely"
    r"|incredibly|awfully|terribly|horribly|weirdly|strangely|oddly|unnaturally"
    r"|damn|fucking|little|looking|somehow|almost|also|kinda|more|less"
    r"|as|being|even|that|strongly|visibly|definitely|clearly|seriously"
    r"|heavily|absolutely|now|again|always|once again|mostly|partly)\s+)*"
)
_NUMBER = (
    r"(?P<n>\d{1,2}|one|two|three|four|five|six|seven|eight|nine|ten|too many"
    r"|extra|an extra|a third|a second|a sixth|multiple|several)"
)
_NUMBERS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
_GONE = (
    r"(?:go|be (?:removed|gone|deleted|erased|out|taken out|cut|left out"
    r"|taken away|excluded|dropped)|disappear|vanish|leave|come off|come out"
    r"|get out|get lost|die|get removed)"
)
_ANNOYING = (
    r"(?:distract\w*|annoy\w*|bother\w*|in the way|an eyesore|eyesore"
    r"|unnecessary|unneeded|unwanted|redundant|superfluous|pointless|not "
    r"(?:needed|necessary|wanted|welcome|right|working)|too much|out of place"
    r"|a distraction|a nuisance|irritating|not my thing"
    r"|overkill|a no-go|a no|a problem|a mistake|killing (?:it|me|the .*)"
    r"|ruining .*|spoiling .*|bugging me|driving me .*|stealing .*|tacky"
    r"|a turn-?off|a deal-?breaker|unacceptable|intrusive|obtrusive|stupid"
    r"|silly|hideous|getting on my nerves|a bit much|misplaced|wrong here"
    r"|covering .*|blocking .*|hiding .*)"
)
_ANNOYS = (
    r"(?:ruins?|spoils?|kills?|bothers?|annoys?|distracts?|irritates?"
    r"|bugs?|steals?|draws?|clutters?|disturbs?|detracts?|hurts?|gets? "
    r"(?:in|on)|takes? (?:away|over)|doesn't (?:belong|fit|work|make sense"
    r"|suit|go)|don't (?:belong|fit|work|make sense|suit|go)|(?:does|do) not "
    r"(?:belong|fit)|has no (?:place|business)|have no (?:place|business)"
    r"|makes? no sense|needs? to (?:stop|die)|breaks?|pulls?|clash\w*"
    r"|blocks?|creeps? me out|freaks? me out|looks? out of place|gotta go"
    r"|drives? me|looks? (?:stupid|silly|ridiculous|tacky))"
)


def name(subject: str, quality: str) -> str | None:
    """What a complaint is called in a negative prompt: ("the teeth", "off") -> "bad teeth".

    None when the quality is no fault: "the dog looks happy".
    """
    words = lexicon().words
    quality = re.sub(rf"^{_HEDGE}", "", f"{quality.lower().strip(' .,!?')} ").strip()
    noun = term_of(subject) if subject and not is_pronoun(subject) else None
    head = noun.split()[-1] if noun else ""
    if head in words["whole_picture"]:
        noun, head = None, ""
    first = quality.split()[0] if quality else ""
    if head in words["writing"] and (first in words["wrongness"] or re.search(_GIBBERISH, quality)):
        return "misspelled text" if head == "spelling" else "gibberish text"
    if first in words["wrongness"] and noun and head not in {"people"}:
        return f"bad {noun}"
    known = _fault(quality)
    return known if known is not None or noun is None else None


def _fault(quality: str) -> str | None:
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


def _exclude(match: re.Match[str], draft: Draft) -> bool:
    return draft.exclude(match["x"])


def _exclude_quality(match: re.Match[str], draft: Draft) -> bool:
    """ "Don't make it X", "less X": the adjective or the noun."""
    quality = re.sub(rf"^{_HEDGE}", "", match["x"].lower()).strip()
    return draft.exclude_term(_fault(quality) or "") or draft.exclude(quality)


def _too(match: re.Match[str], draft: Draft) -> bool:
    """ "Too dark", "her nose is too big", "too many people"."""
    known, quality = lexicon(), match["q"].lower().strip()
    subject = re.sub(rf"(?:{_BE})?\s*$", "", re.sub(rf"\b{_HEDGE}$", "", (match["s"] or "").strip() + " ").rstrip())
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
    fault = _fault(quality)
    if noun and quality in known.words["needs_noun"]:
        return draft.exclude_term(f"{quality} {noun}")
    return draft.exclude_term(fault or known.names.get(quality, quality))


def _faulty(match: re.Match[str], draft: Draft) -> bool:
    return complain(draft, match.groupdict().get("s") or "", match["q"])


def _hedged(match: re.Match[str], draft: Draft) -> bool:
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


def _looks_like(match: re.Match[str], draft: Draft) -> bool:
    said = match["x"].lower()
    if lexicon().is_praise(said):
        return True
    if made := re.match(
        r"(?:it|they|he|she|this|that|someone|somebody|\w+)(?:'s|'re)?\s+"
        r"(?:(?:is|was|were|are|has been|had been)\s+)?(?P<how>\w+)\b(?:\s+"
        r"(?:of|from|in|with|by|on)\s+(?P<of>.+))?",
        said,
    ):
        names = {
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
        if made["how"] == "made" and made["of"]:
            return draft.exclude(made["of"])
        if made["how"] in names:
            return draft.exclude_term(names[made["how"]])
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


def _not_enough(match: re.Match[str], draft: Draft) -> bool:
    """ "Not sharp enough": what it is instead, else the quality is wanted."""
    quality = re.sub(rf"^{_HEDGE}", "", match["q"].lower()).strip()
    if opposite := lexicon().opposites.get(quality):
        return draft.exclude_term(opposite)
    return draft.add(quality)


def _counted(match: re.Match[str], draft: Draft) -> bool:
    """ "He has six fingers", "two left feet", "the horse has five legs"."""
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


def _bad(match: re.Match[str], draft: Draft) -> bool:
    """ "What happened to her hands", "those hands": the part is bad."""
    noun = term_of(match["x"])
    if noun is None or noun.split()[-1] not in lexicon().words["body"] | lexicon().words["writing"]:
        return False
    return draft.exclude_term("gibberish text" if noun.split()[-1] in lexicon().words["writing"] else f"bad {noun}")


def _bare(match: re.Match[str], draft: Draft) -> bool:
    """A fault and nothing else: "blurry", "blurry background", "extra fingers", "weird hands"."""
    said = match[0].lower().strip(" .!?")
    words = said.split()
    body = lexicon().words["body"] | lexicon().words["writing"]
    if _fault(said) is not None and len(words) == len((_fault(said) or "").split()):
        return draft.exclude_term(_fault(said) or said)
    if len(words) in (2, 3) and (
        words[0] in lexicon().words["wrongness"] | {"extra", "missing"} or (words[0] in lexicon().words["faults"])
    ):
        if words[-1] in body and words[0] in lexicon().words["wrongness"]:
            return draft.exclude_term(f"bad {' '.join(words[1:])}")
        return draft.exclude_term(said)
    return False


def _pointed_at(match: re.Match[str], draft: Draft) -> bool:
    """ "There's a barcode on it": a complaint, if nothing else is said about it."""
    if lexicon().is_praise(match[0]):
        return True
    draft.mention = draft.pending = term_of(match["x"])
    return draft.mention is not None


def _remove_mentioned(match: re.Match[str], draft: Draft) -> bool:
    return draft.mention is not None and draft.exclude(draft.mention)


_GIBBERISH = (
    r"\b(?:nonsense|gibberish|garbled|unreadable|illegible|sense|misspel\w+"
    r"|mis-?spelt|scrambled|jumbled|wrong|not (?:a )?(?:real )?(?:word"
    r"|english|language)|gobbledygook|made up|made-up|typos?|backwards"
    r"|random|garbage|rubbish|mangled|babble|incorrect|errors?|mistakes?"
    r"|meaningless|off)\b"
)
_WHY = r"(?:why|how come|since when)\s*(?:on earth|in the world|the hell|the heck|exactly)?\s*"

RULES = (
    # said outright
    Rule(
        r"(?:remove|delete|erase|drop|lose|ditch|kill|hide|take (?:it|that"
        r"|them|this) (?:out|away|off)|take out|get (?:it|that|them) out|get rid of"
        r"|clean|scrap|cut|exclude|fix)(?: (?:it|that|them|this|those|these))?(?: "
        r"(?:out|away|off))?[\s!?.]*$",
        _remove_mentioned,
    ),
    Rule(rf"{REMOVE}\s+(?P<x>.+)$", _exclude_quality, lead="no"),
    Rule(
        r"(?:take|get|leave|cut|edit|crop|paint|photoshop|wipe|strip|throw"
        r"|kick|move|pull|shave|brush|clear|keep|turn|switch|airbrush|blot"
        r"|toss)\s+(?P<x>.+?)\s+(?:out|off|away)(?:\s+(?:of|from)\s+.*|\s+"
        r"(?:there|here|it|her|him|them)\b.*)?$",
        _exclude,
        lead="no",
    ),
    Rule(
        r"(?:without|no(?![\w'-])|not a single|zero|sans|none of|not any|no more"
        r"|and no|with no|absolutely no|strictly no|definitely no|also no"
        r"|still no more|nix|nor|not with|better without|nicer without|(?:make"
        r"|keep|have|do|show|draw|try|leave|want|do) (?:it|this|that|him|her"
        r"|them|one)(?: again)? (?:without|with no))\s+(?:of\s+)?(?P<x>.+)$",
        _exclude,
        lead="no",
    ),
    Rule(
        r"(?:make|keep|have|get|render|leave|turn) (?:it|this|that|him|her"
        r"|them|the \w+) (?P<x>[\w ]+?)-?\s?(?:free|less)$",
        _exclude,
        lead="no",
    ),
    Rule(r"(?P<x>[\w ]+?)(?:-| )free(?:\s+(?:please|version|picture))?$", _exclude, lead="no"),
    Rule(
        r"(?:there |it |he |she |they |this |that |the [\w ]+? |i )?(?:should"
        r"|must|can|may|could|shall|needs? to|has to|have to)(?:n't|not| not"
        r"| never|t) (?:really )?(?:be (?:any |wearing |holding |showing "
        r"|smiling with )?|have(?: any| got)?|wear|hold|show|contain|include"
        r"|look(?: like)?|feel(?: like)?|see|feature|display)\s*(?P<x>(?!(?:there"
        r"|here|in|on|changed|better|removed)\b).+)$",
        _exclude_quality,
        lead="no",
    ),
    Rule(
        r"(?:there |it |he |she |the [\w ]+? )?(?:should|must|can|may|needs? to"
        r"|has to|is to) (?:be|have|show|contain|wear) (?:no|zero|without)\s+"
        r"(?P<x>.+)$",
        _exclude,
        lead="no",
    ),
    Rule(
        r"(?P<x>.+?)\s+(?:should|must|does|do|did|is|are|was|were|has|have)"
        r"(?:n't|not| not| never)\s+(?:really |even )?(?:be (?:there|here"
        r"|in|on|part|visible|seen|shown)|belong|needed|wanted|necessary|supposed to be"
        r"|fit|work|make sense|need(?:ed)?(?: to be)?|welcome|exist|look right"
        r"|look good|be|any (?:business|place))\b.*$",
        lambda match, draft: _right_or_gone(match, draft),
        lead="",
    ),
    Rule(
        r"(?:i |we )?(?:really |just |honestly |definitely |still )*(?:don't"
        r"|do not|didn't|did not|never|won't|wouldn't|would not|no longer"
        r"|dislike|can't stand|cannot stand|hate|loathe|detest|despise|can't bear)\s+"
        r"(?:really |even |particularly |actually |ever |exactly )*(?:(?:want"
        r"|need|like|show|include|add|use|draw|put|have|care for|ask for|wish"
        r"|wanted|asked for|asking for|needed|order|request|see|understand"
        r"|get|give|let|prefer|mention|approve of|invite|sign up for)(?:\s+"
        r"(?:to (?:see|have|look at|include|show)|me|him|her|it|them|seeing"
        r"|having|how|there to be|us))*\s+)?(?:any (?:of )?)?(?P<x>.+)$",
        _exclude,
        lead="no",
    ),
    Rule(
        r"(?:do not|don't|never|stop)\s+(?:make|making|let|render|paint|have)\s+"
        r"(?:it|him|her|them|this|that|the \w+)\s+(?:look |be |seem |feel "
        r"|to be |so |too |that |like )*(?P<x>.+)$",
        _exclude_quality,
        lead="no",
    ),
    Rule(
        r"(?P<x>.+?)\s+(?:has got|have got|have|has|needs?|must|should|can"
        r"|ought|could|got|gotta|better|will have|'s got|'ve got|is going"
        rf"|are going|please|wants?)\s+(?:to\s+)?(?:really\s+)?{_GONE}\b.*$",
        _exclude,
        lead="no",
    ),
    Rule(
        r"(?P<x>(?!(?:i|we|you|make|put|turn|take|bring|zoom|back|start|show"
        r"|hands|it looks|looks|cut|look|is|are)\b)(?!.*\b(?:is|are|was|were"
        r"|looks?|washed|cut|blown|chopped|cropped|zoom\w*|stands?|turn\w*"
        r"|get|be)\s+(?:out|off|away)\b)[\w' -]{2,40}?)\s+(?:off|out|gone"
        r"|away|begone|removed|be gone|go away|outta here|bye|bye bye|no thanks)"
        r"(?:\s+(?:of there|of here|of the .*|pls|now|here))?[!?.]*$",
        _exclude,
        lead="no",
    ),
    Rule(
        r"(?P<s>.+?)\s+(?P<q>(?:make|makes) no sense|(?:don't|doesn't) (?:make "
        r"(?:any )?sense|say anything|read|spell|mean anything)|has (?:typos"
        r"|errors|mistakes)|is not a word)\b.*$",
        lambda match, draft: _bad_text(match, draft),
    ),
    Rule(
        rf"(?P<x>.+?)(?:{_BE})\s+(?:really |so |very |just |a bit |kind of "
        r"|quite |super |pretty |totally |completely |too |rather |still "
        rf"|extremely |also )*{_ANNOYING}(?:\s.*)?$",
        _exclude,
        lead="no",
    ),
    Rule(
        r"(?P<x>.+?)\s+(?:really |just |kind of |totally |also |completely " rf"|always |sort of )*{_ANNOYS}\b.*$",
        _exclude,
        lead="no",
    ),
    Rule(
        r"(?:i'm |i am |we're |so |really |getting |getting a bit |very |kind of )*"
        r"(?:sick(?: and tired)?|tired|fed up|bored|weary|not (?:a (?:big "
        r"|huge )?fan|fond)|over|done|annoyed|bothered|distracted|no fan|not keen"
        r"|not crazy|not sold|not big|not happy|not convinced|unhappy|not wild"
        r"|not into)\s*(?:of|with|by|on|about)?\s+(?P<x>.+)$",
        _exclude,
        lead="no",
    ),
    Rule(
        r"(?:i |we |you |it |this |one )?(?:can |could |would |'d |i'd |might "
        r"|should )*(?:rather |sooner |prefer |better |prefer it |like it "
        r"|really |well |look |be |work |much |like |want |better off |nicer "
        r"|easily |also |have it |have him |have her |to have it |to have "
        r"|to see it |picture it |it |him |her |them |see |this |this picture "
        r"|this one |all |do |live |lose |manage |survive |imagine |to do "
        r"|good |stronger |cleaner )*(?:without|not (?:see|have|with)|not to "
        r"(?:see|have)|rather no|prefer no|with no|see no)\s+(?:any\s+)?(?P<x>.+)$",
        _exclude,
        lead="no",
    ),
    Rule(
        r"(?:.{0,50}?\b)?(?:better|nicer|cleaner|stronger|good|great|best"
        r"|prefer|like|want|need|love|try|perfect|leave|would|could|should"
        r"|do|go)\b.{0,25}?\b(?:without|minus|with no|if there (?:was|were"
        r"|wasn't|weren't)(?: no| any)?|if (?:you|we) (?:removed|dropped|lost"
        r"|took out))\s+(?P<x>.+)$",
        _exclude,
        lead="no",
    ),
    Rule(
        r"(?:i |we )?(?:really |'d |would |just )*(?:want|need|like|wish|prefer)\s+"
        r"(?:to (?:see|have)\s+)?(?P<x>.+?)\s+(?:to be |to |was |were |would be "
        r"|would |wasn't |weren't |could be )?(?:gone|removed|out(?: of .*)?"
        r"|away|go(?: away)?|disappear|vanish|deleted|erased|off|excluded"
        r"|left out|taken out|there)$",
        _exclude,
        lead="no",
    ),
    Rule(
        r"(?:i |we )?(?:had|have had|'ve had|i've had|seen|'ve seen|i've seen" r"|got)\s+enough\s+(?:of\s+)?(?P<x>.+)$",
        _exclude,
        lead="no",
    ),
    Rule(r"(?:i|we) never (?:asked for|wanted|ordered|said|mentioned|requested)\s+" r"(?P<x>.+)$", _exclude, lead="no"),
    Rule(
        r"(?:nobody|no one|who)\s+(?:asked for|wants?|needs?|ordered|likes?"
        r"|invited|put|added|left|let|gave|placed|drew|brought|said)\s+(?:him "
        r"|her |it |me |us )?(?P<x>.+)$",
        _exclude,
        lead="no",
    ),
    Rule(
        r"(?:what's|what is|what are|what're|what about|what the (?:hell|heck"
        r"|fuck) (?:is|are)|wth is|what's up|what)\s+(?:with|up with|the deal with"
        r"|(?:the )?point of|the story with)\s+(?:all\s+)?(?P<x>.+)$",
        lambda match, draft: _bad(match, draft) or _exclude(match, draft),
        lead="no",
    ),
    Rule(
        r"(?:what(?:'s| is| are|'re)|why(?:'s| is| are)|what the (?:hell|heck) "
        r"(?:is|are))\s+(?P<x>(?:that|those|the|these|this|all|a|some)\b.+?)\s+"
        r"(?:doing|there|here|supposed to be|even|in (?:the|my|this)|on (?:the"
        r"|my|his|her|its)|about)\b.*$",
        _exclude,
        lead="no",
    ),
    Rule(rf"{_WHY}(?:is|are)\s+there\s+(?!no\b|not\b|n't)(?:always |still |suddenly )?(?P<x>.+)$", _exclude, lead="no"),
    Rule(
        rf"{_WHY}(?:does|do|did|has|have|is|are|would|must)\s+(?:the [\w ]+?"
        r"|he|she|it|they|you|i|everyone|everything|this|that|we|his \w+|her \w+)\s+"
        r"(?:have|has|got|had|wearing|holding|wear|hold|added?|put|see|get"
        r"|need|carrying|having|growing|add|draw|drew|give (?:him|her|it))\s+"
        rf"(?:got |to have |to see )?(?:{_NUMBER}\s+)(?P<left>left |right )?(?P<part>\w+)\b.*$",
        _counted,
    ),
    Rule(
        rf"{_WHY}(?:does|do|did|has|have|is|are|would|must)\s+(?:the [\w ]+?"
        r"|he|she|it|they|you|i|everyone|everything|this|that|we|his \w+|her \w+)\s+"
        r"(?:have|has|got|had|wearing|holding|wear|hold|added?|put|see|get"
        r"|need|carrying|having|growing|add|draw|drew|give (?:him|her|it))\s+"
        r"(?:got |to have |to see )?(?P<x>.+)$",
        _exclude,
    ),
    Rule(
        rf"{_WHY}(?:does|do|is|are|did)\s+(?P<s>the [\w ]+?|he|she|it|they"
        r"|everyone|everything|this|that|(?:his|her|its|their|those|these"
        r"|this|that|my|all) [\w ]+?)\s+(?:look(?:ing)?|seem|feel|appear)?\s*like\s+"
        r"(?P<x>.+)$",
        _looks_like,
    ),
    Rule(
        rf"{_WHY}(?:does|do|is|are|did)\s+(?P<s>(?:the|his|her|its|their|those"
        r"|these|this|that|my|all|all the|both) [\w]+(?: \w+)??|he|she|it"
        r"|they|everyone|everything|this|that)\s+(?:look(?:ing)? |seem |feel "
        r"|appear |being )?(?:so |this |that |all |such |too |very )*(?P<q>[\w -]+)$",
        lambda match, draft: (
            _faulty(match, draft)
            or (bool(re.search(r"\bso\b|\btoo\b", match[0])) and draft.exclude_term(match["q"].strip()))
        ),
    ),
    Rule(
        r"(?:what(?:'s| is| has)?|whats)\s+(?:happened|going on|wrong|up|the matter)\s+"
        r"(?:to|with|in|on)\s+(?P<x>.+)$",
        lambda match, draft: _bad(match, draft) or draft.exclude_term(f"bad {term_of(match['x']) or 'quality'}"),
    ),
    Rule(
        r"(?:something|there's something|anything|what)(?:'s| is| looks?)? "
        r"(?:wrong|off|weird|strange|odd|funny|not right) (?:with|about)\s+"
        r"(?P<x>.+)$",
        lambda match, draft: _bad(match, draft) or draft.exclude_term(f"bad {term_of(match['x']) or 'quality'}"),
    ),
    Rule(r"whose\s+(?P<x>[\w -]+?)\s+(?:is|are)\b.*$", _exclude),
    Rule(r"why\s+(?P<x>(?:the|all|so many|this|that|these|those)\s.+)$", _exclude, lead="no"),
    Rule(
        r"(?:i (?:told you|already told you|said|already said|want|need|prefer"
        r"|asked for|specifically said|explicitly said))\s+no\s+(?P<x>.+)$",
        _exclude,
        lead="no",
    ),
    Rule(
        r"(?:my|our|the) \w+ (?:really )?(?:hates?|dislikes?|can't stand|doesn't like"
        r"|doesn't want|don't want|don't like|objects? to|complained about)\s+"
        r"(?P<x>.+)$",
        _exclude,
        lead="no",
    ),
    Rule(
        r".*\b(?:do with|like|want|need|prefer|see|have|use)\s+(?:a lot |much " r"|far )?(?:fewer|less)\s+(?P<x>.+)$",
        _exclude_quality,
        lead="no",
    ),
    Rule(
        r"(?:it|this|that) (?:could|might|may) (?:just as well |easily |as well "
        r"|just )?be\s+an?\s+(?!bit|little|tad|touch)(?P<x>.+)$",
        _looks_like,
    ),
    Rule(
        r"(?:.*\b)?(?:screams?|resembles?|is giving|smacks of|reeks of|reminds me of" r"|reminiscent of)\s+(?P<x>.+)$",
        _looks_like,
    ),
    Rule(
        r"(?:(?:it's|it is|that's|they're|all|just|total|pure|complete|is"
        r"|are|can't read|i can't read|cannot read|nobody can read)\s+)+(?:gibberish"
        r"|illegible|unreadable|misspelled|misspelt|garbled|gobbledygook|the "
        r"(?:text|sign|label|lettering|title|letters|words|writing)\b.*)$",
        lambda match, draft: draft.exclude_term("gibberish text"),
    ),
    Rule(
        r"(?:where|how)\s+(?:did|does|do|have|has)\s+(?P<x>.+?)\s+(?:come" r"|came|get|got|end up|appear)\b.*$",
        _exclude,
    ),
    Rule(
        r"(?:do|does|did)\s+(?:we|you|i|it|he|she|there)\s+(?:really |even "
        r"|still |actually )*(?:need|have to (?:have|include|be)|want)\s+"
        r"(?P<x>.+)$",
        _exclude,
    ),
    Rule(
        r"(?:is|are)(?:n't)?\s+(?P<x>.+?)\s+(?:really |even |actually )*(?:necessary" r"|needed|required)\b.*$",
        _exclude,
    ),
    Rule(
        r"(?:is it|is there any way|is there a way|would it be|any chance"
        r"|any way|is it|mind|do you mind|would you mind|possible|how about"
        r"|what if|what about)\b.*?\b(?:to |of |if |we |you |i |we )*(?:remove"
        r"|removing|lose|losing|drop|dropping|get rid of|getting rid of|without"
        r"|delete|deleting|no|take out|taking out|lost|dropped|removed|got rid of"
        r"|erasing|erase|leaving out|took out|skipped|skipping)\s+(?P<x>.+)$",
        _exclude,
        lead="no",
    ),
    # said as a complaint
    Rule(rf"(?:(?P<s>.*?)\s)?(?:{_HEDGE})too\s+(?P<q>.+)$", _too, lead="too"),
    Rule(
        rf"(?:(?P<s>.+?)(?:{_BE})\s+)?(?:overly|excessively|unnecessarily|unnaturally"
        r"|over the top|far from|needlessly|distractingly|annoyingly|unbearably"
        r"|insanely|ridiculously|absurdly|crazy)\s+(?P<q>.+)$",
        _too,
        lead="too",
    ),
    Rule(
        rf"(?:(?P<s>.+?)(?:{_BE})?\s+)?(?:not|n't|isn't|aren't|nowhere near"
        r"|hardly)\s+(?:quite |nearly |really |look |looking |be )*(?P<q>[\w -]+?)\s+enough\b.*$",
        _not_enough,
    ),
    Rule(r"not enough\s+(?P<q>[\w -]+?)(?:\s+(?:in|on|for|here|at)\b.*)?$", _not_enough),
    Rule(
        r"(?:lacks?|lacking|no|needs? more|missing)\s+(?P<q>sharpness|contrast"
        r"|detail|definition|clarity|warmth|realism|vibrance|life)\b.*$",
        lambda match, draft: draft.exclude_term(
            {
                "sharpness": "blurry",
                "contrast": "low contrast",
                "detail": "low detail",
                "definition": "blurry",
                "clarity": "blurry",
                "warmth": "cold",
                "realism": "unrealistic",
                "vibrance": "dull colors",
                "life": "lifeless",
            }[match["q"].lower()]
        ),
    ),
    Rule(
        r"(?:.*\b)?(?:has|have|with|got|had|sees?|count|counting|grew|grown"
        r"|are|is|there's|were|i count|'s got)\s+(?:like |only |now |got "
        rf"|about |somehow |at least )*{_NUMBER}\s+(?P<left>left |right )?(?P<part>\w+)\b.*$",
        _counted,
    ),
    Rule(
        rf"(?:like |only |got )*{_NUMBER}\s+(?P<left>left |right )?(?P<part>fingers"
        r"|arms|legs|thumbs|toes|heads|hands|eyes|ears|feet|tails|noses)\b.*$",
        _counted,
    ),
    Rule(
        r"(?:.*\b)?(?:is |are |'s )?(?:missing|lost|without|lacks?|lacking)\s+"
        r"(?:a|an|one|some|his|her|its|two|several)\s+(?P<part>finger|arm"
        r"|leg|thumb|toe|hand|eye|ear|foot|limb|nose|wing|tail|wheel)s?\b.*$",
        lambda match, draft: draft.exclude_term(f"missing {match['part'].lower()}s"),
    ),
    Rule(
        r"(?:one|a|his|her|its)\s+(?:\w+ )?(?P<part>finger|arm|leg|thumb|toe"
        r"|hand|eye|ear|foot|limb|wing|wheel)s?\s+(?:is|are|went)\s+missing\b.*$",
        lambda match, draft: draft.exclude_term(f"missing {match['part'].lower()}s"),
    ),
    Rule(
        r"(?P<x>.+?)\s+(?:is|are|got|gets|was|were|looks?)\s+(?:all |partly "
        r"|badly |half |a bit |slightly |weirdly )*(?:cut off|cropped(?: off"
        r"| out)?|chopped off|cut in half|out of (?:the )?frame|sliced off"
        r"|lopped off|truncated)\b.*$",
        lambda match, draft: draft.exclude_term("cropped"),
    ),
    Rule(
        r"(?:(?P<s>.+?)\s+)?(?:is |are |it's |its |that's |kind of |sort of "
        r"|just |really |totally |almost |a bit |all |still |way |very )*"
        r"(?:looks?|feels?|reads?|seems?|sounds?|comes? (?:off|across)|came out"
        r"|looking|appears?|reminds? me|smells?|screams?|giving|resembles?"
        r"|more)\s+(?:a bit |more |kind of |sort of |just |too much |a lot "
        r"|almost |exactly |totally |rather |of |as if |as though |very |too )*"
        r"(?:like|as|of|as if|as though|(?<=screams)|(?<=resembles)|(?<=giving))\s+"
        r"(?P<x>.+)$",
        _looks_like,
    ),
    Rule(
        r"(?P<x>[\w -]+?)\s+vibes?\b.*$",
        lambda match, draft: lexicon().is_praise(match[0]) or draft.exclude(match["x"]),
    ),
    Rule(rf"(?P<s>.+?){_BE}\s+{_HEDGE}(?P<q>(?:not )?[\w' -]+)$", _faulty, lead=""),
    Rule(
        r"(?P<x>.+?)\s+(?:don't|doesn't|do not|does not)\s+(?:look|seem|feel"
        r"|appear)\s+(?:quite |very |so |all that )*(?:right|natural|real"
        r"|realistic|normal|human|good|correct|convincing|great|properly)\b.*$",
        lambda match, draft: _not_right(match, draft),
    ),
    Rule(
        rf"(?:(?P<s>.+?)(?:{_BE})\s+)?(?:a bit|a little(?: bit)?|a tad|a touch"
        r"|slightly|somewhat|rather|kind of|sort of|bit|a wee bit)\s+(?:on the\s+)?(?P<q>[\w' -]+?"
        r")(?:\s+side)?$",
        _hedged,
        lead="a bit",
    ),
    Rule(
        r"(?:(?:it's|its|it is|this is|that's|these are|everything's|everything is"
        r"|so|very|super|really|looks?|feels?|why so|such an?|hella|ultra"
        r"|looking|quite|pretty|all)\s+)+(?P<q>[\w' -]+)$",
        _faulty,
    ),
    Rule(
        r"(?:those|these|that|the|his|her)\s+(?P<x>hands|fingers|eyes|teeth"
        r"|feet|legs|arms|face|faces|ears|nose|mouth)[\s!.]*$",
        _bad,
    ),
    Rule(r".+$", _bare, lead=""),
    Rule(
        r"(?:and |but |i think |i see |i notice |i spot |i noticed |i spotted "
        r"|look |i can see |now |suddenly )*(?:there(?:'s| is| are|'re)|here's"
        r"|i see|i notice|i spot|i can see|it has|it's got|he has|she has"
        r"|he's got|she's got|you added|you gave (?:him|her|it)|got|he's wearing"
        r"|she's wearing|has got)\s+(?!no\b|not\b|nothing\b)(?P<x>.+)$",
        _pointed_at,
    ),
)
"""Ways to say that something is wrong."""


def _right_or_gone(match: re.Match[str], draft: Draft) -> bool:
    if re.search(r"look right|look good", match[0], re.I):
        return _not_right(match, draft)
    return draft.exclude(match["x"])


def _bad_text(match: re.Match[str], draft: Draft) -> bool:
    noun = term_of(match["s"]) or ""
    writing = lexicon().words["writing"] | {"sign", "signs", "logo", "poster", "awning", "sticker"}
    return (
        draft.exclude_term("gibberish text")
        if noun.split()[-1:] and noun.split()[-1] in writing
        else draft.exclude(noun)
    )


def _not_right(match: re.Match[str], draft: Draft) -> bool:
    noun = term_of(match["x"])
    if noun is None or noun.split()[-1] in lexicon().words["whole_picture"]:
        return draft.exclude_term(
            "unrealistic" if re.search(r"real|natural|human|convincing", match[0], re.I) else "bad quality"
        )
    return draft.exclude_term(f"bad {noun}")


__all__ = ["REMOVE", "RULES", "complain", "either", "name"]
