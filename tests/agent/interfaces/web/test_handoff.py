"""What leaves the page: a session that a person should take over, and its replay."""

from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from ..conftest import Running
    from .conftest import Tab, Visitor


def test_a_person_is_pointed_to_the_session_and_its_replay(tab: "Tab", visitor: "Visitor", site: "Running") -> None:
    tab.begin()
    handoff = tab.page.locator(".handoff:visible")
    tab.say("no fog")
    tab.say("no boats")
    expect(handoff).to_have_count(0)
    tab.say("still not right! no gulls")
    expect(tab.page.get_by_role("status")).to_contain_text("A person may need to take over")
    expect(tab.last.locator(".handoff")).to_contain_text("A person may need to take over.")
    links = tab.last.locator(".handoff").get_by_role("link")
    expect(links.first).to_have_attribute("href", f"{site.url}/?session={tab.session}")
    expect(links.last).to_have_attribute("href", f"{site.url}/api/sessions/{tab.session}/replay.html")
    tab.page.reload()
    tab.shows(3)
    expect(handoff).to_have_count(1)
    expect(links.last).to_be_in_viewport()
    with visitor.context.expect_page() as opening:
        links.last.click()
    expect(opening.value.get_by_role("article")).to_have_count(4)
    expect(opening.value.get_by_role("article").last).to_contain_text("no gulls")


def test_the_replay_that_the_server_sends_shows_its_pictures_and_compares_them(
    tab: "Tab", visitor: "Visitor", site: "Running"
) -> None:
    tab.begin()
    tab.say("no fog")
    replay = visitor.context.new_page()
    replay.goto(f"{site.url}/api/sessions/{tab.session}/replay.html")
    expect(replay.locator("#turn-1 .before")).not_to_have_js_property("naturalWidth", 0)  # the script has run
    replay.locator("#turn-1 input[type=range]").fill("80")
    expect(replay.locator("#turn-1 .pictures")).to_have_attribute("style", "--at: 80%;")
    expect(replay.locator("#turn-1 .pair")).to_have_css("position", "relative")  # and the style is in force


def test_who_asks_for_a_person_is_told_once_at_the_place_where_they_asked_last(tab: "Tab") -> None:
    tab.begin()
    for words in ("can I talk to a human?", "please let me speak to a person"):
        tab.type(words)
        expect(tab.last).to_contain_text(words)
        expect(tab.last.locator(".handoff")).to_be_visible()
        expect(tab.page.locator(".handoff:visible")).to_have_count(1)
    tab.say("no fog")
    expect(tab.last.locator(".handoff")).to_be_hidden()
    expect(tab.page.locator(".handoff:visible")).to_have_count(1)


def test_the_replay_opens_beside_the_page(tab: "Tab", visitor: "Visitor") -> None:
    tab.begin()
    tab.say("too cartoonish")
    tab.leave_field()
    with visitor.context.expect_page() as opening:
        tab.page.keyboard.press("p")
    replay = opening.value
    expect(replay.get_by_role("article")).to_have_count(2)
    expect(replay.locator("article img").first).not_to_have_js_property("naturalWidth", 0)
    assert replay.evaluate("opener") is None


def test_who_has_a_key_gets_the_replay_as_a_file(visitor: "Visitor", site: "Running") -> None:
    _, token = site.studio.store.keys.add("somebody")
    tab = visitor.tab()
    tab.page.keyboard.type(token)
    tab.page.keyboard.press("Enter")
    expect(tab.page.get_by_role("dialog", name="API key")).to_be_hidden()
    tab.page.locator("#prompt").focus()
    tab.begin()
    with tab.page.expect_download() as downloading:
        tab.page.get_by_role("link", name="Replay").click()
    assert downloading.value.suggested_filename == f"notthat-{tab.session}.html"
    saved = Path(downloading.value.path()).read_text(encoding="utf-8")
    assert "portrait of a man without mustache" in saved
    assert token not in saved
    assert len(visitor.context.pages) == 1
