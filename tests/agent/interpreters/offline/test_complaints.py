"""Complaints about the picture: direct, indirect, and as a question."""

import pytest
from offline_feedback import brief, read


@pytest.mark.parametrize(
    ("feedback", "expected"),
    [
        ("too dark", "exclude dark"),
        ("it's way too cartoonish", "exclude cartoon"),
        ("the picture is far too noisy", "exclude noisy"),
        ("her nose is too big", "exclude big nose"),
        ("too much contrast", "exclude contrast"),
        ("there are too many people", "exclude people"),
        ("a bit blurry", "exclude blurry"),
        ("kinda crooked", "exclude crooked"),
        ("this feels slightly overexposed", "exclude overexposed"),
        ("overly glossy for a documentary", "exclude glossy"),
        ("looks a little fake", "exclude fake"),
        ("too dark and too gloomy", "exclude dark; exclude gloomy"),
        ("too stiff and posed", "exclude stiff; exclude posed"),
        ("it's blurry", "exclude blurry"),
        ("The result is washed out", "exclude washed out"),
    ],
)
def test_a_complaint_excludes_the_quality_it_names(feedback: str, expected: str) -> None:
    assert brief(read(feedback)) in expected.split("|")


@pytest.mark.parametrize(
    ("feedback", "expected"),
    [
        ("looks like a cartoon", "exclude cartoon"),
        ("it looks more like a 3d render than a photo", "exclude 3d render"),
        ("This feels like a stock photo.", "exclude stock photo"),
        ("it looks like it was painted", "exclude painting"),
        ("the hands look weird", "exclude bad hands"),
        ("Her eyes are off", "exclude bad eyes"),
        ("he has six fingers", "exclude extra fingers"),
        ("why does he have three arms?", "exclude extra arms"),
        ("the text is gibberish", "exclude gibberish text"),
        ("the top of his head is cut off", "exclude cropped"),
        ("not bright enough", "exclude dark"),
        ("the photo isn't sharp enough", "exclude blurry"),
        ("the hat has to go", "exclude hat"),
        ("that lamp is distracting", "exclude lamp"),
        ("The scarf ruins it", "exclude scarf"),
        ("I hate that wallpaper", "exclude wallpaper"),
        ("I'm not a fan of the frame", "exclude frame"),
        ("fed up with these shadows", "exclude shadows"),
        ("I could do without the fog", "exclude fog"),
        ("it would look better without the fence", "exclude fence"),
        ("I'd rather not see any cables", "exclude cables"),
        ("why is there a cat on the table?", "exclude cat"),
        ("who put a bucket there?", "exclude bucket"),
        ("nobody asked for a cape", "exclude cape"),
        ("I never asked for a dog", "exclude dog"),
        ("the sticker doesn't belong there", "exclude sticker"),
        ("that wire shouldn't be there", "exclude wire"),
        ("I wish the fence was gone", "exclude fence"),
        ("enough with the lens flare", "exclude lens flare"),
        ("there's a watermark in the corner", "exclude watermark"),
        ("the face looks deformed", "exclude bad face"),
        ("why is everything so blurry?", "exclude blurry"),
        ("perfect except for the collar", "exclude collar"),
        ("the only problem is the chair", "exclude chair"),
        ("if only that pole wasn't there", "exclude pole"),
        ("the whole thing has a green tint", "exclude green tint"),
        ("we'd rather not have the bell in there", "exclude bell"),
        ("our safety officer won't allow the ladder", "exclude ladder"),
        ("not so fond of the ribbon", "exclude ribbon"),
        ("whose bright idea was the balloon?", "exclude balloon"),
        ("too orange everything", "exclude orange"),
        ("beardless", "exclude beard"),
        ("no bell (I can't stand them)", "exclude bell"),
        ("1. no bell 2. lose the ladder", "exclude bell; exclude ladder"),
        ("could the designer remove the ladder?", "exclude ladder"),
        ("I don't like the bell but it is a nice picture", "exclude bell"),
        ("two things: no bins", "exclude bins"),
        ("dont want smok", "exclude smoke"),
        ("so many birds!", "exclude birds"),
        ("so many birds, lovely", ""),
        ("legal says no logos", "exclude logos"),
        ("is the sky supposed to be lit from below?", ""),
    ],
)
def test_a_roundabout_complaint_excludes_what_is_meant(feedback: str, expected: str) -> None:
    assert brief(read(feedback)) in expected.split("|")


@pytest.mark.parametrize(
    ("feedback", "expected"),
    [
        ("a second moon has crept in over the hill", "exclude second moon"),
        ("One of the monks is holding a torch", "exclude torch"),
        ("Pity about the scaffolding in front of the gate", "exclude scaffolding"),
        ("Did you really have to add a helicopter?", "exclude helicopter"),
        ("My editor says no ribbon on the box", "exclude ribbon"),
    ],
)
def test_what_is_only_named_or_pointed_at_is_excluded(feedback: str, expected: str) -> None:
    assert brief(read(feedback)) in expected.split("|")


@pytest.mark.parametrize(
    ("feedback", "expected"),
    [
        ("why so gloomy", "exclude gloomy"),
        ("who needs a jetty", "exclude jetty"),
        ("isn't it a bit dark?", "exclude dark"),
        ("is it just me or is it grainy?", "exclude grainy|exclude noise"),
    ],
)
def test_a_question_that_complains_excludes_what_it_asks_about(feedback: str, expected: str) -> None:
    assert brief(read(feedback)) in expected.split("|")


@pytest.mark.parametrize(
    ("feedback", "expected"),
    [
        ("ugh, that vignette", "exclude vignette"),
        ("I hate how dark it is", "exclude dark"),
        ("I hate how many boats there are", "exclude boats"),
        ("I hate how good this is", ""),
    ],
)
def test_displeasure_excludes_what_causes_it(feedback: str, expected: str) -> None:
    assert brief(read(feedback)) in expected.split("|")


@pytest.mark.parametrize(
    ("feedback", "expected"),
    [
        ("too dark, can't see his face", "exclude dark"),
        ("can't see the man for all the fog", "exclude fog"),
        ("can't see any flaws", ""),
        ("I can't see his face", "prompt"),
    ],
)
def test_what_is_only_seen_badly_is_not_excluded(feedback: str, expected: str) -> None:
    assert brief(read(feedback)) in expected.split("|")


@pytest.mark.parametrize(
    ("feedback", "expected"),
    [
        ("the hat is a bit too big, no?", "exclude big hat"),
        ("waves a bit too high, right?", "exclude high waves"),
        ("looks great, no?", ""),
        ("a boat, no?", ""),
    ],
)
def test_a_tag_question_leaves_the_complaint_what_it_is(feedback: str, expected: str) -> None:
    assert brief(read(feedback)) in expected.split("|")


@pytest.mark.parametrize(
    ("feedback", "expected"),
    [
        ("he would never have looked this good", ""),
    ],
)
def test_what_is_never_so_is_excluded(feedback: str, expected: str) -> None:
    assert brief(read(feedback)) in expected.split("|")


@pytest.mark.parametrize(
    ("prompt", "negative", "feedback", "expected"),
    [
        ("a bay", "", "a boat again, take it out", "exclude boat"),
        ("a bay", "", "I didn't ask for huts", "exclude huts"),
    ],
)
def test_a_complaint_about_a_scene_is_no_wish(prompt: str, negative: str, feedback: str, expected: str) -> None:
    assert brief(read(feedback, prompt=prompt, negative=negative), negative) == expected
