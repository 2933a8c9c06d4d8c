"""A person and a picture, turn by turn, on a real store with the embedded interpreter and a stub engine."""

import json
from collections.abc import Callable, Generator
from itertools import groupby, islice
from pathlib import Path

import pytest
from PIL import Image

from notthat.agent import Conversation, Studio, Turn, turn_json
from notthat.agent.edits import Allow, Edit, Exclude, Reroll, Reweight, SetPrompt, State, Undo
from notthat.agent.interpreters import Interpretation
from notthat.agent.session_start import SessionOptions, begin_session
from notthat.agent.turn_execution import TurnCancelled, run_turn
from notthat.errors import InvalidInputError, NotthatError
from notthat.generation import GenerationError, GenerationRequest, Progress, StubEngine
from notthat.storage import UnknownSessionError, UnknownTurnError

OpenStudio = Callable[..., Studio]

PROMPT = "a lighthouse keeper on a pier, without seagulls"


class Scripted:
    """An interpreter that understands the same whatever is said."""

    name = "scripted"

    def __init__(self, *edits: Edit, reply: str = "As you say.") -> None:
        self.said = Interpretation(edits=edits, reply=reply)

    def interpret(self, feedback: str, state: State, picture: Image.Image | None = None) -> Interpretation:
        return self.said


class Failing(StubEngine):
    """An engine whose device fails at the third step, for as long as it is `broken`."""

    broken = True

    def run(self, request: GenerationRequest) -> Generator[Progress]:
        yield from islice(super().run(request), 2 if self.broken else None)
        if self.broken:
            raise GenerationError("the device went away")


def terms(turn: Turn) -> list[str]:
    return [exclusion.term for exclusion in turn.exclusions]


def everything(studio: Studio) -> list[object]:
    """All that a store keeps and shows."""
    return [(session, studio.store.turns(session.id)) for session in studio.store.sessions()]


def start(studio: Studio, prompt: str = PROMPT, seed: int = 5) -> Conversation:
    return Conversation.start(prompt, studio, seed=seed)


# The first picture


def test_what_the_prompt_does_not_want_is_excluded(studio: Studio) -> None:
    turn = start(studio).head
    assert (turn.number, turn.parent, turn.feedback) == (0, None, PROMPT)
    assert turn.prompt == "a lighthouse keeper on a pier"
    assert [(e.term, e.weight, e.source, e.since, e.words) for e in turn.exclusions] == [
        ("seagulls", 1.0, "user", 0, PROMPT)
    ]
    assert turn.negative == turn.request["negative_prompt"] == "seagulls"
    assert turn.request["prompt"] == turn.prompt


def test_what_is_not_asked_for_is_the_models_default_and_the_seed_is_drawn(studio: Studio) -> None:
    seeds = set()
    for _ in range(3):
        turn = Conversation.start(PROMPT, studio).head
        assert (turn.request["num_inference_steps"], turn.request["guidance_scale"]) == (4, 5.0)
        seeds.add(turn.seed)
    assert len(seeds) == 3


def test_what_is_asked_for_stays_in_force(studio: Studio) -> None:
    conversation = Conversation.start(PROMPT, studio, seed=8, steps=2, guidance=1.5, model="other")
    for turn in (conversation.head, conversation.say("no fog")):
        request = turn.request
        assert (request["seed"], request["num_inference_steps"], request["guidance_scale"]) == (8, 2, 1.5)
        assert request["model"] == "other"
    assert studio.store.session(conversation.id).model == "other"


@pytest.mark.parametrize("prompt", ["undo", "reset", "another one"])
def test_a_first_prompt_is_a_description_whatever_it_sounds_like(studio: Studio, prompt: str) -> None:
    assert start(studio, prompt).head.prompt == prompt


@pytest.mark.parametrize("prompt", ["thank you", "hi", "please", "sorry for my english", '"', "\\"])
def test_a_first_prompt_that_is_only_talk_or_marks_is_refused(studio: Studio, prompt: str) -> None:
    with pytest.raises(InvalidInputError, match="doesn't describe a picture: say what it should show"):
        start(studio, prompt)


