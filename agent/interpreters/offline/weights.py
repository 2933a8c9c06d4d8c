"""Words about what is out already: harder, less hard, or back in."""

import re

from .draft import Draft, is_pronoun
from .faults import complain
from .lexicon import lexicon
from .rule import Rule

_BAN = (
    r"(?:exclusions?|negatives?|ban|block|filter|restriction|negative prompt"
    r"|embargo|veto|rule|no-go|penalty|penalties)"
)
_EXCLUDE = (
    r"(?:exclud|avoid|filter|block|bann?|suppress|remov|negat|hid|forbid"
    r"|leav|omit|blacklist|eliminat|fight|delet|prevent|censor|reject"
    r"|steer|keep)\w*(?:\s+(?:out|away|clear)(?:\s+(?:from|of))?)?"
)
_LOUDER = re.compile(
    r"\b(?:than (?:ever|before)|weight\w* up|(?:turn|crank|push|bump|bring)\b.* up"
    r"|still|again|keeps?|kept|keep(?:s)? (?:coming|showing)|(?:is"
    r"|are|'s|'re|came|comes|come|crept|creeping) back|has returned|have returned"
    r"|returned|reappear\w*|creep\w*|crept|sneak\w*|snuck|popp?(?:s|ed"
    r"|ing)? up"
    r"|(?:won't|doesn't|don't|didn't|isn't|aren't|hasn't|haven't|not|wasn't"
    r"|weren't)\s+(?:\w+\s+)?(?:go|going|gone|went|away|leave|left|disappear\w*"
    r"|budg\w*|work\w*|help\w*|listen\w*|enough|removed|fixed|fully)"
    r"|remain\w*|persist\w*|linger\w*|survived|yet another|once more|ignor\w+"
    r"|failed|stubborn\w*|never (?:left|went)"
    r"|harder|stronger|strongly|firmer|heavier|more (?:weight|emphasis"
    r"|strength|strongly|aggressive\w*|force)|increase|boost|raise|crank"
    r"|push|doubl\w+|strengthen|up the|bump|emphasi\w+|more aggressive\w*"
    r"|stricter|tougher"
    r"|even (?:more|less|fewer|now|after)|way less|much less|far less"
    r"|turn up|stamp out|beef up|not working|there too|everywhere)\b",
    re.I,
)
_SOFTER = re.compile(
    rf"\b(?:(?:{_BAN}|weight\w*) down|(?:that|so|too|this) much (?:weight|emphasis|penalty|pressure)"
    rf"|{_BAN}\b.*\b(?:kills?|hurts?|ruins?|flattens?|hurting|killing|ruining|much)\b|"
    r"eas(?:e|ier|ing)|easy (?:on|with|off)|go (?:a bit |a little "
    r"|much |way )?(?:lighter|softer|gentler)|light(?:er|en)? (?:up|on"
    r"|touch)|gentl(?:er|y)|dial|dialed|relax\w*|loosen\w*|back off|let up"
    r"|soften\w* (?:the |up )?(?:\w+ ){0,2}(?:on\b|exclu\w*|negat\w*|weight"
    r"|penal\w*|ban)"
    r"|weaken\w*|weaker|less on|less (?:weight|emphasis|strict|aggressive\w*"
    r"|hard|harsh\w*|strong\w*|severe\w*|focus|force|pressure|heavy\w*"
    r"|intense\w*|penal\w*)|(?:lower|reduce|decrease|drop|cut|halve|smaller"
    r"|turn down|bring down|take down|tone down|reduc\w+) (?:\w+ ){0,3}?(?:weight"
    r"|strength|exclusion|negative|penalty|emphasis)"
    r"|not (?:so|that|quite so|as) (?:hard|strong\w*|much|aggressive\w*"
    r"|heav\w+|strict\w*)|so (?:hard|strictly|aggressively|strict|harsh"
    r"|tough|aggressive|severe)\b|over-?d(?:id|one|oing)|over-?correct\w*"
    r"|over-?compensat\w*|over-?shot|over-?kill|overboard|too far|a notch"
    r"|(?:bit|little|touch|hint|some|amount|trace) of [\w ]+ (?:is|are"
    r"|would be|'s|wouldn't|can|won't) (?:\w+ )?(?:fine|ok|okay|alright"
    r"|nice|good|hurt|be|acceptable|welcome)|milder|laxer|lenient|heavy-handed"
    r"|too (?:aggressive\w*|strict\w*|heavily|strongly|severe\w*|zealous\w*"
    r"|harshly|forceful\w*|much weight|high a weight))\b",
    re.I,
)
_TOO_STRONG = re.compile(r"\btoo (?:strong|hard|heavy|harsh|high|much|powerful|intense|big)\b", re.I)
_ABOUT_WEIGHT = re.compile(
    rf"\b(?:{_BAN}|weights?|weighted|emphasis|suppress\w*|exclud\w*|against|down on|strength|on"
    r"|fight\w*|push\w*|punish\w*|penali\w*)\b",
    re.I,
)
_FINE = (
    r"(?:fine|ok|okay|alright|all right|allowed|welcome|good|no problem"
    r"|acceptable|cool|not a problem|great|nice|no issue|permitted|okay-ish"
    r"|not so bad|not that bad|not bad|kosher)"
)


