"""`haechi evaluate intents`: how well a bot understands, on anyone's file, without a server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from haechi.city.bots.cards import cards_file, read_cards
from haechi.city.commands_knowledge import _embedder, _settings, evaluate
from haechi.city.conversing.scripts import script_file
from haechi.city.progress import Bar
from haechi.core.errors import InvalidInput
from haechi.engines.dialogue import Ranker, load_script
from haechi.engines.dialogue.evaluation import evaluate_intents, read_utterances
from haechi.engines.dialogue.ports import BotCard, Script


def script_named(name: str) -> Script:
    """The script of a service's bot by its id, or a `bot.yaml` by its path. InvalidInput when there is none."""
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        return load_script(path, BotCard(path.stem, path.stem, path.stem, "citizen", "", ""))
    cards = {card.id: card for card in read_cards(cards_file())}
    source = script_file(cards[name].service) if name in cards else None
    if source is None:
        having = ", ".join(id for id, card in cards.items() if script_file(card.service) is not None)
        raise InvalidInput(
            f"'{name}' 챗봇의 대본(bot.yaml)이 없습니다.",
            next_step=f"대본이 있는 챗봇: {having or '없음'}. bot.yaml의 경로를 적어도 됩니다.",
            record=name,
        )
    return load_script(source, cards[name])


@click.command()
@click.option("--bot", required=True, help="챗봇의 id(예: seoul_talk) 또는 bot.yaml의 경로")
@click.option("--file", "file", type=click.Path(path_type=Path), required=True, help="줄마다 text, intent")
@click.option("--dense/--no-dense", default=True, help="의미도 견줄지")
@click.option("--json", "as_json", is_flag=True, help="JSON으로 출력")
@click.pass_context
def intents(context: click.Context, bot: str, file: Path, dense: bool, as_json: bool) -> None:
    """챗봇이 사람들의 말을 알아듣는지 잽니다: 첫째 주제의 정확도와 95 % 구간, 되묻는 비율, 걸린 시간."""
    script = script_named(bot)
    if not script.topics:
        raise InvalidInput(f"'{bot}' 챗봇에는 외우고 있는 주제가 없습니다.", next_step="bot.yaml에 topics를 적으세요.")
    utterances = read_utterances(file, script.topics)
    ranker = Ranker(script.topics)
    ranker.warm(_embedder(_settings(context), dense))
    with Bar("말", "개") as bar:
        report = {"bot": script.card.id, **evaluate_intents(ranker, utterances, progress=bar)}
    if as_json:
        click.echo(json.dumps(report, ensure_ascii=False))
        return
    for key, value in report.items():
        click.echo(f"{key:<16} {_plain(value)}")


def _plain(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else str(value)


evaluate.add_command(intents)
COMMANDS: list[click.Command] = []
