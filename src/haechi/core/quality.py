"""The quality scale: one list of rules, each with its checker.

A service claims in `quality.toml` which rules it keeps. The claim is worth nothing by itself: the tier is recomputed by
running the checker of every rule that is marked done. What a machine cannot see needs an evidence test, named in the
claim, that passes.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from haechi.core.contract import KpiReading, Scorecard
from haechi.core.errors import BadManifest, HaechiError
from haechi.core.manifest import UNKNOWN, Manifest
from haechi.core.outcome import Outcome

Tier = Literal["bronze", "silver", "gold", "platinum"]
Status = Literal["done", "todo", "exempt"]

TIERS: tuple[Tier, ...] = ("bronze", "silver", "gold", "platinum")
TIER_NAMES: Mapping[Tier, str] = {"bronze": "브론즈", "silver": "실버", "gold": "골드", "platinum": "플래티넘"}
SAMPLE_KINDS = ("normal", "hard", "hostile")
README_HEADINGS = ("무엇", "누가", "해보기", "한계", "사람의 역할")
PIPELINE_LINES = 250


@dataclass(frozen=True, slots=True)
class SampleRun:
    """One sample after it ran. kind: of SAMPLE_KINDS. problem: how it differs from what was expected, or ""."""

    kind: str
    name: str
    problem: str
    outcome: Outcome | None = None
    error: HaechiError | None = None
    log_lines: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()


class Subject(Protocol):
    """A service under examination, as the checkers see it. What costs time runs once and is remembered."""

    manifest: Manifest
    claims: Mapping[str, Claim]

    def samples(self) -> Sequence[SampleRun]:
        """Every sample, run end to end on the CPU with no connection beyond this machine."""
        ...

    def under_fault(self) -> Outcome | None:
        """The first normal sample's outcome while every engine fails; None when the service let the failure through."""
        ...

    def empty_request(self) -> HaechiError | None:
        """The error that an empty request raises, or None when it raised none."""
        ...

    def differs_on_replay(self) -> str:
        """What differs when the samples run again with time and chance held still, or ""."""
        ...

    def command(self, line: str) -> tuple[int, str]:
        """Run a shell line from the README in a fresh folder: exit status and the tail of its output."""
        ...

    def tests(self, target: str) -> str:
        """Run pytest on `target` (a path, or path::test): "" when at least one test passed and none failed."""
        ...

    def in_register(self) -> bool:
        """Whether the register lists the service, equal to its manifest."""
        ...

    def scorecards(self) -> Sequence[Scorecard]:
        """The latest stored figures of the service's trial."""
        ...

    def readings(self) -> Sequence[KpiReading]:
        """What the service's `measure` makes of the sample outcomes."""
        ...

    def strict_types(self) -> str:
        """What the strict type checker says about the service's code, or ""."""
        ...


