"""A session to look at: what the page says, and that it needs nothing but itself."""

import base64
import hashlib
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from notthat.agent import Conversation, Studio, replay_session
from notthat.agent.edits import Exclude, State
from notthat.agent.interpreters import Interpretation, OfflineInterpreter
from notthat.agent.replay.gif_and_grid import save_gif, save_grid
from notthat.agent.replay.html_report import render_report
from notthat.agent.replay.tree_svg import layout_tree

EVIL = "no <script>alert('x')</script> fog\" onload=\"x"


class Literal(OfflineInterpreter):
    """Takes markup for something to leave out."""

    def interpret(self, feedback: str, state: State, picture: Image.Image | None = None) -> Interpretation:
        if feedback != EVIL:
            return super().interpret(feedback, state, picture)
        return Interpretation(edits=(Exclude(term="<b onclick=x>fog</b>"),), reply=f"Excluded {EVIL}")


@pytest.fixture
def studio(open_studio: Callable[..., Studio]) -> Studio:
    return open_studio(interpreter=Literal())


@pytest.fixture
def session(studio: Studio) -> str:
    """A session with a branch, and words that would like to be more."""
    conversation = Conversation.start("a harbour at dawn without boats", studio, seed=1, policies=["quality"])
    conversation.say("no lanterns")
    conversation.say(EVIL)
    conversation.say("bring the lanterns back")
    conversation.branch(1)
    conversation.say("still lanterns")
    return conversation.id


def write(studio: Studio, session: str, path: Path) -> Path:
    record, turns = studio.store.session(session), studio.store.turns(session)
    results = {result.turn: result for result in replay_session(studio, session)}
    path.write_text(render_report(record, turns, studio.store.images, results), encoding="utf-8")
    return path


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_page_holds_all_that_it_shows_and_no_more_scripts_than_its_own(
    studio: Studio, session: str, tmp_path: Path
) -> None:
    reader = _Reader()
    reader.feed(write(studio, session, tmp_path / "page.html").read_text())
    assert [tag for tag, _ in reader.tags].count("script") == 1
    for _, attributes in reader.tags:
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href"):
            assert (attributes.get(name) or "#").startswith(("data:image/", "#"))
    assert [attributes["id"] for tag, attributes in reader.tags if tag == "article"] == [f"turn-{k}" for k in range(5)]


def test_the_page_names_its_own_style_and_script_and_allows_no_other(
    studio: Studio, session: str, tmp_path: Path
) -> None:
    text = write(studio, session, tmp_path / "page.html").read_text()
    (policy,) = re.findall(r'<meta http-equiv="Content-Security-Policy" content="([^"]+)">', text)
    directives = dict(directive.split(" ", 1) for directive in policy.split("; "))
    assert directives["default-src"] == directives["base-uri"] == directives["form-action"] == "'none'"
    assert directives["img-src"] == "data:"
    for tag in ("style", "script"):
        (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert directives[f"{tag}-src"] == f"'sha256-{digest}'"
    assert " style=" not in text


def test_the_page_marks_what_each_turn_did_to_the_exclusions(studio: Studio, session: str, tmp_path: Path) -> None:
    text = write(studio, session, tmp_path / "page.html").read_text()
    articles = text.split("<article")[1:]
    marked = [re.findall(r'<li class="(\w+)"[^>]*>([^<]+)<', article) for article in articles]
    assert ("added", "boats") in marked[0]
    assert ("added", "lanterns") in marked[1]
    assert ("kept", "lanterns") in marked[2]
    assert ("dropped", "lanterns") in marked[3]
    assert [kind for kind, term in marked[4] if term.startswith("lanterns")] == ["changed"]
    assert text.count(">identical<") == 5


def test_a_branch_has_a_lane_of_its_own(studio: Studio, session: str) -> None:
    assert layout_tree(studio.store.turns(session)) == {0: (0, 0), 1: (1, 0), 2: (2, 0), 3: (3, 0), 4: (2, 1)}


def test_the_film_is_the_way_to_the_head_and_the_sheet_has_all(studio: Studio, session: str, tmp_path: Path) -> None:
    turns, head = studio.store.turns(session), studio.store.session(session).head
    save_gif(turns, head, studio.store.images, tmp_path / "film.gif")
    with Image.open(tmp_path / "film.gif") as film:
        assert (film.n_frames, film.size) == (3, (32, 32))  # type: ignore[attr-defined]
    save_grid(turns, studio.store.images, tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        for place, turn in enumerate(turns):
            x, y = 12 + place % 3 * 44, 12 + place // 3 * 78
            cell = sheet.crop((x, y, x + 32, y + 32))
            assert cell.tobytes() == studio.store.images.open(turn.sha256).convert("RGB").tobytes()


def test_a_browser_shows_the_page_without_a_network(studio: Studio, session: str, tmp_path: Path, browser: Any) -> None:
    path = write(studio, session, tmp_path / "page.html")
    asked, complaints = [], []
    for width in (1280, 400):
        view = browser.new_page(viewport={"width": width, "height": 800})
        view.on("request", lambda request: asked.append(request.url))
        view.on("console", lambda message: complaints.append(message.text))
        view.on("pageerror", lambda error: complaints.append(str(error)))
        view.goto(path.as_uri())
        assert view.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
        assert view.evaluate("document.documentElement.scrollWidth <= innerWidth")  # nothing sticks out
        slider = view.locator("#turn-1 input[type=range]")
        slider.fill("80")
        cut = view.evaluate("getComputedStyle(document.querySelector('#turn-1 .before')).clipPath")
        assert cut in ("inset(0px 20% 0px 0px)", "inset(0px calc(20%) 0px 0px)")
        details = view.locator("#turn-1 dl")
        assert not details.is_visible()
        view.locator("#turn-1 summary").click()
        assert details.is_visible()
        view.locator(".tree a[href='#turn-4']").click()
        assert view.locator("#turn-4").evaluate("turn => turn.getBoundingClientRect().top < innerHeight")
        run = "document.body.append(Object.assign(document.createElement('script'), {text: 'window.foreign = true'}))"
        view.evaluate(run)
        assert view.evaluate("window.foreign") is None  # no other script runs
        assert "Content Security Policy" in complaints.pop()
        boxes = [view.locator(f"#turn-1 {name}").bounding_box() for name in (".before", "#picture-1")]
        assert boxes[0] == boxes[1]  # one lies on the other
        view.close()
    assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()] * 2
    assert complaints == []
