"""A session that starts from a picture: chosen, dropped or pasted on the page."""

import base64
import io
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Page, expect

if TYPE_CHECKING:
    from ..conftest import Running
    from .conftest import PatientEngine, Tab, Visit, Visitor

_TRANSFER = """([base64, name, type, count]) => {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  for (let k = 0; k < count; k++) transfer.items.add(new File([bytes], name, { type }));
  return transfer;
}"""


def png(size: tuple[int, int] = (192, 128)) -> bytes:
    picture = Image.linear_gradient("L").resize(size).convert("RGB")
    ImageDraw.Draw(picture).rectangle((20, 20, 90, 90), fill=(30, 90, 160))
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def drop(page: Page, content: bytes, name: str = "photo.png", kind: str = "image/png", count: int = 1) -> None:
    """Drop files onto the page, as a file manager does."""
    transfer = page.evaluate_handle(_TRANSFER, [base64.b64encode(content).decode(), name, kind, count])
    for event in ("dragover", "drop"):
        page.dispatch_event("main:visible", event, {"dataTransfer": transfer})


def paste(page: Page, content: bytes, text: str = "") -> None:
    """Paste a picture from the clipboard, perhaps with text beside it."""
    transfer = page.evaluate_handle(_TRANSFER, [base64.b64encode(content).decode(), "image.png", "image/png", 1])
    page.evaluate(
        """([transfer, text]) => {
          if (text) transfer.setData("text/plain", text);
          const paste = new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true, cancelable: true });
          document.activeElement.dispatchEvent(paste);
        }""",
        [transfer, text],
    )


def attached(tab: "Tab") -> None:
    expect(tab.page.get_by_role("img", name=re.compile("The picture to start from"))).to_be_visible()


def start(tab: "Tab", prompt: str) -> None:
    """A session that starts from the attached picture."""
    tab.type(prompt)
    expect(tab.pictures).to_have_count(2)
    tab.shows(0)


@pytest.fixture
def sent(visitor: "Visitor") -> list[dict[str, Any]]:
    """The requests for new sessions that the page has sent."""
    found: list[dict[str, Any]] = []
    visitor.context.on(
        "request",
        lambda request: request.method == "POST"
        and request.url.endswith("/api/sessions")
        and found.append(json.loads(request.post_data or "")),
    )
    return found


def test_a_dropped_picture_starts_a_session(
    tab: "Tab", site: "Running", visitor: "Visitor", sent: list[dict[str, Any]], tmp_path: Path
) -> None:
    drop(tab.page, png())
    attached(tab)
    start(tab, "portrait of a man without mustache")
    assert [set(request) for request in sent] == [{"prompt", "picture"}]
    tab.page.locator("#words").focus()
    tab.type("too cartoonish")
    expect(tab.pictures).to_have_count(3)
    tab.shows(1)
    tab.say("and no watermark")
    tab.page.reload()
    expect(tab.pictures).to_have_count(4)
    tab.shows(2)

    turns = site.studio.store.turns(tab.session)
    sources = {turn.request.init_image for turn in turns}
    assert len(turns) == 3
    assert len(sources) == 1
    source = Image.open(io.BytesIO(site.client.get(f"/api/images/{sources.pop()}.png").content))
    assert np.array_equal(source, Image.open(io.BytesIO(png())))

    tab.leave_field()
    with tab.page.expect_download() as downloading:
        tab.page.keyboard.press("d")
    assert downloading.value.suggested_filename == f"notthat-{tab.session}-2.png"
    tab.page.keyboard.press("Home")
    expect(tab.page.locator("#history [aria-selected=true]")).to_have_id("history-source")
    with tab.page.expect_download() as downloading:
        tab.page.keyboard.press("d")
    with Image.open(downloading.value.path()) as picture:
        assert np.array_equal(picture, Image.open(io.BytesIO(png())))
    with visitor.context.expect_page() as opening:
        tab.page.get_by_role("link", name="Replay").click()
    expect(opening.value.get_by_role("article").last).to_contain_text("no watermark")


