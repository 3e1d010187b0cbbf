"""Seventeen kinds in chats, calls, forms, tables and logs are hidden; the city's own numbers, dates and desks stay."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from haechi.cli import main
from haechi.core.errors import InvalidInput
from haechi.engines.text.personal_data import find
from haechi.engines.text.personal_data.evaluation import KINDS, Case, read_cases, report

WRITTEN = Path(__file__).with_name("kinds.txt")
BLIND = Path(__file__).parents[4] / "bench" / "blind" / "pii.jsonl"
_MARK = re.compile(r"\{\{(\w+)\|([^}]*)\}\}")


def cases():
    for line in WRITTEN.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            text, spans, at = "", [], 0
            line = line.replace("\\n", "\n").replace("\\t", "\t")
            for mark in _MARK.finditer(line):
                text += line[at : mark.start()]
                spans.append((len(text), len(text) + len(mark[2]), mark[1]))
                text, at = text + mark[2], mark.end()
            yield Case(text + line[at:], tuple(spans))


def test_every_kind_is_hidden_and_nothing_else_in_the_sentences_we_wrote():
    found = report(list(cases()))
    assert found["without_names"]["recall"] >= 0.97
    assert found["without_names"]["precision"] >= 0.97
    assert found["name"]["recall"] >= 0.8
    assert found["name"]["precision"] >= 0.95
    assert {kind for kind, row in found["by_kind"].items() if row["true_spans"] >= 5} == set(KINDS)
    assert all(row["recall"] >= 0.85 for kind, row in found["by_kind"].items() if kind != "name")


def test_cases_written_before_the_finder_keep_what_was_reached():
    found = report(read_cases(BLIND))
    assert found["without_names"]["recall"] >= 0.93
    assert found["without_names"]["precision"] >= 0.95


def test_a_number_that_is_half_hidden_is_still_somebodys():
    assert [found.kind for found in find("010-****-7734 님, 880214-2****** 확인")] == ["phone", "resident"]


def test_a_date_is_a_birth_date_only_when_somebody_was_born_on_it():
    assert [found.text for found in find("1988년 2월 14일생입니다")] == ["1988년 2월 14일"]
    assert find("조례는 1988년 2월 14일 제정되었다. 1988년 2월 14일 이전 출생자는 제외한다") == ()


def test_the_command_says_what_was_found_and_refuses_a_case_it_cannot_read(tmp_path):
    path = tmp_path / "cases.jsonl"
    path.write_text(
        '{"text": "제 번호 010-3591-7734", "spans": [{"start": 5, "end": 18, "kind": "mobile"}]}\n', "utf-8"
    )
    done = CliRunner().invoke(main, ["evaluate", "pii", "--file", str(path), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["without_names"]["recall"] == 1.0
    path.write_text('{"text": "가", "spans": [{"start": 0, "end": 9, "kind": "mobile"}]}\n', "utf-8")
    with pytest.raises(InvalidInput, match="1번째 줄"):
        read_cases(path)
