"""Imports flow down, and no service knows another: read from the source itself, and from the linter's contract."""

import ast
import subprocess
import sys
from pathlib import Path

import haechi

ROOT = Path(haechi.__file__).resolve().parent
ABOVE = {
    "core": {"engines", "office", "services", "city", "web", "cli"},
    "engines": {"office", "services", "city", "web", "cli"},
    "office": {"services", "city", "web", "cli"},
    "services": {"office", "city", "web", "cli"},
    "city": {"web", "cli"},
    "web": {"cli"},
}
STANDS_ON = {"dialogue": {"knowledge", "models", "text"}, "knowledge": {"models", "text"}, "models": {"text"}}


def imports_of(path: Path, source: str) -> set[str]:
    """Dotted haechi modules that a file imports, relative imports resolved, wherever in the file they stand."""
    package = ["haechi", *path.relative_to(ROOT).parent.parts]
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found |= {module, *(f"{module}.{name.name}" for name in node.names)}
    return {name for name in found if name.startswith("haechi.")}


def _may_stand_on(engine: str, other: str) -> bool:
    is_engine = (ROOT / "engines" / other).is_dir()
    return other == engine or other in STANDS_ON.get(engine, set()) or not is_engine


def faults_of(path: Path, source: str) -> list[str]:
    """What a file imports against the house's order, as sentences."""
    here = path.relative_to(ROOT).parts
    faults = []
    for name in sorted(imports_of(path, source)):
        there = name.split(".")[1:]
        if there[0] in ABOVE.get(here[0], set()):
            faults.append(f"{'/'.join(here)} imports {name}: upwards")
        if here[0] == there[0] == "services" and len(there) > 1 and len(here) > 1 and there[1] != here[1]:
            faults.append(f"{'/'.join(here)} imports {name}: another service")
        if (
            here[0] == there[0] == "engines"
            and len(there) > 1
            and len(here) > 2
            and not _may_stand_on(here[1], there[1])
        ):
            faults.append(f"{'/'.join(here)} imports {name}: engines stand side by side")
    return faults


def test_every_file_imports_downwards_only():
    faults = [
        fault for path in sorted(ROOT.rglob("*.py")) for fault in faults_of(path, path.read_text(encoding="utf-8"))
    ]
    assert faults == []


def test_the_check_sees_what_is_forbidden():
    service = ROOT / "services" / "s39_staff_chatbot" / "pipeline.py"
    assert faults_of(service, "from haechi.services.s40_rpa import pipeline")
    assert faults_of(service, "from ..s40_rpa import pipeline")
    assert faults_of(service, "import haechi.office.cases")
    assert faults_of(service, "def late():\n    from haechi.city import register")
    assert faults_of(ROOT / "engines" / "text" / "mask.py", "from haechi.engines.knowledge import ports")
    assert faults_of(ROOT / "core" / "outcome.py", "from haechi.engines.knowledge.ports import Passage")
    assert not faults_of(service, "from haechi.engines.knowledge.ports import Reader\nfrom haechi.core import clock")


def test_the_linters_contract_is_kept():
    # In a process of its own: import-linter switches off every logger that is there already.
    linter = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]
    told = subprocess.run(linter, cwd=ROOT.parents[1], capture_output=True, text=True, timeout=120, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "KEPT" in told.stdout
