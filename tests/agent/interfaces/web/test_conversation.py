"""A conversation on the page: what is typed, what is answered, what is shown; cancelled, reloaded, failed."""

import re
from contextlib import suppress
from typing import TYPE_CHECKING

import httpx
from playwright.sync_api import Route, expect

from notthat.agent import Conversation
from notthat.generation import GenerationError

if TYPE_CHECKING:
    from ..conftest import Running
    from .conftest import PatientEngine, Tab, Visit, Visitor


def test_a_session_of_four_turns(tab: "Tab", site: "Running") -> None:
    expect(tab.page.get_by_role("heading", level=1)).to_contain_text("Say what is wrong with the picture")
    expect(tab.page.get_by_role("textbox", name="What the picture should show")).to_be_focused()
    tab.begin()
    tab.say("too cartoonish")
    tab.say("and no watermark")
    tab.say("still cartoonish")
    tab.shows(3)

    log = tab.page.get_by_role("list", name="Messages").get_by_role("listitem")
    expect(log.nth(1)).to_contain_text("too cartoonish")
    expect(log.nth(1)).to_contain_text("Excluded “cartoon”.")
    expect(tab.page.locator("#shows")).to_have_text("portrait of a man")
    expect(tab.page.locator("#chips .term")).to_have_text(["mustache", "cartoon", "watermark"])
    expect(tab.page.locator("#chips .chip .body .weight")).to_have_text(["1.0", "1.2", "1.0"])
    turn = site.studio.store.turn(tab.session)
    assert (turn.number, turn.negative) == (3, "mustache, (cartoon:1.2), watermark")
    expect(tab.page.locator("#after")).to_have_attribute(
        "src", f"api/images/{turn.sha256}.png?session={turn.session}&turn={turn.number}"
    )


def test_what_changes_nothing_is_answered_and_is_no_picture(tab: "Tab") -> None:
    tab.begin()
    tab.type("love it")
    expect(tab.last).to_contain_text("love it")
    expect(tab.last).not_to_have_attribute("data-key", "running")
    expect(tab.pictures).to_have_count(1)


def test_a_turn_shows_its_progress_and_its_preview(tab: "Tab", engine: "PatientEngine") -> None:
    tab.begin()
    with engine.held():
        tab.type("too dark")
        expect(tab.last).to_contain_text("Excluded “dark”.")
        expect(tab.progress).to_contain_text("Step 1 of 4")
        expect(tab.page.get_by_role("progressbar")).to_have_js_property("value", 1)
        expect(tab.page.locator("#preview")).to_be_visible()
        expect(tab.page.locator("#preview")).to_have_attribute("src", re.compile("^data:image/png;base64,"))
    tab.shows(1)
    expect(tab.progress).to_be_hidden()
    expect(tab.page.locator("#preview")).to_be_hidden()


def test_the_position_in_the_queue_is_shown(visit: "Visit", engine: "PatientEngine") -> None:
    first, second, third = (visit().tab() for _ in range(3))
    with engine.held():
        first.type("a man")
        expect(first.progress).to_contain_text("Step 1 of 4")
        second.type("a cat")
        expect(second.progress).to_contain_text("Next in the queue")
        third.type("a boat")
        expect(third.progress).to_contain_text("Position 2 in the queue")
    third.shows(0)


def test_escape_cancels_and_gives_the_words_back(tab: "Tab", site: "Running", engine: "PatientEngine") -> None:
    tab.begin()
    with engine.held():
        tab.type("too dark")
        expect(tab.page.get_by_role("button", name="Cancel this turn")).to_be_visible()
        expect(tab.progress).to_contain_text("Step 1 of 4")
        tab.page.keyboard.press("Escape")
        expect(tab.page.get_by_role("alert")).to_have_text("“too dark” was cancelled.")
    expect(tab.page.get_by_role("status")).not_to_contain_text("ancelled")  # it is told once
    expect(tab.page.locator("#words")).to_have_value("too dark")
    expect(tab.progress).to_be_hidden()
    assert len(site.studio.store.turns(tab.session)) == 1
    tab.page.keyboard.press("Enter")
    tab.shows(1)


