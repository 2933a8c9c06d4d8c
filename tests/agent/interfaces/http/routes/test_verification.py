"""Sessions that are verified, over HTTP."""

from typing import Any

import pytest


def test_a_session_is_verified_if_it_is_asked_for(serve: Any) -> None:
    server = serve()
    first = server.begin("a harbour without fog", verify=True)
    turn = server.say(first["session"], "no rain")

    assert first["tries"] == turn["tries"] == 1
    assert [each["verdict"] for each in turn["exclusions"]] == ["unknown"] * 2
    assert "judge" not in turn["exclusions"][0]  # nobody could tell
    assert turn["reply"] == "Excluded “rain”. No judge can tell whether “rain” is gone."
    record = server.studio.store.session(first["session"])
    assert record.verification == {"judges": [], "tries": 2, "new_seeds": False}


def test_other_sessions_have_no_verdicts(serve: Any) -> None:
    turn = serve().begin("a harbour without fog")
    assert "tries" not in turn
    assert "verdict" not in turn["exclusions"][0]


@pytest.mark.parametrize("options", [{"tries": 6}, {"tries": -1}, {"verify": "yes"}, {"judge": "/etc"}])
def test_what_a_caller_may_not_ask_for(serve: Any, options: dict[str, object]) -> None:
    answer = serve().client.post("/api/sessions", json={"prompt": "a harbour", **options})
    assert answer.status_code in (400, 422)
