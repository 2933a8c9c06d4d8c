"""What can be done with the picture: its exclusions as chips, the picture before laid over it, its history."""

import json
import re
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from playwright.sync_api import Locator, expect

if TYPE_CHECKING:
    from ..conftest import Running
    from .conftest import PatientEngine, Tab, Visit


@pytest.fixture
def begun(tab: "Tab") -> "Tab":
    """Three turns that exclude three terms."""
    tab.begin()
    tab.say("too cartoonish")
    tab.say("and no watermark")
    return tab


def chip_of(tab: "Tab", term: str) -> Locator:
    return tab.chips.filter(has_text=term)


def body_of(tab: "Tab", term: str) -> Locator:
    """What has the keyboard's focus in a chip."""
    return tab.page.get_by_role("spinbutton", name=f"{term}, excluded; weight")


def test_a_chip_shows_its_feedback_and_turn(begun: "Tab") -> None:
    card = chip_of(begun, "cartoon").locator(".card")
    expect(card).to_be_hidden()
    chip_of(begun, "cartoon").hover()
    expect(card).to_be_visible()
    expect(card).to_contain_text("too cartoonish")
    expect(card).to_contain_text("turn 1")
    body_of(begun, "mustache").focus()
    begun.page.mouse.move(0, 0)
    expect(card).to_be_hidden()
    expect(chip_of(begun, "mustache").locator(".card")).to_contain_text("portrait of a man without mustache")
    expect(body_of(begun, "mustache")).to_have_accessible_description(
        "portrait of a man without mustache Excluded by you in turn 0."
    )
    begun.page.keyboard.press("Escape")
    expect(chip_of(begun, "mustache").locator(".card")).to_be_hidden()


def test_a_chip_opens_its_history(begun: "Tab") -> None:
    begun.say("still cartoonish")
    story = begun.page.get_by_role("dialog", name="History of “cartoon”")
    begun.stop_clock()
    body_of(begun, "cartoon").focus()
    begun.page.keyboard.press("ArrowDown")
    begun.page.keyboard.press("Enter")
    begun.shows(4)
    begun.page.keyboard.press("Enter")
    events = story.get_by_role("listitem")
    expect(events).to_have_count(3)
    expect(events.nth(0)).to_contain_text("too cartoonish")
    expect(events.nth(0)).to_contain_text("Turn 1 excluded it")
    expect(events.nth(1)).to_contain_text("still cartoonish")
    expect(events.nth(1)).to_contain_text("Turn 3 raised its weight")
    expect(events.nth(2)).to_contain_text("Turn 4 lowered its weight")
    expect(events.nth(2).locator("q")).to_have_count(0)  # that was done by hand
    expect(story.locator(".weights")).to_have_text(["1.0", "1.0 → 1.2", "1.2 → 1.1"])
    begun.page.keyboard.press("Escape")
    expect(story).to_be_hidden()
    expect(body_of(begun, "cartoon")).to_be_focused()
    body_of(begun, "cartoon").click()
    events.nth(0).get_by_role("button").click()
    expect(story).to_be_hidden()
    begun.shows(1)
    chip_of(begun, "cartoon").hover()
    chip_of(begun, "cartoon").get_by_role("button", name="History").click()
    expect(events).to_have_count(1)  # of the picture that is looked at


def test_touching_a_chip_opens_its_card(visit: "Visit") -> None:
    tab = visit(has_touch=True).tab()
    tab.begin()
    body_of(tab, "mustache").tap()
    card = chip_of(tab, "mustache").locator(".card")
    expect(card).to_be_visible()
    expect(tab.page.get_by_role("dialog")).to_have_count(0)
    card.get_by_role("button", name="History").tap()
    expect(tab.page.get_by_role("dialog", name="History of “mustache”")).to_be_visible()


def test_arrow_keys_weigh_an_exclusion_and_enter_draws_it(begun: "Tab", site: "Running") -> None:
    begun.stop_clock()
    body = body_of(begun, "cartoon")
    body.focus()
    for _ in range(4):
        begun.page.keyboard.press("ArrowUp")
    begun.page.keyboard.press("ArrowDown")
    expect(body).to_have_attribute("aria-valuenow", "1.3")
    begun.page.keyboard.press("Enter")
    begun.shows(3)
    expect(body).to_be_focused()
    turn = site.studio.store.turn(begun.session)
    assert turn.negative == "mustache, (cartoon:1.3), watermark"
    assert turn.edits == ({"op": "reweight", "term": "cartoon", "weight": 1.3},)
    expect(begun.last).to_contain_text(turn.reply)
    expect(begun.last.locator("blockquote")).to_be_hidden()


