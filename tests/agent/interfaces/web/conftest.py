"""A server whose engine can be held in mid-picture, and tabs of a real Chromium to visit it with."""

import base64
import re
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect

from notthat.generation import GenerationRequest, Progress, StubEngine

_TRANSFER = """([base64, name, type, count, size]) => {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  for (let k = 0; k < count; k++) transfer.items.add(new File([bytes, new Uint8Array(size)], name, { type }));
  return transfer;
}"""
_PASTE = """([transfer, text]) => {
  if (text) transfer.setData("text/plain", text);
  const paste = new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true, cancelable: true });
  document.activeElement.dispatchEvent(paste);
}"""
PATIENCE = 60.0
"""Seconds for anything to happen that has to: reached only where a test fails."""
_TICK = 0.02

expect.set_options(timeout=PATIENCE * 1000)


class PatientEngine(StubEngine):
    """A stub that, while it is held, says its first step again and again: slow, and willing to be cancelled."""

    def __init__(self) -> None:
        super().__init__("stub")
        self.error: Exception | None = None
        """What its pictures end with, instead of with a picture."""
        self._may_go_on = threading.Event()
        self._may_go_on.set()

    @contextmanager
    def held(self) -> Iterator[None]:
        """For the block, no picture comes past its first step."""
        self._may_go_on.clear()
        try:
            yield
        finally:
            self._may_go_on.set()

    def run(self, request: GenerationRequest) -> Generator[Progress]:
        """As a stub, but for the hold and the error."""
        for progress in super().run(request):
            yield progress
            while progress.step == 1 and not self._may_go_on.wait(_TICK):
                yield progress
            if self.error is not None:
                raise self.error


@pytest.fixture
def engine() -> PatientEngine:
    """What the site draws with."""
    return PatientEngine()


@pytest.fixture
def site(serve: Callable[..., Any], engine: PatientEngine) -> Any:
    """A running server whose sessions are the test's own: `url`, `studio`, `client`, as `serve` gives it."""
    return serve(engine)


class Tab:
    """The page in a tab, and what a person does there."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.pictures = page.locator("#history [role=option]")
        self.chips = page.locator("#chips .chip:not(.locked)")
        self.last = page.locator("#log li").last
        """What was said last."""
        self.progress = page.locator("#progress")

    @property
    def session(self) -> str:
        """The session's id, as the address has it."""
        address = re.compile(r"\?session=([0-9a-f]{16})$")
        expect(self.page).to_have_url(address)
        found = address.search(self.page.url)
        assert found
        return found[1]

    def type(self, text: str) -> None:
        """Type it where the cursor stands, and send it."""
        self.page.keyboard.type(text)
        self.page.keyboard.press("Enter")

    def begin(self, prompt: str = "portrait of a man without mustache") -> None:
        """A session, with its first picture."""
        self.type(prompt)
        expect(self.pictures).to_have_count(1)
        self.shows(0)

    def say(self, text: str) -> None:
        """The next turn, when its picture is there."""
        count = self.pictures.count()
        self.page.locator("#words").focus()
        self.type(text)
        expect(self.pictures).to_have_count(count + 1)
        expect(self.progress).to_be_hidden()
        expect(self.page.locator("#after")).to_have_js_property("complete", True)

    def drop(
        self, content: bytes, name: str = "photo.png", kind: str = "image/png", count: int = 1, size: int = 0
    ) -> None:
        """Drop a file onto the page, as from a file manager, or `count` of them, with `size` zero bytes at the end."""
        file = [base64.b64encode(content).decode(), name, kind, count, size]
        transfer = self.page.evaluate_handle(_TRANSFER, file)
        for event in ("dragover", "drop"):
            self.page.dispatch_event("main:visible", event, {"dataTransfer": transfer})

    def paste(self, content: bytes, text: str = "") -> None:
        """Paste a picture from the clipboard, which may have text beside it."""
        file = [base64.b64encode(content).decode(), "image.png", "image/png", 1, 0]
        self.page.evaluate(_PASTE, [self.page.evaluate_handle(_TRANSFER, file), text])

    def attached(self) -> None:
        """Wait until there is a picture to start from."""
        expect(self.page.get_by_role("img", name=re.compile("^The picture to start from"))).to_be_visible()

    def start_from(self, prompt: str) -> None:
        """A session that starts from the attached picture."""
        self.type(prompt)
        expect(self.pictures).to_have_count(2)
        self.shows(0)

    def leave_field(self) -> None:
        """Take the cursor out of the field, so that letters are shortcuts."""
        self.page.keyboard.press("Escape")
        expect(self.page.locator("#words")).not_to_be_focused()

    def shows(self, turn: int) -> None:
        """Wait until it is this turn's picture that is looked at, and the picture is there."""
        expect(self.page.locator("#history [aria-selected=true]")).to_have_id(f"history-{turn}")
        expect(self.page.locator("#after")).to_have_attribute("alt", re.compile(f"^Turn {turn}:"))
        expect(self.page.locator("#after")).to_have_js_property("complete", True)
        expect(self.page.locator("#after")).not_to_have_js_property("naturalWidth", 0)

    def stop_clock(self) -> None:
        """From now on the page's timers wait for `elapse`, however long the test takes."""
        self.page.clock.install(time=0)
        self.page.clock.pause_at(1000)

    def elapse(self, seconds: float) -> None:
        """Let the timers run that are due by then."""
        self.page.clock.run_for(int(seconds * 1000))


class Visitor:
    """Somebody at a browser; `tab` opens the page in another tab of it.

    `complaints` are what its console said but for refused requests, which every browser reports there; `asked` is
    where its requests went.
    """

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.context, self.url = context, url
        self.complaints: list[str] = []
        self.asked: list[str] = []
        context.on("console", self._heard)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("request", self._saw)

    def tab(self, path: str = "/") -> Tab:
        """The page in a new tab, when it knows what to show."""
        page = self.context.new_page()
        page.goto(self.url + path)
        expect(page.locator("body")).not_to_have_attribute("data-view", "loading")
        return Tab(page)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            self.complaints.append(message.text)

    def _saw(self, request: Request) -> None:
        if not request.url.startswith(("data:", "blob:")):
            self.asked.append(request.url)


Visit = Callable[..., Visitor]


@pytest.fixture
def visit(browser: Browser, site: Any) -> Iterator[Visit]:
    """Somebody comes, with a browser of these settings.

    At the end of the test nobody but the server was asked for anything, and no browser had anything to complain of.
    """
    visitors: list[Visitor] = []
    with ExitStack() as opened:

        def visit(**settings: object) -> Visitor:
            context = browser.new_context(**settings)
            context.set_default_timeout(PATIENCE * 1000)
            opened.callback(context.close)
            visitors.append(Visitor(context, site.url))
            return visitors[-1]

        yield visit
    for visitor in visitors:
        assert visitor.complaints == []
        assert [url for url in visitor.asked if not url.startswith(site.url + "/")] == []


@pytest.fixture
def visitor(visit: Visit) -> Visitor:
    """Somebody at a browser of the usual kind."""
    return visit()


@pytest.fixture
def tab(visitor: Visitor) -> Tab:
    """The page at the first visit."""
    return visitor.tab()
