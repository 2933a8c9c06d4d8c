"""A session that starts from a picture: chosen, dropped or pasted on the page."""

import base64
import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from picture_files import picture_file
from PIL import Image
from playwright.sync_api import expect

if TYPE_CHECKING:
    from ..conftest import Running
    from .conftest import Tab, Visitor


@pytest.fixture
def sent(visitor: "Visitor") -> list[dict[str, Any]]:
    """The requests for new sessions that the page has sent."""
    found: list[dict[str, Any]] = []
    visitor.context.on(
        "request",
        lambda request: (
            request.method == "POST"
            and request.url.endswith("/api/sessions")
            and found.append(json.loads(request.post_data or ""))
        ),
    )
    return found


def test_a_dropped_picture_starts_a_session(
    tab: "Tab", site: "Running", visitor: "Visitor", sent: list[dict[str, Any]]
) -> None:
    tab.drop(picture_file())
    tab.attached()
    tab.start_from("portrait of a man without mustache")
    assert len(sent) == 1
    assert not {"strength", "mask"} & set(sent[0])  # without them, a picture that was drawn here continues
    tab.say("too cartoonish")
    tab.say("and no watermark")
    tab.page.reload()
    tab.shows(2)
    expect(tab.pictures).to_have_count(4)
    turns = site.studio.store.turns(tab.session)
    assert len(turns) == 3
    assert len({turn.request["init_image"] for turn in turns}) == 1

    tab.leave_field()
    with tab.page.expect_download() as downloading:
        tab.page.keyboard.press("d")
    assert downloading.value.suggested_filename == f"notthat-{tab.session}-2.png"
    tab.page.locator("#history-2").focus()
    tab.page.keyboard.press("Home")
    expect(tab.page.locator("#history [aria-selected=true]")).to_have_id("history-source")
    with tab.page.expect_download() as downloading:
        tab.page.keyboard.press("d")
    assert downloading.value.suggested_filename == f"notthat-{tab.session}-source.png"
    with Image.open(downloading.value.path()) as source:
        assert np.array_equal(source, Image.open(io.BytesIO(picture_file())))
    with visitor.context.expect_page() as opening:
        tab.page.get_by_role("link", name="Replay").click()
    expect(opening.value.get_by_role("article").last).to_contain_text("no watermark")


def test_the_source_is_first_in_the_history_and_compared_with(tab: "Tab", site: "Running") -> None:
    tab.paste(picture_file())
    tab.attached()
    tab.start_from("portrait of a man without mustache")
    tab.leave_field()
    tab.page.keyboard.press("c")
    slider = tab.page.get_by_role("slider", name="How much of source is shown over turn 0")
    expect(slider).to_be_focused()
    expect(tab.page.locator("#before")).to_have_js_property("naturalWidth", 192)
    tab.page.keyboard.press("Escape")
    tab.say("too cartoonish")
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
    expect(tab.page.locator("#slider")).to_be_hidden()
    expect(tab.page.get_by_text("This is the picture you started from.")).to_be_visible()
    for name in ("Undo", "Another one", "Branch", "Compare"):
        expect(tab.page.get_by_role("button", name=name, exact=True)).to_be_disabled()
    tab.page.keyboard.press("ArrowRight")
    tab.shows(0)
    tab.page.keyboard.press("ArrowLeft")
    expect(option).to_be_focused()
    tab.say("too dark")
    assert site.studio.store.turn(tab.session, 2).parent == 1  # it is about the current turn
    expect(tab.page.locator("#history .lines path")).to_have_count(3)


def test_how_much_and_where_it_may_change_is_sent(tab: "Tab", sent: list[dict[str, Any]]) -> None:
    tab.drop(picture_file())
    tab.attached()
    slider = tab.page.get_by_role("slider", name="How much may change")
    expect(slider).to_have_attribute("aria-valuetext", "60 percent")
    slider.focus()
    tab.page.keyboard.press("ArrowRight")
    toggle = tab.page.get_by_role("button", name="Mark where it may change")
    toggle.click()
    mask = tab.page.get_by_role("application", name="Where the picture may change")
    expect(mask).to_be_focused()
    look = "document.getElementById('mask').toDataURL()"
    blank = tab.page.evaluate(look)
    for key, paints in [("ArrowUp", False), ("Space", True), ("Delete", False), ("Shift+ArrowLeft", True)]:
        tab.page.keyboard.press(key)
        assert (tab.page.evaluate(look) != blank) == paints, key
    tab.page.get_by_role("button", name="Clear marks").click()
    assert tab.page.evaluate(look) == blank
    mask.focus()
    tab.page.keyboard.press("Escape")
    expect(toggle).to_be_focused()

    box = mask.bounding_box()
    assert box
    tab.page.mouse.move(box["x"] + 5, box["y"] + 5)
    tab.page.mouse.down()
    tab.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 5, steps=3)
    tab.page.mouse.up()
    tab.page.locator("#prompt").focus()
    tab.start_from("portrait of a man")
    assert sent[0]["strength"] == 0.65
    marked = np.asarray(Image.open(io.BytesIO(base64.b64decode(sent[0]["mask"].partition(",")[2]))).convert("L"))
    assert marked.shape == (128, 192)
    assert marked[3, :90].min() > 250
    assert marked[64:].max() == marked[:, 120:].max() == 0


