"""`haechi evaluate pii`: how much personal data the masking finds, and how much else it masks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from haechi.city.commands_knowledge import evaluate


@evaluate.command("pii")
@click.option("--file", "path", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True)
@click.option("--show", is_flag=True, help="놓친 것과 잘못 가린 것을 글과 함께 보입니다(기록에 남기지 마십시오)")
@click.option("--json", "as_json", is_flag=True, help="JSON 하나로 출력")
def evaluate_pii(path: Path, show: bool, as_json: bool) -> None:
    """개인정보를 얼마나 찾고 얼마나 헛가리는지 잽니다 · Recall and precision of masking: text, spans."""
    from haechi.engines.text.personal_data.evaluation import mistakes, read_cases, report

    cases = read_cases(path)
    found = report(cases)
    if show:
        found["mistakes"] = mistakes(cases)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    _show(found)


def _show(found: dict[str, Any]) -> None:
    click.echo(
        f"글 {found['texts']}개 · 재현율: 참 구간의 글자 70 % 이상을 가린 몫, 정밀도: 가린 구간의 글자 50 % 이상이 참인 몫"
    )
    for name, row in (("이름 빼고", found["without_names"]), ("이름", found["name"])):
        click.echo(f"{name:8} {_line(row)}")
    for kind, row in found["by_kind"].items():
        click.echo(f"  {kind:15} {_line(row)}")
    clean = found["texts_without_personal_data"]
    click.echo(f"개인정보가 없는 글 {clean['n']}개 가운데 가린 글 {clean['touched']}개")
    for name, rows in found.get("mistakes", {}).items():
        for row in rows:
            click.echo(f"{'놓침' if name == 'missed' else '헛가림'} {row['kind']} [{row['span']}] {row['text']!r}")


def _line(row: dict[str, Any]) -> str:
    return f"재현율 {_rate(row, 'recall', 'true_spans')} · 정밀도 {_rate(row, 'precision', 'masked_spans')}"


def _rate(row: dict[str, Any], name: str, of: str) -> str:
    if row[name] is None:
        return "잴 것 없음"
    low, high = row[f"{name}_interval"]
    return f"{row[name]:.3f} (95% {low:.3f}–{high:.3f}, n {row[of]})"


COMMANDS: list[click.Command] = []