@dataclass(frozen=True, slots=True)
class Claim:
    """One line of quality.toml. reason: for exempt and todo. evidence: "path::test" where a test proves the rule."""

    status: Status
    reason: str = ""
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the scale. check: subject → what is wrong, in Korean, or "". exemptible: whether a reason may lift it."""

    id: str
    tier: Tier
    ko: str
    en: str
    check: Callable[[Subject], str]
    exemptible: bool = False


@dataclass(frozen=True, slots=True)
class RuleResult:
    """How one rule stands. holds: done and checked, or exempt with a reason. problem: why it does not hold."""

    rule: Rule
    status: Status
    holds: bool
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Examination:
    """All rules of one service; `tier` follows from them and from nothing else."""

    results: tuple[RuleResult, ...] = field(default_factory=tuple)

    @property
    def tier(self) -> Tier | None:
        """The highest tier whose rules, and all rules below it, hold; None below bronze."""
        reached: Tier | None = None
        for tier in TIERS:
            if not self.results or not all(result.holds for result in self.results if result.rule.tier == tier):
                break
            reached = tier
        return reached

    @property
    def broken_claims(self) -> tuple[RuleResult, ...]:
        """Rules that are marked done and do not hold."""
        return tuple(result for result in self.results if result.status == "done" and not result.holds)


def load_claims(folder: Path) -> Mapping[str, Claim]:
    """Read `quality.toml`. Raises BadManifest where a rule is missing, unknown, or exempt without a right to it."""
    file = f"{folder.name}/quality.toml"
    try:
        raw = tomllib.loads((folder / "quality.toml").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadManifest(
            f"{file} 파일이 없습니다.", next_step="모든 규칙을 done·todo·exempt로 적으세요.", record=file
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise BadManifest(
            f"{file}을(를) 읽을 수 없습니다: {error}", next_step="TOML 문법을 확인하세요.", record=file
        ) from error
    known = {rule.id: rule for rule in RULES}
    for key in raw:
        if key not in known:
            raise BadManifest(
                f"{file}: '{key}' 규칙은 없습니다.", next_step=f"있는 규칙: {', '.join(known)}", record=f"{file}#{key}"
            )
    return {id_: _claim(file, rule, raw.get(id_)) for id_, rule in known.items()}


def _claim(file: str, rule: Rule, raw: Any) -> Claim:
    where = f"{file}#{rule.id}"
    if raw is None:
        raise BadManifest(
            f"{file}: '{rule.id}' 규칙이 없습니다.",
            next_step=f'{rule.id} = {{ status = "todo" }}처럼 적으세요.',
            record=where,
        )
    if not isinstance(raw, Mapping) or set(raw) - {"status", "reason", "evidence"}:
        raise BadManifest(
            f"{file}: '{rule.id}'에는 status, reason, evidence만 적습니다.",
            next_step="다른 항목을 지우세요.",
            record=where,
        )
    claim = Claim(**raw)
    if claim.status not in ("done", "todo", "exempt"):
        raise BadManifest(
            f"{file}: '{rule.id}'의 status가 '{claim.status}'입니다.",
            next_step="done·todo·exempt로 적으세요.",
            record=where,
        )
    if claim.status == "exempt" and not (rule.exemptible and claim.reason):
        why = "면제의 까닭(reason)이 없습니다" if rule.exemptible else "면제할 수 없는 규칙입니다"
        raise BadManifest(f"{file}: '{rule.id}': {why}.", next_step="까닭을 적거나 done·todo로 바꾸세요.", record=where)
    return claim


def examine(subject: Subject, rules: Iterable[Rule] | None = None) -> Examination:
    """Run the checker of every rule that the service marks done."""
    return Examination(tuple(_examine(subject, rule) for rule in (RULES if rules is None else rules)))


def _examine(subject: Subject, rule: Rule) -> RuleResult:
    claim = subject.claims[rule.id]
    if claim.status == "exempt":
        return RuleResult(rule, "exempt", True)
    if claim.status == "todo":
        return RuleResult(rule, "todo", False, claim.reason or "아직 하지 않았습니다.")
    try:
        problem = rule.check(subject)
    except HaechiError as error:
        problem = str(error)
    return RuleResult(rule, "done", not problem, problem)


# --- checkers --------------------------------------------------------------------------------------------------------


def _manifest_complete(subject: Subject) -> str:
    manifest = subject.manifest
    open_cells = {"impact.decides", "data.personal", "data.retention", "about.users", "io.inputs", "io.outputs"}
    unknown = open_cells.intersection(manifest.unknown_cells)
    if unknown:
        return f"명세에 '{UNKNOWN}'이(가) 남아 있습니다: {', '.join(sorted(unknown))}"
    if not manifest.kpis:
        return "명세에 KPI가 없습니다."
    if not manifest.engines:
        return "명세에 쓰는 엔진이 없습니다."
    return ""


def _readme(subject: Subject) -> str:
    path = subject.manifest.folder / "README.md"
    if not path.exists():
        return "README.md가 없습니다."
    text = path.read_text(encoding="utf-8")
    missing = [heading for heading in README_HEADINGS if f"## {heading}" not in text]
    if missing:
        return f"README.md에 제목이 없습니다: {', '.join(missing)}"
    commands = readme_commands(text)
    if not commands:
        return "README.md의 '해보기'에 실행할 명령(```bash)이 없습니다."
    for line in commands:
        status, tail = subject.command(line)
        if status != 0:
            return f"README.md의 명령이 실패했습니다({status}): {line} … {tail[-300:]}"
    return ""


def readme_commands(text: str) -> list[str]:
    """The lines of the first ```bash block under '## 해보기', comments and blanks left out."""
    section = text.partition("## 해보기")[2].partition("\n## ")[0]
    block = section.partition("```bash\n")[2].partition("```")[0]
    return [line.strip() for line in block.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def _samples(subject: Subject) -> str:
    runs = subject.samples()
    for kind in SAMPLE_KINDS:
        if not any(run.kind == kind for run in runs):
            return f"samples/{kind}.toml에 사례가 없습니다."
    wrong = [f"{run.kind}/{run.name}: {run.problem}" for run in runs if run.problem]
    return "; ".join(wrong[:5])


def _own_tests(subject: Subject) -> str:
    folder = subject.manifest.folder / "tests"
    return subject.tests(str(folder)) if folder.is_dir() else "tests/ 폴더가 없습니다."


def _small_pipeline(subject: Subject) -> str:
    path = subject.manifest.folder / "pipeline.py"
    if not path.exists():
        return "pipeline.py가 없습니다."
    lines = len(path.read_text(encoding="utf-8").splitlines())
    return (
        ""
        if lines <= PIPELINE_LINES
        else f"pipeline.py가 {lines}줄입니다. {PIPELINE_LINES}줄을 넘는 논리는 엔진에 둡니다."
    )


def _outcomes(subject: Subject) -> list[Outcome]:
    return [run.outcome for run in subject.samples() if run.outcome is not None]


def _complete_outcomes(subject: Subject) -> str:
    outcomes = _outcomes(subject)
    if not outcomes:
        return "결과를 낸 사례가 없습니다."
    for outcome in outcomes:
        if outcome.service != subject.manifest.number:
            return f"결과의 서비스 번호가 {outcome.service}입니다."
        if not outcome.model or not outcome.model_version:
            return "모델이나 그 판이 적히지 않은 결과가 있습니다."
        if outcome.made_by_ai and not outcome.needs_person and not outcome.evidence:
            return "사람을 거치지 않는데 근거도 없는 결과가 있습니다."
    return ""


def _human_step(subject: Subject) -> str:
    manifest = subject.manifest
    if UNKNOWN in (manifest.person.step, manifest.person.fallback):
        return "명세에 사람의 단계나 대체 절차가 없습니다."
    if not any(outcome.needs_person for outcome in _outcomes(subject)):
        return "사람에게 넘어가는 사례가 하나도 없습니다. samples/hard.toml에 넣으세요."
    return ""


def _ai_label(subject: Subject) -> str:
    if subject.manifest.person.notice == UNKNOWN:
        return "명세에 안내문이 없습니다."
    unlabelled = [
        outcome for outcome in _outcomes(subject) if outcome.made_by_ai and not outcome.result.get("ai_label")
    ]
    return f"AI 표시(ai_label)가 없는 결과가 {len(unlabelled)}건 있습니다." if unlabelled else ""


def _registered(subject: Subject) -> str:
    return "" if subject.in_register() else "등록부에 이 서비스가 없습니다."


def _degraded(subject: Subject) -> str:
    outcome = subject.under_fault()
    if outcome is None:
        return "엔진이 멈추면 결과 대신 오류가 밖으로 나갑니다."
    return "" if outcome.needs_person else "엔진이 멈췄는데 사람에게 넘기지 않았습니다."


def _errors_help(subject: Subject) -> str:
    errors = [
        error for error in (subject.empty_request(), *(run.error for run in subject.samples())) if error is not None
    ]
    if subject.empty_request() is None:
        return "빈 요청을 거절하지 않습니다."
    return "" if all(error.next_step for error in errors) else "다음 할 일을 말하지 않는 오류가 있습니다."


def _clean_logs(subject: Subject) -> str:
    for run in subject.samples():
        if any(secret in line for secret in run.secrets for line in run.log_lines):
            return f"기록에 요청의 내용이 남습니다: {run.kind}/{run.name}"
    return ""


def _replay(subject: Subject) -> str:
    return subject.differs_on_replay()


def _measured(subject: Subject) -> str:
    cards = subject.scorecards()
    wanted = {kpi.id for kpi in subject.manifest.kpis if kpi.source == "trial"}
    if missing := wanted - {card.figure for card in cards}:
        return f"시험한 기록이 없습니다: {', '.join(sorted(missing))}. 먼저 haechi trial {subject.manifest.number}을 실행하세요."
    readme = subject.manifest.folder / "README.md"
    text = readme.read_text(encoding="utf-8") if readme.exists() else ""
    for card in cards:
        if figure_line(card) not in text:
            return f"README.md의 숫자가 시험과 다릅니다. 있어야 할 줄: {figure_line(card)}"
    return ""


def figure_line(card: Scorecard) -> str:
    """The table row with which a README states a measured figure, interval, size, data set and seed."""
    low, high = card.interval
    kind = "합성" if card.synthetic else "실제"
    return f"| {card.figure} | {card.value:.3f} | {low:.3f}–{high:.3f} | {card.n} | {card.dataset} ({kind}) | {card.seed} |"


def _kpi_from_telemetry(subject: Subject) -> str:
    wanted = {kpi.id for kpi in subject.manifest.kpis if kpi.source == "outcomes"}
    computed = {reading.kpi for reading in subject.readings() if reading.value is not None}
    missing = wanted - computed
    return f"저장된 결과로 계산되지 않는 KPI가 있습니다: {', '.join(sorted(missing))}" if missing else ""


def _two_languages(subject: Subject) -> str:
    text = (subject.manifest.folder / "README.md").read_text(encoding="utf-8")
    if "## English" not in text:
        return "README.md에 '## English' 부분이 없습니다."
    return _evidence("ko_en")(subject)


def _strict_types(subject: Subject) -> str:
    return subject.strict_types()


def _evidence(rule_id: str) -> Callable[[Subject], str]:
    def check(subject: Subject) -> str:
        evidence = subject.claims[rule_id].evidence
        if not evidence:
            return '이 규칙은 근거가 되는 시험(evidence = "경로::시험")을 적어야 합니다.'
        return subject.tests(evidence)

    return check


RULES: tuple[Rule, ...] = (
    Rule("manifest", "bronze", "명세가 빠짐없다", "The manifest is complete", _manifest_complete),
    Rule("readme", "bronze", "README의 명령이 실행된다", "The README's command runs", _readme),
    Rule(
        "samples",
        "bronze",
        "보통·어려움·공격 사례가 기대대로 나온다 (CPU, 외부 연결 없이)",
        "Normal, hard and hostile samples pass on the CPU, offline",
        _samples,
    ),
    Rule("tests", "bronze", "서비스의 시험이 통과한다", "The service's own tests pass", _own_tests),
    Rule("size", "bronze", "pipeline.py가 250줄을 넘지 않는다", "pipeline.py stays within 250 lines", _small_pipeline),
    Rule(
        "outcomes",
        "bronze",
        "결과에 모델·판·근거가 빠짐없다",
        "Outcomes name model, version and evidence",
        _complete_outcomes,
    ),
    Rule("human_step", "bronze", "사람의 단계에 이를 수 있다", "The human step can be reached", _human_step),
    Rule("ai_label", "bronze", "AI가 만들었다고 표시한다", "What AI made is labelled", _ai_label, exemptible=True),
    Rule("register", "bronze", "등록부에 있다", "It stands in the register", _registered),
    Rule("degraded", "silver", "엔진이 멈춰도 사람에게 넘긴다", "When an engine fails, a person takes over", _degraded),
    Rule("errors", "silver", "오류가 다음 할 일을 말한다", "Errors name the next step", _errors_help),
    Rule("logs", "silver", "기록에 요청의 내용이 남지 않는다", "Logs hold nothing of a request's content", _clean_logs),
    Rule(
        "retention", "silver", "보관 기간이 지켜진다", "Retention is enforced", _evidence("retention"), exemptible=True
    ),
    Rule(
        "replay",
        "silver",
        "같은 요청을 되풀이하면 같은 결과가 나온다",
        "The same request gives the same result",
        _replay,
    ),
    Rule(
        "accuracy", "silver", "정확도를 재었고 README와 같다", "Accuracy is measured and equals the README", _measured
    ),
    Rule(
        "groups",
        "gold",
        "사람에게 미치면 집단별로 잰다",
        "Scores by group where people are affected",
        _evidence("groups"),
        exemptible=True,
    ),
    Rule("drift", "gold", "달라짐을 알린다", "Drift raises an alarm", _evidence("drift")),
    Rule("load", "gold", "열 배의 부하를 견딘다", "It bears ten times the load", _evidence("load")),
    Rule(
        "keyboard",
        "gold",
        "자판만으로 쓸 수 있다",
        "It can be used by keyboard alone",
        _evidence("keyboard"),
        exemptible=True,
    ),
    Rule("ko_en", "gold", "한국어와 영어로 쓸 수 있다", "It can be used in Korean and English", _two_languages),
    Rule(
        "objection", "gold", "이의와 번복의 길이 있다", "Objection and override journeys exist", _evidence("objection")
    ),
    Rule("kpi", "gold", "KPI를 저장된 결과로 계산한다", "KPIs are computed from stored outcomes", _kpi_from_telemetry),
    Rule("second_engine", "platinum", "다른 엔진으로도 된다", "A second engine is proved", _evidence("second_engine")),
    Rule("types", "platinum", "엄격한 형 검사를 통과한다", "It passes strict type checking", _strict_types),
    Rule(
        "stranger",
        "platinum",
        "처음 보는 사람이 15분 안에 돌렸다",
        "A stranger ran it within 15 minutes",
        _evidence("stranger"),
    ),
)
"""The scale, in order. docs/writing-a-service.md explains each rule."""
