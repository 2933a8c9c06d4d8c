"""The chat: a line is feedback; a method `cmd_undo` is the command `/undo`, its docstring is the help."""

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
from .console import err, exclusions_table, out, progress, show_turn

_PREFIX = "cmd_"
_MAX_DIGITS = 20  # more than any seed has, and Python refuses to read thousands


class ChatRepl:
    """A conversation typed line by line; plain where stdin is no terminal."""

    def __init__(self, studio: Studio, **options: Any) -> None:
        self.studio = studio
        self.options = options
        self._conversation: Conversation | None = None
        self._done = False

    def run(self, prompt: str | None, session: str | None) -> None:
        """Begin with `prompt`, or go on with `session`, or ask; until /quit or the end of input."""
        read = self._create_reader()
        if session is not None:
            self._conversation = Conversation.open(session, self.studio)
            self.studio.warm_up(self._conversation.head.request["model"])
            self._show(self._conversation.head)
        elif prompt is not None:
            self._start(prompt)
        else:
            self.studio.warm_up()
            out.print("What should the picture show?  [dim](/help says what else there is)[/dim]")
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
            err.print(f"[dim]Come back with:  notthat chat --session {self._conversation.id}[/dim]")

    @property
    def conversation(self) -> Conversation:
        """The conversation, once there is one."""
        if self._conversation is None:
            raise InvalidInputError("there is no picture yet: say what it should show")
        return self._conversation

    def cmd_undo(self, turns: str) -> None:
        """[N]  go back one turn, or N"""
        self._show(self.conversation.undo(_parse_number(turns, "/undo", default=1)))

    def cmd_branch(self, turn: str) -> None:
        """N  go on from turn N; what came after stays where it is"""
        self._show(self.conversation.branch(_parse_number(turn, "/branch")))

    def cmd_show(self, turn: str) -> None:
        """[N]  the picture and its exclusions, now or at turn N"""
        head = self.conversation.head
        record = self.studio.store.turn(self.conversation.id, _parse_number(turn, "/show", default=head.number))
        self._show(record)
        out.print(
            f"turn {record.number} of session {record.session}: {record.prompt}  (seed {record.seed})", markup=False
        )
        if record.exclusions:
            out.print(exclusions_table(record))

    def cmd_why(self, term: str) -> None:
        """[TERM]  who excluded it, when, and in whose words; with TERM, all that became of it, and how it acts"""
        head = self.conversation.head
        found = [
            e
            for e in NegativePrompt.from_records(head.exclusions)
            if not term or normalize_term(e.term) == normalize_term(term)
        ]
        if not found:
            out.print(f"“{term}” is not excluded." if term else "Nothing is excluded.", markup=False)
        for e in found:
            out.print(explain_exclusion(e), markup=False)
        events = term_history(load_path(self.studio, head), term) if term else ()
        for event in events if len(events) > 1 else ():
            out.print(f"  {event}", markup=False)
        if term and found:
            out.print(describe_effect(self.studio, head, found[0]), markup=False)

    def cmd_replay(self, _: str) -> None:
        """draw every turn again, and compare the pixels"""
        with progress("replaying") as on_step:
            for result in replay_session(self.studio, self.conversation.id, on_step):
                differs = f"differs by up to {result.max_abs_diff} levels"
                out.print(f"turn {result.turn}: {'identical' if result.identical else differs}")

    def cmd_seed(self, seed: str) -> None:
        """[N]  which seed it is; or the same picture from seed N"""
        if not seed:
            out.print(f"seed {self.conversation.head.seed}")
            return
        number = _parse_number(seed, "/seed")
        with progress("drawing", previews=True) as on_step:
            turn = self.conversation.seed(number, on_step)
        self._show(turn)

    def cmd_help(self, _: str) -> None:
        """this list"""
        out.print("Say what is wrong: too dark · no watermark · still blurry · bring the hat back · another one")
        for name, command in self._commands().items():
            out.print(f"  /{name:<8}{(command.__doc__ or '').strip()}", markup=False)

    def cmd_quit(self, _: str) -> None:
        """leave; the session is kept"""
        self._done = True

    def _commands(self) -> dict[str, Callable[[str], None]]:
        names = [name for name in vars(type(self)) if name.startswith(_PREFIX)]
        return {name.removeprefix(_PREFIX): getattr(self, name) for name in names}

    def _handle(self, line: str) -> None:
        """One line of input; what goes wrong is said, and the chat goes on."""
        try:
            if line.startswith("/"):
                name, _, argument = line[1:].partition(" ")
                command = self._commands().get(name.lower())
                if command is None:
                    raise InvalidInputError(f"no command /{name}: there are /{', /'.join(self._commands())}")
                command(argument.strip())
            elif self._conversation is None:
                self._start(line)
            else:
                with progress("drawing", previews=True) as on_step:
                    turn = self._conversation.say(line, on_step)
                self._show(turn)
        except NotthatError as error:
            err.print(to_one_line(str(error)), style="red", markup=False)
        except KeyboardInterrupt:
            err.print("Stopped; nothing was changed.", style="red")

    def _start(self, prompt: str) -> None:
        with progress("drawing", previews=True) as on_step:
            self._conversation = Conversation.start(prompt, self.studio, on_step=on_step, **self.options)
        self._show(self._conversation.head)

    def _show(self, turn: Turn) -> None:
        show_turn(turn, self.studio.store.images.open(turn.sha256))

    def _create_reader(self) -> Callable[[], str]:
        """How lines are read: with history and completion, or plainly."""
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            return input
        history = FileHistory(str(self.studio.store.images.folder.parent / "history"))
        session: PromptSession[str] = PromptSession(
            "› ", history=history, completer=_CommandCompleter(self._commands())
        )
        return session.prompt


class _CommandCompleter(Completer):
    """Completes /commands at the beginning of a line."""

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