def _allow(match: re.Match[str], draft: Draft) -> bool:
    """Take out what is spoken of, where it is out; decline else."""
    if (known := draft.spoken_of(match["x"])) is None:
        return bool(draft.mentioned(match["x"], draft.dropped))
    return draft.allow(known.term)


def _bring_back(match: re.Match[str], draft: Draft) -> bool:
    """ "Bring the hat back": allowed where it is out, else wanted."""
    if _allow(match, draft):
        return True
    return not is_pronoun(match["x"]) and draft.add(match["x"])


def _stop_excluding(match: re.Match[str], draft: Draft) -> bool:
    """ "Stop avoiding hats": nothing to do for what isn't out."""
    return _allow(match, draft) or True


def _set(match: re.Match[str], draft: Draft) -> bool:
    known = draft.known(match["x"])
    return known is not None and draft.weigh(known, round(float(match["weight"]), 2))


def _weaken(match: re.Match[str], draft: Draft) -> bool:
    clause = match[0]
    known = draft.mentioned(clause)
    if _TOO_STRONG.search(clause):
        adjectives = lexicon().words["faults"]
        known = [e for e in known if _ABOUT_WEIGHT.search(clause) or e.term in adjectives]
    elif not _SOFTER.search(clause):
        return False
    if not known and (_ABOUT_WEIGHT.search(clause) or re.search(r"\b(?:it|that|them)\b", clause)):
        known = [e for e in [draft.state.negative.latest] if e]
    for exclusion in known:
        draft.weaken(exclusion)
    return bool(known) or bool(draft.mentioned(clause, draft.dropped))


def _strengthen(match: re.Match[str], draft: Draft) -> bool:
    clause = match[0]
    if not _LOUDER.search(clause) or re.match(r"still\s+(?:no|not|missing|waiting|lacks?|needs?)\b", clause, re.I):
        return False
    for exclusion in (dropped := draft.mentioned(clause, draft.dropped)):
        draft.exclude_term(exclusion.term)
    if dropped or (lexicon().is_praise(clause) and not draft.mentioned(clause)):
        return bool(dropped)
    for exclusion in (known := draft.mentioned(clause)):
        draft.strengthen(exclusion)
    return bool(known)


