"""The list of sessions: a session is deleted from it, by mouse or keyboard, and a long list goes on."""

from typing import TYPE_CHECKING

from playwright.sync_api import Locator, expect

from notthat.agent import Conversation

if TYPE_CHECKING:
    from ..conftest import Running
    from .conftest import PatientEngine, Tab, Visitor


def open_list(tab: "Tab") -> Locator:
    """The dialog with the sessions, opened."""
    tab.page.get_by_role("button", name="Sessions").click()
    dialog = tab.page.get_by_role("dialog", name="Sessions")
    expect(dialog).to_be_visible()
    return dialog


def begin_all(site: "Running", count: int) -> list[str]:
    """So many sessions, and their ids, oldest first."""
    return [Conversation.start(f"boat number {k}", site.studio, seed=k).id for k in range(count)]


def test_a_session_is_deleted_after_a_question(visitor: "Visitor", site: "Running") -> None:
    first, second = begin_all(site, 2)
    dialog = open_list(visitor.tab())
    question = dialog.page.get_by_role("alertdialog", name="Delete this session?")
    dialog.get_by_role("button", name="Delete “boat number 1”").click()
    expect(question).to_contain_text("“boat number 1”: its feedback and 1 picture are deleted")
    expect(question.get_by_role("button", name="Cancel")).to_be_focused()
    question.get_by_role("button", name="Cancel").click()
    expect(dialog.get_by_role("link")).to_have_count(2)
    dialog.get_by_role("button", name="Delete “boat number 1”").click()
    question.get_by_role("button", name="Delete", exact=True).click()
    expect(dialog.get_by_role("status")).to_have_text("Deleted “boat number 1”.")
    expect(dialog.get_by_role("link")).to_have_count(1)
    assert [each.id for each in site.studio.store.sessions()] == [first]
    assert site.client.get(f"/api/sessions/{second}").status_code == 404


def test_a_session_is_deleted_with_the_keyboard_alone(visitor: "Visitor", site: "Running") -> None:
    begin_all(site, 2)
    dialog = open_list(visitor.tab())
    keyboard = dialog.page.keyboard
    dialog.get_by_role("link").first.focus()
    keyboard.press("Tab")
    expect(dialog.get_by_role("button", name="Delete “boat number 1”")).to_be_focused()
    keyboard.press("Enter")
    keyboard.press("Escape")
    expect(dialog.get_by_role("button", name="Delete “boat number 1”")).to_be_focused()
    expect(dialog.get_by_role("link")).to_have_count(2)
    for left in (1, 0):
        keyboard.press("Enter")
        keyboard.press("Shift+Tab")
        keyboard.press("Enter")
        expect(dialog.get_by_role("link")).to_have_count(left)
    expect(dialog.get_by_role("button", name="Close")).to_be_focused()
    expect(dialog).to_contain_text("No sessions yet.")
    assert site.studio.store.sessions() == []


def test_the_session_that_is_open_makes_room_for_a_new_one(
    tab: "Tab", site: "Running", engine: "PatientEngine"
) -> None:
    tab.begin("a harbour")
    with engine.held():
        tab.type("no private words")
        expect(tab.page.get_by_role("progressbar")).to_be_visible()
        dialog = open_list(tab)
        dialog.get_by_role("button", name="Delete “a harbour”").click()
        tab.page.get_by_role("button", name="Delete", exact=True).click()
        expect(dialog.get_by_role("link")).to_have_count(0)
    expect(tab.page.locator("body")).to_have_attribute("data-view", "start")
    dialog.get_by_role("button", name="Close").click()
    expect(tab.page.get_by_role("alert").filter(visible=True)).to_have_count(0)
    assert "session=" not in tab.page.url
    assert site.studio.store.attempts.all() == []
    expect(tab.page.locator("#words")).to_have_value("")
    tab.page.locator("#prompt").focus()
    tab.begin("a lighthouse")


def test_a_session_that_is_gone_already_leaves_the_list(visitor: "Visitor", site: "Running") -> None:
    (session,) = begin_all(site, 1)
    dialog = open_list(visitor.tab())
    site.studio.store.delete_session(session)
    dialog.get_by_role("button", name="Delete “boat number 0”").click()
    dialog.page.get_by_role("button", name="Delete", exact=True).click()
    expect(dialog.get_by_role("link")).to_have_count(0)


def test_a_long_list_goes_on(visitor: "Visitor", site: "Running") -> None:
    begin_all(site, 53)
    dialog = open_list(visitor.tab())
    expect(dialog.get_by_role("link")).to_have_count(50)
    dialog.get_by_role("button", name="Show more").click()
    expect(dialog.get_by_role("link")).to_have_count(53)
    expect(dialog.get_by_role("link").nth(50)).to_be_focused()
    expect(dialog.get_by_role("link").last).to_contain_text("boat number 0")
    expect(dialog.get_by_role("button", name="Show more")).to_be_hidden()