def test_talk_around_a_first_prompt_is_not_drawn(studio: Studio) -> None:
    conversation = start(studio, "First sorry for my english, i want a dog with a red hat. thank you")
    assert conversation.head.prompt == "a dog with a red hat"


@pytest.mark.parametrize("edit", [Undo(), Reroll()])
def test_an_interpreter_that_hears_a_command_in_a_first_prompt_is_not_obeyed(
    open_studio: OpenStudio, edit: Edit
) -> None:
    turn = start(open_studio(interpreter=Scripted(edit)), "roll it back").head
    assert turn.prompt == "roll it back"
    assert turn.seed == 5
    assert "roll it back" in turn.reply


@pytest.mark.parametrize(
    ("asked", "option"),
    [
        ({"steps": 0}, "--steps"),
        ({"guidance": float("nan")}, "--guidance"),
        ({"guidance": float("inf")}, "--guidance"),
        ({"seed": -1}, "--seed"),
        ({"seed": 2**63}, "--seed"),
    ],
)
def test_a_value_out_of_range_is_refused_by_its_name_before_a_model_is_loaded(
    studio: Studio, asked: dict[str, int], option: str
) -> None:
    def load(model: str) -> StubEngine:
        raise AssertionError("loaded")

    unused = Studio(studio.store, studio.interpreter, load_engine=load)
    with pytest.raises(InvalidInputError, match=f"^{option}: .*"):
        Conversation.start(PROMPT, unused, **asked)  # type: ignore[arg-type]
    assert studio.store.sessions() == []


def test_a_model_is_loaded_once(studio: Studio) -> None:
    loaded: list[str] = []

    def load(model: str) -> StubEngine:
        loaded.append(model)
        return StubEngine(model)

    counting = Studio(studio.store, studio.interpreter, model="a", load_engine=load)
    conversation = start(counting)
    conversation.say("no fog")
    Conversation.start(PROMPT, counting, model="b")
    start(counting)
    assert loaded == ["a", "b"]


# Turn by turn


def test_exclusions_accumulate_in_order_with_their_turn_and_words(studio: Studio) -> None:
    conversation = start(studio)
    said = ["get rid of the fog", "it looks blurry", "I can see a signature"]
    turns = [conversation.head, *map(conversation.say, said)]
    assert [turn.number for turn in turns] == [0, 1, 2, 3]
    assert [turn.parent for turn in turns] == [None, 0, 1, 2]
    assert [(e.term, e.since, e.words) for e in turns[-1].exclusions] == [
        ("seagulls", 0, PROMPT),
        ("fog", 1, said[0]),
        ("blurry", 2, said[1]),
        ("signature", 3, said[2]),
    ]
    assert turns[-1].negative == turns[-1].request["negative_prompt"] == "seagulls, fog, blurry, signature"
    assert {turn.seed for turn in turns} == {5}
    assert len({turn.sha256 for turn in turns}) == 4
    assert conversation.turns() == turns
    assert studio.store.session(conversation.id).head == 3


def test_the_picture_is_that_of_the_turns_request(studio: Studio) -> None:
    turn = start(studio).say("no fog")
    *_, last = StubEngine("stub").run(GenerationRequest.create(**turn.request))
    assert last.picture is not None
    assert studio.store.images.open(turn.sha256).tobytes() == last.picture.image.tobytes()


def test_an_exclusion_can_be_taken_back_and_weighed(studio: Studio) -> None:
    conversation = start(studio)
    assert conversation.say("no fog").negative == "seagulls, fog"
    assert conversation.say("the fog is still there").negative == "seagulls, (fog:1.2)"
    assert conversation.say("bring the seagulls back").negative == "(fog:1.2)"
    assert [(e.since, e.words) for e in conversation.head.exclusions] == [(1, "no fog")]


@pytest.mark.parametrize("words", ["gorgeous, thank you", "what seed is this?", "I love it"])
def test_praise_and_questions_make_no_turn(studio: Studio, words: str) -> None:
    conversation = start(studio)
    before = everything(studio)
    turn = conversation.say(words)
    assert (turn.number, turn.feedback, turn.edits) == (0, words, ())
    assert turn.reply
    assert everything(studio) == before


