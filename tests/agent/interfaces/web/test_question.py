"""A question on the page: a line with a button for each answer, keys, and the message field."""

from typing import TYPE_CHECKING, Any

import pytest
from asking import AskingInterpreter
from playwright.sync_api import Locator, expect

from notthat.agent import Conversation

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..conftest import Running
    from .conftest import PatientEngine, Tab, Visitor


@pytest.fixture
def site(serve: "Callable[..., Any]", engine: "PatientEngine") -> Any:
    """A running server whose interpreter asks."""
    return serve(engine, AskingInterpreter())


def ask(tab: "Tab", text: str = "hm, that beard") -> Locator:
    """Say something that is in doubt: the question."""
    tab.page.locator("#words").focus()
    tab.type(text)
    question = tab.page.locator("#question")
    expect(question).to_be_visible()
    return question


def test_a_question_has_a_button_for_yes_and_for_no(tab: "Tab", site: "Running") -> None:
    tab.begin()
    ask(tab)
    group = tab.page.get_by_role("group", name="Leave out “beard”?")
    expect(group.get_by_role("button")).to_have_text(["Yes", "No"])
    expect(tab.page.get_by_role("status").filter(has_text="Leave out “beard”?")).to_have_count(1)
    expect(tab.pictures).to_have_count(1)
    group.get_by_role("button", name="Yes").click()
    expect(tab.pictures).to_have_count(2)
    expect(group).to_be_hidden()
    expect(tab.page.locator("#words")).to_be_focused()
    tab.shows(1)
    assert site.studio.store.turn(tab.session).exclusions[-1].words == "hm, that beard"


def test_no_closes_the_question_without_a_picture(tab: "Tab", site: "Running") -> None:
    tab.begin()
    question = ask(tab)
    question.get_by_role("button", name="No").click()
    expect(tab.last).to_contain_text("Nothing to change.")
    expect(question).to_be_hidden()
    expect(tab.pictures).to_have_count(1)


def test_each_candidate_has_a_button(tab: "Tab", site: "Running") -> None:
    tab.begin("a man")
    question = ask(tab, "that thing on him")
    expect(question.get_by_role("button")).to_have_text(["hat", "scarf", "None"])
    question.get_by_role("button", name="scarf").click()
    tab.shows(1)
    assert site.studio.store.turn(tab.session).negative == "scarf"


@pytest.mark.parametrize(
    ("text", "key", "negative"), [("hm, that beard", "y", "beard"), ("that thing on him", "1", "hat")]
)
def test_a_key_answers(tab: "Tab", site: "Running", text: str, key: str, negative: str) -> None:
    tab.begin("a man")
    ask(tab, text)
    tab.leave_field()
    tab.page.keyboard.press(key)
    tab.shows(1)
    assert site.studio.store.turn(tab.session).negative == negative


def test_n_says_no_while_a_question_is_open(tab: "Tab") -> None:
    tab.begin("a man")
    question = ask(tab)
    tab.leave_field()
    tab.page.keyboard.press("n")
    expect(question).to_be_hidden()
    expect(tab.page.locator("body")).to_have_attribute("data-view", "session")
    expect(tab.page.locator("#words")).to_be_focused()
    expect(tab.last).to_contain_text("Nothing to change.")  # until then, Escape cancels the answer
    tab.leave_field()
    tab.page.keyboard.press("n")
    expect(tab.page.locator("body")).to_have_attribute("data-view", "start")


def test_a_typed_answer_and_more(tab: "Tab", site: "Running") -> None:
    tab.begin("a man")
    ask(tab)
    tab.say("yes, and no scarf")
    assert site.studio.store.turn(tab.session).negative == "beard, scarf"


def test_a_question_is_there_after_a_reload_and_gone_in_other_tabs(
    tab: "Tab", visitor: "Visitor", site: "Running"
) -> None:
    tab.begin("a man")
    ask(tab)
    other = visitor.tab(f"/?session={tab.session}")
    expect(other.page.locator("#question-text")).to_have_text("Leave out “beard”?")
    Conversation.open(tab.session, site.studio).confirm(False)
    expect(tab.page.locator("#question")).to_be_hidden()
    expect(other.page.locator("#question")).to_be_hidden()


def test_a_question_belongs_to_the_current_picture(tab: "Tab") -> None:
    tab.begin("a man")
    tab.say("no fog")
    question = ask(tab)
    tab.leave_field()
    tab.page.keyboard.press("ArrowLeft")
    expect(question).to_be_hidden()
    tab.page.keyboard.press("ArrowRight")
    expect(question).to_be_visible()
