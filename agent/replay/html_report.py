"""Renders a session as one self-contained HTML page.

All text is escaped, and the content security policy blocks all external resources and requests.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from html import escape
from importlib import resources
from io import BytesIO

from ...storage import ExclusionRecord, ImageStore, SessionRecord, TurnRecord
from ..turn_png import build_turn_png
from ..verification.record import Verification
from ..verification.replies import describe_verdict
from .regenerate import ReplayResult
from .tree_svg import render_tree

_VERDICTS = {"gone": "gone", "there": "still there", "unknown": "not known"}
_VERDICT_CLASSES = {"gone": "good", "there": "bad", "unknown": "soft"}

_THUMBNAIL = 160
"""Longer side of the thumbnails, in pixels."""


@cache
def content_security_policy() -> str:
    """The policy of the page: no external resources, and only its own style and script, by hash."""
    return "; ".join(
        [
            "default-src 'none'",
            "img-src data:",
            f"style-src {_hash(_load_resource('page.css'))}",
            f"script-src {_hash(_load_resource('page.js'))}",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def render_report(
    session: SessionRecord,
    turns: Sequence[TurnRecord],
    images: ImageStore,
    replay_results: Mapping[int, ReplayResult],
) -> str:
    """The page of a session. `replay_results` has the results of a replay by turn number.

    Raises `StorageError` if a picture is missing.
    """
    by_number = {turn.number: turn for turn in turns}
    title = f"“{session.prompt}”"
    articles = (
        _render_article(
            turn, by_number.get(-1 if turn.parent is None else turn.parent), images, replay_results.get(turn.number)
        )
        for turn in turns
    )
    policies = f" · policies: {escape(', '.join(session.policies))}" if session.policies else ""
    return "\n".join(
        [
            '<!doctype html><html lang="en"><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{content_security_policy()}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)} – notthat</title>",
            f"<style>{_load_resource('page.css')}</style>",
            f"<header><h1>{escape(title)}</h1>",
            f'<div class="soft">session <code>{escape(session.id)}</code> · begun '
            f"{session.created_at:%Y-%m-%d %H:%M} UTC · {len(turns)} turns · "
            f"model {escape(session.model)}{policies}</div>",
            "</header>",
            f'<nav class="strip" aria-label="All pictures">{_render_strip(session, turns, images)}</nav>',
            f'<nav class="tree" aria-label="Which turn grew from which">{render_tree(turns, session.head)}</nav>',
            "<main>",
            *articles,
            "</main>",
            f"<script>{_load_resource('page.js')}</script></html>",
        ]
    )


def _render_strip(session: SessionRecord, turns: Sequence[TurnRecord], images: ImageStore) -> str:
    parts = []
    for turn in turns:
        thumbnail = images.open(turn.sha256).convert("RGB")
        thumbnail.thumbnail((_THUMBNAIL, _THUMBNAIL))
        file = BytesIO()
        thumbnail.save(file, "JPEG", quality=85)
        head = ' class="head"' if turn.number == session.head else ""
        parts.append(
            f'<a href="#turn-{turn.number}"{head}><img src="{_uri("jpeg", file.getvalue())}" alt="turn {turn.number}">'
            f"{turn.number} · {escape(turn.feedback)}</a>"
        )
    return "".join(parts)


def _render_article(
    turn: TurnRecord, parent: TurnRecord | None, images: ImageStore, replay_result: ReplayResult | None
) -> str:
    images.verified(turn.image)
    source = _uri("png", build_turn_png(turn, images))
    alt = escape(f"turn {turn.number}: {turn.prompt}", quote=True)
    pair, slider = f'<img id="picture-{turn.number}" src="{source}" alt="{alt}">', ""
    if parent is not None:
        pair += f'<img class="before" data-of="picture-{parent.number}" alt=""><div class="edge"></div>'
        slider = (
            '<input type="range" min="0" max="100" value="50" aria-label="how much of the picture before is shown">'
            f'<div class="sides soft"><span>turn {parent.number}</span><span>turn {turn.number}</span></div>'
        )
    origin = "" if parent is None else f' <span class="soft">from turn {parent.number}</span>'
    changed = parent is None or parent.prompt != turn.prompt
    return (
        f'<article id="turn-{turn.number}"><div class="pictures"><div class="pair">{pair}</div>{slider}</div><div>'
        f"<h2>Turn {turn.number}{origin}</h2><blockquote>{escape(turn.feedback)}</blockquote>"
        f"<p>{escape(turn.reply)}</p>"
        f'<p class="{"" if changed else "soft"}"><span class="label">of</span> {escape(turn.prompt)}</p>'
        f'<ul><li class="label">without</li>{"".join(_render_exclusions(turn, parent)) or "<li>nothing</li>"}</ul>'
        f"{_render_verdict(replay_result)}{_render_settings(turn)}</div></article>"
    )


def _render_exclusions(turn: TurnRecord, parent: TurnRecord | None) -> Iterable[str]:
    """The exclusions of a turn and those that it dropped, marked as added, changed, kept or dropped."""
    before = {exclusion.term: exclusion for exclusion in parent.exclusions} if parent else {}
    for exclusion in turn.exclusions:
        old = before.pop(exclusion.term, None)
        kind = "added" if old is None else "changed" if old.weight != exclusion.weight else "kept"
        yield _render_chip(exclusion, kind)
    for exclusion in before.values():
        yield _render_chip(exclusion, "dropped")


def _render_chip(exclusion: ExclusionRecord, kind: str) -> str:
    weight = "" if exclusion.weight == 1 else f" {exclusion.weight:g}"
    why = (
        f"since turn {exclusion.since}: “{exclusion.words}”" if exclusion.source == "user" else f"by {exclusion.source}"
    )
    verdict, title = "", f"{kind}; {why}"
    if exclusion.verdict is not None and kind != "dropped":
        verdict = f' <span class="{_VERDICT_CLASSES[exclusion.verdict]}">{_VERDICTS[exclusion.verdict]}</span>'
        title += f"; {describe_verdict(exclusion)}"
    return f'<li class="{kind}" title="{escape(title, quote=True)}">{escape(exclusion.term)}{weight}{verdict}</li>'


def _list_tries(turn: TurnRecord) -> str | None:
    """The tries of a verified turn, each with what is still there; None if it was not verified."""
    verification = Verification.of_turn(turn)
    if verification is None:
        return None
    lines = []
    for k, each in enumerate(verification.tries):
        left = ", ".join(each.terms("there")) or "nothing"
        chosen = " (chosen)" if k == verification.chosen and len(verification.tries) > 1 else ""
        lines.append(f"{each.how}: {left} still there{chosen}")
    return "; ".join([*lines, *verification.failures])


def _render_verdict(replay_result: ReplayResult | None) -> str:
    """The result of the replay of a turn; empty without a replay."""
    if replay_result is None:
        return ""
    kind, verdict = ("good", "identical") if replay_result.drift is None else ("bad", replay_result.drift.summary)
    return f'<p><span class="label">drawn again</span> <span class="{kind}">{escape(verdict)}</span></p>'


def _render_settings(turn: TurnRecord) -> str:
    """The main settings in one line, and the edits, all settings and the provenance in a list that opens."""
    request, provenance = turn.request, turn.provenance or {}
    steps, guidance = request.get("num_inference_steps"), request.get("guidance_scale")
    edits = " ".join(f"<code>{escape(json.dumps(edit, ensure_ascii=False))}</code>" for edit in turn.edits)
    rows = {
        "seed": turn.seed,
        "steps": steps,
        "guidance": guidance,
        "size": f"{request.get('width')} × {request.get('height')}",
        "method": request.get("method"),
        "model": request.get("model"),
        "weights": provenance.get("weights"),
        "scheduler": provenance.get("scheduler"),
        "device": " ".join(str(provenance[name]) for name in ("device", "dtype") if name in provenance) or None,
        "libraries": ", ".join(f"{name} {number}" for name, number in provenance.get("libraries", {}).items()) or None,
        "made": f"{turn.created_at:%Y-%m-%d %H:%M:%S} UTC, in {turn.seconds:.1f} s",
        "sha256": turn.sha256,
        "tries": _list_tries(turn),
    }
    lines = [f"<dt>{name}</dt><dd>{escape(str(value))}</dd>" for name, value in rows.items() if value is not None]
    if edits:
        lines.insert(0, f"<dt>edits</dt><dd>{edits}</dd>")
    summary = escape(f"seed {turn.seed} · {steps} steps · guidance {guidance}")
    return f"<details><summary>{summary}</summary><dl>{''.join(lines)}</dl></details>"


def _uri(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _hash(text: str) -> str:
    """The hash of an inline style or script, for a content security policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _load_resource(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