def test_saying_a_thing_again_that_changes_nothing_makes_no_turn(open_studio: OpenStudio) -> None:
    studio = open_studio()
    conversation = start(studio)
    studio.interpreter = Scripted(Exclude(term="fog"), reply="No fog.")
    assert conversation.say("no fog").number == 1
    assert conversation.say("no fog").number == 1
    assert len(conversation.turns()) == 2


def test_a_word_the_model_never_learned_is_remarked_on_once(open_studio: OpenStudio) -> None:
    conversation = start(open_studio(StubEngine(unknown=frozenset({"zeppelin", "keeper"}))))
    assert "never learned “keeper”" in conversation.head.reply
    assert "never learned “zeppelin”" in conversation.say("remove the zeppelin").reply
    assert "never learned" not in conversation.say("no fog").reply


def test_what_the_engine_cannot_honour_is_said_with_the_picture(open_studio: OpenStudio) -> None:
    class Deaf(StubEngine):
        def warnings(self, request: GenerationRequest) -> list[str]:
            return ["Nothing can be excluded like this."] if request.negative_prompt else []

    conversation = start(open_studio(Deaf()), "a lighthouse keeper")
    assert "Nothing can be excluded" not in conversation.head.reply
    assert conversation.say("no fog").reply.endswith("Nothing can be excluded like this.")


def test_every_step_is_heard_of_and_the_last_brings_the_picture(studio: Studio) -> None:
    heard: list[Progress] = []
    conversation = Conversation.start(PROMPT, studio, steps=3, on_step=heard.append)
    conversation.say("no fog", heard.append)
    assert [(progress.step, progress.steps) for progress in heard] == [(1, 3), (2, 3), (3, 3)] * 2
    assert [progress.picture is not None for progress in heard] == [False, False, True] * 2


def test_reset_keeps_what_a_policy_excludes(studio: Studio) -> None:
    conversation = Conversation.start(PROMPT, studio, policies=["quality"])
    policy = [e for e in conversation.head.exclusions if e.source != "user"]
    conversation.say("no fog")
    turn = conversation.say("reset")
    assert list(turn.exclusions) == policy
    assert turn.prompt == "a lighthouse keeper on a pier"


def test_reroll_changes_the_seed_alone(studio: Studio) -> None:
    conversation = start(studio)
    before, after = conversation.head, conversation.say("another one")
    assert after.seed == after.request["seed"] != before.seed
    assert {**after.request, "seed": 5} == before.request
    assert after.sha256 != before.sha256


def test_rerolling_after_an_undo_gives_yet_another_seed(studio: Studio) -> None:
    conversation = start(studio)
    seeds = [conversation.head.seed]
    for _ in range(3):
        seeds.append(conversation.say("another one").seed)
        conversation.undo()
    assert len(set(seeds)) == 4


def test_a_seed_can_be_named(studio: Studio) -> None:
    conversation = start(studio)
    turn = conversation.seed(77)
    assert (turn.number, turn.parent, turn.seed, turn.request["seed"]) == (1, 0, 77, 77)
    assert turn.exclusions == studio.store.turn(conversation.id, 0).exclusions
    with pytest.raises(InvalidInputError, match="--seed"):
        conversation.seed(-1)
    assert len(conversation.turns()) == 2


# Going back


def test_undo_takes_the_last_exclusion_away_and_erases_nothing(studio: Studio) -> None:
    conversation = start(studio)
    turns = [conversation.head, conversation.say("no fog"), conversation.say("it looks blurry")]
    assert conversation.undo() == turns[1] == conversation.head
    assert studio.store.session(conversation.id).head == 1
    assert conversation.turns() == turns
    assert all(studio.store.images.open(turn.sha256) for turn in turns)


def test_a_turn_after_an_undo_becomes_a_sibling_with_a_number_of_its_own(studio: Studio) -> None:
    conversation = start(studio)
    conversation.say("no fog")
    conversation.undo()
    turn = conversation.say("it looks blurry")
    assert (turn.number, turn.parent, terms(turn)) == (2, 0, ["seagulls", "blurry"])
    assert turn.exclusions[-1].since == 2