def test_a_picture_is_chosen_replaced_and_removed(tab: "Tab", sent: list[dict[str, Any]]) -> None:
    for width in (64, 96):
        with tab.page.expect_file_chooser() as choosing:
            tab.page.get_by_role("button", name="Start from a picture").click()
        choosing.value.set_files({"name": "one.png", "mimeType": "image/png", "buffer": picture_file((width, 64))})
        expect(tab.page.get_by_role("img", name=f"The picture to start from, {width} by 64 pixels")).to_be_visible()
    tab.page.get_by_role("button", name="Remove picture").click()
    expect(tab.page.locator("#source")).to_be_hidden()
    expect(tab.page.get_by_role("button", name="Start from a picture")).to_be_focused()
    tab.paste(picture_file(), text="a boat")  # text beside a picture is pasted as text
    tab.page.locator("#prompt").focus()
    tab.begin()
    assert "picture" not in sent[0]


def test_a_file_that_is_no_picture_changes_nothing(tab: "Tab", site: "Running", sent: list[dict[str, Any]]) -> None:
    limits = site.client.get("/api/models").json()["pictures"]
    side = limits["max_side"] + 1
    tab.drop(picture_file())
    tab.attached()
    said = tab.page.locator("#source-said")
    for content, name, kind, line in (
        (b"", "none.png", "image/png", "“none.png” is empty."),
        (b"no picture", "words.png", "image/png", "“words.png” can’t be read as a picture."),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a.svg", "image/svg+xml", "“a.svg” can’t be read as a picture."),
        (b"some words", "a.txt", "text/plain", "“a.txt” can’t be read as a picture."),
        (picture_file((side, 16)), "wide.png", "image/png", f"“wide.png” has {side} × 16 pixels."),
    ):
        tab.drop(content, name, kind)
        expect(said).to_contain_text(line)
        tab.attached()  # the picture before
    tab.drop(b"", "heavy.png", size=limits["max_bytes"] + 1)
    expect(said).to_contain_text("This server takes pictures of at most")
    tab.drop(picture_file(), count=2)
    expect(said).to_have_text("Add one picture at a time.")
    tab.drop(picture_file((64, 64)))
    expect(tab.page.get_by_role("img", name="The picture to start from, 64 by 64 pixels")).to_be_visible()
    expect(said).to_be_empty()
    assert sent == []


def test_what_the_server_refuses_is_said_beside_the_picture_and_sent_once(
    tab: "Tab", site: "Running", sent: list[dict[str, Any]]
) -> None:
    tab.drop(picture_file()[:200])  # truncated, which Chromium shows as far as it goes
    tab.attached()
    tab.type("portrait of a man")
    expect(tab.page.locator("#source-said")).not_to_be_empty()
    expect(tab.page.locator("#problem")).to_be_hidden()
    expect(tab.page.locator("#prompt")).to_have_value("portrait of a man")
    tab.attached()
    assert len(sent) == 1
    assert site.studio.store.sessions() == []


def test_a_picture_dropped_on_a_session_starts_another_or_continues_its_own(tab: "Tab", site: "Running") -> None:
    tab.begin()
    tab.say("too cartoonish")
    first = tab.session
    tab.drop(b"broken", "broken.png")
    expect(tab.page.get_by_role("alert").filter(has_text="“broken.png” can’t be read")).to_be_visible()
    tab.shows(1)
    tab.drop(picture_file())
    tab.attached()
    expect(tab.page.locator("#prompt")).to_be_focused()
    tab.start_from("a boat")
    assert tab.session != first

    own = site.client.get(f"/api/images/{site.studio.store.turn(first, 0).sha256}.png").content
    tab.paste(own)
    tab.attached()
    tab.type("no watermark")
    expect(tab.pictures).to_have_count(3)
    tab.shows(2)
    assert tab.session == first
    assert site.studio.store.turn(first, 2).parent == 0
