"""Words about what shouldn't be in the picture, said outright or asked for in a question."""

import re

from .faults import (
    BE,
    NUMBER,
    bad,
    bad_text,
    counted,
    exclude,
    exclude_quality,
    faulty,
    looks_like,
    remove_mentioned,
    right_or_gone,
)
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
_GONE = (
    r"(?:go|be (?:removed|gone|deleted|erased|out|taken out|cut|left out"
    r"|taken away|excluded|dropped)|disappear|vanish|leave|come off|come out"
    r"|get out|get lost|die|get removed)"
)
_ANNOYING = (
    r"(?:distract\w*|annoy\w*|bother\w*|in the way|an eyesore|excessive"
    r"|over the top|overbearing|overwhelming|eyesore"
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
    r"(?:has overstayed|overstays?|ruins?|spoils?|kills?|bothers?|annoys?|distracts?|irritates?"
    r"|bugs?|steals?|draws?|clutters?|disturbs?|detracts?|hurts?|gets? "
    r"(?:in|on)|takes? (?:away|over)|doesn't (?:belong|fit|work|make sense"
    r"|suit|go)|don't (?:belong|fit|work|make sense|suit|go)|(?:does|do) not "
    r"(?:belong|fit)|has no (?:place|business)|have no (?:place|business)"
    r"|makes? no sense|needs? to (?:stop|die)|breaks?|pulls?|clash\w*"
    r"|blocks?|creeps? me out|freaks? me out|looks? out of place|gotta go"
    r"|drives? me|looks? (?:stupid|silly|ridiculous|tacky))"
)
_WHY = r"(?:why|how come|since when)\s*(?:on earth|in the world|the hell|the heck|exactly)?\s*"