def test_undo_can_be_said(studio: Studio) -> None:
    conversation = start(studio)
    for words in ("no fog", "it looks blurry", "I can see a signature"):
        conversation.say(words)
    turn = conversation.say("undo two turns")
    assert (turn.number, turn.feedback, turn.edits) == (1, "undo two turns", ({"op": "undo", "turns": 2},))
    assert conversation.head.number == studio.store.session(conversation.id).head == 1
    assert len(conversation.turns()) == 4


def test_undo_and_something_else_grows_from_where_the_undo_leads(studio: Studio) -> None:
    conversation = start(studio)
    conversation.say("no fog")
    turn = conversation.say("undo, and no lanterns")
    assert (turn.number, turn.parent, terms(turn)) == (2, 0, ["seagulls", "lanterns"])


def test_undo_at_the_first_turn_is_answered_and_changes_nothing(studio: Studio) -> None:
    conversation = start(studio)
    before = everything(studio)
    turn = conversation.say("undo")
    assert (turn.number, turn.edits) == (0, ())
    assert "nothing to undo" in turn.reply
    with pytest.raises(InvalidInputError, match="nothing to undo"):
        conversation.undo()
    assert everything(studio) == before


@pytest.mark.parametrize("turns", [2, 10_000])
def test_too_many_undos_are_refused_with_how_many_there_are(studio: Studio, turns: int) -> None:
    conversation = start(studio)
    conversation.say("no fog")
    before = everything(studio)
    assert "Only 1 turn can be undone" in conversation.say(f"undo {min(turns, 9999)} turns").reply
    with pytest.raises(InvalidInputError, match=f"Only 1 turn can be undone, not {turns}"):
        conversation.undo(turns)
    assert everything(studio) == before


@pytest.mark.parametrize("turns", [0, -1])
def test_undo_of_less_than_a_turn_is_refused(studio: Studio, turns: int) -> None:
    conversation = start(studio)
    with pytest.raises(InvalidInputError, match="at least 1"):
        conversation.undo(turns)


def test_branch_goes_on_from_any_turn(studio: Studio) -> None:
    conversation = start(studio)
    for words in ("no fog", "it looks blurry"):
        conversation.say(words)
    conversation.branch(0)
    sibling = conversation.say("I can see a signature")
    assert (sibling.number, sibling.parent, terms(sibling)) == (3, 0, ["seagulls", "signature"])
    conversation.branch(2)
    turn = conversation.say("no lanterns")
    assert (turn.number, turn.parent) == (4, 2)
    assert terms(turn) == ["seagulls", "fog", "blurry", "lanterns"]


@pytest.mark.parametrize("number", [1, -1])
def test_branch_to_no_turn_is_refused(studio: Studio, number: int) -> None:
    conversation = start(studio)
    with pytest.raises(UnknownTurnError):
        conversation.branch(number)
    assert conversation.head.number == studio.store.session(conversation.id).head == 0


# Policies


def test_policies_come_first_and_outlast_everything_the_user_says(studio: Studio) -> None:
    conversation = Conversation.start(PROMPT, studio, policies=("quality", "brand-safety"))
    policy = [e for e in conversation.head.exclusions if e.source != "user"]
    assert [source for source, _ in groupby(e.source for e in policy)] == ["policy:quality", "policy:brand-safety"]
    assert {(e.since, e.words) for e in policy} == {(0, "")}
    assert conversation.head.exclusions[: len(policy)] == tuple(policy)
    assert terms(conversation.head)[len(policy) :] == ["seagulls"]

    for words in ("allow watermarks again", "reset", "no fog", "undo", "reset"):
        turn = conversation.say(words)
        assert [e for e in turn.exclusions if e.source != "user"] == policy, words
    assert studio.store.session(conversation.id).policies == ("quality", "brand-safety")


def test_an_unknown_policy_is_refused(studio: Studio) -> None:
    with pytest.raises(InvalidInputError, match=r"no policy “nope”: there are .*quality"):
        Conversation.start(PROMPT, studio, policies=["nope"])
    assert studio.store.sessions() == []


# What can go wrong


