"""The interactive chat. A line is feedback; method `cmd_undo` is the command `/undo`, its docstring the help text."""

import sys
from collections.abc import Callable, Iterable
from typing import Any

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory

from ....errors import InvalidInputError, NotthatError
from ...conversation import Conversation, Turn
from ...exclusion_effects import describe_effect
from ...exclusion_history import explain_exclusion, load_path, term_history
from ...exclusions import NegativePrompt
from ...replay.regenerate import replay_session
from ...studio import Studio
from ...terms import normalize_term, to_one_line
from .console import err, exclusions_table, out, progress, show_answered_turn, show_turn

_PREFIX = "cmd_"
_MAX_DIGITS = 20  # longer than any seed; `int` raises ValueError above 4300 digits


class ChatRepl:
    """Reads lines and answers them. History and completion need a terminal; otherwise lines are read plainly."""

    def __init__(self, studio: Studio, **options: Any) -> None:
        self.studio = studio
        self.options = options
        self._conversation: Conversation | None = None
        self._done = False

    def run(self, prompt: str | None, session: str | None) -> None:
        """Start with `prompt`, continue `session`, or ask for a prompt; read lines until /quit or the end of input."""
        read = self._create_reader()
        if session is not None:
            self._conversation = Conversation.open(session, self.studio)
            self.studio.warm_up(self._conversation.head.request["model"])
            self._show(self._conversation.head)
        elif prompt is not None:
            self._start(prompt)
        else:
            self.studio.warm_up()
            out.print("What should the picture show?  [dim](/help lists the commands)[/dim]")
        while not self._done:
            try:
                line = read().strip()
            except EOFError:
                break
            except KeyboardInterrupt:
                continue
            if line:
                self._handle(line)
        if self._conversation is not None:
            err.print(f"[dim]Continue with:  notthat chat --session {self._conversation.id}[/dim]")

    @property
    def conversation(self) -> Conversation:
        """The current conversation.

        Raises:
            InvalidInputError: before the first picture.
        """
        if self._conversation is None:
            raise InvalidInputError("there is no picture yet: first describe what it should show")
        return self._conversation

    def cmd_undo(self, turns: str) -> None:
        """[N]  go back N turns (default 1)"""
        self._show(self.conversation.undo(_parse_number(turns, "/undo", default=1)))

    def cmd_branch(self, turn: str) -> None:
        """N  continue from turn N; later turns are kept"""
        self._show(self.conversation.branch(_parse_number(turn, "/branch")))

    def cmd_show(self, turn: str) -> None:
        """[N]  show the picture and the exclusions of turn N (default: the current turn)"""
        head = self.conversation.head
        record = self.studio.store.turn(self.conversation.id, _parse_number(turn, "/show", default=head.number))
        self._show(record)
        out.print(
            f"turn {record.number} of session {record.session}: {record.prompt}  (seed {record.seed})", markup=False
        )
        if record.exclusions:
            out.print(exclusions_table(record))

    def cmd_why(self, term: str) -> None:
        """[TERM]  why terms are excluded; with TERM, its history and its measured effect"""
        head = self.conversation.head
        exclusions = [
            exclusion
            for exclusion in NegativePrompt.from_records(head.exclusions)
            if not term or normalize_term(exclusion.term) == normalize_term(term)
        ]
        if not exclusions:
            out.print(f"“{term}” is not excluded." if term else "Nothing is excluded.", markup=False)
        for exclusion in exclusions:
            out.print(explain_exclusion(exclusion), markup=False)
        events = term_history(load_path(self.studio, head), term) if term else ()
        for event in events if len(events) > 1 else ():
            out.print(f"  {event}", markup=False)
        if term and exclusions:
            out.print(describe_effect(self.studio, head, exclusions[0]), markup=False)

    def cmd_replay(self, _: str) -> None:
        """redraw every turn and compare the pixels"""
        with progress("replaying") as on_step:
            for result in replay_session(self.studio, self.conversation.id, on_step):
                differs = f"differs by up to {result.max_abs_diff} levels"
                out.print(f"turn {result.turn}: {'identical' if result.identical else differs}")

    def cmd_seed(self, seed: str) -> None:
        """[N]  show the seed, or redraw with seed N"""
        if not seed:
            out.print(f"seed {self.conversation.head.seed}")
            return
        number = _parse_number(seed, "/seed")
        with progress("drawing", previews=True) as on_step:
            turn = self.conversation.seed(number, on_step)
        self._show(turn)

    def cmd_help(self, _: str) -> None:
        """show this list"""
        out.print("Say what is wrong: too dark · no watermark · still blurry · bring the hat back · another one")
        for name, command in self._commands().items():
            out.print(f"  /{name:<8}{(command.__doc__ or '').strip()}", markup=False)

    def cmd_quit(self, _: str) -> None:
        """quit; the session is saved"""
        self._done = True

    def _commands(self) -> dict[str, Callable[[str], None]]:
        names = [name for name in vars(type(self)) if name.startswith(_PREFIX)]
        return {name.removeprefix(_PREFIX): getattr(self, name) for name in names}

    def _handle(self, line: str) -> None:
        """Handle one line of input. Errors are printed and the chat continues."""
        try:
            if line.startswith("/"):
                name, _, argument = line[1:].partition(" ")
                command = self._commands().get(name.lower())
                if command is None:
                    raise InvalidInputError(f"unknown command /{name}: use /{', /'.join(self._commands())}")
                command(argument.strip())
            elif self._conversation is None:
                self._start(line)
            else:
                with progress("drawing", previews=True) as on_step:
                    turn = self._conversation.say(line, on_step)
                show_answered_turn(turn, lambda: self.studio.store.images.open(turn.sha256))
        except NotthatError as error:
            err.print(to_one_line(str(error)), style="red", markup=False)
        except KeyboardInterrupt:
            err.print("Cancelled; nothing was changed.", style="red")

    def _start(self, prompt: str) -> None:
        with progress("drawing", previews=True) as on_step:
            self._conversation = Conversation.start(prompt, self.studio, on_step=on_step, **self.options)
        self._show(self._conversation.head)

    def _show(self, turn: Turn) -> None:
        show_turn(turn, self.studio.store.images.open(turn.sha256))

    def _create_reader(self) -> Callable[[], str]:
        """The function that reads a line: with history and completion on a terminal, otherwise `input`."""
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            return input
        history = FileHistory(str(self.studio.store.home / "history"))
        session: PromptSession[str] = PromptSession(
            "› ", history=history, completer=_CommandCompleter(self._commands())
        )
        return session.prompt


class _CommandCompleter(Completer):
    """Completes /commands at the start of a line."""

    def __init__(self, commands: dict[str, Callable[[str], None]]) -> None:
        self.commands = commands

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        text = document.text_before_cursor
        if text.startswith("/") and " " not in text:
            for name, command in self.commands.items():
                if name.startswith(text[1:].lower()):
                    yield Completion(
                        f"/{name}", start_position=-len(text), display_meta=(command.__doc__ or "").strip()
                    )


def _parse_number(text: str, command: str, default: int | None = None) -> int:
    if not text and default is not None:
        return default
    if not text.isdecimal() or len(text) > _MAX_DIGITS:
        raise InvalidInputError(f"{command} takes a whole number, not “{text:.40}”")
    return int(text)