def test_cancelling_the_first_picture_leads_back_to_the_beginning(
    tab: "Tab", site: "Running", engine: "PatientEngine"
) -> None:
    with engine.held():
        tab.type("portrait of a man")
        expect(tab.progress).to_contain_text("Step 1 of 4")
        tab.page.keyboard.press("Escape")
        expect(tab.page.get_by_role("heading", level=1)).to_be_visible()
    expect(tab.page.locator("#prompt")).to_have_value("portrait of a man")
    expect(tab.page).to_have_url(site.url + "/")
    tab.page.keyboard.press("Enter")
    tab.shows(0)


def test_a_reload_in_mid_turn_goes_on_with_it(tab: "Tab", site: "Running", engine: "PatientEngine") -> None:
    tab.begin()
    with engine.held():
        tab.type("too dark")
        expect(tab.progress).to_contain_text("Step 1 of 4")
        tab.page.reload()
        expect(tab.last).to_contain_text("too dark")
        expect(tab.last).to_contain_text("Excluded “dark”.")
        expect(tab.progress).to_contain_text("Step 1 of 4")
        expect(tab.page.get_by_role("button", name="Cancel this turn")).to_be_visible()
    tab.shows(1)
    assert [turn.feedback for turn in site.studio.store.turns(tab.session)][1:] == ["too dark"]


def test_a_reload_while_the_first_picture_is_drawn_goes_on_with_it(tab: "Tab", engine: "PatientEngine") -> None:
    with engine.held():
        tab.type("portrait of a man without mustache")
        expect(tab.progress).to_contain_text("Step 1 of 4")
        tab.page.reload()
        expect(tab.page.locator("#log li")).to_contain_text("portrait of a man without mustache")
        expect(tab.progress).to_contain_text("Step 1 of 4")
    tab.shows(0)
    expect(tab.page.locator("#chips .term")).to_have_text(["mustache"])


def test_a_lost_connection_is_taken_up_again(tab: "Tab", visitor: "Visitor", engine: "PatientEngine") -> None:
    tab.begin()
    with engine.held():
        tab.type("too dark")
        expect(tab.progress).to_contain_text("Step 1 of 4")
        tab.page.reload()
        tab.page.route("**/events", lambda route: route.abort())
        tab.page.reload()
        expect(tab.progress).to_contain_text("Reconnecting")
        tab.page.unroute("**/events")
        expect(tab.progress).to_contain_text("Step 1 of 4")
    tab.shows(1)


def test_two_tabs_show_the_same_session(visitor: "Visitor", engine: "PatientEngine") -> None:
    one = visitor.tab()
    one.begin()
    other = visitor.tab(f"/?session={one.session}")
    other.shows(0)
    with engine.held():
        one.type("too dark")
        expect(other.last).to_contain_text("too dark")
        expect(other.progress).to_contain_text("Step 1 of 4")
    one.shows(1)
    other.shows(1)
    other.page.locator("#undo").click()
    other.shows(0)
    one.shows(0)
    other.say("too bright")
    one.shows(2)
    expect(one.page.locator("#words")).to_have_value("")


def test_two_browsers_show_the_same_session(visit: "Visit", site: "Running", engine: "PatientEngine") -> None:
    one = visit().tab()
    one.begin()
    other = visit().tab(f"/?session={one.session}")
    other.shows(0)
    with engine.held():
        one.type("too dark")
        expect(other.last).to_contain_text("too dark")
        expect(other.last).to_contain_text("Excluded “dark”.")
        expect(other.progress).to_contain_text("Step 1 of 4")
    other.shows(1)
    site.say(one.session, "no fog")  # a program
    for tab in (one, other):
        tab.shows(2)
        expect(tab.last).to_contain_text("Excluded “fog”.")
    with engine.held():
        other.page.locator("#words").focus()
        other.type("no boats")
        expect(one.progress).to_contain_text("Step 1 of 4")
        other.page.keyboard.press("Escape")
        for tab in (one, other):
            expect(tab.page.get_by_role("alert")).to_have_text("“no boats” was cancelled.")
    expect(other.page.locator("#words")).to_have_value("no boats")
    expect(one.page.locator("#words")).to_have_value("")  # those were not said here
    one.page.get_by_role("button", name="Try again").click()
    other.shows(3)
    expect(other.page.get_by_role("alert")).to_be_hidden()


