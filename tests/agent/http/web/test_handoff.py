"""What leaves the page: a session that a person should take over."""

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
    tab.say("it's still not right, no gulls")
    expect(tab.last.locator(".handoff")).to_contain_text("This may be one for a person.")
    links = tab.last.locator(".handoff").get_by_role("link")
    expect(links.first).to_have_attribute("href", f"{site.url}/?session={tab.session}")
    expect(links.last).to_have_attribute("href", f"{site.url}/api/sessions/{tab.session}/replay.html")
    tab.page.reload()
    tab.shows(3)
    expect(handoff).to_have_count(1)
    with visitor.context.expect_page() as opening:
        links.last.click()
    expect(opening.value.get_by_role("article")).to_have_count(4)
    expect(opening.value.get_by_role("article").last).to_contain_text("it's still not right, no gulls")


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