def test_the_source_is_first_in_the_history_and_compared_with(tab: "Tab") -> None:
    paste(tab.page, png())
    attached(tab)
    start(tab, "portrait of a man without mustache")
    tab.leave_field()
    tab.page.keyboard.press("c")
    slider = tab.page.get_by_role("slider", name="How much of source is shown over turn 0")
    expect(slider).to_be_focused()
    expect(tab.page.locator("#before")).to_have_js_property("naturalWidth", 192)
    tab.page.keyboard.press("Escape")
    tab.page.locator("#words").focus()
    tab.type("too cartoonish")
    tab.shows(1)
    against = tab.page.get_by_role("button", name="Compare with the source")
    expect(against).to_be_hidden()
    tab.page.get_by_role("button", name="Compare", exact=True).click()
    expect(tab.page.locator("#side-before")).to_have_text("turn 0")
    against.click()
    expect(against).to_have_attribute("aria-pressed", "true")
    expect(tab.page.locator("#side-before")).to_have_text("source")

    option = tab.page.get_by_role("option", name="Source: the picture that this session started from")
    expect(tab.pictures.first).to_have_id("history-source")
    option.click()
    expect(option).to_have_attribute("aria-selected", "true")
    expect(tab.page.locator("#after")).to_have_js_property("naturalWidth", 192)
    expect(slider).to_be_hidden()
    expect(tab.page.get_by_text("This is the picture you started from.")).to_be_visible()
    for name in ("Undo", "Another one", "Branch", "Compare"):
        expect(tab.page.get_by_role("button", name=name, exact=True)).to_be_disabled()
    tab.page.keyboard.press("ArrowRight")
    tab.shows(0)
    tab.page.keyboard.press("ArrowLeft")
    expect(option).to_be_focused()
    tab.page.locator("#words").focus()
    tab.type("too dark")  # is about the current turn
    tab.shows(2)
    expect(tab.page.locator("#history .lines path")).to_have_count(3)


def test_how_much_and_where_it_may_change_is_sent(tab: "Tab", sent: list[dict[str, Any]]) -> None:
    drop(tab.page, png())
    attached(tab)
    slider = tab.page.get_by_role("slider", name="How much may change")
    expect(slider).to_have_attribute("aria-valuetext", "60 percent")
    slider.focus()
    tab.page.keyboard.press("ArrowRight")
    tab.page.get_by_role("button", name="Mark where it may change").click()
    mask = tab.page.get_by_role("application", name="Where the picture may change")
    expect(mask).to_be_focused()
    box = mask.bounding_box()
    assert box
    tab.page.mouse.move(box["x"] + 5, box["y"] + 5)
    tab.page.mouse.down()
    tab.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 5, steps=3)
    tab.page.mouse.up()
    tab.page.locator("#prompt").focus()
    start(tab, "portrait of a man")

    assert sent[0]["strength"] == 0.65
    marked = np.asarray(Image.open(io.BytesIO(base64.b64decode(sent[0]["mask"].partition(",")[2]))).convert("L"))
    assert marked.shape == (128, 192)
    assert marked[3, :90].min() > 250
    assert marked[64:].max() == marked[:, 120:].max() == 0


def test_the_brush_works_by_keyboard(tab: "Tab") -> None:
    drop(tab.page, png())
    attached(tab)
    tab.page.get_by_role("button", name="Mark where it may change").click()
    look = "document.getElementById('mask').toDataURL()"
    blank = tab.page.evaluate(look)
    tab.page.keyboard.press("ArrowUp")
    assert tab.page.evaluate(look) == blank
    tab.page.keyboard.press("Space")
    assert tab.page.evaluate(look) != blank
    tab.page.keyboard.press("Delete")
    assert tab.page.evaluate(look) == blank
    tab.page.keyboard.press("Shift+ArrowLeft")
    assert tab.page.evaluate(look) != blank
    tab.page.get_by_role("button", name="Clear marks").click()
    assert tab.page.evaluate(look) == blank
    tab.page.locator("#mask").focus()
    tab.page.keyboard.press("Escape")
    expect(tab.page.get_by_role("button", name="Mark where it may change")).to_be_focused()


def test_a_picture_is_chosen_replaced_and_removed(tab: "Tab", sent: list[dict[str, Any]]) -> None:
    for width in (64, 96):
        with tab.page.expect_file_chooser() as choosing:
            tab.page.get_by_role("button", name="Start from a picture").click()
        file = {"name": "one.png", "mimeType": "image/png", "buffer": png((width, 64))}
        choosing.value.set_files(file)  # type: ignore[arg-type]
        expect(tab.page.get_by_role("img", name=f"The picture to start from, {width} by 64 pixels")).to_be_visible()
    tab.page.get_by_role("button", name="Remove picture").click()
    expect(tab.page.locator("#source")).to_be_hidden()
    expect(tab.page.get_by_role("button", name="Start from a picture")).to_be_focused()
    tab.page.locator("#prompt").focus()
    tab.begin()
    assert "picture" not in sent[0]