def test_what_is_looked_at_stays_when_another_goes_on(visit: "Visit", site: "Running") -> None:
    tab = visit().tab()
    tab.begin()
    tab.say("too dark")
    tab.page.locator("#history-0").click()
    tab.shows(0)
    site.say(tab.session, "no fog")
    expect(tab.pictures).to_have_count(3)
    expect(tab.page.locator("#history-2")).to_have_attribute("aria-current", "true")
    tab.shows(0)


def test_a_page_that_nobody_sees_catches_up_when_it_is_seen(tab: "Tab", site: "Running") -> None:
    tab.begin()
    hide = "value => { Object.defineProperty(document, 'visibilityState', { value, configurable: true });"
    hide += " document.dispatchEvent(new Event('visibilitychange')); }"
    site.wait_until(lambda: len(site.service.changes.sessions) == 1)
    tab.page.evaluate(hide, "hidden")
    site.wait_until(lambda: len(site.service.changes.sessions) == 0)
    site.say(tab.session, "too dark")
    tab.page.evaluate(hide, "visible")
    tab.shows(1)


def test_what_another_program_did_is_seen_on_coming_back(tab: "Tab", site: "Running") -> None:
    tab.begin()
    Conversation.open(tab.session, site.studio).say("too dark")
    tab.page.evaluate("dispatchEvent(new Event('focus'))")
    tab.shows(1)
    expect(tab.last).to_contain_text("too dark")


def test_what_the_server_refuses_is_one_line_and_the_words_are_kept(tab: "Tab") -> None:
    tab.type("no hat")
    expect(tab.page.get_by_role("alert")).to_contain_text("only says what is not wanted")
    expect(tab.page.get_by_role("button", name="Try again")).to_have_count(0)  # it would be refused again
    expect(tab.page.locator("#prompt")).to_have_value("no hat")
    tab.page.get_by_role("button", name="Close").click()
    expect(tab.page.get_by_role("alert")).to_be_hidden()


def test_a_failed_turn_is_reported_and_its_feedback_is_restored(tab: "Tab", engine: "PatientEngine") -> None:
    tab.begin()
    engine.error = GenerationError("the device is out of memory: ask for fewer pixels")
    tab.type("too dark")
    expect(tab.page.get_by_role("alert")).to_have_text(
        "“too dark” failed: the device is out of memory: ask for fewer pixels."
    )
    expect(tab.page.locator("#words")).to_have_value("too dark")
    expect(tab.progress).to_be_hidden()
    tab.shows(0)
    engine.error = None
    tab.page.keyboard.press("Enter")
    tab.shows(1)
    expect(tab.page.get_by_role("alert")).to_be_hidden()


def test_a_turn_that_failed_is_tried_again_even_after_a_reload(
    tab: "Tab", site: "Running", engine: "PatientEngine"
) -> None:
    tab.begin()
    again = tab.page.get_by_role("button", name="Try again")
    engine.error = GenerationError("the device is out of memory: ask for fewer pixels")
    tab.type("too dark")
    again.click()
    expect(tab.page.get_by_role("alert")).to_contain_text("the device is out of memory")  # and again it is
    (attempt,) = site.studio.store.attempts.all(tab.session)
    tab.page.reload()
    expect(tab.page.get_by_text("“too dark” failed.")).to_be_visible()
    engine.error = None
    again.click()
    tab.shows(1)
    expect(again).to_be_hidden()
    expect(tab.page.locator("#words")).to_have_value("")
    expect(tab.page.locator("#words")).to_be_focused()
    turn = site.studio.store.turn(tab.session)
    assert (turn.number, turn.feedback, turn.request) == (1, "too dark", attempt.turn.request)
    assert site.studio.store.attempts.all(tab.session) == []


def test_a_failure_is_reported_once_however_late_the_session_is_loaded(tab: "Tab", engine: "PatientEngine") -> None:
    tab.begin()
    looks = re.compile(r"/api/sessions/[0-9a-f]{16}$")
    late: list[Route] = []
    tab.page.route(looks, lambda route: late.append(route), times=1)
    engine.error = GenerationError("the device is out of memory: ask for fewer pixels")
    line = tab.page.get_by_role("alert")
    with tab.page.expect_request(looks):
        tab.type("too dark")
    expect(line).to_contain_text("failed: the device is out of memory")  # as the session's events tell
    with engine.held(), tab.page.expect_response(looks):
        tab.page.get_by_role("button", name="Try again").click()
        expect(tab.progress).to_contain_text("Step 1 of 4")
        late.pop().continue_()
    expect(line).to_have_text("“too dark” failed: the device is out of memory: ask for fewer pixels.")


