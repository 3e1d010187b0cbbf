"""What the documents say of addresses, commands, settings, events, errors and names is what the program has."""

from __future__ import annotations

import ast
import re
from dataclasses import MISSING, fields
from datetime import date
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pytest

import haechi
from haechi.city.asking import as_json
from haechi.city.database import DatabaseUrls
from haechi.city.installation import Installation
from haechi.city.library import Description
from haechi.city.settings import Settings
from haechi.cli import main
from haechi.core import errors
from haechi.core.identity import ROLES, SCOPES
from haechi.engines.knowledge.ingest.failures import REASONS
from haechi.engines.knowledge.ports import Citation, Delta, Done, Grounding, Hit, Passage, Retrieval
from haechi.web.app import create_app

SOURCE = Path(haechi.__file__).resolve().parent
ROOT = SOURCE.parents[1]
DOCS = ROOT / "docs"
METHODS = "GET|POST|PUT|PATCH|DELETE"
VARIABLE = r"HAECHI_[A-Z][A-Z_]*[A-Z](?![A-Z_])"
INTERNAL = {"HAECHI_SUPERVISED"}
"""Set by `haechi up` for its children, by nobody else."""


def text_of(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def rows(text: str) -> list[list[str]]:
    """The cells of every table line, without its rulers."""
    lines = [line.strip() for line in text.splitlines() if line.startswith("|") and not set(line) <= set("|-: ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def codes(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def section(text: str, heading: str) -> str:
    """The text under the heading that begins so, up to the next heading of its level."""
    found = re.search(rf"^## {re.escape(heading)}.*?$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, f"no section {heading!r}"
    return found[1]


# --- the API ---------------------------------------------------------------------------------------------------------


@cache
def described() -> dict[str, Any]:
    """The OpenAPI description of the real application; nothing is opened for it."""
    installation = Installation(Settings(home=Path("unused")), DatabaseUrls("", "", ""))
    return create_app(installation).openapi()


def operations() -> set[str]:
    return {f"{method.upper()} {path}" for path, item in described()["paths"].items() for method in item}


def test_every_address_of_the_api_is_documented_and_every_documented_one_exists():
    text = text_of("api.md")
    tabled = [row[0].strip("`") for row in rows(section(text, "주소"))[1:]]
    assert sorted(tabled) == sorted(operations())
    said = set(re.findall(rf"`((?:{METHODS}) /api/[^`]*)`", text))
    assert said == operations()


def test_each_address_says_the_scope_that_a_key_really_needs():
    from starlette.requests import Request

    from haechi.web.caller import scope_of

    for row in rows(section(text_of("api.md"), "주소"))[1:]:
        method, path = row[0].strip("`").split()
        request = Request({"type": "http", "method": method, "path": path, "headers": [], "query_string": b""})
        assert codes(row[2]) == [scope_of(request)], row[0]


def test_every_field_of_an_upload_and_of_a_question_is_documented():
    schemas = described()["components"]["schemas"]
    upload = next(body for name, body in schemas.items() if name.startswith("Body_upload"))
    named = set(codes(section(text_of("api.md"), "문서 올리기")))
    assert set(upload["properties"]) - named == set()
    assert {field.name for field in fields(Description)} - {"review_by", "source"} <= set(upload["properties"])
    assert set(schemas["Question"]["properties"]) <= set(codes(section(text_of("api.md"), "질문과")))


def test_the_scopes_of_keys_are_the_documented_ones():
    said = {code for row in rows(section(text_of("api.md"), "누구로"))[1:] for code in codes(row[0])}
    assert said == set(SCOPES)


def test_every_error_that_the_web_can_answer_with_is_documented():
    said = {(row[0], codes(row[1])[0]) for row in rows(section(text_of("api.md"), "오류"))[1:]}
    told = {("413", "too_large")}  # made before the application: web/security.py
    known = [each for each in vars(errors).values() if isinstance(each, type) and each.__module__ == errors.__name__]
    told |= {(str(each.status), each.code) for each in known if "status" in vars(each)}
    assert said == told


def test_each_event_has_exactly_the_documented_fields():
    passage = Passage("v:0", "d", "v", 0, "본문", "제목", valid_from=date(2026, 1, 1))
    cited = Citation(1, 1, passage, "본문")
    events = [
        as_json(Retrieval((Hit(passage, 1.0, {"kiwi": (1, 2.0)}),), 1.0)),
        as_json(Delta("글")),
        as_json(cited),
        as_json(Grounding(1, (("문장", "까닭"),), ((cited, cited),))),
        as_json(Done(True, "글", "built-in", 0.9)),
        {"event": "error", **errors.HaechiError("무엇", next_step="다음").as_dict()},
    ]
    documented = {codes(row[0])[0]: row for row in rows(section(text_of("api.md"), "질문과"))[1:]}
    for event in events:
        assert set(event) - {"event"} == set(codes(documented[event["event"]][1])), event["event"]
    assert set(events[0]["hits"][0]) <= set(codes(documented["retrieval"][2]))
    assert set(events[3]["withdrawn"][0]) <= set(codes(documented["grounding"][2]))
    assert set(documented) == {event["event"] for event in events} | {"accepted", "waiting"}


def test_what_a_question_is_told_before_it_is_searched_has_the_documented_fields():
    """`accepted` and `waiting` are written where they are sent: their keys are read from the source."""
    documented = {codes(row[0])[0]: set(codes(row[1])) for row in rows(section(text_of("api.md"), "질문과"))[1:]}
    sent: dict[str, set[str]] = {}
    for node in ast.walk(ast.parse((SOURCE / "city" / "asking.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.Dict):
            said = {
                key.value: value
                for key, value in zip(node.keys, node.values, strict=True)
                if isinstance(key, ast.Constant)
            }
            event = said.pop("event", None)
            if isinstance(event, ast.Constant):
                sent.setdefault(str(event.value), set()).update(map(str, said))
    assert sent["accepted"] == documented["accepted"]
    assert sent["waiting"] == documented["waiting"]


# --- commands --------------------------------------------------------------------------------------------------------


def commands(group: click.Group, before: str = "") -> set[str]:
    context, found = click.Context(group), set()
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        whole = f"{before}{name}"
        found |= commands(command, f"{whole} ") if isinstance(command, click.Group) else {whole}
    return found


def test_every_command_is_documented_and_every_documented_one_exists():
    assert isinstance(main, click.Group)
    assert {codes(row[0])[0] for row in rows(section(text_of("api.md"), "명령"))[1:]} == commands(main)


def test_commands_that_other_documents_show_exist():
    assert isinstance(main, click.Group)
    shell = {"test", "install"}  # the shell script `haechi` itself
    known = {command.split()[0] for command in commands(main)} | shell
    for page in [*DOCS.rglob("*.md"), *ROOT.glob("README*.md")]:
        text = page.read_text(encoding="utf-8")
        shown = set(re.findall(r"^\s*(?:\$ )?(?:\./|uv run (?:--no-sync )?)?haechi ([a-z][a-z-]*)", text, re.MULTILINE))
        shown |= set(re.findall(r"`(?:\./)?haechi ([a-z][a-z-]*)", text))
        assert shown <= known, page.name


# --- settings --------------------------------------------------------------------------------------------------------


def shown_default(value: Any) -> str:
    if value is True or value is False:
        return str(int(value))
    return f"`{value}`" if value != "" else "비움"


def test_every_setting_stands_in_the_operating_guide_with_its_default():
    table = {codes(row[0])[0]: row for row in rows(text_of("operating.md")) if row[0].startswith("`HAECHI_")}
    for field in fields(Settings):
        row = table.get(f"HAECHI_{field.name.upper()}")
        assert row is not None, f"{field.name} is not documented"
        if field.default is not MISSING:
            assert row[1].strip("`") == shown_default(field.default).strip("`"), field.name
        assert row[2], field.name


def test_every_variable_that_the_program_names_is_documented_and_none_is_invented():
    named = set()
    for path in SOURCE.rglob("*.py"):
        named |= set(re.findall(VARIABLE, path.read_text(encoding="utf-8")))
    known = named | {f"HAECHI_{field.name.upper()}" for field in fields(Settings)}
    tests = set(re.findall(VARIABLE, "".join(p.read_text() for p in (ROOT / "bench").glob("*.py"))))
    said = set(re.findall(VARIABLE, "".join(p.read_text() for p in DOCS.rglob("*.md"))))
    assert known - INTERNAL - said == set()
    assert said - known - tests == set()


# --- names and files -------------------------------------------------------------------------------------------------


def resolves(dotted: str) -> bool:
    """Whether a dotted name below `haechi` is a module or something in one (a class field counts)."""
    parts = f"haechi.{dotted}".split(".")
    for at in range(len(parts), 0, -1):
        try:
            found: Any = import_module(".".join(parts[:at]))
        except ModuleNotFoundError:
            continue
        for name in parts[at:]:
            named = getattr(found, "__annotations__", {})
            if not hasattr(found, name) and name not in named:
                return False
            found = getattr(found, name, None)
        return True
    return False


def test_the_names_in_the_glossary_exist_in_the_code():
    names = [name for row in rows(text_of("glossary.md")) if len(row) == 4 for name in codes(row[2])]
    assert len(names) > 40
    assert [name for name in names if not resolves(name)] == []
    assert not resolves("core.outcome.Verdict")


def test_the_glossary_has_every_role_and_says_it_as_the_screens_do():
    table = {row[0]: row[1] for row in rows(text_of("glossary.md")) if len(row) == 4}
    assert [korean for korean, english in ROLES.values() if table.get(korean, "").lower() != english.lower()] == []


def test_every_reason_why_a_file_cannot_be_read_is_documented():
    text = section(text_of("engines/knowledge.md"), "문서가 문단이 되기까지")
    assert [code for code in REASONS if f"`{code}`" not in text] == []


def named_files() -> list[tuple[str, str]]:
    """Paths with a slash and a suffix, in backticks, on every page; patterns and web addresses are no files."""
    found = []
    for page in sorted(DOCS.rglob("*.md")):
        for name in codes(page.read_text(encoding="utf-8")):
            if re.fullmatch(r"[\w.][\w./-]*/[\w.-]+\.(?:py|md|toml|yaml|npz|jsonl|json)", name):
                found.append((page.name, name))
    return found


@pytest.mark.parametrize(("page", "name"), named_files())
def test_a_file_that_the_documents_name_is_there(page: str, name: str):
    bases = (ROOT, SOURCE, SOURCE / "engines" / "knowledge", SOURCE / "engines" / "models", DOCS)
    assert any((base / name).is_file() for base in bases), f"{page} names {name}"


def test_links_between_documents_lead_somewhere():
    for page in [*DOCS.rglob("*.md"), *ROOT.glob("README*.md")]:
        for target in re.findall(r"\]\(([^)#:\s]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_engine_has_its_page_and_every_page_its_engine():
    engines = {folder.name for folder in (SOURCE / "engines").iterdir() if (folder / "__init__.py").is_file()}
    assert {page.stem for page in (DOCS / "engines").glob("*.md")} == engines
