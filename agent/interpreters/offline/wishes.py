"""Words about what should be in the picture."""

from .changes import (
    CAMERA,
    IT,
    PAST,
    PREPOSITION,
    add,
    added,
    as_said,
    attribute,
    camera,
    comparative,
    correct,
    corrected,
    do,
    have,
    instead,
    make,
    missing,
    missing_thing,
    move,
    not_this,
    put_in,
    quality_wanted,
    setting,
    style,
    swap,
    what_if,
)
from .rule import Rule

_VERB = (
    r"(?P<verb>smile|laugh|cry|sit|stand|look|walk|run|wear|hold|dance"
    r"|jump|sleep|wave|point|face|lean|read|ride|play|drink|eat|turn|hug"
    r"|kiss|frown|wink|kneel|fly|swim|stare|gaze|carry|sing|fish|paint"
    r"|climb|drive|cook|write|glow|bloom|float|hang|use|show|smoke|pet"
    r"|stroke|feed|lie|wearing|holding|smiling|looking|sitting|standing"
    r"|walking|running|sleeping|riding|playing|reading|laughing)\b"
)

FIRST = (
    Rule(r"(?P<thing>[\w ]+?) = (?P<q>.+)$", setting, lead="add"),
    Rule(r"(?P<x>(?:an?|some)\s.+?)\s+instead$", correct),
    Rule(r"(?:can|could|would) (?:it|this|he|she|they) (?:be|look)\s+(?P<x>.+)$", make, lead="make it"),
    Rule(r"(?:can|could|would) (?:it|this|he|she|they) (?P<verb>have|wear|hold)(?P<rest>\s.+)$", do),
    Rule(
        r"(?:shot|seen|viewed|taken|photographed|lit|painted|set)\s+(?:from" r"|in|at|on|with|by|as|through)\s.+$",
        as_said,
    ),
    Rule(r"(?:i |we )?(?:wouldn't|would not) mind\s+(?:seeing |having |a bit of )?(?P<x>.+)$", add, lead="add"),
    Rule(r"not\s+(?P<x>an?\s+[\w -]+)$", not_this),
    Rule(r"(?P<x>(?:an?|the|in|on|with)?\s*\S.*)$", corrected),
    Rule(
        r"(?:i (?:meant|said|asked for|was asking for)|i wanted|make that"
        r"|rather|i mean|it's supposed to be|that's supposed to be|it should "
        r"(?:have )?be(?:en)?|should (?:have )?be(?:en)?|supposed to be)\s+"
        r"(?P<x>(?:an?|the|some|two|three)\s.+)$",
        correct,
    ),
    Rule(
        r"(?P<new>.+?)\s+(?:instead of|rather than|in place of|in lieu of" r"|(?<! be)\bnot(?= an?\b))\s+(?P<old>.+)$",
        instead,
    ),
    Rule(
        r"(?:instead of|rather than)\s+(?P<old>[\w -]+?)\s+(?:give me|show"
        r"|use|make it|put|i want|draw|have|try|with)\s+(?P<new>.+)$",
        instead,
    ),
)
"""Corrections, which read like complaints: tried before them."""