def test_a_weight_that_is_left_alone_is_drawn_and_escape_takes_it_back(begun: "Tab", site: "Running") -> None:
    begun.stop_clock()
    body = body_of(begun, "cartoon")
    body.focus()
    begun.page.keyboard.press("End")
    expect(body).to_have_attribute("aria-valuenow", "2")
    begun.page.keyboard.press("Escape")
    expect(body).to_have_attribute("aria-valuenow", "1")
    begun.page.keyboard.press("ArrowUp")
    chip_of(begun, "watermark").hover()
    chip_of(begun, "watermark").get_by_role("button", name="Lower the weight").click()
    begun.elapse(1)
    begun.shows(3)
    expect(begun.page.locator(".chip[aria-busy]")).to_have_count(0)
    negatives = [turn.negative for turn in site.studio.store.turns(begun.session)]
    assert "(cartoon:2)" not in "".join(negatives)
    assert "(cartoon:1.1)" in negatives[-1]


@pytest.mark.parametrize("how", ["Delete", "Backspace", "click"])
def test_a_chip_is_removed(begun: "Tab", site: "Running", how: str) -> None:
    if how == "click":
        begun.page.get_by_role("button", name="Allow cartoon again").click()
    else:
        body_of(begun, "cartoon").focus()
        begun.page.keyboard.press(how)
    begun.shows(3)
    expect(begun.page.locator("#chips .term")).to_have_text(["mustache", "watermark"])
    expect(body_of(begun, "watermark")).to_be_focused()
    assert site.studio.store.turn(begun.session).edits == ({"op": "allow", "term": "cartoon"},)


def test_a_policy_is_shown_and_locked(tab: "Tab") -> None:
    tab.page.get_by_text("Options").click()
    tab.page.get_by_role("checkbox", name="brand-safety").check()
    tab.page.locator("#seed").fill("7")
    tab.page.locator("#prompt").focus()
    tab.begin()
    locked = tab.page.locator(".chip.locked")
    expect(locked).to_contain_text("brand-safety")
    expect(locked.get_by_role("button")).to_have_count(1)  # opens the list of its terms
    expect(tab.page.locator(".chip .term")).to_have_text(["mustache"])
    locked.locator(".body").focus()
    expect(locked.locator(".card")).to_contain_text("The policy “brand-safety” always excludes:")
    tab.page.keyboard.press("Enter")
    dialog = tab.page.get_by_role("dialog", name="The policy “brand-safety” always excludes")
    dialog.get_by_role("button", name="watermark").click()
    story = tab.page.get_by_role("dialog", name="History of “watermark”").get_by_role("listitem")
    expect(story).to_contain_text(["Turn 0 excluded it for the policy “brand-safety”"])
    tab.page.keyboard.press("Escape")
    tab.page.keyboard.press("Delete")
    tab.say("start over")
    expect(tab.page.locator(".chip")).to_have_count(1)
    expect(locked).to_be_visible()


def test_the_picture_before_is_laid_over_by_keyboard(begun: "Tab") -> None:
    begun.leave_field()
    begun.page.keyboard.press("c")
    slider = begun.page.get_by_role("slider", name="How much of turn 1 is shown over turn 2")
    expect(slider).to_be_focused()
    expect(begun.page.locator("#compare")).to_have_attribute("aria-pressed", "true")
    for _ in range(3):
        begun.page.keyboard.press("ArrowRight")
    expect(slider).to_have_js_property("value", "53")
    expect(slider).to_have_attribute("aria-valuetext", "53 percent of turn 1")
    expect(begun.page.locator("#before")).to_have_css("clip-path", "inset(0px 47% 0px 0px)")
    begun.page.keyboard.press("Home")
    expect(begun.page.locator("#before")).to_have_css("clip-path", "inset(0px 100% 0px 0px)")
    begun.shows(2)
    begun.page.keyboard.press("Escape")
    expect(slider).to_be_hidden()
    expect(begun.page.locator("#compare")).to_be_focused()


def test_the_edge_follows_the_mouse(begun: "Tab") -> None:
    begun.page.get_by_role("button", name="Compare").click()
    box = begun.page.locator("#figure").bounding_box()
    assert box
    begun.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    begun.page.mouse.down()
    begun.page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)
    begun.page.mouse.up()
    expect(begun.page.locator("#slider")).to_have_js_property("value", "25")
    edge = begun.page.locator("#edge").bounding_box()
    assert edge
    assert abs(edge["x"] + edge["width"] / 2 - box["x"] - box["width"] / 4) < 4


