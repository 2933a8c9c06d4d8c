"""Commands to the session: undo, start over, another seed."""

import re

from ...edits import MAX_UNDONE_TURNS, Reroll, Reset, Undo
from .draft import Draft
from .rule import Rule

_NUMBERS = {"couple": 2, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
_NUMBERS |= {"seven": 7, "eight": 8, "nine": 9, "ten": 10}
_COUNT = r"(?P<n>\d{1,4}|two|three|four|five|six|seven|eight|nine|ten|a couple(?: of)?|couple(?: of)?)"
_STEPS = r"(?:turns?|steps?|edits?|changes?|times|rounds?|versions?|ones?|moves?" r"|pictures?|images?|iterations?)"
_END = r"\s*(?:please|thanks|then|now|again|for me|back)?\s*[!?.]*$"
_LIST = (
    r"(?:exclusions?|negatives?|negative prompts?|exclude list|exclusion list"
    r"|list|exclusions list|bans?|filters?|terms|rules)"
)
_AGAIN = (
    r"(?:picture|image|one|version|variation|variant|take|try|go|attempt"
    r"|shot|seed|roll|option|result|sample|render|alternative)"
)


def _undo(match: re.Match[str], draft: Draft) -> bool:
    said = (match.groupdict().get("n") or "one").lower().split()
    count = next((int(word) if word.isdigit() else _NUMBERS.get(word, 1) for word in said if word != "a"), 1)
    return draft.control(Undo(turns=min(MAX_UNDONE_TURNS, max(1, count))))


def _reset(match: re.Match[str], draft: Draft) -> bool:
    return draft.control(Reset())


def _reroll(match: re.Match[str], draft: Draft) -> bool:
    return draft.control(Reroll())


RULES = (
    Rule(
        r"(?:undo|revert|roll ?back|go back|step back|take back|back up|rewind"
        r"|scrap|discard)\s+(?:by\s+|through\s+)?(?:the\s+|my\s+|your\s+|those\s+"
        r"|these\s+)?"
        rf"(?:last\s+|past\s+|previous\s+)?{_COUNT}(?:\s+(?:last\s+|previous\s+)?{_STEPS})?(?:\s+"
        rf"(?:back|ago))?{_END}",
        _undo,
    ),
    Rule(rf"(?:go\s+)?(?:back\s+)?{_COUNT}\s+{_STEPS}\s+(?:back|ago|earlier){_END}", _undo),
    Rule(
        r"(?:undo|revert|roll(?:ed)?\s?back|step back|ctrl[\s+-]*z|undo,? undo|rewind)"
        r"(?:\s+(?:it|that|this|please|one|once|again|all that|"
        r"(?:the |my |your |that |this )?(?:very )?(?:(?:last|latest|previous"
        r"|most recent|recent) )?(?:change|edit|turn|step|one|thing|move|picture"
        r"|image|version|modification|tweak|adjustment|round|action)s?|"
        r"what (?:you|i) (?:just )?(?:did|said|asked).*|to (?:the )?(?:previous"
        r"|last|earlier|prior|one|version|before|what).*))?" + _END,
        _undo,
    ),
    Rule(
        r"(?:(?:let's |i (?:want|need) to |i'd like to )?(?:go|move|get|jump"
        r"|switch|return|take (?:me|us|it)|bring (?:me|us)|change)\s+)?back(?:\s+"
        r"(?:one|a|once|again))?(?:\s+(?:step|turn|version|picture))?"
        r"(?:\s+to\s+(?:the\s+|that\s+)?(?:previous|last|earlier|prior|one before"
        r"|version before|old|picture before|how it was|what (?:we|it|you)"
        r"|before|one we had).*)?" + _END,
        _undo,
    ),
    Rule(
        r"(?:return|revert|restore|get|give me|bring|put|switch|i want|i'd like"
        r"|show me|let's (?:go|have|use))\b.{0,20}\b(?:previous|prior|earlier"
        r"|last) (?:one|version|picture|image|state|result|turn|step)(?:\s+back)?" + _END,
        _undo,
    ),
    Rule(r"(?:take|bring) (?:that|it all) back" + _END, _undo),
    Rule(
        r"(?:put|change|set|turn|switch|make) (?:it|that|things|everything) "
        r"(?:all )?(?:back )?(?:how|the way|like|as) (?:it|things|they) (?:was"
        r"|were).*$",
        _undo,
    ),
    Rule(
        r"(?:the )?(?:previous|last|earlier|prior|old|former) (?:one|version"
        r"|picture|image|result|try|attempt|take)\s+(?:was|looked|is|were)\s+"
        r"(?:\w+\s+)?"
        r"(?:better|nicer|best|good|preferable|fine|superior|stronger)\b.*$",
        _undo,
    ),
    Rule(
        r"(?:(?:it|that) (?:was|looked) better before|i (?:prefer|preferred"
        r"|liked) (?:the )?(?:previous|last|earlier|one before|old)\b.*|better before)" + _END,
        _undo,
    ),
    Rule(
        r"(?:that|this) (?:change |edit )?(?:was|is) (?:a |my )?(?:mistake"
        r"|wrong (?:turn|move|direction)|step back(?:wards)?)\b.*$",
        _undo,
    ),
    Rule(
        r"(?:scratch|cancel|ignore|strike|drop|discard|forget|reverse|remove"
        r"|delete) (?:that|the last|my last|your last|that last|the previous"
        r"|the latest|this last)(?:\s+(?:change|edit|turn|step|one|thing|request"
        r"|instruction|remark|addition|modification))?" + _END,
        _undo,
    ),
    Rule(
        r"(?:reset|start (?:it all |everything |all |the whole thing |this )?(?:over"
        r"|again|afresh|anew|fresh|from (?:scratch|zero|the beginning|the start))"
        r"|begin (?:again|anew|from scratch)|from scratch|clean slate|blank slate"
        r"|fresh start|"
        r"start (?:with )?(?:a )?(?:clean|fresh|new)(?: slate)?|let's (?:start"
        r"|begin) (?:over|again|from scratch)|wipe the slate(?: clean)?|back to "
        r"(?:square one|the start|the beginning|zero|scratch|the original"
        r"|defaults?)|go back to (?:the start|the beginning|scratch|zero|square one"
        r"|the original|where we started))"
        r"(?:\s+(?:it|that|this|everything|all(?: of it| of them| (?:the "
        r"|my )?"
        + _LIST
        + r")?|completely|the session|the (?:whole )?(?:"
        + _LIST
        + r"|thing|lot)|my "
        + _LIST
        + r"|to (?:default|zero|scratch|the beginning|the start)s?|from scratch"
        r"|over))*" + _END,
        _reset,
    ),
    Rule(
        r"(?:clear|drop|forget|remove|delete|wipe|empty|erase|reset|lift|discard"
        r"|cancel|undo|dump|lose|scrap|get rid of|throw (?:out|away)|clean)\s+"
        r"(?:out\s+|away\s+)?(?:all\s+(?:of\s+)?|every\s+|each\s+)?(?:the\s+"
        r"|my\s+|your\s+|those\s+|these\s+|our\s+)?"
        r"(?:(?:whole|entire|current|previous|existing|old)\s+)?"
        + _LIST
        + r"(?:\s+(?:so far|i (?:gave|made|set|added).*|we (?:have|made|set).*"
        r"|list|prompt|completely|clean))?" + _END,
        _reset,
    ),
    Rule(
        r"(?:undo|revert|clear|forget(?: about)?|wipe|cancel|drop|remove|allow"
        r"|restore|reset|discard|stop excluding|bring back|scrap)\s+(?:absolutely\s+)?(?:everythin"
        r"g|it all|all of (?:it|that|them)|all (?:of )?(?:my |the |your )?(?:changes"
        r"|edits|turns|feedback))"
        r"(?:\s+(?:again|back|i(?:'ve)? (?:said|asked|told|excluded|banned"
        r"|removed).*|so far|from before|and start over|you (?:exclude|know).*"
        r"|that (?:was|is|we|you|i).*))?" + _END,
        _reset,
    ),
    Rule(r"(?:allow|show) (?:me )?everything again" + _END, _reset),
    Rule(
        r"(?:re-?roll|re-?do|re-?generate|re-?render|re-?run|re-?try|re-?draw"
        r"|re-?make|re-?paint|shuffle|again|once more|one more time|encore"
        r"|another|one more|go again|hit me again|same again|roll (?:again"
        r"|the dice(?: again)?|it again)|spin (?:the wheel )?again|refresh|surprise me(?: again)?"
        r"|next(?: one)?)"
        r"(?:\s+(?:it|that|this|please|the (?:picture|image|same|whole thing)"
        r"|this one|that one|with (?:the same|a (?:new|different|fresh|another)"
        r"|another|the exact same).*|same .*|one|from (?:another|a).*))?" + _END,
        _reroll,
    ),
    Rule(
        r"(?:(?:i )?(?:want|need)(?: to see)? |i'd like (?:to see )?|give me "
        r"|show me |get me |let me see |let's see |let's have |make |do |generate "
        r"|try |draw |produce |create |render |how about |just |can i (?:have"
        r"|get|see) |may i (?:have|see) |use |with |pick |take |run |got )?(?:me )?"
        r"(?:an?\s*other|one more|a (?:new|different|fresh|second|random)"
        r"|a couple more|some more|a few more|(?:new|different|fresh|random"
        r"|some other|two more|more|other))\s+(?:random\s+|new\s+|different\s+"
        r"|similar\s+)?" + _AGAIN + r"s?"
        r"(?:\s+(?:of|with|from|at|using|like)\s+(?:it|this|that|the same"
        r"|same|this one|that one|these|the|identical|everything|all)\b.*"
        r"|\s+same.*|\s+(?:for|to) (?:comparison|compare|choose).*)?" + _END,
        _reroll,
    ),
    Rule(
        r"(?:i (?:want|need) |i'd like |give me |show me |let's see |let's have "
        r"|make |do |generate |try |draw |render |how about |run |let me see "
        r"|create )(?:me )?(?:another|one more|it again|that again|again|once more"
        r"|this again|some more|more|the same(?: thing)?(?: again)?|one again)"
        r"(?:\s+(?:with|from|using)\s+(?:a |the |another )?(?:new|different"
        r"|same|fresh|other|another)?\s*(?:seed|settings|prompt|everything).*"
        r"|\s+(?:time|one))?" + _END,
        _reroll,
    ),
    Rule(
        r"(?:same|the same)\s+(?:thing|prompt|settings?|idea|picture|everything"
        r"|again|scene|image|but)\b[\s,]*(?:again|once more|(?:with )?(?:a )?(?:new"
        r"|different|another|fresh|other) seed|another (?:go|try|take)|different "
        r"(?:result|roll|take)|new (?:roll|seed))" + _END,
        _reroll,
    ),
    Rule(
        r"(?:change|switch|vary|randomi[sz]e|swap|pick|use)\s+(?:the |a |to a "
        r"|to )?(?:new |different |other |random |another )?seed" + _END,
        _reroll,
    ),
    Rule(
        r"(?:have|take|give it|let's give it|let's have)\s+(?:another|one more)\s+"
        r"(?:go|try|shot|stab|crack|attempt|whirl|spin)" + _END,
        _reroll,
    ),
)
"""Ways to command the session."""
