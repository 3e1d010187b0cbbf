"""The portfolio: what manifests say, what the office entered over it, money, and every change with its author."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from haechi.core import audit, clock
from haechi.core.errors import Conflict, InvalidInput, NotFound
from haechi.core.manifest import UNKNOWN, Manifest
from haechi.core.roles import require
from haechi.core.store import Actor, Row, Store, Transaction
from haechi.office.portfolio import sums
from haechi.office.portfolio.sources import Health, Sources

EDITABLE = ("bureau", "technology", "continuity", "contact", "note")
CONTINUITY = ("신규", "계속", UNKNOWN)
KINDS = ("본예산", "추경")
LONGEST = 1000
CONTROL = "보이지 않는 제어 문자가 들어 있습니다. 지우고 다시 적으세요."
NOT_BUILT = Health("unknown", ("기록이 없습니다.", "Nothing is recorded."))


class Changed(Conflict):
    """Two people changed the same cells. differences: [{field, theirs, mine, by}]; nothing of mine was stored."""

    def __init__(self, differences: list[dict[str, Any]], record: str) -> None:
        who = ", ".join(sorted({one["by"] for one in differences if one["by"]})) or "다른 사람"
        super().__init__(
            f"그사이 {who}이(가) 같은 항목 {len(differences)}개를 고쳤습니다.",
            next_step="두 값을 견주어 하나를 고르세요. 적으신 값은 화면에 그대로 있습니다.",
            record=record,
        )
        self.differences = differences


class Portfolio:
    """All services with their money. `store` under haechi_app; `sources`: the running platform."""

    def __init__(self, store: Store, sources: Sources) -> None:
        self.store = store
        self.sources = sources

    # --- reading -----------------------------------------------------------------------------------------------------

    def whole(self, actor: Actor) -> dict[str, Any]:
        """services (rows), money (sums.Money), lines (sums.Line), bureaux, unknown cells. Four small queries, whatever
        the number of cases."""
        plan, tiers, health = self.sources.plan(), self.sources.tiers(), self.sources.health()
        with self.store.transaction(actor, snapshot=True) as tx:
            kept = {row["number"]: row for row in tx.all("select * from portfolio_services")}
            money = tx.all(_MONEY + " order by service, year, kind, label")
            cases = tx.all("select service, kind, open, late from haechi_open_cases(:now)", now=clock.now())
        won = sums.amounts([line for line in money if line["year"] == plan.year])
        rows = []
        for manifest in self.sources.manifests():
            row = merged(manifest, kept.get(manifest.number))
            own = [one for one in cases if one["service"] == manifest.number]
            row |= {
                "tier": tiers.get(manifest.number), "health": health.get(manifest.number, NOT_BUILT),
                "won": won.get(manifest.number), "entered": manifest.number in won,
                "open": sum(one["open"] for one in own), "late": sum(one["late"] for one in own),
                "incidents": sum(one["open"] for one in own if one["kind"] in ("incident", "alert")),
            }  # fmt: skip
            rows.append(row)
        listed = [row for row in rows if row["listed"]]
        return {
            "services": rows,
            "money": sums.money_of(money, [row["number"] for row in listed], plan),
            "programmes": [line for line in money if line["service"] == 0],
            "lines": sums.reconcile(listed, plan),
            "plan": plan,
        }

    def one(self, actor: Actor, number: int) -> dict[str, Any]:
        """service, money lines, changes (newest first), open cases by kind. NotFound for a number that is not registered."""
        manifest = self.manifest(number)
        with self.store.transaction(actor, snapshot=True) as tx:
            kept = tx.one("select * from portfolio_services where number = :n", n=number)
            return {
                "service": merged(manifest, kept),
                "manifest": manifest,
                "tier": self.sources.tiers().get(number),
                "health": self.sources.health().get(number, NOT_BUILT),
                "money": tx.all(_MONEY + " where service = :n order by year desc, kind, label", n=number),
                "changes": tx.all(_CHANGES + " where number = :n order by seq desc limit 100", n=number),
                "cases": [
                    row for row in tx.all("select service, kind, open, late from haechi_open_cases(:now)", now=clock.now())
                    if row["service"] == number
                ],
            }  # fmt: skip

    def manifest(self, number: int) -> Manifest:
        """The manifest of a service; NotFound."""
        for manifest in self.sources.manifests():
            if manifest.number == number:
                return manifest
        raise NotFound(f"{number}번 서비스가 없습니다.", next_step="목록에서 다시 고르세요.", record=str(number))

    def rows_in(self, tx: Transaction) -> tuple[list[dict[str, Any]], list[Row]]:
        """(services, money lines) as they stand inside the caller's transaction."""
        kept = {row["number"]: row for row in tx.all("select * from portfolio_services")}
        services = [merged(manifest, kept.get(manifest.number)) for manifest in self.sources.manifests()]
        return services, tx.all(_MONEY + " order by service, year, kind, label")

    # --- changing ----------------------------------------------------------------------------------------------------

    def edit(self, actor: Actor, number: int, sent: Mapping[str, str], *, version: int) -> dict[str, Any]:
        """Change cells of a service; the row as it then stands.

        version: as the writer saw it. Others' changes of other cells are kept; of the same cells: `Changed`.
        """
        manifest = self.manifest(number)
        with self.store.transaction(actor) as tx:
            tx.run("select pg_advisory_xact_lock(:lock, :n)", {"lock": _LOCK, "n": number})
            kept = tx.one("select * from portfolio_services where number = :n", n=number)
            now = merged(manifest, kept)
            require(actor, "portfolio.change", now["bureau"])
            fresh = {
                field: value for field, value in checked(sent).items()
                if value != now[field] and value != self._seen(tx, number, field, version, now)
            }  # fmt: skip
            self._compare(tx, now, fresh, version)
            if fresh:
                self.write_in(tx, number, now, fresh)
                audit.record(tx, "portfolio.changed", f"service:{number}", {"cells": fresh})
            return {**now, **fresh, "version": now["version"] + bool(fresh)}

    def write_in(
        self, tx: Transaction, number: int, now: Mapping[str, Any], fresh: Mapping[str, str], *, origin: str = "edit"
    ) -> None:
        """Store cells and their history inside the caller's transaction; the caller has asked whether they may."""
        version = now["version"] + 1
        names = ", ".join(fresh)
        tx.run(
            f"""insert into portfolio_services (number, {names}, version, changed_at, changed_by)
            values (:number, {", ".join(f":{field}" for field in fresh)}, :version, :at, :by)
            on conflict (number) do update set {", ".join(f"{field} = :{field}" for field in fresh)}, version = :version,
              changed_at = :at, changed_by = :by""",
            {"number": number, **fresh, "version": version, "at": clock.now(), "by": tx.actor.subject},
        )
        for field, value in fresh.items():
            put_change(tx, number, version, field, str(now[field]), value, origin)

    def _seen(self, tx: Transaction, number: int, field: str, version: int, now: Mapping[str, Any]) -> Any:
        """The cell as it stood at `version`: what is sent back unchanged was not changed by the writer."""
        before = tx.value(
            "select before from portfolio_changes where number = :n and field = :f and version > :v order by version limit 1",
            n=number, f=field, v=version,
        )  # fmt: skip
        return now[field] if before is None else before

    def _compare(self, tx: Transaction, now: Mapping[str, Any], fresh: Mapping[str, str], version: int) -> None:
        if version == now["version"] or not fresh:
            return
        differing = [
            {"field": row["field"], "theirs": now[row["field"]], "mine": fresh[row["field"]], "by": row["name"]}
            for row in tx.all(
                """select distinct on (field) field, name, subject from portfolio_changes
                where number = :n and version > :v order by field, version desc""", n=now["number"], v=version)
            if row["field"] in fresh and row["subject"] != tx.actor.subject
        ]  # fmt: skip
        if differing:
            raise Changed(differing, str(now["number"]))

    def enter(
        self, actor: Actor, service: int, year: int, kind: str, won: int | None, source: str, *,
        label: str = "", version: int = 0,
    ) -> Row:  # fmt: skip
        """Enter or change a line of money (won None: 미상). version 0: a new line. Conflict when it stands otherwise.

        service 0: a line that belongs to no single service; it needs a label.
        """
        line = checked_line(service, label, year, kind, won, source)
        bureau = self._bureau_of(actor, service)
        require(actor, "portfolio.change", bureau)
        with self.store.transaction(actor) as tx:
            tx.run("select pg_advisory_xact_lock(:lock, :n)", {"lock": _LOCK, "n": service})
            standing = self.line_in(tx, line)
            if (standing["version"] if standing else 0) != version:
                told = "미상" if standing is None or standing["won"] is None else f"{standing['won']:,}원"
                raise Conflict(
                    f"이 예산은 이미 {told}({standing['source'] if standing else '없음'})으로 적혀 있습니다.",
                    next_step="적힌 값과 견주어 고칠지 정하세요. 적으신 값은 화면에 그대로 있습니다.",
                    record=f"{service}:{year}:{kind}:{label}",
                )
            self.put_line(tx, line, standing)
            audit.record(tx, "portfolio.money", f"service:{service}", {key: str(value) for key, value in line.items()})
            found = self.line_in(tx, line)
            assert found is not None
            return found

    def line_in(self, tx: Transaction, line: Mapping[str, Any]) -> Row | None:
        """The line that stands under the same service, label, year and kind."""
        return tx.one(
            _MONEY + " where service = :service and label = :label and year = :year and kind = :kind",
            **{key: line[key] for key in ("service", "label", "year", "kind")},
        )

    def put_line(self, tx: Transaction, line: Mapping[str, Any], standing: Row | None, *, origin: str = "edit") -> None:
        """Store a line and its history inside the caller's transaction."""
        tx.run(
            """insert into portfolio_money (id, service, label, year, kind, won, source, entered_at, entered_by, entered_name)
            values (:id, :service, :label, :year, :kind, :won, :source, :at, :by, :name)
            on conflict (service, label, year, kind) do update set won = :won, source = :source, entered_at = :at,
              entered_by = :by, entered_name = :name, version = portfolio_money.version + 1""",
            {**line, "id": clock.new_id(), "at": clock.now(), "by": tx.actor.subject, "name": tx.actor.name},
        )
        field = " ".join(filter(None, (str(line["year"]), line["kind"], line["label"])))
        before = None if standing is None else shown(standing["won"])
        put_change(tx, line["service"], 0, f"예산 {field}", before, shown(line["won"]), origin)

    def _bureau_of(self, actor: Actor, service: int) -> str | None:
        return str(self.one(actor, service)["service"]["bureau"]) if service else None


