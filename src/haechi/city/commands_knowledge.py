"""`haechi ask` and `haechi evaluate`: the real pipeline on anyone's files, without a server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from haechi.city.asking import as_json
from haechi.city.folder_knowledge import open_folder
from haechi.city.progress import Bar, Bars
from haechi.city.settings import Settings
from haechi.core.errors import InvalidInput
from haechi.engines.knowledge import Knowledge, embedder_for
from haechi.engines.knowledge.ports import Citation, Done, Embedder, Grounding, PassageIndex, Reader, Retrieval

FOLDER = click.Path(path_type=Path)


def _settings(context: click.Context) -> Settings:
    settings: Settings = context.meta["settings"]()
    return settings


def _embedder(settings: Settings, wanted: bool = True) -> Embedder | None:
    if not wanted:
        return None
    from haechi.engines.knowledge.embedding import CachedEmbedder, FileVectors

    made = embedder_for(
        settings.cache, url=settings.embeddings_url, model=settings.embeddings_model, key=settings.embeddings_key
    )
    return CachedEmbedder(made, FileVectors(settings.cache / "vectors")) if made is not None else None


def _knowledge(settings: Settings, index: PassageIndex) -> Knowledge:
    return Knowledge.assemble(
        index, model_url=settings.model_url, model_name=settings.model_name, model_key=settings.model_key
    )


@click.command()
@click.argument("question")
@click.option("--docs", type=FOLDER, required=True, help="문서가 든 폴더")
@click.option("--dense/--no-dense", default=True, help="의미 검색도 쓸지 (끄면 더 빨리 시작합니다)")
@click.option("--json", "as_json_", is_flag=True, help="JSON으로 출력")
@click.pass_context
def ask(context: click.Context, question: str, docs: Path, dense: bool, as_json_: bool) -> None:
    """폴더의 문서에서 답을 찾습니다. 서버가 필요 없습니다."""
    settings = _settings(context)
    opened = open_folder(docs, _embedder(settings, dense))
    knowledge = _knowledge(settings, opened.index)
    events = list(knowledge.answer(question, Reader()))
    if as_json_:
        click.echo(
            json.dumps({"events": [as_json(event) for event in events], "refused": opened.refused}, ensure_ascii=False)
        )
        return
    _print_answer(events)
    for name, why in opened.refused:
        click.echo(f"읽지 못한 문서: {name} ({why})", err=True)


def _print_answer(events: list[Any]) -> None:
    done = next(event for event in events if isinstance(event, Done))
    click.echo(done.text)
    shown: dict[int, Citation] = {event.marker: event for event in reversed(events) if isinstance(event, Citation)}
    for marker in sorted(shown):
        passage = shown[marker].passage
        click.echo(
            f"  [{marker}] {passage.title}"
            + (f", {passage.locator}" if passage.locator else "")
            + f"  ({passage.document_id})"
        )
    for grounding in (event for event in events if isinstance(event, Grounding)):
        for one, other in grounding.conflicts:
            click.echo(f"  ※ 자료마다 다릅니다: {one.passage.title} / {other.passage.title}")
    searched = next(event for event in events if isinstance(event, Retrieval))
    click.echo(f"{done.ai_label}  (찾은 문단 {len(searched.hits)}개, {done.elapsed_ms:.0f}ms)", err=True)


@click.group()
def evaluate() -> None:
    """검색과 답변의 품질을 여러분의 파일로 잽니다."""


@evaluate.command()
@click.option("--corpus", type=FOLDER, required=True, help="corpus.jsonl: _id, title, text")
@click.option("--queries", type=FOLDER, required=True, help="queries.jsonl: _id, text")
@click.option("--qrels", type=FOLDER, required=True, help="qrels.tsv: query-id, corpus-id, score (머리줄 있음)")
@click.option(
    "--kind", type=click.Choice(["documents", "colloquial"]), help="묻는 말의 종류 (기본: 질문마다 스스로 판단)"
)
@click.option("--dense/--no-dense", default=True, help="의미 검색도 쓸지")
@click.option("--json", "as_json_", is_flag=True, help="JSON으로 출력")
@click.pass_context
def retrieval(
    context: click.Context, corpus: Path, queries: Path, qrels: Path, kind: str | None, dense: bool, as_json_: bool
) -> None:
    """BEIR 꼴의 자료로 검색 품질을 잽니다."""
    from haechi.engines.knowledge.retrieval.evaluation import evaluate_retrieval

    embedder = _embedder(_settings(context), dense)
    with Bars() as bar:
        report = evaluate_retrieval(corpus, queries, qrels, kind=kind, embedder=embedder, progress=bar)
    _print_report(report, as_json_)


@evaluate.command()
@click.option("--docs", type=FOLDER, required=True, help="문서가 든 폴더")
@click.option("--questions", type=FOLDER, required=True, help="줄마다 question, answer, document(없으면 null)")
@click.option("--dense/--no-dense", default=True, help="의미 검색도 쓸지")
@click.option("--json", "as_json_", is_flag=True, help="JSON으로 출력")
@click.pass_context
def answers(context: click.Context, docs: Path, questions: Path, dense: bool, as_json_: bool) -> None:
    """문서 폴더와 문답 목록으로 답변 품질을 잽니다: 모름 F1, 인용 정확도, 정답 일치."""
    from haechi.engines.knowledge.answer import OpenedFolder, evaluate_answers
    from haechi.engines.knowledge.answer.evaluation import summary_lines

    settings = _settings(context)
    if not questions.is_file():
        raise InvalidInput(f"'{questions}' 파일이 없습니다.", next_step="문답 목록(JSON Lines)을 지정하세요.")
    opened = open_folder(docs, _embedder(settings, dense))
    knowledge = _knowledge(settings, opened.index)
    with Bar("질문", "개") as bar:
        report = evaluate_answers(
            docs, questions, lambda _: OpenedFolder(opened.index), make_answerer=lambda _: knowledge, progress=bar
        )
    if as_json_:
        _print_report({**report, "refused": list(opened.refused)}, as_json_)
        return
    for line in summary_lines(report):
        click.echo(line)
    for name, why in opened.refused:
        click.echo(f"읽지 못한 문서: {name} ({why})", err=True)


def _print_report(report: dict[str, Any], as_json_: bool) -> None:
    if as_json_:
        click.echo(json.dumps(report, ensure_ascii=False))
        return
    for key, value in report.items():
        click.echo(f"{key:<22} {value}")


COMMANDS = [ask, evaluate]
