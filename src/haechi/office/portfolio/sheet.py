"""The portfolio as a file: XLSX, CSV and JSON out, and back in with every bad cell named. Pure.

One table holds both kinds of rows (구분: 서비스, 예산), so that one file carries everything back.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from openpyxl import Workbook, load_workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.utils.exceptions import InvalidFileException

from haechi.core.errors import InvalidInput
from haechi.core.manifest import UNKNOWN
from haechi.office.portfolio.book import CONTROL, EDITABLE, KINDS, LONGEST, cell_fault, shown, unprintable

SCHEMA = "haechi-portfolio/1"
FORMATS = ("xlsx", "csv", "json")
COLUMNS = {
    "row": "구분", "number": "번호", "name": "이름", "field": "분야", "stage": "단계", "bureau": "담당 실국", "technology": "기술",
    "continuity": "신규·계속", "contact": "연락처", "note": "메모", "label": "내용", "year": "연도", "kind": "본예산·추경",
    "won": "금액(원)", "source": "출처",
}  # fmt: skip
SERVICE, MONEY = "서비스", "예산"
SERVICE_CELLS = ("name", "field", "stage", *EDITABLE)
MONEY_CELLS = ("label", "year", "kind", "won", "source")
RISKY = ("=", "+", "-", "@", "\t", "\r", "\n")
MOST_BYTES, MOST_ROWS = 5 * 1024 * 1024, 5000


@dataclass(frozen=True, slots=True)
class Fault:
    """A cell that cannot be taken: its row in the file (1 is the header), the column's name, what is wrong and what to do."""

    row: int
    column: str
    message: str


@dataclass(frozen=True, slots=True)
class Table:
    """What a file says: services (number → editable cells) and lines of money. faults: cells that were left out of both."""

    services: Mapping[int, Mapping[str, str]]
    money: tuple[Mapping[str, Any], ...]
    faults: tuple[Fault, ...] = ()


# --- out -------------------------------------------------------------------------------------------------------------