_LOCK = 7210  # first key of the advisory locks of the portfolio
_MONEY = """select id::text as id, service, label, year, kind, won, source, version, entered_at, entered_name
from portfolio_money"""
_CHANGES = "select number, version, field, before, after, origin, at, name from portfolio_changes"


def merged(manifest: Manifest, kept: Row | None) -> dict[str, Any]:
    """A service as the portfolio shows it: the manifest, and over it what the office entered."""
    row: dict[str, Any] = {
        "number": manifest.number, "ko": manifest.name.ko, "en": manifest.name.en, "field": manifest.field,
        "stage": manifest.stage, "listed": manifest.in_city_list, "built": manifest.built, "level": manifest.impact.level,
        "decides": manifest.impact.decides, "bureau": manifest.bureau, "technology": manifest.technology,
        "continuity": manifest.continuity, "contact": UNKNOWN, "note": "", "version": 0,
    }  # fmt: skip
    if kept is not None:
        row |= {field: kept[field] for field in EDITABLE if kept[field] is not None} | {"version": kept["version"]}
    return row


def put_change(
    tx: Transaction, number: int, version: int, field: str, before: str | None, after: str, origin: str
) -> None:
    """One line of history."""
    tx.run(
        """insert into portfolio_changes (number, version, field, before, after, origin, at, subject, name)
        values (:number, :version, :field, :before, :after, :origin, :at, :by, :name)""",
        {
            "number": number, "version": version, "field": field, "before": before, "after": after, "origin": origin,
            "at": clock.now(), "by": tx.actor.subject, "name": tx.actor.name,
        },
    )  # fmt: skip


