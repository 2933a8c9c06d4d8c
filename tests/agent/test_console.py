"""What a terminal is shown: words are words, whatever markup they hold."""

from pathlib import Path

from rich.console import Console

from notthat.agent import Conversation, Studio
from notthat.agent.edits import Exclude
from notthat.agent.interfaces.cli.console import exclusions_table


def test_markup_in_terms_words_and_policies_is_shown_as_it_stands(studio: Studio, home: Path) -> None:
    folder = home / "policies"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "[bold]brand.toml").write_text('title = "x"\nexclude = [{ term = "logo" }]\n', encoding="utf-8")
    conversation = Conversation.start("a man", studio, policies=["[bold]brand"])
    conversation.edit([Exclude(term="[red]fog[/red]")])
    console = Console(width=200, record=True, force_terminal=False)
    console.print(exclusions_table(conversation.head))
    shown = console.export_text()
    assert "policy:[bold]brand" in shown
    assert shown.count("[red]fog[/red]") == 2  # the term, and the words that brought it
