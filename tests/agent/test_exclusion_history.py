"""What is told of a term: who excluded it, what became of its weight, and in whose words."""

from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notthat.agent import Conversation, Studio
from notthat.agent.edits import Allow, Edit, Exclude, Reroll, Reset, Reweight, SetPrompt
from notthat.agent.exclusion_history import format_history, load_path, term_history
from notthat.agent.interpreters import Interpretation

OpenStudio = Callable[..., Studio]


def tell(conversation: Conversation, term: str) -> list[str]:
    return format_history(term_history(load_path(conversation.studio, conversation.head), term), term)


def test_a_story_tells_every_turn_that_changed_the_term(studio: Studio) -> None:
    conversation = Conversation.start("a harbour", studio, seed=1)
    for words in ("no fog", "still foggy", "no boats", "the fog is fine after all"):
        conversation.say(words)
    assert tell(conversation, "Fog") == [
        "turn 1 excluded fog (1): “no fog”",
        "turn 2 changed it from 1 to 1.2: “still foggy”",
        "turn 4 allowed fog again: “the fog is fine after all”",
    ]
    assert tell(conversation, "rain") == ["“rain” was never excluded here."]


def test_what_was_undone_is_no_part_of_a_story(studio: Studio) -> None:
    conversation = Conversation.start("a harbour", studio, seed=1)
    conversation.say("no fog")
    conversation.undo()
    assert tell(conversation, "fog") == ["“fog” was never excluded here."]


def test_a_policy_begins_a_story_and_feedback_goes_on_with_it(studio: Studio) -> None:
    conversation = Conversation.start("a harbour", studio, seed=1, policies=("quality",))
    conversation.say("still blurry")
    assert tell(conversation, "blurry") == [
        "blurry (1) by policy:quality",
        "turn 1 changed it from 1 to 1.2: “still blurry”",
    ]


TERMS = st.sampled_from(["fog", "boats", "blurry", "hat"])
EDITS = st.lists(
    st.one_of(
        st.builds(Exclude, term=TERMS),
        st.builds(Allow, term=TERMS),
        st.builds(Reweight, term=TERMS, weight=st.sampled_from([0.5, 1.2, 1.9])),
        st.builds(SetPrompt, text=st.sampled_from(["a harbour", "a hill"])),
        st.just(Reset()),
        st.just(Reroll()),
    ),
    max_size=4,
)


class Saying:
    """An interpreter that answers with the edits it was given last."""

    name = "saying"
    edits: tuple[Edit, ...] = ()

    def interpret(self, feedback: str, state: object, picture: object = None) -> Interpretation:
        return Interpretation(edits=self.edits, reply="As you say.")


@given(turns=st.lists(EDITS, min_size=1, max_size=3))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_undo_after_any_edits_restores_the_state(studio: Studio, turns: list[list[Edit]]) -> None:
    conversation = Conversation.start("a harbour, no fog", studio, seed=1, policies=("quality",))
    saying = Saying()
    plain, studio.interpreter = studio.interpreter, saying
    try:
        for edits in turns:
            before = conversation.head
            saying.edits = tuple(edits)
            after = conversation.say("something")
            assert {e.term for e in after.exclusions if e.source != "user"} >= {"blurry", "watermark"}
            if after.number != before.number:
                restored = conversation.undo()
                assert restored == before
                conversation.say("something")
    finally:
        studio.interpreter = plain
