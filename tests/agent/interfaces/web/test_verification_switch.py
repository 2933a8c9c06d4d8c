"""The start page's switch for verification."""

from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from ..conftest import Running
    from .conftest import Tab


def test_the_result_is_checked_if_it_is_asked_for(tab: "Tab", site: "Running") -> None:
    tab.page.get_by_text("Options").click()
    tries = tab.page.get_by_label("Tries if something is still there")
    expect(tries).to_be_hidden()
    tab.page.get_by_role("checkbox", name="Check the result").check()
    expect(tries).to_have_value("2")
    tries.select_option("3")
    tab.page.get_by_role("checkbox", name="A try may use another seed").check()
    tab.page.locator("#prompt").focus()
    tab.begin()
    expect(tab.chips.locator(".verdict")).to_have_text("?")
    record = site.studio.store.session(tab.session)
    assert record.verification == {"judges": [], "tries": 3, "new_seeds": True}
