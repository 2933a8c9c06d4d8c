"""What a prompt has that only other programs act on, so that users are told that it is read as words."""

import re
from collections.abc import Iterable

from .request import Syntax

_MAX_QUOTED = 4
_FOREIGN: tuple[str, ...] = (
    r"(?<!\\)\[[^\[\]]*:\s*[\d.]+\s*\]",  # prompt editing: [cat:dog:0.5]
    r"(?<!\\)\[[^\[\]|]*\|[^\[\]]*\]",  # alternating words: [cat|dog]
    r"\{[^{}|]*\|[^{}]*\}",  # variants of Dynamic Prompts: {cat|dog}
    r"__[\w/*-]+?__",  # and its wildcards
    r"<(?!lora:|lyco:)[A-Za-z]\w*:[^<>]+>",  # extra networks: <hypernet:x:1>
    r"(?<=\s)AND(?=\s)",  # composable diffusion
)
_LORA = r"<(?:lora|lyco):[^<>]+>"
_NETWORKS: tuple[str, ...] = (_LORA, r"(?<!\w)embedding:[\w./-]+")
"""Names of files that were not found: what is found is taken out of a text by `prompt_networks`."""
_BREAK = r"\bBREAK\b"
"""What the syntax “weighted” reads."""


def explain_foreign_syntax(text: str, syntax: Syntax, name: str = "prompt") -> list[str]:
    """A line for what has a meaning in AUTOMATIC1111's web UI, its extensions or ComfyUI, but none here; or none."""
    patterns = _FOREIGN if syntax == "weighted" else (*_FOREIGN, _BREAK)
    if text == text.upper():  # where every word is in capitals, these are words
        patterns = tuple(each for each in patterns if "AND" not in each and "BREAK" not in each)
    networks = _NETWORKS
    if name != "prompt":  # a LoRA is read in a prompt only
        networks, patterns = _NETWORKS[1:], (*patterns, _LORA)
    lines = []
    if missing := _find(networks, text):
        lines.append(
            f"Read as words in the {name}, since NOTTHAT_HOME and NOTTHAT_MODELS have no such file: {missing}."
        )
    if others := _find(patterns, text):
        lines.append(f"Read as words in the {name}, since only other programs act on them: {others}.")
    return lines


def _find(patterns: Iterable[str], text: str) -> str:
    """What fits, in quotes and in order; empty if nothing does."""
    found = sorted((match.start(), match[0]) for each in patterns for match in re.finditer(each, text))
    parts = list(dict.fromkeys(" ".join(part.split()) for _, part in found))
    more = f" and {len(parts) - _MAX_QUOTED} more" if len(parts) > _MAX_QUOTED else ""
    quoted = (f"“{part if len(part) <= 40 else part[:39] + '…'}”" for part in parts[:_MAX_QUOTED])
    return ", ".join(quoted) + more