def test_undo_another_one_and_a_branch(begun: "Tab", site: "Running") -> None:
    begun.page.get_by_role("button", name="Undo").click()
    begun.shows(1)
    expect(begun.page.locator("#chips .term")).to_have_text(["mustache", "cartoon"])
    begun.leave_field() if begun.page.evaluate("document.activeElement.id") == "words" else None
    begun.page.keyboard.press("r")
    begun.shows(3)
    begun.page.locator("#history-0").click()
    begun.shows(0)
    expect(begun.page.get_by_text("This is turn 0. New feedback starts a branch from it.")).to_be_visible()
    begun.page.get_by_role("button", name="Branch").click()
    expect(begun.page.locator("#elsewhere")).to_be_hidden()
    expect(begun.page.locator("#history-0")).to_have_attribute("aria-current", "true")
    begun.say("too dark")
    begun.shows(4)

    turns = site.studio.store.turns(begun.session)
    assert [turn.parent for turn in turns] == [None, 0, 1, 1, 0]
    assert turns[3].seed != turns[1].seed
    rows = begun.pictures.evaluate_all("options => options.map(option => option.style.gridArea)")
    assert rows == ["1 / 1", "1 / 2", "1 / 3", "2 / 3", "3 / 2"]
    expect(begun.page.locator("#history .lines path")).to_have_count(4)


def test_what_is_said_of_an_older_picture_grows_from_it(begun: "Tab", site: "Running") -> None:
    begun.page.locator("#history-0").click()
    begun.shows(0)
    begun.say("too dark")
    begun.shows(3)
    expect(begun.page.locator("#elsewhere")).to_be_hidden()
    assert site.studio.store.turn(begun.session, 3).parent == 0


def test_the_history_is_walked_by_keyboard(begun: "Tab") -> None:
    begun.leave_field()
    begun.page.keyboard.press("ArrowLeft")
    begun.shows(1)
    begun.page.locator("#history-1").focus()
    begun.page.keyboard.press("Home")
    begun.shows(0)
    expect(begun.page.locator("#history-0")).to_be_focused()
    begun.page.keyboard.press("ArrowRight")
    begun.page.keyboard.press("ArrowRight")
    begun.page.keyboard.press("ArrowRight")
    begun.shows(2)
    expect(begun.page.locator("#history-2")).to_be_focused()


def test_a_turn_in_the_conversation_leads_to_its_picture(begun: "Tab") -> None:
    begun.page.get_by_role("button", name="Turn 1").click()
    begun.shows(1)
    begun.page.get_by_role("button", name="Back to the current turn").click()
    begun.shows(2)


def test_nothing_can_be_changed_while_a_turn_is_drawn(begun: "Tab", engine: "PatientEngine") -> None:
    with engine.held():
        begun.type("too dark")
        expect(begun.progress).to_contain_text("Step 1 of 4")
        for name in ("Undo", "Another one", "Branch", "Compare", "Allow cartoon again"):
            expect(begun.page.get_by_role("button", name=name)).to_be_disabled()
    begun.shows(3)


def test_the_picture_is_downloaded_with_all_that_made_it(tab: "Tab") -> None:
    tab.begin()
    tab.leave_field()
    with tab.page.expect_download() as downloading:
        tab.page.keyboard.press("d")
    assert downloading.value.suggested_filename == f"notthat-{tab.session}-0.png"
    with Image.open(downloading.value.path()) as picture:
        assert "Negative prompt: mustache" in picture.info["parameters"]
        assert json.loads(picture.info["notthat"])["negative_prompt"] == "mustache"


def test_letters_are_shortcuts_only_where_they_are_wanted(begun: "Tab") -> None:
    begun.leave_field()
    begun.page.keyboard.press("?")
    dialog = begun.page.get_by_role("dialog", name="Keyboard")
    expect(dialog).to_be_visible()
    dialog.get_by_role("checkbox", name="Enable letter shortcuts").uncheck()
    begun.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    begun.page.keyboard.press("u")
    begun.page.keyboard.press("/")
    expect(begun.page.locator("#words")).to_be_focused()
    begun.shows(2)
    begun.page.keyboard.type("u/?")
    expect(begun.page.locator("#words")).to_have_value("u/?")
    expect(begun.page.locator("#history .head")).to_have_attribute("aria-label", re.compile("^Turn 2, from turn 1:"))
