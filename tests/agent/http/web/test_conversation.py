"""A conversation on the page: what is typed, what is answered, what is shown; cancelled, reloaded, failed."""

import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING

import httpx
from PIL import Image
from playwright.sync_api import Page, expect

from notthat.agent import Conversation

if TYPE_CHECKING:
    from ..conftest import Running
    from .conftest import PatientEngine, Visit, Visitor


def type_in(page: Page, text: str) -> None:
    """Type and send it, as a person would."""
    page.keyboard.type(text)
    page.keyboard.press("Enter")


def begin(page: Page, prompt: str = "portrait of a man without mustache") -> None:
    """A session, with its first picture."""
    type_in(page, prompt)
    expect(page.locator("#history [role=option]")).to_have_count(1)


def say(page: Page, text: str) -> None:
    """The next turn, typed, when its picture is there."""
    count = page.locator("#history [role=option]").count()
    page.keyboard.press("/") if page.evaluate("document.activeElement.id") != "words" else None
    type_in(page, text)
    expect(page.locator("#history [role=option]")).to_have_count(count + 1)


def session_of(page: Page) -> str:
    """The session's id, as the address has it."""
    found = re.search(r"\?session=([0-9a-f]{16})$", page.url)
    assert found, page.url
    return found[1]


def shows(page: Page, turn: int) -> None:
    """Wait until it is this turn's picture that is looked at, and the picture is there."""
    expect(page.locator("#history [aria-selected=true]")).to_have_id(f"history-{turn}")
    expect(page.locator("#after")).to_have_attribute("alt", re.compile(f"^Turn {turn}:"))
    page.wait_for_function("document.getElementById('after').naturalWidth > 0")


def test_a_session_of_four_turns(page: Page, site: "Running") -> None:
    expect(page.get_by_role("heading", level=1)).to_contain_text("Say what is wrong with the picture")
    expect(page.get_by_role("textbox", name="What the picture should show")).to_be_focused()
    begin(page)
    say(page, "too cartoonish")
    say(page, "and no watermark")
    say(page, "still cartoonish")
    shows(page, 3)

    log = page.get_by_role("list", name="What was said").get_by_role("listitem")
    expect(log.nth(1)).to_contain_text("too cartoonish")
    expect(log.nth(1)).to_contain_text("Excluded “cartoon”.")
    expect(page.locator("#shows")).to_have_text("portrait of a man")
    expect(page.locator("#chips .term")).to_have_text(["mustache", "cartoon", "watermark"])
    expect(page.locator("#chips .chip .body .weight")).to_have_text(["1.0", "1.2", "1.0"])
    turn = site.studio.store.turn(session_of(page))
    assert (turn.number, turn.negative) == (3, "mustache, (cartoon:1.2), watermark")
    expect(page.locator("#after")).to_have_attribute("src", f"api/images/{turn.sha256}.png")


def test_what_changes_nothing_is_answered_and_is_no_picture(page: Page) -> None:
    begin(page)
    type_in(page, "love it")
    last = page.locator("#log li").last
    expect(last).to_contain_text("love it")
    expect(last).not_to_have_attribute("data-key", "running")
    expect(page.locator("#history [role=option]")).to_have_count(1)


def test_a_turn_shows_its_progress_and_its_preview(page: Page, engine: "PatientEngine") -> None:
    begin(page)
    with engine.held():
        type_in(page, "too dark")
        expect(page.locator("#log li").last).to_contain_text("Excluded “dark”.")
        expect(page.locator("#progress")).to_contain_text("Step 1 of 4")
        expect(page.get_by_role("progressbar")).to_have_js_property("value", 1)
        expect(page.locator("#preview")).to_be_visible()
        expect(page.locator("#preview")).to_have_attribute("src", re.compile("^data:image/png;base64,"))
    shows(page, 1)
    expect(page.locator("#progress")).to_be_hidden()
    expect(page.locator("#preview")).to_be_hidden()


def test_the_place_in_the_queue_is_told(visit: "Visit", engine: "PatientEngine") -> None:
    first, second, third = (visit().tab() for _ in range(3))
    with engine.held():
        type_in(first, "a man")
        expect(first.locator("#progress")).to_contain_text("Step 1 of 4")
        type_in(second, "a cat")
        expect(second.locator("#progress")).to_contain_text("Next in the queue")
        type_in(third, "a boat")
        expect(third.locator("#progress")).to_contain_text("2 in the queue")
    shows(third, 0)


def test_escape_cancels_and_gives_the_words_back(page: Page, site: "Running", engine: "PatientEngine") -> None:
    begin(page)
    with engine.held():
        type_in(page, "too dark")
        expect(page.get_by_role("button", name="Cancel this turn")).to_be_visible()
        expect(page.locator("#progress")).to_contain_text("Step 1 of 4")
        page.keyboard.press("Escape")
        expect(page.get_by_role("status")).to_have_text("Cancelled.")
    expect(page.locator("#words")).to_have_value("too dark")
    expect(page.locator("#progress")).to_be_hidden()
    assert len(site.studio.store.turns(session_of(page))) == 1
    page.keyboard.press("Enter")
    shows(page, 1)


def test_cancelling_the_first_picture_leads_back_to_the_beginning(
    page: Page, site: "Running", engine: "PatientEngine"
) -> None:
    with engine.held():
        type_in(page, "portrait of a man")
        expect(page.locator("#progress")).to_contain_text("Step 1 of 4")
        page.keyboard.press("Escape")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("#prompt")).to_have_value("portrait of a man")
    assert page.url == site.url + "/"
    page.keyboard.press("Enter")
    shows(page, 0)