def _still(match: re.Match[str], draft: Draft) -> bool:
    """ "Still there": it; "still grainy": a complaint like any other."""
    said = re.sub(
        r"^(?:very|so|really|a bit|kind of|way|much|far|being|has|have|got" r"|an?)\s+",
        "",
        match["x"].strip(),
        flags=re.I,
    )
    if re.fullmatch(
        r"(?:there|here|visible|present|in there|not gone|in it|in the picture" r"|.*\bthere|.*\bhere)?[\s?!.]*",
        said,
        re.I,
    ):
        subject = re.sub(r"\s*(?:is|are|'s|'re)?\s*$", "", match.groupdict().get("s") or "").strip()
        if subject and not is_pronoun(subject):
            return draft.exclude(subject)
        known = draft.spoken_of(subject or "it")
        return known is not None and draft.strengthen(known)
    return complain(draft, match.groupdict().get("s") or "", said)


def _exclude(match: re.Match[str], draft: Draft) -> bool:
    return draft.exclude(match["x"])


_SEES = r"(?:i |we )?(?:can |could )?(?:still )?(?:see|spot|notice|find|get" r"|getting|seeing|make out|detect)(?:ing)?"

FIRST = (
    Rule(
        r"(?:please )?(?:stop|quit|no longer|no need to|you (?:can|may|could) stop"
        r"|you don't (?:have|need) to|don't (?:have|need) to|cease|there's no need to"
        rf"|don't|do not)\s+{_EXCLUDE}\s+(?P<x>.+?)(?:\s+(?:any ?more|any longer"
        r"|now|after all|please))*$",
        _stop_excluding,
        lead="allow",
    ),
    Rule(
        r"(?P<x>.+?)\s+(?:is|are) (?:no longer|not|n't) (?:banned|excluded"
        r"|forbidden|off limits|prohibited|unwanted)(?:\s+any ?more)?$",
        _allow,
        lead="allow",
    ),
)
"""What would read like a request for nothing: tried before everything else."""

