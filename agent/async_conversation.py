"""`AsyncConversation`: `Conversation` for programs with an event loop, which goes on while a picture is drawn."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from functools import partial
from typing import Any, Self

from .cancellable_thread import AsyncOnStep, run_in_thread
from .conversation import Conversation, Turn
from .edits import Confirm, State, UserEdit
from .exclusion_audit import DEFAULT_LIMIT, AuditResult, ExclusionAudit
from .feedback import Feedback
from .source_picture import PictureLike, SourcePicture
from .studio import OnStep, Studio
from .verification import VerifyOptions


class AsyncConversation:
    """One session of a studio; the same names as `Conversation`, to be awaited.

    What is asked of a session at once is done in the order it was asked, each of the picture that the one before
    made, however many of these objects of one studio ask. A task that is cancelled stops its drawing at the next
    step: the session stays as it was, and the words are kept for `retry`.
    Its methods raise `NotthatError`, with a line for the user, and then have changed nothing.
    """

    def __init__(self, conversation: Conversation, *, follows: bool = True) -> None:
        """`follows`: whether the next words are about what the session shows by then; else about this turn."""
        self._conversation = conversation
        self._follows = follows

    @classmethod
    async def start(
        cls,
        prompt: str,
        studio: Studio | None = None,
        *,
        negative: str = "",
        seed: int | None = None,
        steps: int | None = None,
        guidance: float | None = None,
        policies: Iterable[str] = (),
        model: str | None = None,
        request: Mapping[str, Any] | None = None,
        verification: VerifyOptions | bool | None = None,
        picture: PictureLike | SourcePicture | None = None,
        strength: float | None = None,
        mask: PictureLike | None = None,
        on_step: AsyncOnStep | None = None,
    ) -> Self:
        """A new session with its first picture; see `Conversation.start`."""

        def begin(report: OnStep) -> Conversation:
            return Conversation.start(
                prompt,
                studio,
                negative=negative,
                seed=seed,
                steps=steps,
                guidance=guidance,
                policies=policies,
                model=model,
                request=request,
                verification=verification,
                picture=picture,
                strength=strength,
                mask=mask,
                on_step=report,
            )

        return cls(await run_in_thread(begin, on_step))

    @classmethod
    async def continue_from(
        cls, picture: PictureLike, studio: Studio | None = None, *, owner: str | None = None
    ) -> Self | None:
        """The conversation at the turn that drew a picture; see `Conversation.continue_from`."""
        found = await run_in_thread(lambda _: Conversation.continue_from(picture, studio, owner=owner))
        return None if found is None else cls(found, follows=False)

    @classmethod
    async def open(cls, session: str, studio: Studio | None = None, *, turn: int | None = None) -> Self:
        """Go on with a session; see `Conversation.open`."""
        conversation = await run_in_thread(lambda _: Conversation.open(session, studio, turn=turn))
        return cls(conversation, follows=turn is None)

    @classmethod
    async def retry(
        cls, session: str, studio: Studio | None = None, *, turn: int | None = None, on_step: AsyncOnStep | None = None
    ) -> Self:
        """Draw a turn again that came to no picture; see `Conversation.retry`."""
        again = partial(Conversation.retry, session, studio, turn=turn)
        return cls(await run_in_thread(lambda each: again(on_step=each), on_step))

    @property
    def id(self) -> str:
        """The session's id."""
        return self._conversation.id

    @property
    def studio(self) -> Studio:
        """The studio that the session is in."""
        return self._conversation.studio

    @property
    def head(self) -> Turn:
        """The turn that the next one grows from."""
        return self._conversation.head

    @property
    def state(self) -> State:
        """What the picture at the head was made from."""
        return self._conversation.state

    async def say(self, feedback: str | Feedback, on_step: AsyncOnStep | None = None) -> Turn:
        """Say what is wrong with the picture; the next turn, or the same one where nothing was asked."""
        return await self._run_exclusively(partial(self._conversation.say, feedback), on_step)

    async def edit(self, edits: Iterable[UserEdit], on_step: AsyncOnStep | None = None) -> Turn:
        """Change by edits what is excluded or wanted, without words; see `Conversation.edit`."""
        return await self._run_exclusively(partial(self._conversation.edit, tuple(edits)), on_step)

    async def confirm(self, yes: bool = True, *, choice: int | None = None, on_step: AsyncOnStep | None = None) -> Turn:
        """Answer the open question; see `Conversation.confirm`."""
        return await self.edit([Confirm(yes=yes, choice=choice)], on_step)

    async def undo(self, turns: int = 1) -> Turn:
        """Go back; the turn that is shown now."""
        return await self._run_exclusively(lambda _: self._conversation.undo(turns))

    async def branch(self, turn: int) -> Turn:
        """Go on from this turn; the next one grows from it."""
        return await self._run_exclusively(lambda _: self._conversation.branch(turn))

    async def release(self, term: str) -> Turn:
        """Release a pin; see `Conversation.release`."""
        return await run_in_thread(lambda _: self._conversation.release(term))

    async def set_verification(self, options: VerifyOptions | bool | None) -> None:
        """Verify the session's next turns in this way; None or False: not at all."""
        await run_in_thread(lambda _: self._conversation.set_verification(options))

    async def seed(self, seed: int, on_step: AsyncOnStep | None = None) -> Turn:
        """The same again from this seed."""
        return await self._run_exclusively(partial(self._conversation.seed, seed), on_step)

    async def turns(self) -> list[Turn]:
        """Every turn of the session, in order of creation."""
        return await run_in_thread(lambda _: self._conversation.turns())

    async def audit(self, limit: int = DEFAULT_LIMIT, on_step: AsyncOnStep | None = None) -> AsyncIterator[AuditResult]:
        """Draw the head again without each of its exclusions, and compare; see `Conversation.audit`."""
        audit = await run_in_thread(lambda _: ExclusionAudit(self.studio, self.head, limit))
        for exclusion in audit.exclusions:
            yield await run_in_thread(partial(audit.compare, exclusion), on_step)

    async def _run_exclusively(self, call: Callable[[OnStep], Turn], on_step: AsyncOnStep | None = None) -> Turn:
        async with self.studio.session_locks.async_lock(self.id):
            if self._follows:
                await run_in_thread(lambda _: self._conversation.refresh())
            turn = await run_in_thread(call, on_step)
            self._follows = True
            return turn