def records(services: Sequence[Mapping[str, Any]], money: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Rows of the file, every cell as text."""
    rows = [
        {"row": SERVICE, "number": str(one["number"]), "name": one["ko"], **{key: one[key] for key in SERVICE_CELLS[1:]}}
        for one in services
    ]  # fmt: skip
    rows += [
        {"row": MONEY, "number": str(line["service"] or ""), "label": line["label"], "year": str(line["year"]),
         "kind": line["kind"], "won": shown(line["won"]), "source": line["source"]}
        for line in money
    ]  # fmt: skip
    return rows


def write(format: str, services: Sequence[Mapping[str, Any]], money: Sequence[Mapping[str, Any]]) -> bytes:
    """The file. Text that a spreadsheet would run as a formula gets an apostrophe in front, which `read` takes off."""
    rows = records(services, money)
    if format == "json":
        return json.dumps({"schema": SCHEMA, "rows": rows}, ensure_ascii=False, indent=1).encode()
    table = [list(COLUMNS.values()), *([defused(row.get(key, "")) for key in COLUMNS] for row in rows)]
    if format == "csv":
        told = io.StringIO(newline="")
        csv.writer(told).writerows(table)
        return told.getvalue().encode("utf-8-sig")
    return _workbook(table)


def _workbook(table: Sequence[Sequence[str]]) -> bytes:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("포트폴리오")
    for line in table:
        cells = []
        for text in line:
            cell = WriteOnlyCell(sheet, value=text)
            cell.data_type = "s"  # text, whatever it looks like
            cells.append(cell)
        sheet.append(cells)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def defused(text: str) -> str:
    """Text that no spreadsheet takes for a formula; `restored` gives the text back."""
    return f"'{text}" if text.startswith((*RISKY, "'")) else text


def restored(text: str) -> str:
    """The text that `defused` was given."""
    return text[1:] if text.startswith("'") and text[1:].startswith((*RISKY, "'")) else text


# --- in --------------------------------------------------------------------------------------------------------------


def read(format: str, content: bytes, numbers: frozenset[int]) -> Table:
    """What the file says. InvalidInput when it is no such file; every bad cell becomes a fault and is left out.

    numbers: services that exist (0 among them for lines of no single service).
    """
    if len(content) > MOST_BYTES:
        raise InvalidInput("파일이 5MiB를 넘습니다.", next_step="필요한 행만 남겨 다시 올리세요.", record=format)
    rows = _rows(format, content)
    if len(rows) > MOST_ROWS:
        raise InvalidInput(f"{MOST_ROWS:,}행까지 읽습니다.", next_step="나누어 올리세요.", record=format)
    services: dict[int, Mapping[str, str]] = {}
    money: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    faults: list[Fault] = []
    for at, row in enumerate(rows, 2):
        if not any(value.strip() for value in row.values()):
            continue
        wrong = _read_row(at, row, numbers, services, money)
        faults += wrong
    return Table(services, tuple(money.values()), tuple(faults))


def _rows(format: str, content: bytes) -> list[dict[str, str]]:
    try:
        if format == "json":
            return _json_rows(content)
        table = _csv_table(content) if format == "csv" else _xlsx_table(content)
    except (ValueError, KeyError, csv.Error, zipfile.BadZipFile, InvalidFileException, OSError) as error:
        raise InvalidInput(
            f"{format.upper()} 파일로 읽을 수 없습니다.",
            next_step="여기서 내려받은 파일의 형식을 그대로 쓰세요.",
            record=format,
        ) from error
    keys = {name: key for key, name in COLUMNS.items()}
    header = [cell.strip() for cell in table[0]] if table else []
    missing = [name for key, name in COLUMNS.items() if key in ("row", "number") and name not in header]
    if missing:
        raise InvalidInput(
            f"첫 행에 ‘{', '.join(missing)}’ 열이 없습니다.",
            next_step="여기서 내려받은 파일의 첫 행을 그대로 쓰세요.",
            record=format,
        )
    return [
        {keys[name]: restored(value) for name, value in zip(header, line, strict=False) if name in keys}
        for line in table[1:]
    ]


def _json_rows(content: bytes) -> list[dict[str, str]]:
    told = json.loads(content.decode("utf-8-sig"))
    if not isinstance(told, dict) or told.get("schema") != SCHEMA or not isinstance(told.get("rows"), list):
        raise ValueError(SCHEMA)
    return [{str(key): "" if value is None else str(value) for key, value in row.items()} for row in told["rows"]]


def _csv_table(content: bytes) -> list[list[str]]:
    for encoding in ("utf-8-sig", "cp949"):  # what Korean spreadsheets write
        try:
            return [list(line) for line in csv.reader(io.StringIO(content.decode(encoding), newline=""))]
        except UnicodeDecodeError:
            continue
    raise ValueError("encoding")


def _xlsx_table(content: bytes) -> list[list[str]]:
    book = load_workbook(io.BytesIO(content), read_only=True, data_only=False)
    try:
        return [[_as_text(value) for value in line] for line in book.worksheets[0].iter_rows(values_only=True)]
    finally:
        book.close()


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _read_row(
    at: int, row: Mapping[str, str], numbers: frozenset[int], services: dict[int, Mapping[str, str]],
    money: dict[tuple[Any, ...], Mapping[str, Any]],
) -> list[Fault]:  # fmt: skip
    kind = row.get("row", "").strip()
    if kind not in (SERVICE, MONEY):
        return [Fault(at, COLUMNS["row"], f"‘{kind}’이(가) 아니라 ‘{SERVICE}’나 ‘{MONEY}’을 적으세요.")]
    raw = row.get("number", "").strip()
    number = int(raw) if raw.isdecimal() else (0 if not raw and kind == MONEY else None)
    if number is None or number not in numbers or (kind == SERVICE and number == 0):
        return [Fault(at, COLUMNS["number"], f"‘{raw}’번 서비스가 없습니다. 목록의 번호를 적으세요.")]
    return _read_service(at, row, number, services) if kind == SERVICE else _read_money(at, row, number, money)


def _read_service(at: int, row: Mapping[str, str], number: int, services: dict[int, Mapping[str, str]]) -> list[Fault]:
    if number in services:
        return [Fault(at, COLUMNS["number"], f"{number}번 서비스가 두 번 나옵니다. 한 행만 남기세요.")]
    faults, cells = [], {}
    for field in EDITABLE:
        if field in row:
            value = row[field].strip()
            why = cell_fault(field, value)
            if not why and not value and field != "note":
                why = f"비었습니다. 모르면 ‘{UNKNOWN}’이라고 적으세요."
            if why:
                faults.append(Fault(at, COLUMNS[field], why))
            else:
                cells[field] = value
    services[number] = cells
    return faults


def _read_money(
    at: int, row: Mapping[str, str], number: int, money: dict[tuple[Any, ...], Mapping[str, Any]]
) -> list[Fault]:
    cell = {key: row.get(key, "").strip() for key in MONEY_CELLS}
    amount = cell["won"].replace(",", "").removesuffix("원").strip()
    tests = [
        ("label", number == 0 and not cell["label"], "어느 사업의 예산인지 적으세요."),
        ("year", not (cell["year"].isdecimal() and 2000 <= int(cell["year"]) <= 2100), f"‘{cell['year']}’: 네 자리 연도를 적으세요."),
        ("kind", cell["kind"] not in KINDS, f"‘{cell['kind']}’: {'과 '.join(KINDS)} 가운데 하나를 적으세요."),
        ("won", not amount, f"비었습니다. 모르면 ‘{UNKNOWN}’이라고 적으세요. 0원과 미상은 다릅니다."),
        ("won", bool(amount) and amount != UNKNOWN and not (amount.isdecimal() and len(amount) <= 15),
         f"‘{cell['won']}’: 원 단위의 정수나 ‘{UNKNOWN}’을 적으세요."),
        ("source", not cell["source"], "비었습니다. 어느 문서의 숫자인지 적으세요."),
        ("label", unprintable(cell["label"]), CONTROL),
        ("source", unprintable(cell["source"]), CONTROL),
        ("label", len(cell["label"]) > LONGEST, f"{LONGEST:,}자까지 적을 수 있습니다."),
        ("source", len(cell["source"]) > LONGEST, f"{LONGEST:,}자까지 적을 수 있습니다."),
    ]  # fmt: skip
    faults = [Fault(at, COLUMNS[key], why) for key, wrong, why in tests if wrong]
    if faults:
        return faults
    line = {
        "service": number, "label": cell["label"], "year": int(cell["year"]), "kind": cell["kind"],
        "won": None if amount == UNKNOWN else int(amount), "source": cell["source"],
    }  # fmt: skip
    key = (number, line["label"], line["year"], line["kind"])
    if key in money:
        return [Fault(at, COLUMNS["number"], "같은 서비스·내용·연도·구분의 예산이 두 번 나옵니다. 한 행만 남기세요.")]
    money[key] = line
    return []