RULES = (
    Rule(
        r"(?!no\b|not\b|without\b|don't\b|remove\b|drop\b|lose\b|take\b|less\b)"
        r"(?:(?:i |we )?(?:want|need|'d like)\s+)?(?P<x>.+?)\s+(?:(?:in it"
        r"|in there|in the picture|in the scene)\s*)?after all$",
        _allow,
        lead="allow",
    ),
    Rule(r"let\s+(?P<x>.+?)\s+(?:be|stay|in|remain)$", _allow, lead="allow"),
    Rule(
        r"(?:un-?(?:exclude|ban|block|hide|do the|remove|filter)|re-?(?:instate"
        r"|allow|add|introduce|store)|allow|permit|readmit|welcome back|bring "
        r"(?:me |us )?back|put back(?: in)?|give (?:\w+ )?back|let (?:me|us) have"
        r"|restore|return)\s+(?P<x>.+?)(?:\s+(?:again|back|now|in|after all"
        r"|back in|to the (?:picture|scene|image)))*$",
        _bring_back,
        lead="bring back",
    ),
    Rule(
        r"(?:bring|put|get|want|have|give (?:me|us|him|her|them|it)|need|like"
        r"|let|see|add|take|show|with|i(?:'d| would)? ?(?:want|like|need|love"
        r"|prefer)?|can (?:i|we) (?:have|get|see)|could (?:i|we) (?:have|get))\s+"
        r"(?:to (?:have|see|get) )?(?P<x>.+?)\s+back(?:\s+(?:in|on|again|now"
        r"|please|into .*|to .*|there|after all))*[?]?$",
        _bring_back,
        lead="bring back",
    ),
    Rule(
        r"(?:with|show|use|include|draw|render|have|let there be|there (?:can|may) be"
        r"|you (?:can|may|could|are allowed to|should)(?: now)? (?:show|use"
        r"|include|draw|add|have|keep|put(?: in)?|bring))\s+(?P<x>.+?)(?:\s+"
        r"(?:again|now|after all|back|in))*$",
        _allow,
        lead="allow",
    ),
    Rule(
        r"(?P<x>.+?)\s+(?:may|can|could|should|might|must|ought to|is allowed to"
        r"|are allowed to|needs? to|has to|have to)\s+(?:now |actually |well "
        r"|totally |please |all )*(?:come back|return|be (?:there|back|shown"
        r"|in|visible|included|allowed|present|added|restored|kept)|stay|reappear"
        r"|remain|show up|appear|come in|exist|join)\b.*$",
        _allow,
        lead="allow",
    ),
    Rule(
        r"(?P<x>.+?)(?:\s+(?:is|are|was|were|would be|looks?|seems?)|'s|'re)\s+"
        r"(?:actually |really |totally |quite |kind of |perfectly |now |pretty "
        rf"|just |completely |all )*{_FINE}(?:\s+(?:again|now|after all|with me"
        r"|by me|here|though|really|for me|too|to (?:have|keep|show|include"
        r"|use|see|be|come).*|in (?:this|the|here).*))*$",
        _allow,
        lead="allow",
    ),
    Rule(
        r"(?P<x>[\w' -]+?)\s+(?:is |are )?(?:allowed|permitted|welcome|ok" r"|okay)(?:\s+(?:again|now|here))?$",
        _allow,
        lead="allow",
    ),
    Rule(
        r"(?:let|have)\s+(?:him|her|it|them|the \w+)\s+(?:wear|have|hold|keep"
        r"|be with)\s+(?P<x>.+?)(?:\s+(?:again|back|after all))?$",
        _allow,
        lead="allow",
    ),
    Rule(
        r"(?:i |we )?take (?:it |that )?back(?: what i said)? (?:about|on" r"|regarding)\s+(?P<x>.+)$",
        _allow,
        lead="allow",
    ),
    Rule(
        rf"(?:it's |it is |i'm |i am |totally |actually |perfectly )*{_FINE}\s+"
        r"(?:to (?:have|show|include|keep|see|use)|with|if (?:there (?:is"
        r"|are)|you (?:show|include|keep|have|add)|we (?:see|have|keep|show))"
        r"|for)\s+(?P<x>.+?)(?:\s+(?:again|now|after all|to (?:be|come|show"
        r"|appear|return).*|in there))*$",
        _allow,
        lead="allow",
    ),
    Rule(
        r"(?:i |we )?(?:actually |really |honestly )*(?:don't|do not|no longer"
        r"|wouldn't) (?:really |actually )?mind\s+(?P<x>.+?)(?:\s+(?:any ?more"
        r"|after all|now|so much|really|being .*))*$",
        _allow,
        lead="allow",
    ),
    Rule(
        r"(?P<x>.+?)\s+(?:doesn't|don't|does not|do not|no longer)\s+(?:really )?(?:bothers?"
        r"|annoy|disturb|hurt|matter|need to be (?:excluded|out|gone|removed))\b.*$",
        _allow,
        lead="allow",
    ),
    Rule(
        r"(?:i(?:'ve| have)? |we )?(?:changed my mind (?:about|on|regarding)"
        r"|miss(?:ing)?|was wrong (?:about|on)|regret (?:removing|losing|excluding"
        r"|dropping)|(?:was|were) better with|(?:want|need|like|prefer|liked) "
        r"(?:it |this |that |him |her )?(?:better )?with|shouldn't have (?:removed"
        r"|excluded|dropped|lost|taken out)|welcome)\s+(?P<x>.+?)(?:\s+(?:after all"
        r"|again|now|out))*$",
        _allow,
        lead="allow",
    ),
    Rule(
        r"(?:take|remove|delete|drop|strike|cross|scratch|get|erase|pull|pop"
        r"|clear|exclude)\s+(?P<x>.+?)\s+(?:off|from|out of|off of)\s+(?:the "
        r"|your |my |our |that )?(?:\w+ )?(?:list|negatives?|exclusions?|negative prompt"
        r"|blacklist|ban list|banned \w+)\b.*$",
        _stop_excluding,
        lead="allow",
    ),
    Rule(
        r"(?:drop|lift|remove|undo|cancel|forget|end|revoke|release|clear"
        r"|scrap|delete|get rid of|lose|relax|disable|withdraw)\s+(?:the "
        rf"|that |your |my )?{_BAN}\s+(?:on|of|for|against|about)\s+(?P<x>.+)$",
        _stop_excluding,
        lead="allow",
    ),
    Rule(
        r"(?:drop|lift|remove|undo|cancel|forget|end|revoke|release|clear"
        r"|scrap|delete|get rid of|lose|disable|withdraw)\s+(?:the |that "
        rf"|your |my )?[\"']?(?P<x>.+?)[\"']?\s+{_BAN}$",
        _stop_excluding,
        lead="allow",
    ),
    Rule(
        rf"(?:no (?:more )?{_BAN} (?:on|of|for)|forget (?:about )?(?:excluding"
        r"|removing|banning|avoiding|no)|forget what i said about)\s+(?P<x>.+)$",
        _allow,
        lead="allow",
    ),
    # harder, or less hard
    Rule(
        r"(?:.*?\b)?(?:set|put|weigh|weight|make|change|bump|raise|lower|increase"
        r"|decrease|turn|reduce|give)?\s*(?:the\s+)?(?:weight\s+(?:of|on|for)\s+)?[\"']?(?P<x>[\w "
        r"-]+?)[\"']?\s+(?:weight\s+|up\s+|down\s+|a weight\s+)?(?:to|at|="
        r"|of)\s+(?P<weight>[0-2](?:\.\d+)?)\b.*$",
        _set,
    ),
    Rule(r".*$", _weaken),
    Rule(r".*$", _strengthen),
    Rule(
        r"(?:and |yet |not |oh )*another\s+(?P<x>.+)$",
        lambda match, draft: draft.strengthen(known) if (known := draft.known(match["x"])) else False,
    ),
    Rule(rf"{_SEES} still\s+(?P<x>.+)$", _exclude, lead="no"),
    Rule(
        r"(?:i |we )?(?:can )?still (?:can )?(?:see|spot|notice|find|get|getting"
        r"|have|seeing|make out|detect)\s+(?:any |some )?(?P<x>.+)$",
        _exclude,
        lead="no",
    ),
    Rule(
        r"(?:i |we )?can (?:still )?(?:see|spot|notice|make out)\s+(?P<x>.+?) " r"(?:still|again)$", _exclude, lead="no"
    ),
    Rule(
        r"(?:there (?:is|are)|there's|there're|it has|it's got|he has|she has"
        r"|you (?:have|added|drew)) (?:still|again)\s+(?P<x>.+)$",
        _exclude,
        lead="no",
    ),
    Rule(
        r"(?:(?:there (?:is|are)|there's|here's|and) )?(?P<x>(?!(?:try|do"
        r"|make|once|show|draw|run|go|start|never|and|over)\b)(?:(?!\b(?:show"
        r"|draw|use|allow)\b).){2,40}?)\s+again$",
        _exclude,
        lead="no",
    ),
    Rule(
        r"(?:(?P<s>.+?)(?:\s+(?:is|are|looks?|feels?|seems?)|'s|'re)?\s+)?still\s+"
        r"(?!(?:love|like|think|want|prefer|not|no|need|missing|waiting|good"
        r"|great|works)\b)(?:looks? |feels? |seems? )?(?P<x>.+)$",
        _still,
    ),
    Rule(
        r"(?P<s>.+?)\s+(?:keeps? (?:coming|showing|appearing|popping|creeping"
        r"|sneaking|turning)\b.*|won't (?:go away|leave|disappear|budge)\b.*"
        r"|didn't (?:go away|disappear|leave)\b.*|(?:is|are)(?:n't| not) gone\b.*"
        r"|(?:is|are) back\b(?! to).*|(?:came|crept|has come|have come) back\b.*)"
        r"(?P<x>)$",
        _still,
    ),
)
"""Ways to speak of what is out."""