@pytest.mark.parametrize(
    ("content", "name", "kind", "line"),
    [
        (b"", "none.png", "image/png", "“none.png” is empty."),
        (b"no picture", "words.png", "image/png", "“words.png” can’t be read as a picture."),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a.svg", "image/svg+xml", "“a.svg” can’t be read as a picture."),
        (b"some words", "a.txt", "text/plain", "“a.txt” can’t be read as a picture."),
    ],
)
def test_a_file_that_is_no_picture(
    tab: "Tab", sent: list[dict[str, Any]], content: bytes, name: str, kind: str, line: str
) -> None:
    drop(tab.page, png())
    attached(tab)
    drop(tab.page, content, name, kind)
    expect(tab.page.locator("#source-said")).to_contain_text(line)
    attached(tab)  # the picture before
    drop(tab.page, png(), count=2)
    expect(tab.page.locator("#source-said")).to_have_text("Add one picture at a time.")
    drop(tab.page, png((64, 64)))
    expect(tab.page.get_by_role("img", name="The picture to start from, 64 by 64 pixels")).to_be_visible()
    expect(tab.page.locator("#source-said")).to_be_empty()
    assert sent == []


@pytest.mark.parametrize("content", [png((4, 4)), png()[:200]], ids=["too small", "truncated"])
def test_what_the_server_refuses_is_said_beside_the_picture_and_sent_once(
    tab: "Tab", site: "Running", sent: list[dict[str, Any]], content: bytes
) -> None:
    drop(tab.page, content)
    attached(tab)
    tab.type("portrait of a man")
    expect(tab.page.locator("#source-said")).not_to_be_empty()
    expect(tab.page.locator("#problem")).to_be_hidden()
    expect(tab.page.locator("#prompt")).to_have_value("portrait of a man")
    attached(tab)
    assert len(sent) == 1
    assert site.studio.store.sessions() == []


def test_a_large_picture_is_refused_before_it_is_sent(
    tab: "Tab", site: "Running", sent: list[dict[str, Any]]
) -> None:
    limits = site.client.get("/api/models").json()["pictures"]
    drop(tab.page, png((limits["max_side"] + 1, 16)), "wide.png")
    expect(tab.page.locator("#source-said")).to_contain_text(f"“wide.png” has {limits['max_side'] + 1} × 16 pixels.")
    drop(tab.page, png() + bytes(limits["max_bytes"]), "heavy.png")
    expect(tab.page.locator("#source-said")).to_contain_text("This server takes pictures of at most")
    expect(tab.page.locator("#source")).to_be_hidden()
    assert sent == []


def test_a_picture_dropped_on_a_session_starts_another(tab: "Tab", engine: "PatientEngine") -> None:
    tab.begin()
    first = tab.session
    drop(tab.page, b"broken", "broken.png")
    expect(tab.page.get_by_role("alert").filter(has_text="“broken.png” can’t be read")).to_be_visible()
    tab.shows(0)
    drop(tab.page, png())
    attached(tab)
    expect(tab.page.locator("#prompt")).to_be_focused()
    start(tab, "a boat")
    assert tab.session != first


def test_a_picture_that_was_drawn_here_continues_its_session(tab: "Tab", site: "Running") -> None:
    tab.begin()
    tab.say("too cartoonish")
    session = tab.session
    turn = site.studio.store.turn(session, 0)
    own = site.client.get(f"/api/images/{turn.sha256}.png").content
    tab.page.get_by_role("button", name="New", exact=True).click()
    paste(tab.page, own)
    attached(tab)
    tab.type("no watermark")
    tab.shows(2)
    assert tab.session == session
    expect(tab.pictures).to_have_count(3)
    assert site.studio.store.turn(session, 2).parent == 0
    expect(tab.last).to_contain_text("no watermark")


def test_text_beside_a_pasted_picture_is_pasted_as_text(tab: "Tab") -> None:
    paste(tab.page, png(), text="a boat")
    expect(tab.page.locator("#source")).to_be_hidden()
    paste(tab.page, png())
    attached(tab)


@pytest.mark.parametrize("width", [400, 1280])
def test_the_picture_fits_its_window(visit: "Visit", width: int) -> None:
    tab = visit(viewport={"width": width, "height": 800}, reduced_motion="reduce").tab()
    drop(tab.page, png((1600, 300)))
    attached(tab)
    tab.page.get_by_role("button", name="Mark where it may change").click()
    assert tab.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    panel = tab.page.locator("#source").bounding_box()
    assert panel
    for control in tab.page.locator("#source :is(button, input, canvas)").all():
        box = control.bounding_box()
        assert box
        assert panel["x"] <= box["x"]
        assert box["x"] + box["width"] <= panel["x"] + panel["width"]
