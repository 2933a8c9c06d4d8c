"""The chips say whether what is excluded is gone."""

from typing import Any

from PIL import Image
from playwright.sync_api import expect

from notthat.agent import Conversation, Studio
from notthat.agent.interpreters import OfflineInterpreter
from notthat.agent.judges import Presence, Thresholds
from notthat.agent.verification import VerifyOptions
from notthat.generation import StubEngine

PRESENT = {"hat": 0.9, "fog": 0.1, "rain": 0.5, "watermark": 0.8}


class KnowingJudge:
    """A judge that knows some terms, whatever the picture shows."""

    name = "test"
    thresholds = Thresholds(gone=0.3, there=0.7)

    def is_present(self, picture: Image.Image, term: str) -> Presence | None:
        return Presence(PRESENT[term]) if term in PRESENT else None

    def unload(self) -> None:
        pass


def test_each_chip_has_a_mark_and_says_it_in_words(site: Any, visitor: Any) -> None:
    studio = Studio(
        site.studio.store,
        OfflineInterpreter(),
        model="stub",
        load_engine=StubEngine,
        load_judge=lambda name: KnowingJudge(),
    )
    conversation = Conversation.start(
        "portrait of a man, no hat, no fog, no rain, no zebra",
        studio,
        policies=("quality",),
        verification=VerifyOptions(judges=("test",), tries=0),
    )
    page = visitor.tab(f"/?session={conversation.id}").page

    own = page.locator("#chips .chip:not(.locked)")
    expect(own.locator(".term")).to_have_text(["hat", "fog", "rain", "zebra"])
    expect(own.locator(".verdict")).to_have_text(["!", "✓", "?", "?"])
    labels = ["still there", "gone", "not known whether it is gone", "not known whether it is gone"]
    for chip, term, label in zip(own.all(), ("hat", "fog", "rain", "zebra"), labels, strict=True):
        expect(chip.locator(".body")).to_have_attribute("aria-label", f"{term}, excluded, {label}; weight")
    own.first.hover()
    expect(own.first.locator(".card")).to_contain_text("Still there, says test: 90 % likely there.")
    own.last.hover()
    expect(own.last.locator(".card")).to_contain_text("No judge can tell whether it is gone.")
    policy = page.locator("#chips .locked")
    expect(policy.locator(".verdict")).to_have_text("!")
    expect(policy.locator(".body")).to_have_attribute("aria-label", "Policy quality, locked, still there: watermark")


def test_a_turn_that_was_not_verified_has_no_marks(tab: Any) -> None:
    tab.begin()
    expect(tab.chips.locator(".body")).to_have_attribute("aria-label", "mustache, excluded; weight")
    expect(tab.chips.locator(".verdict")).to_be_hidden()
