"""Draw the README's picture of the web page: the session of `make_pictures.py`, typed into a real Chromium.

python docs/make_page_picture.py [FOLDER]

With a FOLDER, pictures of every state of the page are written there, to check a change of its style.
"""

import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from notthat.agent import Settings, Studio
from notthat.agent.interfaces.http import ServerConfig, create_app
from notthat.agent.interfaces.http.server import Server, open_socket, socket_url

HERE = Path(__file__).parent
PROMPT = "portrait of a man on the beach"
SEED = "4368"
"""The chosen seed of `make_pictures.py`."""
SAID = ("no mustache", "and no glasses", "no earrings either")
BESIDE = "put him in a city"
"""Said about turn 1, to make a branch."""
POLICY = """title = "How our pictures look"
exclude = [{ term = "frame" }, { term = "sketch" }]
"""
SIZES = {"wide": (1280, 800), "narrow": (400, 800)}
PATIENCE = 300_000
"""Milliseconds that a turn may take."""


@contextmanager
def served() -> Iterator[str]:
    """The address of a server on mini that ends with the block."""
    ready = threading.Event()
    with tempfile.TemporaryDirectory() as home, studio_in(Path(home)) as studio:
        listening = open_socket("127.0.0.1", 0)
        server = Server(create_app(studio, ServerConfig(models=("mini",))), on_ready=ready.set)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        ready.wait()
        try:
            yield socket_url(listening)
        finally:
            server.should_exit = True
            thread.join()


def studio_in(home: Path) -> Studio:
    """A studio with a policy of its own."""
    (home / "policies").mkdir()
    (home / "policies" / "house-style.toml").write_text(POLICY, encoding="utf-8")
    return Studio.open(Settings.load(home=home))


def converse(page: Page) -> None:
    """A session with a branch, typed."""
    page.get_by_text("Options").click()
    page.get_by_role("checkbox", name="house-style").check()
    page.locator("#seed").fill(SEED)
    page.locator("#prompt").fill(PROMPT)
    page.keyboard.press("Enter")
    drawn(page, 1)
    for count, words in enumerate(SAID, 2):
        say(page, words, count)
    page.locator("#history-1").click()
    say(page, BESIDE, len(SAID) + 2)
    page.locator(f"#history-{len(SAID)}").click()
    page.get_by_role("button", name="Branch").click()
    page.locator("#elsewhere").wait_for(state="hidden")


def say(page: Page, words: str, count: int) -> None:
    """Type it, and wait for the picture."""
    page.locator("#words").fill(words)
    page.keyboard.press("Enter")
    drawn(page, count)


def drawn(page: Page, count: int) -> None:
    """Wait until there are so many pictures, and nothing is being drawn."""
    page.locator(f"#history-{count - 1}").wait_for()
    page.locator("#progress").wait_for(state="hidden")


def look(browser: Browser, url: str, folder: Path) -> None:
    """Every state of the page, in both colour schemes, wide and narrow."""
    for colours in ("light", "dark"):
        for name, (width, height) in SIZES.items():
            context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=colours)
            page = context.new_page()
            for state, whole in states(page, url):
                page.screenshot(path=folder / f"{state}-{colours}-{name}.png", full_page=whole and name == "narrow")
            context.close()


def states(page: Page, url: str) -> Iterator[tuple[str, bool]]:
    """Bring the page into one state after the other: its name, and whether it is longer than a narrow window."""
    page.goto(url[: url.index("?")])
    page.wait_for_selector("#prompt:focus")
    yield "start", False
    page.goto(url)
    expect(page.locator("#after")).not_to_have_js_property("naturalWidth", 0)
    yield "session", True
    page.locator(".chip .body").nth(1).focus()
    yield "chip", False
    page.keyboard.press("Enter")
    page.locator("#story img").first.wait_for()
    yield "story", False
    page.keyboard.press("Escape")
    page.locator(".chip.locked .body").focus()
    yield "policy", False
    page.locator("#compare").click()
    yield "compare", False
    page.locator("#compare").click()
    page.locator("#history-1").click()
    yield "elsewhere", False
    page.locator("#words").fill("make it a woman")
    page.keyboard.press("Enter")
    page.locator("#preview").wait_for()
    yield "drawing", False
    page.keyboard.press("Escape")
    page.locator("#progress").wait_for(state="hidden")
    page.locator("#unfinished").wait_for()
    yield "cancelled", False
    page.locator(f"#history-{len(SAID)}").click()
    page.locator("#branch").click()
    page.locator("#unfinished").wait_for(state="hidden")
    page.locator("#words").fill("can I talk to a human?")
    page.keyboard.press("Enter")
    page.locator(".handoff").last.wait_for()
    page.locator(".handoff").last.scroll_into_view_if_needed()
    yield "handoff", False
    page.locator("#sessions").click()
    page.locator("#sessions-list img").first.wait_for()
    yield "sessions", False
    page.keyboard.press("Escape")
    page.locator("#help").click()
    yield "help", False


def main() -> None:
    """Write the picture beside this file."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with served() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        width, height = SIZES["wide"]
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme="light")
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.goto(url)
        converse(page)
        page.locator(".chip .body").nth(1).focus()
        page.screenshot(path=HERE / "web.png")
        for folder in sys.argv[1:]:
            Path(folder).mkdir(parents=True, exist_ok=True)
            look(browser, page.url, Path(folder))
        browser.close()


if __name__ == "__main__":
    main()
