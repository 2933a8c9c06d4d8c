"""Requests for another size or format, which words can't set: "16:9", "make it square", "4k"."""

import re

_MAX_CHARACTERS = 4000
_MAX_WORDS = 14
_PICTURE = r"(?:picture|image|photo|canvas|frame|format|aspect|ratio|size|resolution|res|dimensions|output|file)"
_LEAD = re.compile(
    r"(?:(?:please|can|could|would|will|you|i|we|want|need|like|i'd|make|change|turn|set|render|convert|put|give|it|this"
    rf"|that|the|a|an|to|in|as|into|be|should|has|must|needs|use|do|try|now|me|my|is|have|{_PICTURE})\s+)+",
    re.I,
)
_TAIL = re.compile(
    r"(?:\s+(?:please|pls|now|mode|version|pixels|px|wallpaper|thanks"
    rf"|{_PICTURE}))+$",
    re.I,
)
_SIZE = re.compile(
    r"\d{1,2}(?:\.\d+)?\s*[:/]\s*\d{1,2}"
    r"|\d{3,5}\s*(?:px)?\s*(?:x|×|\*|by)\s*\d{3,5}(?:\s*px)?|\d{3,5}\s*(?:px|pixels)"
    r"|(?:2|4|5|8|16)\s?k|full\s?hd|uhd|ultra\s?hd|(?:480|720|1080|1440|2160)p"
    r"|upscaled?(?:\s+(?:it|this|that|the picture|the image))?"
    r"|(?:higher|bigger|larger|lower|smaller|more|max|maximum|high|full|double|different|another)"
    r"\s+(?:resolution|res|pixels?|format|canvas|picture size|image size|aspect(?: ratio)?|dimensions)"
    r"|(?:bigger|larger|smaller) (?:picture|image|file)"
    r"|squared?|rectangular|widescreen|(?:portrait|landscape|vertical|horizontal)\s+(?:orientation|layout)",
    re.I,
)
_WIDER = re.compile(r"(?:(?:a bit|a little|slightly|much)\s+)?(?:wider|taller|narrower)", re.I)
_ORIENTATION = re.compile(r"portrait|landscape|vertical|horizontal", re.I)
_OF_PICTURE = re.compile(rf"\b{_PICTURE}\b", re.I)
_TURN = re.compile(r"\b(?:make|turn|rotate|change|convert)\s+(?:it|this|that|the\s+\w+)\b", re.I)
_JOINT = re.compile(r"( ?[,;!?\n] ?| ?\.(?!\d) ?| (?:and|but|also|then|plus) )", re.I)
_SPACES = re.compile(r"[^\S\n]+")


def split_size_requests(text: str) -> tuple[str, bool]:
    """The text without its requests for a size or format, and whether it had any."""
    pieces = _JOINT.split(_SPACES.sub(" ", text[:_MAX_CHARACTERS].replace("’", "'")))
    kept, has_size = "", False
    for k in range(0, len(pieces), 2):
        if is_size_request(pieces[k]):
            has_size = True
        elif pieces[k].strip():
            kept += (pieces[k - 1] if kept else "") + pieces[k]
    return (kept, True) if has_size else (text, False)


def is_size_request(clause: str) -> bool:
    """Whether a clause asks for a size or format of the picture, and for nothing else."""
    clause = clause.strip(" .,!?()")
    if not clause or len(clause.split()) > _MAX_WORDS:
        return False
    request = _LEAD.sub("", clause, count=1) if _LEAD.match(clause) else clause
    size = _TAIL.sub("", request)
    is_about_picture = bool(_OF_PICTURE.search(clause))
    if _SIZE.fullmatch(size) or _SIZE.fullmatch(request):
        return True
    if _WIDER.fullmatch(size):
        return is_about_picture or size == clause
    return bool(_ORIENTATION.fullmatch(size)) and (is_about_picture or bool(_TURN.search(clause)))