NOT_WORDS = {
    "empty": "",
    "blank": "   ",
    "line breaks": "\n\t",
    "control characters": "\x00\x1b\u200b",
    "half a character": "\ud800",
    "a zero-width space": "\u200b",
    "a word joiner": "\u2060 ",
    "a byte order mark": "\ufeff",
    "joiners": "\u200d\u200c",
    "a soft hyphen": "\u00ad",
    "a variation selector": "\ufe0f",
    "an accent alone": "\u0301",
    "a Hangul filler": "\u3164",
    "a Braille blank": "\u2800",
    "10,000 words": "weather " * 10_000,
}


@pytest.mark.parametrize("prompt", NOT_WORDS.values(), ids=NOT_WORDS)
def test_a_prompt_that_says_nothing_or_too_much_is_refused(studio: Studio, prompt: str) -> None:
    with pytest.raises(InvalidInputError, match=r"the prompt is (empty|too long): [^\n]+$"):
        Conversation.start(prompt, studio)
    assert studio.store.sessions() == []


@pytest.mark.parametrize("feedback", NOT_WORDS.values(), ids=NOT_WORDS)
def test_feedback_that_says_nothing_or_too_much_is_refused(studio: Studio, feedback: str) -> None:
    conversation = start(studio)
    before = everything(studio)
    with pytest.raises(InvalidInputError, match=r"the feedback is (empty|too long): [^\n]+$"):
        conversation.say(feedback)
    assert everything(studio) == before


def test_a_prompt_that_only_says_what_is_not_wanted_is_refused(open_studio: OpenStudio) -> None:
    studio = open_studio(interpreter=Scripted(Exclude(term="fog"), reply="No fog."))
    with pytest.raises(InvalidInputError, match="say what the picture should show"):
        Conversation.start("without fog", studio)
    assert studio.store.sessions() == []


def test_words_are_kept_on_one_line_without_control_characters(studio: Studio) -> None:
    turn = start(studio).say("  no\tfog\x07\nplease ")
    assert turn.feedback == turn.exclusions[-1].words == "no fog please"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("no\u200b f\u00adog\ufeff", "no fog"),
        ("no g\u200dulls", "no gulls"),
        ("no می\u200cخواهم", "no می\u200cخواهم"),
        ("no 👩\u200d🚀", "no 👩\u200d🚀"),
        ("no \u202efog", "no fog"),
    ],
)
def test_characters_without_a_width_are_left_out_but_for_joiners_that_join(
    studio: Studio, text: str, kept: str
) -> None:
    assert start(studio).say(text).feedback == kept


def test_what_an_interpreter_says_holds_no_control_characters(open_studio: OpenStudio) -> None:
    noisy = Scripted(Exclude(term="f\x1b[2Jog\0"), SetPrompt(text="a\0 \u200bpier\x07"), reply="No\x1b]0;x\x07 fog\0.")
    turn = start(open_studio(interpreter=noisy)).head
    assert (turn.exclusions[-1].term, turn.prompt, turn.reply) == ("f [2Jog", "a pier", "No ]0;x fog .")
    turn = Conversation.open(turn.session, open_studio()).edit([Exclude(term="gu\x1blls\0")])
    assert turn.exclusions[-1].term == "gu lls"


def test_what_of_a_negative_prompt_is_not_done_as_written_is_told_in_the_reply(studio: Studio) -> None:
    beginning = SessionOptions("a pier", negative="(hat:9), [a:b:0.5], <lora:x:1>", seed=1)
    turn = run_turn(studio, begin_session(beginning, studio))
    assert turn.negative == "(hat:2), a, b"
    assert turn.reply.startswith("Excluded “hat”, “a” and “b”.")
    assert "\n" not in turn.reply
    for told in ("“hat 9”", "“[a:b:0.5]”", "“<lora:x:1>”"):
        assert told in turn.reply


def test_words_of_every_script_are_kept(studio: Studio) -> None:
    turn = start(studio, "灯台守の肖像, ça et là 🌊").head
    assert studio.store.turn(turn.session).feedback == "灯台守の肖像, ça et là 🌊"
    assert turn.prompt.startswith("灯台守の肖像, ça et là")