def test_a_reload_in_mid_turn_goes_on_with_it(page: Page, site: "Running", engine: "PatientEngine") -> None:
    begin(page)
    with engine.held():
        type_in(page, "too dark")
        expect(page.locator("#progress")).to_contain_text("Step 1 of 4")
        page.reload()
        expect(page.locator("#log li").last).to_contain_text("too dark")
        expect(page.locator("#log li").last).to_contain_text("Excluded “dark”.")
        expect(page.locator("#progress")).to_contain_text("Step 1 of 4")
        expect(page.get_by_role("button", name="Cancel this turn")).to_be_visible()
    shows(page, 1)
    assert [turn.feedback for turn in site.studio.store.turns(session_of(page))][1:] == ["too dark"]


def test_a_reload_while_the_first_picture_is_drawn_goes_on_with_it(page: Page, engine: "PatientEngine") -> None:
    with engine.held():
        type_in(page, "portrait of a man without mustache")
        expect(page.locator("#progress")).to_contain_text("Step 1 of 4")
        page.reload()
        expect(page.locator("#log li")).to_contain_text("portrait of a man without mustache")
        expect(page.locator("#progress")).to_contain_text("Step 1 of 4")
    shows(page, 0)
    expect(page.locator("#chips .term")).to_have_text(["mustache"])


def test_a_lost_connection_is_taken_up_again(page: Page, visitor: "Visitor", engine: "PatientEngine") -> None:
    begin(page)
    with engine.held():
        type_in(page, "too dark")
        expect(page.locator("#progress")).to_contain_text("Step 1 of 4")
        page.reload()
        page.route("**/events", lambda route: route.abort())
        page.reload()
        expect(page.locator("#progress")).to_contain_text("Trying again")
        page.unroute("**/events")
        expect(page.locator("#progress")).to_contain_text("Step 1 of 4")
    shows(page, 1)


def test_two_tabs_show_the_same_session(visitor: "Visitor", engine: "PatientEngine") -> None:
    one = visitor.tab()
    begin(one)
    other = visitor.tab(f"/?session={session_of(one)}")
    shows(other, 0)
    with engine.held():
        type_in(one, "too dark")
        expect(other.locator("#log li").last).to_contain_text("too dark")
        expect(other.locator("#progress")).to_contain_text("Step 1 of 4")
    shows(one, 1)
    shows(other, 1)
    other.locator("#undo").click()
    shows(other, 0)
    shows(one, 0)
    say(other, "too bright")
    shows(one, 2)
    expect(one.locator("#words")).to_have_value("")


def test_what_another_program_did_is_seen_on_coming_back(page: Page, site: "Running") -> None:
    begin(page)
    Conversation.open(session_of(page), site.studio).say("too dark")
    page.evaluate("dispatchEvent(new Event('focus'))")
    shows(page, 1)
    expect(page.locator("#log li").last).to_contain_text("too dark")


def test_what_the_server_refuses_is_one_line_and_the_words_are_kept(page: Page) -> None:
    type_in(page, "no hat")
    expect(page.get_by_role("alert")).to_contain_text("only says what is not wanted")
    expect(page.locator("#prompt")).to_have_value("no hat")
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("alert")).to_be_hidden()


def test_a_server_that_has_gone_is_told(page: Page, site: "Running") -> None:
    begin(page)
    site.stop()
    with suppress(httpx.ConnectError):
        while site.client.get("/healthz"):
            pass
    type_in(page, "too dark")
    expect(page.get_by_role("alert")).to_contain_text("can’t be reached")
    expect(page.locator("#words")).to_have_value("too dark")


def test_an_address_that_names_no_session_says_so(visitor: "Visitor") -> None:
    page = visitor.tab("/?session=0000000000000000")
    expect(page.get_by_role("alert")).to_contain_text("No session")
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_sessions_are_there_to_come_back_to(page: Page) -> None:
    begin(page, "portrait of a man")
    first = page.url
    page.get_by_role("button", name="New").click()
    expect(page.locator("#prompt")).to_be_focused()
    begin(page, "photo of a cat")
    page.get_by_role("button", name="Sessions").click()
    entries = page.get_by_role("dialog").get_by_role("link")
    expect(entries).to_have_count(2)
    expect(entries.first).to_have_attribute("aria-current", "page")
    entries.filter(has_text="portrait of a man").click()
    expect(page.locator("#shows")).to_have_text("portrait of a man")
    assert page.url == first
    page.go_back()
    expect(page.locator("#shows")).to_have_text("photo of a cat")


def test_the_picture_is_downloaded_with_all_that_made_it(page: Page) -> None:
    begin(page)
    with page.expect_download() as downloading:
        page.locator("#download").click()
    assert downloading.value.suggested_filename == f"notthat-{session_of(page)}-0.png"
    with Image.open(downloading.value.path()) as picture:
        assert "Negative prompt: mustache" in picture.info["parameters"]
        assert json.loads(picture.info["notthat"])["negative_prompt"] == "mustache"


def test_options_lock_a_policy(page: Page) -> None:
    page.get_by_text("Options").click()
    page.get_by_role("checkbox", name="brand-safety").check()
    page.locator("#seed").fill("7")
    page.locator("#prompt").focus()
    begin(page)
    chip = page.locator(".chip.locked")
    expect(chip).to_contain_text("brand-safety")
    expect(chip.get_by_role("button")).to_have_count(0)
    expect(page.locator(".chip .term")).to_have_text(["mustache"])
    chip.locator(".body").focus()
    expect(chip).to_contain_text("always leaves out")
    expect(chip).to_contain_text("watermark")
