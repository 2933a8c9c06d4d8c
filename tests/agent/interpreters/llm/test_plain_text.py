"""Replies of language models are reduced to plain text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notthat.agent.interpreters.llm.plain_text import to_plain_text


@pytest.mark.parametrize(
    ("reply", "plain"),
    [
        ("Excluded “fog”.", "Excluded “fog”."),
        ("The weight is 1.2 * 1.2 = 1.44, so 3 < 4 > 2.", "The weight is 1.2 * 1.2 = 1.44, so 3 < 4 > 2."),
        ("Snake_case and O'Brien's #1 stay.", "Snake_case and O'Brien's #1 stay."),
        ("![Done](https://spy.example/p.png?q=secret)", "Done"),
        ("![](//spy.example/p.png) Fog is out.", "Fog is out."),
        ("See [the guide](javascript:alert(1)).", "See the guide."),
        ("See [the guide][1] at https://spy.example/a?b.", "See the guide at"),
        ("<https://spy.example> Done.", "Done."),
        ('<img src="https://spy.example/p.png" onerror=alert(1)>Done<br/>now', "Done now"),
        ("<script>alert(1)</script>Done.<!-- hidden -->", "Done."),
        ("<scr<b>ipt>alert(1)</script>", "alert(1)"),
        ("[![x](data:image/png;base64,AAAA)](https://spy.example)", "x"),
        ("## **Fog** is `out`, ~~not~~ __gone__", "Fog is out, not gone"),
        ("- Fog\n- Rain", "Fog - Rain"),
        ("Fog\x1b[31m is\r\nout\u202e\u200b.", "Fog [31m is out."),
    ],
)
def test_markup_links_and_control_characters_are_removed(reply: str, plain: str) -> None:
    assert to_plain_text(reply) == plain


_PIECES = ["![", "[a]", "](", ")", "(", "]", "<", ">", "</", "b", "img ", "https://", "x.example ", "`", "**", "#", " "]


@given(st.lists(st.sampled_from(_PIECES)).map("".join))
def test_no_combination_of_markup_survives(reply: str) -> None:
    plain = to_plain_text(reply)
    assert to_plain_text(plain) == plain
    assert not re.search(r"!?\[[^\[\]]*\]\([^()]*\)|</?[a-z][^<>]*>|https://", plain)
