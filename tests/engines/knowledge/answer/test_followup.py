"""A conversation goes on: what is left out of a follow-up is taken from the turns before, and nothing from them sticks to a new topic."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from haechi.engines.knowledge.answer.followup import resolve
from haechi.engines.knowledge.ports import Turn

DIALOGUES = [json.loads(line) for line in (Path(__file__).parent / "dialogues.jsonl").read_text("utf-8").splitlines()]


def test_there_are_at_least_forty_dialogues():
    assert len(DIALOGUES) >= 40


@pytest.mark.parametrize("dialogue", DIALOGUES, ids=lambda d: f"{'/'.join(d['before'])} → {d['now']}")
def test_the_follow_up_is_made_whole(dialogue):
    whole = resolve(dialogue["now"], [Turn(question, "") for question in dialogue["before"]])
    for part in dialogue["whole"]:
        if part.startswith("-"):
            assert part[1:] not in whole, whole
        else:
            assert part in whole, whole