def test_what_is_refused_leaves_the_turn_that_failed_before_as_it_was(
    visitor: "Visitor", site: "Running", engine: "PatientEngine"
) -> None:
    session = site.begin("portrait of a man", policies=["brand-safety"])["session"]
    tab = visitor.tab(f"/?session={session}")
    engine.error = GenerationError("the device is out of memory: ask for fewer pixels")
    tab.type("too dark")
    expect(tab.page.get_by_role("alert")).to_contain_text("the device is out of memory")
    tab.page.locator("#words").fill("show a naked man instead")
    tab.page.keyboard.press("Enter")
    expect(tab.page.get_by_role("alert")).to_contain_text("forbids it")  # and no other alert
    expect(tab.page.get_by_text("“too dark” failed.")).to_be_visible()


def test_a_cancelled_turn_is_tried_again_until_something_else_is_said(tab: "Tab", engine: "PatientEngine") -> None:
    tab.begin()
    again = tab.page.get_by_role("button", name="Try again")
    for _ in range(2):
        with engine.held():
            tab.type("too dark") if again.is_hidden() else again.click()
            expect(tab.progress).to_contain_text("Step 1 of 4")
            expect(again).to_be_hidden()
            tab.page.keyboard.press("Escape")
            expect(tab.page.get_by_role("alert")).to_have_text("“too dark” was cancelled.")
    tab.page.locator("#words").fill("too bright")
    tab.page.keyboard.press("Enter")
    tab.shows(1)
    expect(again).to_be_hidden()


def test_a_first_picture_that_failed_is_tried_again_even_after_a_reload(
    tab: "Tab", site: "Running", engine: "PatientEngine"
) -> None:
    engine.error = GenerationError("the device is out of memory: ask for fewer pixels")
    tab.type("portrait of a man")
    alert, again = tab.page.get_by_role("alert"), tab.page.get_by_role("button", name="Try again")
    expect(alert).to_contain_text("The device is out of memory")
    expect(tab.page.locator("#prompt")).to_have_value("portrait of a man")
    (attempt,) = site.studio.store.attempts.all()
    tab.page.goto(f"{site.url}/?session={attempt.session}")
    expect(alert).to_contain_text("The first picture of this session was not finished.")
    expect(tab.page.locator("#prompt")).to_have_value("portrait of a man")
    engine.error = None
    again.click()
    tab.shows(0)
    assert tab.session == attempt.session
    expect(alert).to_be_hidden()
    tab.page.get_by_role("button", name="New").click()
    expect(tab.page.locator("#prompt")).to_have_value("")


def test_an_unreachable_server_is_reported(tab: "Tab", site: "Running") -> None:
    tab.begin()
    site.stop()
    with suppress(httpx.TransportError):
        while site.client.get("/healthz"):
            pass
    tab.type("too dark")
    expect(tab.page.get_by_role("alert")).to_contain_text("can’t be reached")
    expect(tab.page.locator("#words")).to_have_value("too dark")


def test_an_address_that_names_no_session_says_so(visitor: "Visitor") -> None:
    tab = visitor.tab("/?session=0000000000000000")
    expect(tab.page.get_by_role("alert")).to_contain_text("No session")
    expect(tab.page.get_by_role("heading", level=1)).to_be_visible()


def test_earlier_sessions_can_be_opened(tab: "Tab") -> None:
    tab.begin("portrait of a man")
    first = tab.page.url
    tab.page.get_by_role("button", name="New").click()
    expect(tab.page.locator("#prompt")).to_be_focused()
    tab.begin("photo of a cat")
    tab.page.get_by_role("button", name="Sessions").click()
    entries = tab.page.get_by_role("dialog").get_by_role("link")
    expect(entries).to_have_count(2)
    expect(entries.first).to_have_attribute("aria-current", "page")
    for k in range(2):
        expect(tab.page.locator("dialog img").nth(k)).not_to_have_js_property("naturalWidth", 0)
    entries.filter(has_text="portrait of a man").click()
    expect(tab.page.locator("#shows")).to_have_text("portrait of a man")
    expect(tab.page).to_have_url(first)
    tab.page.go_back()
    expect(tab.page.locator("#shows")).to_have_text("photo of a cat")
