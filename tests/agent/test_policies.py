"""Packs of exclusions that always apply: those of the package, and the user's own beside them."""

from collections.abc import Callable
from importlib import resources
from pathlib import Path

import pytest

from notthat import prompts
from notthat.agent import Conversation, Studio
from notthat.agent.edits import Allow, Exclude, Reweight, SetPrompt
from notthat.agent.exclusions import NegativePrompt
from notthat.agent.policies import available, compose, load
from notthat.errors import InvalidInputError

NOWHERE = Path("no/such/folder")
SHIPPED = ("brand-safety", "few-step", "flux", "medical-illustration", "quality", "sd1", "sd2", "sd3", "sdxl")

WritePack = Callable[[str, str], None]


@pytest.fixture
def folder(home: Path) -> Path:
    """Where the user's own packs are."""
    return home / "policies"


@pytest.fixture
def write_pack(folder: Path) -> WritePack:
    def write_pack(name: str, text: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")

    return write_pack


def test_all_packs_of_the_package_are_there_and_nothing_else() -> None:
    files = resources.files(prompts).joinpath("policies").iterdir()
    assert tuple(available(NOWHERE)) == SHIPPED == tuple(sorted(file.name.removesuffix(".toml") for file in files))


@pytest.mark.parametrize("name", SHIPPED)
def test_a_pack_of_the_package_says_what_it_is_for_and_excludes_each_thing_once(name: str) -> None:
    pack = load(name, NOWHERE)
    assert pack.title
    negative = compose((name,), NOWHERE)
    assert len(pack.exclude) == len(negative) > 0
    assert all(exclusion.is_locked and exclusion.source == f"policy:{name}" for exclusion in negative)


def test_the_first_of_two_packs_that_exclude_a_thing_has_it() -> None:
    negative = compose(("quality", "brand-safety", "quality"), NOWHERE)
    found = negative.find("watermark")
    assert found is not None
    assert (found.source, found.weight) == ("policy:quality", 1.0)
    assert len(negative) == len(set(negative.terms))


def test_no_policy_excludes_nothing() -> None:
    assert compose((), NOWHERE) == NegativePrompt()


def test_a_pack_of_the_users_own_is_used_beside_the_packages(
    studio: Studio, folder: Path, write_pack: WritePack
) -> None:
    write_pack("harbour", 'title = "No boats"\nexclude = [{ term = "rowing boat", weight = 1.4 }]')
    assert tuple(available(folder)) == tuple(sorted((*SHIPPED, "harbour")))
    head = Conversation.start("a pier at dawn", studio, policies=["harbour"]).head
    assert [(e.term, e.weight, e.source) for e in head.exclusions] == [("rowing boat", 1.4, "policy:harbour")]


def test_a_pack_of_the_users_own_stands_before_the_packages_of_the_same_name(
    folder: Path, write_pack: WritePack
) -> None:
    write_pack("quality", 'title = "Mine"\nexclude = [{ term = "smudges" }]')
    assert compose(("quality",), folder).terms == ("smudges",)
    assert "blurry" in compose(("quality",), NOWHERE)


@pytest.mark.parametrize("name", ["nope", "", "../quality", "quality.toml", "QUALITY"])
def test_an_unknown_pack_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(InvalidInputError, match=f"there are {', '.join(SHIPPED)}$"):
        load(name, NOWHERE)


@pytest.mark.parametrize(
    "text",
    [
        "exclude = [",
        'title = "No exclusions"',
        'title = "A word"\nexclude = "blurry"',
        'title = "Too heavy"\nexclude = [{ term = "blurry", weight = 9 }]',
        'title = "No number"\nexclude = [{ term = "blurry", weight = nan }]',
        'title = "No term"\nexclude = [{ term = " , " }]',
        'title = "A slip"\nexclude = [{ term = "blurry", wieght = 1.2 }]',
    ],
)
def test_a_broken_pack_is_told_in_one_line(folder: Path, write_pack: WritePack, text: str) -> None:
    write_pack("mine", text)
    with pytest.raises(InvalidInputError, match=r"^the policy “mine” can't be read: [^\n]{5,200}$"):
        load("mine", folder)


def test_a_pack_that_cannot_be_read_stands_in_the_way_of_no_other(folder: Path, write_pack: WritePack) -> None:
    write_pack("good", 'title = "Good"\nexclude = [{ term = "fog" }]')
    (folder / "latin.toml").write_bytes(b'title = "caf\xe9"\nexclude = []')
    (folder / "folder.toml").mkdir()
    assert compose(("good", "quality"), folder).terms[0] == "fog"
    for name in ("latin", "folder"):
        with pytest.raises(InvalidInputError, match=rf"^the policy “{name}” can't be read: [^\n]+$"):
            load(name, folder)


def test_a_change_of_a_pack_leaves_sessions_as_they_are(studio: Studio, write_pack: WritePack) -> None:
    write_pack("mine", 'title = "One"\nexclude = [{ term = "fog" }]')
    conversation = Conversation.start("a pier at dawn", studio, policies=["mine"])
    write_pack("mine", 'title = "Two"\nexclude = [{ term = "rain" }]')
    assert conversation.say("no lanterns").negative == "fog, lanterns"


def test_what_a_pack_forbids_no_prompt_can_ask_for(studio: Studio, folder: Path, write_pack: WritePack) -> None:
    write_pack("mine", 'title = "Mine"\nexclude = []\nforbid = ["rowing boats", "moustache"]')
    refused = "^“rowing boats” can't be asked for: the policy “mine” forbids it$"
    with pytest.raises(InvalidInputError, match=refused):
        Conversation.start("a Rowing-Boat on a lake", studio, policies=["mine"])
    conversation = Conversation.start("a boat on a lake", studio, policies=["mine"])
    with pytest.raises(InvalidInputError, match=refused):
        conversation.say("add a rowing boat")
    with pytest.raises(InvalidInputError, match="“moustache” can't"):
        Conversation.open(conversation.id, studio).say("add a man with a mustache")
    assert len(conversation.turns()) == 1
    assert conversation.say("no fog").number == 1
    (folder / "mine.toml").write_text("forbid = [")
    assert conversation.say("add a rowing boat").number == 2


@pytest.mark.parametrize(
    "prompt",
    [
        "a man with a gun",
        "a man with GUNS",
        "a man with a g\u03c5n",  # Greek upsilon
        "a man with a \u0261un",  # Latin script g
        "a man with a gu\u0578",  # Armenian vo
        "a man with a \uff47\uff55\uff4e",  # fullwidth
        "a man with a \U0001d420\U0001d42e\U0001d427",  # mathematical bold
        "a man with a g\u0308u\u0338n\u0301",  # combining marks
        "a man with a g\u200bu\u2060n",  # zero-width characters
        "a man with a g\u00adun",  # a soft hyphen
        "a man with a g\u200du\u200dn",  # joiners
        "a man with a \u24d6\u24e4\u24dd",  # in circles
        "a man with a g(u:1.0)n",
        "a man with a gu\\n",
        "a man with a big_gun",
        "a man with a gun's barrel",
        "a man with a gun2",
    ],
)
def test_what_is_forbidden_is_forbidden_in_look_alike_letters(
    studio: Studio, write_pack: WritePack, prompt: str
) -> None:
    write_pack("mine", 'title = "Mine"\nexclude = []\nforbid = ["gun"]')
    with pytest.raises(InvalidInputError, match="“gun” can't be asked for"):
        Conversation.start(prompt, studio, policies=["mine"])
    conversation = Conversation.start("a man", studio, policies=["mine"])
    with pytest.raises(InvalidInputError, match="“gun” can't be asked for"):
        conversation.edit([SetPrompt(text=prompt)])


@pytest.mark.parametrize(
    ("prompt", "forbidden"),
    [
        ("a man who has begun", "gun"),
        ("a burn on the table", "bum"),  # “rn” is no “m”
        ("10 geese", "io"),
        ("灯台守の肖像, ça et là 🌊", "gun"),
        ("портрет рыбака", "gun"),
    ],
)
def test_what_only_resembles_a_forbidden_word_can_be_asked_for(
    studio: Studio, write_pack: WritePack, prompt: str, forbidden: str
) -> None:
    write_pack("mine", f'title = "Mine"\nexclude = []\nforbid = ["{forbidden}"]')
    assert Conversation.start(prompt, studio, policies=["mine"]).head.number == 0


@pytest.mark.parametrize("term", ["с\u0456gar", "ｃｉｇａｒ", "ci\u200bgars", "c\u0301igar"])
def test_what_a_policy_excludes_stays_excluded_in_whatever_letters_it_is_named(
    studio: Studio, write_pack: WritePack, term: str
) -> None:
    write_pack("mine", 'title = "Mine"\nexclude = [{ term = "cigar", weight = 1.4 }]')
    conversation = Conversation.start("a man", studio, policies=["mine"])
    for edits in ([Allow(term=term)], [Reweight(term=term, weight=0.2)], [Exclude(term=term)]):
        turn = conversation.edit(edits)
        assert turn.negative == "(cigar:1.4)"
        assert "“cigar” stays excluded" in turn.reply
    assert conversation.say(f"bring the {term} back").negative == "(cigar:1.4)"


def test_words_in_another_script_are_forbidden_as_they_are(studio: Studio, write_pack: WritePack) -> None:
    write_pack("mine", 'title = "Mine"\nexclude = []\nforbid = ["пушка"]')
    with pytest.raises(InvalidInputError, match="“пушка” can't be asked for"):
        Conversation.start("старая Пушка на холме", studio, policies=["mine"])


@pytest.mark.parametrize("family", ["sd1", "sd2", "sdxl", "sd3", "flux", "few-step"])
def test_every_family_has_a_template_that_goes_with_the_quality_floor(family: str) -> None:
    negative = compose(("quality", family), NOWHERE)
    assert {exclusion.source for exclusion in negative} >= {"policy:quality"}
    assert len(negative) == len(set(negative.terms)) >= len(compose((family,), NOWHERE))