def shown(won: int | None) -> str:
    """An amount as people and files write it."""
    return UNKNOWN if won is None else str(won)


def checked(sent: Mapping[str, str]) -> dict[str, str]:
    """Cells as they may be stored. InvalidInput for a cell that is none, too long, or outside its words."""
    cells: dict[str, str] = {}
    for field, raw in sent.items():
        if field not in EDITABLE:
            raise InvalidInput("고칠 수 없는 항목입니다.", next_step="화면을 새로 고치세요.", record=field)
        value = raw.strip()
        why = cell_fault(field, value)
        if why:
            raise InvalidInput(why, next_step="고쳐 적은 뒤 다시 저장하세요.", record=field)
        cells[field] = value or ("" if field == "note" else UNKNOWN)
    return cells


def cell_fault(field: str, value: str) -> str:
    """What is wrong with a cell of a service, in Korean, or ''."""
    if field == "continuity" and value and value not in CONTINUITY:
        return f"‘{value}’은(는) 쓸 수 없습니다. {', '.join(CONTINUITY)} 가운데 하나를 적으세요."
    if len(value) > LONGEST:
        return f"{LONGEST:,}자까지 적을 수 있습니다."
    return CONTROL if unprintable(value) else ""


def unprintable(text: str) -> bool:
    """Whether it holds characters that no file of ours can carry."""
    return any(ord(letter) < 32 and letter not in "\n\t" for letter in text)


def checked_line(service: int, label: str, year: int, kind: str, won: int | None, source: str) -> dict[str, Any]:
    """A line as it may be stored. InvalidInput says which cell is wrong."""
    label, source = label.strip(), source.strip()
    faults = [
        ("year", not 2000 <= year <= 2100, "연도는 2000부터 2100 사이로 적으세요."),
        ("kind", kind not in KINDS, "본예산과 추경 가운데 고르세요."),
        ("won", won is not None and not 0 <= won < 10**15, "금액은 0 이상의 원 단위 정수로 적으세요."),
        ("source", not source, "출처가 비었습니다. 어느 문서의 숫자인지 적으세요."),
        ("label", service == 0 and not label, "어느 사업의 예산인지 적으세요."),
        ("label", max(len(label), len(source)) > LONGEST, f"{LONGEST:,}자까지 적을 수 있습니다."),
        ("label", unprintable(label + source), CONTROL),
    ]
    for record, wrong, why in faults:
        if wrong:
            raise InvalidInput(why, next_step="고쳐 적은 뒤 다시 저장하세요.", record=record)
    return {"service": service, "label": label, "year": year, "kind": kind, "won": won, "source": source}


def known_numbers(manifests: Sequence[Manifest]) -> frozenset[int]:
    """Numbers that a line of money may name."""
    return frozenset({0, *(manifest.number for manifest in manifests)})