RULES = (
    Rule(
        r"what if\s+(?P<who>we|you|i|he|she|they|it|this|there|(?:the|his|her|its)\s[\w ]+?)\s+(?:also |just )?"
        rf"(?P<verb>was|were|added|put|used|\w+ed|{'|'.join(PAST)})\b\s*(?P<rest>.*)$",
        what_if,
        lead="add",
    ),
    Rule(
        r"(?:he|she|it|they|the \w+) (?:isn't|aren't|is not|doesn't|does not) "
        r"(?:wear|hold|have|carry)(?:ing)?\s+(?P<x>.+)$",
        missing_thing,
    ),
    Rule(
        r"(?:change|turn|switch|swap|convert|transform|set|replace|exchange"
        r"|alter|modify|substitute|make)\s+(?P<old>(?!"
        + IT
        + r"\b)[^,]+?)\s+(?:to|into|for|with|by|out for|in)\s+(?P<new>.+)$",
        swap,
        lead="change",
    ),
    Rule(
        rf"(?:change|turn|switch|convert|transform|set|move|shift|adapt|bring)\s+{IT}\s+"
        r"(?:over\s+)?(?:to|into)\s+(?P<x>.+)$",
        make,
        lead="make it",
    ),
    Rule(r"(?:change|turn|switch|convert|shift)\s+(?:it\s+)?to\s+(?P<x>.+)$", make, lead="make it"),
    Rule(r"(?:use|try|go (?:for|with)|pick|choose)\s+(?P<new>.+?)\s+for\s+(?P<old>the .+)$", swap),
    Rule(
        r"(?:put|place|set|move|position|have|seat|show|stand|lay|locate|situate"
        rf"|stick|transport|relocate|drop|hang|let)\s+(?:{IT}|(?:the|his|her"
        r"|our|my)\s+[\w]+(?:\s\w+)?)\s+(?:be\s+)?(?:sitting |standing |lying "
        rf"|down |up |back )?(?P<where>{PREPOSITION}\s+.+)$",
        move,
        lead="put it",
    ),
    Rule(
        r"(?:put|place|set|position|stick|hang)\s+(?:in\s+)?(?P<x>.+?)\s+" rf"(?P<where>{PREPOSITION}\s+.+)$",
        put_in,
        lead="add",
    ),
    Rule(rf"(?:give|get|buy|lend|hand)\s+(?:{IT}|the \w+(?: \w+)?|me|us|everyone)\s+" r"(?P<x>.+)$", have, lead="add"),
    Rule(
        rf"(?:make|let|have|get|see)\s+(?:{IT}|the \w+|his \w+|her \w+|everyone)\s+"
        rf"(?:to\s+)?(?:be\s+)?{_VERB}(?P<rest>.*)$",
        do,
    ),
    Rule(
        r"(?:i(?:'d like| want| need|'d love|'d prefer| would like| would prefer"
        rf"| prefer)|we (?:want|need))\s+(?:to (?:see|have)\s+)?{IT}\s+(?:to "
        rf"(?:be\s+)?)?{_VERB}(?P<rest>.*)$",
        do,
    ),
    Rule(
        rf"(?:{IT}|he|she|they|the \w+)\s+(?:should|could|must|needs? to|has to"
        rf"|ought to|might|can)\s+(?:also |really |rather |be )*{_VERB}(?P<rest>.*)$",
        do,
    ),
    Rule(
        r"(?:make|render|paint|draw|do|get|keep|show|have|shoot|style|redo"
        rf"|recreate|try|turn|let|do it|depict|present|dress)\s+{IT}\s+(?:all "
        r"|be |in the style of |rather |just |as (?:a |an )?(?=\w+ (?:style"
        r"|painting|drawing|sketch)))?(?P<x>.+)$",
        make,
        lead="make it",
    ),
    Rule(
        r"(?:i(?:'d like| want| need|'d love|'d prefer| would like| would prefer"
        rf"| prefer| would love)|we (?:want|need|'d like))\s+(?:to (?:see|have)\s+)?{IT}\s+"
        r"(?:to (?:be\s+|look\s+)?)?(?:more )?(?P<x>.+)$",
        make,
        lead="make it",
    ),
    Rule(
        rf"(?:{IT}|he|she|they)(?:\s+(?:should|could|must|needs?|has|ought"
        r"|might|would)(?:\s+to)?|'d)\s+(?:really |rather |also |look better "
        r"|better |be better |be nicer )*(?:be|look|feel|become)\s+(?P<x>.+)$",
        make,
        lead="make it",
    ),
    Rule(
        r"(?:could|should|can|needs? to|must) be\s+(?:a bit |a little |much " r"|way |slightly )?(?P<x>.+)$",
        make,
        lead="make it",
    ),
    Rule(r"make\s+(?P<x>.+)$", attribute, lead="make"),
    Rule(
        r"(?:colou?r|paint|dye|tint|turn)\s+(?!.*\b(?:around|over|off|on|out"
        r"|up|down|left|right|away)$)(?P<x>(?:the|his|her|its|their|my)\s.+?)\s+"
        r"(?P<q>\w+)$",
        attribute,
        lead="make",
    ),
    Rule(
        r"(?:i(?:'d like| want| need|'d love|'d prefer| would like)\s+|have\s+"
        r"|let\s+|get\s+)(?P<x>(?:the|his|her|its|their|my)\s[\w ]+?)\s+(?:to be"
        r"|be|in|to look|look)\s+(?P<q>.+)$",
        attribute,
        lead="make",
    ),
    Rule(
        r"(?P<x>(?:the |his |her |its |their |my |all )?[\w' -]+?)\s+(?:should"
        r"|could|must|needs? to|has to|have to|ought to|had better)\s+(?:really "
        r"|rather |also |all )*(?:be|look|become|feel)\s+(?P<q>.+)$",
        attribute,
        lead="make",
    ),
    Rule(r"(?P<where>(?:there|in the \w+)) (?:should|could|must) be\s+(?P<x>.+)$", add, lead="add"),
    Rule(
        r"(?:(?:the|a|his|her|its|their|this)\s+[\w ]+?|it|he|she|they|this"
        r"|we|you|i'd|i)\s+(?:really |also |just |definitely |still )*(?:needs?"
        r"|could use|could do with|should have|must have|wants?|would like"
        r"|'d like|deserves?|should wear|should hold|should get|like to see"
        r"|love to see|would love|would prefer|prefer|'d prefer|'d love)\s+"
        r"(?:to (?:see|have)\s+)?(?P<x>(?!to\b|you\b|it\b).+)$",
        add,
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
        lambda match, draft: added(match, draft),
        lead="add",
    ),
    Rule(
        r"(?:where(?:'s| is| are| did| has)|what happened to|why (?:is there"
        r"|are there|'s there) no|why (?:isn't|aren't) there(?: an?| any)?"
        r"|why no|you forgot|you missed|forgot|forgot to add|i (?:don't|can't) see"
        r"|missing)\s+(?P<x>(?:the|a|an|any|my|his|her|some|no)?\s*[\w' -]+?)"
        r"(?:\s+(?:go|gone|gone to|i asked for|in (?:the|this) (?:picture"
        r"|image))\b.*)?$",
        missing,
        lead="add",
    ),
    Rule(
        r"(?:there (?:is|are|was|were)(?:n't| not| no)|there's (?:no|not)"
        r"|i see no|it has no|he has no|she has no|still no|there's still no"
        r"|he doesn't have|she doesn't have|it doesn't have|it lacks|lacks"
        r"|is missing|still missing|missing|it's missing)\s+(?:an?\s+|any\s+)?(?P<point>)"
        r"(?P<x>.+)$",
        lambda match, draft: missing_thing(match, draft),
    ),
    Rule(r"(?P<x>(?:the|his|her|its|their|my)\s[\w ]+?)\s+(?:is|are)\s+missing\b.*$", missing),
    Rule(rf"(?P<x>{'|'.join(CAMERA)})(?:\s+(?:a bit|a little|more|out|please|on .*))?$", camera),
    Rule(
        r"(?P<x>(?:more\s+[\w -]+|(?:a bit |a little |much |slightly |way "
        r"|even )?(?:bright|dark|warm|cool|cold|sharp|soft|big|small|tall"
        r"|short|old|young|light|bold|clean|simpl|fast|happi|sunni|cloud|moodi"
        r"|rich|deep|thick|thin|round|wid|long|loos|tight|low|high|clos|fluffi"
        r"|funni|cut|cozi|cosi|dens|smooth|rough|calm|pal|strong|crisp|clear"
        r"|close)er(?:\s+[\w-]+){0,3}))(?:\s+(?:on|in)\s.*)?$",
        comparative,
    ),
    Rule(r"(?:as|in|like)\s+(?P<x>an?\s.+)$", style),
    Rule(r"(?:in (?:the )?)?(?P<x>.+?\s+style)$", style),
    Rule(r".+$", quality_wanted),
)
"""Ways to say what is wanted."""
