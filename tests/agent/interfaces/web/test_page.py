"""How the page is served, who may see it, and how it looks: keys, headers, colours, small windows."""

import re
from importlib.resources import files
from typing import TYPE_CHECKING

import httpx
import pytest
from picture_files import picture_file
from playwright.sync_api import expect

if TYPE_CHECKING:
    from ..conftest import Running
    from .conftest import Tab, Visit, Visitor

_CONTRAST = """selector => {
  const numbers = (colour) => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const luminance = (colour) => {
    const linear = (n) => (n <= 0.04045 ? n / 12.92 : ((n + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = numbers(colour).map((n) => linear(n / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const element = document.querySelector(selector);
  let behind = element;
  while (/, 0\\)|transparent/.test(getComputedStyle(behind).backgroundColor)) behind = behind.parentElement;
  const [a, b] = [luminance(getComputedStyle(element).color), luminance(getComputedStyle(behind).backgroundColor)];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}"""
"""How far an element's text stands out from what is behind it, as WCAG 2 counts."""


def test_the_page_is_served_with_a_strict_policy(site: "Running") -> None:
    answer = site.client.get("/")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'self'"
    assert policy["img-src"] == "'self' data:"
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "<style" not in answer.text
    assert re.search(r"<script(?![^>]* src=)|\son\w+=|\sstyle=|//", answer.text) is None
    again = site.client.get("/", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.headers["referrer-policy"]) == (304, "no-referrer")


def test_every_file_of_the_page_is_served_and_used(tab: "Tab", visitor: "Visitor", site: "Running") -> None:
    names = {each.name for each in files("notthat.agent.interfaces.web").joinpath("static").iterdir()} - {"index.html"}
    for name in names:
        answer = site.client.get(f"/web/{name}")
        assert (answer.status_code, answer.headers["x-content-type-options"]) == (200, "nosniff"), name
    assert {url.removeprefix(f"{site.url}/web/") for url in visitor.asked if "/web/" in url} == names


@pytest.mark.parametrize("path", ["/web/../../http/app.py", "/web/%2e%2e/__init__.py", "/web/none.js", "/web/"])
def test_nothing_else_is_served(site: "Running", path: str) -> None:
    request = httpx.Request("GET", httpx.URL(site.url, raw_path=path.encode()))
    assert site.client.send(request).status_code == 404


def test_a_key_is_asked_for_and_stays_in_its_tab(visitor: "Visitor", site: "Running") -> None:
    site.studio.store.keys.add("other")
    _, token = site.studio.store.keys.add("somebody", policies=("quality",))
    tab = visitor.tab()
    dialog = tab.page.get_by_role("dialog", name="API key")
    expect(dialog).to_be_visible()
    tab.page.keyboard.type("nt_wrong")
    tab.page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("unknown or revoked")
    tab.page.keyboard.type(token)
    tab.page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    tab.page.get_by_text("Options").click()
    expect(tab.page.get_by_role("checkbox", name="quality")).to_be_checked()
    expect(tab.page.get_by_role("checkbox", name="quality")).to_be_disabled()
    tab.page.locator("#prompt").focus()
    tab.begin()
    tab.say("too dark")
    expect(tab.page.locator(".chip.locked")).to_contain_text("quality")
    tab.page.reload()
    tab.shows(1)
    assert all(token not in url for url in visitor.asked)
    stranger = visitor.tab(f"/?session={tab.session}")
    expect(stranger.page.get_by_role("dialog", name="API key")).to_be_visible()
    tab.page.get_by_role("button", name="Key", exact=True).click()
    tab.page.get_by_role("button", name="Forget key").click()
    expect(dialog).to_be_visible()
    tab.page.reload()
    expect(dialog).to_be_visible()


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1280])
def test_the_page_fits_its_window(visit: "Visit", colours: str, width: int) -> None:
    size = {"width": width, "height": 800}
    tab = visit(viewport=size, color_scheme=colours, reduced_motion="reduce").tab()
    fits = "document.documentElement.scrollWidth <= innerWidth"
    assert tab.page.evaluate(fits)
    expect(tab.page.locator("#prompt")).to_be_in_viewport(ratio=1)
    for selector in ("h1", ".example", ".fine", "#options summary", ".wordmark", "#sessions"):
        assert tab.page.evaluate(_CONTRAST, selector) >= 4.5, selector
    tab.drop(picture_file((1600, 300)))
    tab.attached()
    tab.page.get_by_role("button", name="Mark where it may change").click()
    assert tab.page.evaluate(fits)
    for selector in ("#strength-value", "#strength-note", "#source-remove", "#mask-keys"):
        assert tab.page.evaluate(_CONTRAST, selector) >= 4.5, selector
    panel = tab.page.locator("#source").bounding_box()
    assert panel
    for control in tab.page.locator("#source :is(button, input, canvas)").all():
        box = control.bounding_box()
        assert box
        assert panel["x"] <= box["x"]
        assert box["x"] + box["width"] <= panel["x"] + panel["width"]
    tab.page.get_by_role("button", name="Remove picture").click()
    tab.page.locator("#prompt").focus()
    tab.begin()
    tab.say("too cartoonish")
    tab.say("looks like a painting, and there is text, and a logo")
    tab.page.locator("#history-0").click()
    tab.say("too dark")
    assert tab.page.evaluate(fits)
    for selector in ("#words", "#figure", "#send"):
        expect(tab.page.locator(selector)).to_be_in_viewport(ratio=1)
    for selector in (
        ".said p",
        ".said .number",
        "#shows",
        ".chip .term",
        ".chip .weight",
        "#undo",
        ".chip.weighed .weight",
    ):
        if tab.page.locator(selector).count():
            assert tab.page.evaluate(_CONTRAST, selector) >= 4.5, selector
    for body in tab.page.locator(".chip .body").all():
        body.focus()
        card = tab.page.locator(".chip:focus-within .card").bounding_box()
        assert card
        assert card["x"] >= 0
        assert card["x"] + card["width"] <= width
    assert tab.page.evaluate(fits)


def test_events_are_read_as_the_standard_says(tab: "Tab") -> None:
    read = tab.page.evaluate(
        """async () => {
          const { parse } = await import("./web/events.js");
          const parts = [": alive\\n\\nretry: 1000\\n\\nid: a-1\\nev", "ent: step\\r\\ndata: {\\"step\\":1,\\n",
            "data: \\"of\\":2}\\n\\n", "data:[1]\\r",
            "\\n\\r\\nevent: empty\\n\\nid: a-2\\nevent: done\\ndata: {}\\n\\nda"];
          const bytes = parts.map((part) => new TextEncoder().encode(part));
          const body = new ReadableStream({
            pull: (stream) => (bytes.length ? stream.enqueue(bytes.shift()) : stream.close()),
          });
          const found = [];
          for await (const event of parse(body)) found.push(event);
          return found;
        }"""
    )
    assert read == [
        {"id": "a-1", "type": "step", "data": {"step": 1, "of": 2}},
        {"id": "a-1", "type": "message", "data": [1]},
        {"id": "a-2", "type": "done", "data": {}},
    ]
