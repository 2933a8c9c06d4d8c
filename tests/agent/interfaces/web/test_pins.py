"""Pinned chips: what the next turns keep, or change alone."""

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from playwright.sync_api import Route, expect

if TYPE_CHECKING:
    from .conftest import Tab

PINS = (
    {"kind": "keep", "term": "red hat", "words": "keep the red hat", "since": 0},
    {"kind": "only", "term": "hair", "words": "", "since": 0},
)


def pin(tab: "Tab", pins: list[dict[str, Any]], released: list[str]) -> None:
    """Let the server's turns have these pins, and its `DELETE` release them."""

    def add(route: Route) -> None:
        response = route.fetch()
        page = response.json()
        route.fulfill(response=response, json={**page, "turns": [{**turn, "pins": pins} for turn in page["turns"]]})

    def release(route: Route) -> None:
        assert route.request.method == "DELETE"
        term = unquote(route.request.url.rpartition("/")[2])
        released.append(term)
        pins[:] = [each for each in pins if each["term"] != term]
        route.fulfill(status=200, body=json.dumps({}), content_type="application/json")

    tab.page.route("**/api/sessions/*/turns?*", add)
    tab.page.route("**/api/sessions/*/pins/*", release)


def test_a_pinned_chip_says_what_it_keeps_and_is_released(tab: "Tab") -> None:
    pins, released = [*PINS], list[str]()
    pin(tab, pins, released)
    tab.begin()
    chips = tab.page.get_by_role("list", name="pinned").get_by_role("listitem")
    expect(chips.locator(".body")).to_have_text(["keepred hat", "only changehair"])
    button = chips.first.get_by_role("button", name="Release: keep red hat")
    expect(button).to_have_accessible_description("keep the red hat Pinned by you in turn 0.")
    button.focus()
    expect(chips.first.locator(".card")).to_be_visible()
    tab.page.keyboard.press("Enter")
    expect(chips.locator(".term")).to_have_text(["hair"])
    expect(chips.get_by_role("button", name="Release: only change hair")).to_be_focused()
    assert released == ["red hat"]


def test_a_session_without_pins_shows_none(tab: "Tab") -> None:
    tab.begin()
    expect(tab.page.locator("#pinned")).to_be_hidden()