RULES = (
    Rule(
        r".*\b(?:except(?: for)?|apart from|aside from|other than|save for)\s+" r"(?!that\b|this\b|it\b)(?P<x>.+)$",
        exclude,
        lead="no",
    ),
    Rule(
        r"(?:the|my) (?:only|one|single|biggest|main) (?:\w+ )?(?:problem"
        r"|issue|thing|complaint|flaw|gripe|nitpick|quibble|mistake)"
        r"(?: i have| left| here)? (?:is|are|would be)\s+(?P<x>.+)$",
        exclude,
        lead="no",
    ),
    Rule(
        r"(?:if only|i wish|wish)\s+(?P<x>.+?)\s+(?:wasn't|weren't|was not"
        r"|were not)\s+(?:there|here|in|on|part|visible)\b.*$",
        exclude,
        lead="no",
    ),
    Rule(
        r"(?:i )?(?:don't|do not) (?:see|understand|get) (?:the point of|the need for"
        r"|why (?:there(?:'s| is| are)|(?:he|she|it) has"
        r"|you added|we need))\s+(?P<x>.+)$",
        exclude,
        lead="no",
    ),
    Rule(
        r"(?:remove|delete|erase|drop|lose|ditch|kill|hide|take (?:it|that"
        r"|them|this) (?:out|away|off)|take out|get (?:it|that|them) out|get rid of"
        r"|clean|scrap|cut|exclude|fix)(?: (?:it|that|them|this|those|these))?(?: "
        r"(?:out|away|off))?[\s!?.]*$",
        remove_mentioned,
    ),
    Rule(
        r"(?:(?:a bit|a little|a lot|a tad|slightly|somewhat|much|way|far)\s+(?=less\b|fewer\b))?"
        rf"{REMOVE}\s+(?P<x>.+)$",
        exclude_quality,
        lead="no",
    ),
    Rule(
        r".*\b(?:without|with no)\s+(?P<x>.+?)\s+(?:would|might|could)\s+(?:be|look|work|feel)\s+"
        r"(?:much |far |way |even )?(?:better|nicer|good|great|best|cleaner|stronger)\b.*$",
        exclude,
    ),
    Rule(
        r"(?:take|get|leave|cut|edit|crop|paint|photoshop|wipe|strip|throw"
        r"|kick|move|pull|shave|brush|clear|keep|turn|switch|airbrush|blot"
        r"|toss)\s+(?P<x>.+?)\s+(?:out|off|away)(?:\s+(?:of|from)\s+.*|\s+"
        r"(?:there|here|it|her|him|them)\b.*)?$",
        exclude,
        lead="no",
    ),
    Rule(
        r"(?:without|no(?![\w'-])|not a single|neither|zero|sans|none of|not any|no more"
        r"|and no|with no|absolutely no|strictly no|definitely no|also no"
        r"|still no more|nix|nor|not with|better without|nicer without|(?:make"
        r"|keep|have|do|show|draw|try|leave|want|do) (?:it|this|that|him|her"
        r"|them|one)(?: again)? (?:without|with no))\s+(?:of\s+)?(?P<x>.+)$",
        exclude,
        lead="no",
    ),
    Rule(
        r"(?:make|keep|have|get|render|leave|turn) (?:it|this|that|him|her"
        r"|them|the \w+) (?P<x>[\w ]+?)-?\s?(?:free|less)$",
        exclude,
        lead="no",
    ),
    Rule(r"(?P<x>[\w ]+?)(?:-| )free(?:\s+(?:please|version|picture))?$", exclude, lead="no"),
    Rule(
        r"(?:there |it |he |she |they |this |that |the [\w ]+? |i )?(?:should"
        r"|must|can|may|could|shall|needs? to|has to|have to)(?:n't|not| not"
        r"| never|t) (?:really )?(?:be (?:any |wearing |holding |showing "
        r"|smiling with )?|have(?: any| got)?|wear|hold|show|contain|include"
        r"|look(?: like)?|feel(?: like)?|see|feature|display)\s*(?P<x>(?!(?:there"
        r"|here|in|on|changed|better|removed)\b).+)$",
        exclude_quality,
        lead="no",
    ),
    Rule(
        r"(?:there |it |he |she |the [\w ]+? )?(?:should|must|can|may|needs? to"
        r"|has to|is to) (?:be|have|show|contain|wear) (?:no|zero|without)\s+"
        r"(?P<x>.+)$",
        exclude,
        lead="no",
    ),
    Rule(
        r"(?P<x>.+?)\s+(?:should|must|does|do|did|is|are|was|were|has|have)"
        r"(?:n't|not| not| never)\s+(?:really |even )?(?:be (?:there|here"
        r"|in|on|part|visible|seen|shown)|belong|needed|wanted|necessary|supposed to be"
        r"|fit|work|make sense|need(?:ed)?(?: to be)?|welcome|exist|look right"
        r"|look good|be|any (?:business|place))\b.*$",
        lambda match, draft: right_or_gone(match, draft),
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
        exclude,
        lead="no",
    ),
    Rule(
        r"(?:do not|don't|never|stop)\s+(?:make|making|let|render|paint|have)\s+"
        r"(?:it|him|her|them|this|that|the \w+)\s+(?:look |be |seem |feel "
        r"|to be |so |too |that |like )*(?P<x>.+)$",
        exclude_quality,
        lead="no",
    ),
    Rule(
        r"(?P<x>.+?)\s+(?:has got|have got|have|has|needs?|must|should|can"
        r"|ought|could|got|gotta|better|will have|'s got|'ve got|is going"
        rf"|are going|please|wants?)\s+(?:to\s+)?(?:really\s+)?{_GONE}\b.*$",
        exclude,
        lead="no",
    ),
    Rule(
        r"(?P<x>(?!(?:i|we|you|make|put|turn|take|bring|zoom|back|start|show"
        r"|hands|it looks|looks|cut|look|is|are)\b)(?!.*\b(?:is|are|was|were"
        r"|looks?|washed|cut|blown|chopped|cropped|zoom\w*|stands?|turn\w*"
        r"|get|be)\s+(?:out|off|away)\b)[\w' -]{2,40}?)\s+(?:off|out|gone"
        r"|away|begone|removed|be gone|go away|outta here|bye|bye bye|no thanks)"
        r"(?:\s+(?:of there|of here|of the .*|pls|now|here))?[!?.]*$",
        exclude,
        lead="no",
    ),
    Rule(
        r"(?P<s>.+?)\s+(?P<q>(?:make|makes) no sense|(?:don't|doesn't) (?:make "
        r"(?:any )?sense|say anything|read|spell|mean anything)|has (?:typos"
        r"|errors|mistakes)|is not a word)\b.*$",
        lambda match, draft: bad_text(match, draft),
    ),
    Rule(
        rf"(?P<x>.+?)(?:{BE})\s+(?:really |so |very |just |a bit |kind of "
        r"|quite |super |pretty |totally |completely |too |rather |still "
        rf"|extremely |also )*{_ANNOYING}(?:\s.*)?$",
        exclude,
        lead="no",
    ),
    Rule(
        r"(?P<x>.+?)\s+(?:really |just |kind of |totally |also |completely " rf"|always |sort of )*{_ANNOYS}\b.*$",
        exclude,
        lead="no",
    ),
    Rule(
        r"(?:i'm |i am |we're |so |really |getting |getting a bit |very |kind of )*"
        r"(?:sick(?: and tired)?|tired|fed up|bored|weary|not (?:a (?:big "
        r"|huge )?fan|fond)|over|done|annoyed|bothered|distracted|no fan|not keen"
        r"|not crazy|not sold|not big|not happy|not convinced|unhappy|not wild"
        r"|not into)\s*(?:of|with|by|on|about)?\s+(?P<x>.+)$",
        exclude,
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
        exclude,
        lead="no",
    ),
    Rule(
        r"(?:.{0,50}?\b)?(?:better|nicer|cleaner|stronger|good|great|best"
        r"|prefer|like|want|need|love|try|perfect|leave|would|could|should"
        r"|do|go)\b.{0,25}?\b(?:without|minus|with no|if there (?:was|were"
        r"|wasn't|weren't)(?: no| any)?|if (?:you|we) (?:removed|dropped|lost"
        r"|took out))\s+(?P<x>.+)$",
        exclude,
        lead="no",
    ),
    Rule(
        r"(?:i |we )?(?:really |'d |would |just )*(?:want|need|like|wish|prefer)\s+"
        r"(?:to (?:see|have)\s+)?(?P<x>.+?)\s+(?:to be |to |was |were |would be "
        r"|would |wasn't |weren't |could be )?(?:gone|removed|out(?: of .*)?"
        r"|away|go(?: away)?|disappear|vanish|deleted|erased|off|excluded"
        r"|left out|taken out|there)$",
        exclude,
        lead="no",
    ),
    Rule(
        r"(?:i |we )?(?:had|have had|'ve had|i've had|seen|'ve seen|i've seen" r"|got)\s+enough\s+(?:of\s+)?(?P<x>.+)$",
        exclude,
        lead="no",
    ),
    Rule(r"(?:i|we) never (?:asked for|wanted|ordered|said|mentioned|requested)\s+" r"(?P<x>.+)$", exclude, lead="no"),
    Rule(
        r"(?:nobody|no one|who)\s+(?:asked for|wants?|needs?|ordered|likes?"
        r"|invited|put|added|left|let|gave|placed|drew|brought|said)\s+(?:him "
        r"|her |it |me |us )?(?P<x>.+)$",
        exclude,
        lead="no",
    ),
    Rule(
        r"(?:what's|what is|what are|what're|what about|what the (?:hell|heck"
        r"|fuck) (?:is|are)|wth is|what's up|what)\s+(?:with|up with|the deal with"
        r"|(?:the )?point of|the story with)\s+(?:all\s+)?(?P<x>.+)$",
        lambda match, draft: bad(match, draft) or exclude(match, draft),
        lead="no",
    ),
    Rule(
        r"(?:what(?:'s| is| are|'re)|why(?:'s| is| are)|what the (?:hell|heck) "
        r"(?:is|are))\s+(?P<x>(?:that|those|the|these|this|all|a|some)\b.+?)\s+"
        r"(?:doing|there|here|supposed to be|even|in (?:the|my|this)|on (?:the"
        r"|my|his|her|its)|about)\b.*$",
        exclude,
        lead="no",
    ),
    Rule(rf"{_WHY}(?:is|are)\s+there\s+(?!no\b|not\b|n't)(?:always |still |suddenly )?(?P<x>.+)$", exclude, lead="no"),
    Rule(
        rf"{_WHY}(?:does|do|did|has|have|is|are|would|must)\s+(?:the [\w ]+?"
        r"|he|she|it|they|you|i|everyone|everything|this|that|we|his \w+|her \w+)\s+"
        r"(?:have|has|got|had|wearing|holding|wear|hold|added?|put|see|get"
        r"|need|carrying|having|growing|add|draw|drew|give (?:him|her|it))\s+"
        rf"(?:got |to have |to see )?(?:{NUMBER}\s+)(?P<left>left |right )?(?P<part>\w+)\b.*$",
        counted,
    ),
    Rule(
        rf"{_WHY}(?:does|do|did|has|have|is|are|would|must)\s+(?:the [\w ]+?"
        r"|he|she|it|they|you|i|everyone|everything|this|that|we|his \w+|her \w+)\s+"
        r"(?:have|has|got|had|wearing|holding|wear|hold|added?|put|see|get"
        r"|need|carrying|having|growing|add|draw|drew|give (?:him|her|it))\s+"
        r"(?:got |to have |to see )?(?P<x>.+)$",
        exclude,
    ),
    Rule(
        rf"{_WHY}(?:does|do|is|are|did)\s+(?P<s>the [\w ]+?|he|she|it|they"
        r"|everyone|everything|this|that|(?:his|her|its|their|those|these"
        r"|this|that|my|all) [\w ]+?)\s+(?:look(?:ing)?|seem|feel|appear)?\s*like\s+"
        r"(?P<x>.+)$",
        looks_like,
    ),
    Rule(
        rf"{_WHY}(?:does|do|is|are|did)\s+(?P<s>(?:the|his|her|its|their|those"
        r"|these|this|that|my|all|all the|both) [\w]+(?: \w+)??|he|she|it"
        r"|they|everyone|everything|this|that)\s+(?:look(?:ing)? |seem |feel "
        r"|appear |being )?(?:so |this |that |all |such |too |very )*(?P<q>[\w -]+)$",
        lambda match, draft: (
            faulty(match, draft)
            or (bool(re.search(r"\bso\b|\btoo\b", match[0])) and draft.exclude_term(match["q"].strip()))
        ),
    ),
    Rule(
        r"(?:what(?:'s| is| has)?|whats)\s+(?:happened|going on|wrong|up|the matter)\s+"
        r"(?:to|with|in|on)\s+(?P<x>.+)$",
        lambda match, draft: bad(match, draft) or draft.exclude_term(f"bad {term_of(match['x']) or 'quality'}"),
    ),
    Rule(
        r"(?:something|there's something|anything|what)(?:'s| is| looks?)? "
        r"(?:wrong|off|weird|strange|odd|funny|not right) (?:with|about)\s+"
        r"(?P<x>.+)$",
        lambda match, draft: bad(match, draft) or draft.exclude_term(f"bad {term_of(match['x']) or 'quality'}"),
    ),
    Rule(r"whose\s+(?P<x>[\w -]+?)\s+(?:is|are)\b.*$", exclude),
    Rule(r"why\s+(?P<x>(?:the|all|so many|this|that|these|those)\s.+)$", exclude, lead="no"),
    Rule(
        r"(?:i (?:told you|already told you|said|already said|want|need|prefer"
        r"|asked for|specifically said|explicitly said))\s+no\s+(?P<x>.+)$",
        exclude,
        lead="no",
    ),
    Rule(
        r"(?:my|our|the) \w+ (?:really )?(?:hates?|dislikes?|can't stand|doesn't like"
        r"|doesn't want|don't want|don't like|objects? to|complained about)\s+"
        r"(?P<x>.+)$",
        exclude,
        lead="no",
    ),
    Rule(
        r".*\b(?:do with|like|want|need|prefer|see|have|use)\s+(?:a lot |much " r"|far )?(?:fewer|less)\s+(?P<x>.+)$",
        exclude_quality,
        lead="no",
    ),
    Rule(
        r"(?:it|this|that) (?:could|might|may) (?:just as well |easily |as well "
        r"|just )?be\s+an?\s+(?!bit|little|tad|touch)(?P<x>.+)$",
        looks_like,
    ),
    Rule(
        r"(?:.*\b)?(?:screams?|resembles?|is giving|giv(?:es|ing) off|(?:it|that|this|he|she|they)'(?:s|re) giving"
        r"|smacks of|reeks of|reminds me of|reminiscent of)\s+(?P<x>.+)$",
        looks_like,
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
        exclude,
    ),
    Rule(
        r"(?:do|does|did)\s+(?:we|you|i|it|he|she|there)\s+(?:really |even "
        r"|still |actually )*(?:need|have to (?:have|include|be)|want)\s+"
        r"(?P<x>.+)$",
        exclude,
    ),
    Rule(
        r"(?:is|are)(?:n't)?\s+(?P<x>.+?)\s+(?:really |even |actually )*(?:necessary" r"|needed|required)\b.*$",
        exclude,
    ),
    Rule(
        r"what if\s+.+?\s+(?:wasn't|weren't|didn't|was not|were not|did not)\s+(?:wear|have|hold|wearing|holding|with)"
        r"\s+(?P<x>.+)$",
        exclude,
        lead="no",
    ),
    Rule(
        r"what if\s+(?P<x>.+?)\s+(?:wasn't|weren't|was not|were not)\s+(?:there|here|in (?:it|the))\b.*$",
        exclude,
        lead="no",
    ),
    Rule(
        r"(?:is it|is there any way|is there a way|would it be|any chance"
        r"|any way|is it|mind|do you mind|would you mind|possible|how about"
        r"|what if|what about)\b.*?\b(?:to |of |if |we |you |i |we )*(?:remove"
        r"|removing|lose|losing|drop|dropping|get rid of|getting rid of|without"
        r"|delete|deleting|no|take out|taking out|lost|dropped|removed|got rid of"
        r"|erasing|erase|leaving out|took out|skipped|skipping)\s+(?P<x>.+)$",
        exclude,
        lead="no",
    ),
)
"""Ways to say that something should go."""