def test_an_engine_that_fails_in_mid_turn_leaves_the_session_as_it_was(open_studio: OpenStudio) -> None:
    engine = Failing()
    studio = open_studio(engine)
    with pytest.raises(GenerationError, match="went away"):
        start(studio)
    assert studio.store.sessions() == []

    engine.broken = False
    conversation = start(studio)
    conversation.say("no fog")
    before, head = everything(studio), conversation.head
    engine.broken = True
    for words in ("it looks blurry", "undo, and no lanterns", "another one"):
        with pytest.raises(GenerationError):
            conversation.say(words)
        assert conversation.head == head
        assert everything(studio) == before

    engine.broken = False
    turn = conversation.say("it looks blurry")
    assert (turn.number, turn.parent, terms(turn)) == (2, 1, ["seagulls", "fog", "blurry"])


def test_a_turn_that_is_cancelled_leaves_the_session_as_it_was(studio: Studio) -> None:
    def stop(progress: Progress) -> None:
        if progress.step == 2:
            raise KeyboardInterrupt

    conversation = start(studio)
    before = everything(studio)
    with pytest.raises(KeyboardInterrupt):
        conversation.say("no fog", stop)
    assert conversation.head.number == 0
    assert everything(studio) == before
    assert conversation.say("no fog").number == 1


def test_an_engine_that_stops_without_a_picture_is_a_failure(open_studio: OpenStudio) -> None:
    class Empty(StubEngine):
        def run(self, request: GenerationRequest) -> Generator[Progress]:
            yield from islice(super().run(request), 2)

    studio = open_studio(Empty())
    with pytest.raises(NotthatError, match="without a picture"):
        start(studio)
    assert studio.store.sessions() == []


def test_an_unknown_session_is_refused(studio: Studio) -> None:
    with pytest.raises(UnknownSessionError, match="no session “nowhere”"):
        Conversation.open("nowhere", studio)


# What is kept


def test_a_session_opened_again_goes_on_as_if_it_had_never_been_closed(open_studio: OpenStudio) -> None:
    said = ["no fog", "it looks blurry", "undo", "another one", "the fog is still there"]
    whole, parted = start(open_studio()), start(open_studio())
    for words in said:
        whole.say(words)
        parted = Conversation.open(parted.id, open_studio())
        parted.say(words)

    def told(conversation: Conversation) -> list[dict[str, object]]:
        turns = map(turn_json, conversation.turns())
        return [{**turn, "session": None, "seconds": None} for turn in turns]

    assert told(parted) == told(whole)
    assert parted.head.number == whole.head.number
    assert parted.state == whole.state


def test_the_picture_tells_how_it_was_made(studio: Studio) -> None:
    turn = start(studio).say("the seagulls are still there")
    with Image.open(turn.image) as image:
        text = image.text  # type: ignore[attr-defined]
    prompt, negative, settings = text["parameters"].split("\n")
    assert prompt == "a lighthouse keeper on a pier"
    assert negative == "Negative prompt: (seagulls:1.2)"
    expected = "Steps: 4, CFG scale: 5, Guidance method: cfg, Guidance rescale: 0, Seed: 5, Size: 32x32, Model: stub, "
    assert settings.startswith(f"{expected}Version: notthat ")
    assert json.loads(text["notthat"]) == turn.request
    assert GenerationRequest.create(**json.loads(text["notthat"])).seed == 5


def test_a_turn_is_told_with_the_keys_of_the_contract(studio: Studio) -> None:
    conversation = start(studio)
    told = json.loads(json.dumps(turn_json(conversation.say("no fog"))))
    assert list(told) == [
        *("session", "turn", "parent", "feedback", "edits", "reply", "prompt", "negative", "exclusions"),
        *("seed", "steps", "guidance", "model", "image", "sha256", "seconds"),
        "negative_effect",  # beside the contract's
        "source",
        "pins",
        "question",
    ]
    assert (told["session"], told["turn"], told["parent"]) == (conversation.id, 1, 0)
    assert told["edits"] == [{"op": "exclude", "term": "fog", "weight": 1.0}]
    assert told["exclusions"][-1] == {"term": "fog", "weight": 1.0, "source": "user", "since": 1, "words": "no fog"}
    assert (told["steps"], told["guidance"], told["model"]) == (4, 5.0, "stub")


