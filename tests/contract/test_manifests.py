"""The register's first draft: 45 manifests that say exactly what the city's list says, and nothing it does not."""

import os
import time
import tomllib
from pathlib import Path

import pytest

from haechi.city.register import SERVICES_FOLDER, load_plan, load_register, portfolio, reconcile
from haechi.core.errors import BadManifest, NotFound
from haechi.core.manifest import NOT_BUILT, UNKNOWN, load

REGISTER = load_register()
DATA = Path(os.environ.get("HAECHI_DATA", "../shared/data"))
CITY_LIST = DATA.parent / "spec" / "portfolio.toml"


def test_every_folder_loads_and_the_numbers_run_from_1_to_45():
    assert [str(error) for error in REGISTER.broken] == []
    assert [manifest.number for manifest in REGISTER.manifests if manifest.in_city_list] == list(range(1, 46))
    assert len(list(SERVICES_FOLDER.glob("s[0-9]*"))) == len(REGISTER.manifests)


@pytest.mark.skipif(
    not CITY_LIST.exists(), reason="the city's list (spec/portfolio.toml beside HAECHI_DATA) is not here"
)
def test_the_manifests_equal_the_citys_list_cell_by_cell():
    listed = tomllib.loads(CITY_LIST.read_text(encoding="utf-8"))["service"]
    ours = [
        {
            "number": manifest.number,
            "slug": manifest.slug,
            "name": manifest.name.ko,
            "field": manifest.field,
            "bureau": manifest.bureau,
            "technology": manifest.technology,
        }
        for manifest in REGISTER.manifests
        if manifest.in_city_list
    ]
    assert ours == listed


def test_what_is_not_built_has_no_code_and_what_has_code_has_an_entry():
    for manifest in REGISTER.manifests:
        has_code = (manifest.folder / "pipeline.py").exists()
        assert has_code == manifest.built, manifest.slug
        if not manifest.built:
            assert manifest.stage == NOT_BUILT
            assert not (manifest.folder / "README.md").exists()


def test_no_manifest_names_a_budget_or_new_or_continuing_that_the_list_does_not_tell():
    listed = [manifest for manifest in REGISTER.manifests if manifest.in_city_list]
    assert {manifest.budget for manifest in listed} == {UNKNOWN}
    assert {manifest.continuity for manifest in listed} == {UNKNOWN}


def test_an_unreviewed_impact_counts_as_high():
    for manifest in REGISTER.manifests:
        if manifest.impact.level == UNKNOWN:
            assert manifest.impact.needs_human_step, manifest.slug


def test_the_totals_reconcile_with_the_plan_and_what_cannot_be_known_says_so():
    rows = {row["what"]: row for row in reconcile(REGISTER, load_plan())}
    assert [row["what"] for row in rows.values() if row["agrees"] is False] == []
    assert rows["서비스"]["register"] == 45
    fields = ("AI 약자와의 동행", "AI 매력 서비스 확대", "AI 안전망 조성", "AI 업무방식 혁신")
    assert [rows[name]["register"] for name in fields] == [10, 11, 16, 8]
    assert rows["담당 실국"] == {"what": "담당 실국", "plan": 23, "register": 22, "agrees": None}
    assert [rows[name]["register"] for name in ("신규", "계속", "예산(원)")] == [UNKNOWN] * 3
    data = portfolio(REGISTER, load_plan())
    assert sum(row["services"] for row in data["by_bureau"]) == 45
    assert data["services_without_bureau"] == 5


def test_a_wrong_count_is_reported(tmp_path):
    _copy(tmp_path, "s39_staff_chatbot", lambda text: text)
    rows = {row["what"]: row for row in reconcile(load_register(tmp_path), load_plan())}
    assert rows["서비스"]["agrees"] is False
    assert rows["AI 업무방식 혁신"]["register"] == 1


def test_the_register_reads_all_manifests_within_100_ms_and_again_at_once():
    from haechi.city import register

    register._load.cache_clear()
    best = min(_seconds_to_load() for _ in range(3))
    assert best < 0.1
    start = time.perf_counter()
    assert load_register() is load_register()
    assert time.perf_counter() - start < 0.05


def _seconds_to_load() -> float:
    from haechi.city import register

    register._load.cache_clear()
    start = time.process_time()
    load_register()
    return time.process_time() - start


def test_an_edited_manifest_is_read_again(tmp_path):
    _copy(tmp_path, "s39_staff_chatbot", lambda text: text)
    assert load_register(tmp_path).get(39).stage == "시범"
    _copy(
        tmp_path, "s39_staff_chatbot", lambda text: text.replace('stage = "시범"', 'stage = "운영  "'.replace("  ", ""))
    )
    assert load_register(tmp_path).get(39).stage == "운영"


BREAKS = [
    ("unknown key", lambda t: t.replace("decides =", "decide ="), "impact.decide", "impact.decides"),
    ("unknown table", lambda t: t + '\n[extra]\nx = "1"\n', "extra", "쓸 수 있는 항목"),
    ("missing key", lambda t: t.replace('budget = "미상"\n', ""), "budget", "미상"),
    ("empty text", lambda t: t.replace('bureau = "미상"', 'bureau = ""'), "bureau", "고치세요"),
    ("stage", lambda t: t.replace('stage = "시범"', 'stage = "완료"'), "stage", "고치세요"),
    ("engine", lambda t: t.replace("knowledge =", "magic ="), "engines.magic", "있는 엔진"),
    ("number", lambda t: t.replace("number = 39", "number = 40"), "number", "맞추세요"),
    ("boolean level", lambda t: t.replace('level = "미상"', "level = true"), "impact.level", "고치세요"),
    ("no entry", lambda t: "\n".join(x for x in t.splitlines() if not x.startswith("entry")), "entry", "구현 전"),
    ("entry unbuilt", lambda t: t.replace('stage = "시범"', 'stage = "구현 전"'), "entry", "stage"),
    ("kpi source", lambda t: t.replace('source = "trial"', 'source = "guess"'), "kpi.hit_at_5.source", "고치세요"),
    ("no fallback", lambda t: t.replace('fallback = "', 'fallback = "미상"\n#'), "person", "모두"),
]


@pytest.mark.parametrize(("change", "key", "help_words"), [row[1:] for row in BREAKS], ids=[row[0] for row in BREAKS])
def test_a_broken_manifest_names_file_key_and_next_step(tmp_path, change, key, help_words):
    folder = _copy(tmp_path, "s39_staff_chatbot", change)
    with pytest.raises(BadManifest) as broken:
        load(folder)
    assert broken.value.record == f"s39_staff_chatbot/service.toml#{key}"
    assert "s39_staff_chatbot/service.toml" in broken.value.message
    assert help_words in broken.value.next_step


def test_one_broken_manifest_harms_no_other(tmp_path):
    _copy(tmp_path, "s39_staff_chatbot", lambda text: text)
    _copy(tmp_path, "s40_rpa", lambda _: "number = ")
    register = load_register(tmp_path)
    assert [manifest.number for manifest in register.manifests] == [39]
    assert "TOML" in register.broken[0].next_step
    with pytest.raises(BadManifest):
        register.get(40)
    with pytest.raises(NotFound):
        register.get(99)


def _copy(tmp_path: Path, slug: str, change) -> Path:
    folder = tmp_path / slug
    folder.mkdir(exist_ok=True)
    text = (SERVICES_FOLDER / slug / "service.toml").read_text(encoding="utf-8")
    (folder / "service.toml").write_text(change(text), encoding="utf-8")
    return folder
