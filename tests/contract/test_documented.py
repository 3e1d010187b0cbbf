"""Every public name of core and engines says what it is."""

import ast
from pathlib import Path

import pytest

import haechi

ROOT = Path(haechi.__file__).resolve().parent
ROOMS = ("core", "engines")
GENERATED = ("versions",)


def promised(source: str) -> frozenset[str]:
    """Names of methods that a Protocol of this source documents: who fulfils the promise need not repeat it."""
    protocols = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ClassDef) and _is_protocol(node)]
    return frozenset(
        child.name
        for node in protocols
        for child in node.body
        if isinstance(child, ast.FunctionDef) and ast.get_docstring(child)
    )


def _is_protocol(node: ast.ClassDef) -> bool:
    return any(isinstance(base, ast.Name) and base.id == "Protocol" for base in node.bases)


def undocumented(source: str, promises: frozenset[str] = frozenset()) -> list[str]:
    """Public modules, classes, functions and methods without a docstring, as dotted names; `promises` are excused."""
    tree = ast.parse(source)
    missing = [] if ast.get_docstring(tree) or not tree.body else ["<module>"]
    for node in tree.body:
        missing += _missing(node, "")
    return [name for name in missing if "." not in name or name.rpartition(".")[2] not in promises]


def _missing(node: ast.AST, prefix: str) -> list[str]:
    if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) or node.name.startswith("_"):
        return []
    name = f"{prefix}{node.name}"
    missing = [] if ast.get_docstring(node) else [name]
    if isinstance(node, ast.ClassDef):
        for child in node.body:
            missing += _missing(child, f"{name}.")
    return missing


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_has_a_docstring(room):
    sources = {path: path.read_text(encoding="utf-8") for path in sorted((ROOT / room).rglob("*.py"))}
    promises = frozenset().union(*map(promised, sources.values()))
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for path, source in sources.items()
        if not set(GENERATED) & set(path.parts)
        for name in undocumented(source, promises)
    ]
    assert "\n".join(found) == ""


def test_an_undocumented_name_is_found():
    source = '"""A module."""\nclass Open:\n    """Said."""\n    def silent(self):\n        pass\n    def _own(self):\n        pass\n'
    assert undocumented(source) == ["Open.silent"]
    assert undocumented(source, frozenset({"silent"})) == []
    assert undocumented("x = 1") == ["<module>"]


GUIDE = ROOT.parents[1] / "docs" / "writing-a-service.md"


def test_the_guide_explains_every_rule_and_every_key_of_a_manifest():
    from haechi.city.samples import EXPECTATIONS
    from haechi.core.manifest import _TABLES, _TOP, STAGES
    from haechi.core.quality import RULES

    text = GUIDE.read_text(encoding="utf-8")
    assert [rule.id for rule in RULES if f"| `{rule.id}` |" not in text or rule.ko not in text] == []
    assert [key for key in _TOP if f"`{key}`" not in text] == []
    for table, (_, keys) in _TABLES.items():
        line = next(line for line in text.splitlines() if line.startswith(f"| `[{table}]`"))
        assert [key for key in keys if key not in line] == []
    assert [stage for stage in STAGES if stage not in text] == []
    assert [word for word in EXPECTATIONS if f"`{word}`" not in text] == []