def test_what_is_said_with_an_undo_is_about_the_picture_gone_back_to(studio: Studio) -> None:
    conversation = start(studio, "portrait of a man")
    conversation.say("put him on a beach")
    turn = conversation.say("undo, and make it a woman")
    assert (turn.number, turn.parent, turn.prompt) == (2, 0, "portrait of a woman")


def test_the_seed_that_is_there_already_makes_no_turn(studio: Studio) -> None:
    conversation = start(studio, seed=5)
    assert conversation.seed(5).number == 0
    assert conversation.seed(6).number == 1
    assert len(conversation.turns()) == 2


def test_a_model_in_a_folder_is_remembered_by_where_it_is(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "models" / "mine").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    conversation = Conversation.start("a pier", studio, model="models/mine")
    assert conversation.head.request["model"] == str(tmp_path / "models" / "mine")


def test_what_a_policy_excludes_in_words_that_the_model_never_learned_is_said(open_studio: OpenStudio) -> None:
    studio = open_studio(StubEngine(unknown=frozenset({"gore"})))
    conversation = Conversation.start("a surgeon", studio, policies=["medical-illustration"])
    assert "never learned “gore”" in conversation.head.reply


def test_a_session_outlives_the_pack_of_its_policy(open_studio: OpenStudio, home: Path) -> None:
    pack = home / "policies" / "mine.toml"
    pack.parent.mkdir(parents=True)
    pack.write_text('title = "Mine"\nexclude = [{ term = "rust", weight = 1.2 }]\n')
    session = Conversation.start("a pier", open_studio(), policies=["mine"]).id
    pack.unlink()
    conversation = Conversation.open(session, open_studio())
    assert conversation.say("no fog").negative == "(rust:1.2), fog"
    assert conversation.say("start over").negative == "(rust:1.2)"


def test_edits_make_a_turn_as_words_do(studio: Studio) -> None:
    conversation = Conversation.start("a man without hat", studio, seed=5, policies=("brand-safety",))
    turn = conversation.edit([Reweight(term="hat", weight=1.4), Exclude(term="fog")])
    assert (turn.number, turn.feedback) == (1, "Excluded “fog”. “hat” now weighs 1.4.")
    assert (turn.provenance or {})["interpreter"] is None
    assert (terms(turn)[-2:], turn.exclusions[-1].since) == (["hat", "fog"], 1)
    same = conversation.edit([Allow(term="watermark"), Exclude(term="fog")])  # a policy's stays, the other is there
    assert (same.number, same.edits) == (1, ({"op": "allow", "term": "watermark"}, EXCLUDE_FOG))
    back = conversation.edit([Undo()])
    assert (back.number, conversation.head.number) == (0, 0)
    assert conversation.edit([Undo(turns=5)]).reply == "There is nothing to undo: this is the first picture."
    with pytest.raises(InvalidInputError, match="forbids it"):
        conversation.edit([SetPrompt(text="a nude man")])


EXCLUDE_FOG = {"op": "exclude", "term": "fog", "weight": 1.0}


def test_a_turn_that_is_stopped_by_its_listener_is_cancelled_and_frees_the_engine(studio: Studio) -> None:
    def stop(progress: Progress) -> None:
        raise TurnCancelled("nobody waits")

    conversation = start(studio, "a man")
    with pytest.raises(TurnCancelled, match="nobody waits"):
        conversation.say("no fog", stop)
    (attempt,) = studio.store.attempts.all()
    assert (attempt.status, attempt.reason) == ("cancelled", "nobody waits")
    assert conversation.say("no boats").number == 1


def test_a_session_can_begin_with_a_negative_prompt_besides(studio: Studio) -> None:
    beginning = SessionOptions("a man without hat", negative="watermark, (fog:1.3)", seed=1, owner="0" * 16)
    turn = run_turn(studio, begin_session(beginning, studio))
    assert turn.negative == "hat, watermark, (fog:1.3)"
    assert {each.words for each in turn.exclusions} == {"a man without hat"}
    assert studio.store.session(turn.session).owner == "0" * 16
