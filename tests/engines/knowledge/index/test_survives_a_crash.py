"""The power goes while the index is being saved; a disk returns half a file; people ask while others write."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import pytest

from haechi.core.errors import InvalidInput
from haechi.engines.knowledge.index import DamagedIndex, LexicalIndex, Row, VectorIndex, VectorRow


def filled(*words: str) -> LexicalIndex:
    index = LexicalIndex()
    index.add(Row(f"문서-{word}", "public", {word: 1.0, "공통": 1.0}) for word in words)
    return index


def loaded(folder: Path) -> LexicalIndex:
    index = LexicalIndex()
    index.load(folder)
    return index


def test_what_was_saved_comes_back_with_its_deletions(tmp_path: Path) -> None:
    index = filled("도로", "하천", "공원")
    index.save(tmp_path)
    index.remove(["문서-하천"])
    index.add([Row("문서-도로", "staff", {"새말": 1.0})])
    index.save(tmp_path)
    again = loaded(tmp_path)
    assert again.partitions() == {"public": 1, "staff": 1}
    assert again.search({"공통": 1.0}, {"public", "staff"}) == index.search({"공통": 1.0}, {"public", "staff"})
    assert [key for key, _ in again.search({"새말": 1.0}, {"staff"})] == ["문서-도로"]
    again.add([Row("문서-하천", "public", {"하천": 1.0})])
    assert [key for key, _ in again.search({"하천": 1.0}, {"public"})] == ["문서-하천"]


def test_a_segment_is_written_once_and_removed_when_merged_away(tmp_path: Path) -> None:
    index = filled("도로")
    index.save(tmp_path)
    (only,) = tmp_path.glob("*.seg")
    written = only.stat().st_mtime_ns
    index.add([Row("문서-하천", "public", {"하천": 1.0})])
    index.save(tmp_path)
    assert only.stat().st_mtime_ns == written
    assert len(list(tmp_path.glob("*.seg"))) == 2
    index.optimize()
    index.save(tmp_path)
    assert len(list(tmp_path.glob("*.seg"))) == 1
    assert not only.exists()


@pytest.mark.parametrize("damage", ["shorter", "one bit", "missing", "catalogue shorter", "catalogue missing"])
def test_a_torn_file_is_noticed_and_nothing_of_it_is_used(tmp_path: Path, damage: str) -> None:
    filled("도로", "하천").save(tmp_path)
    path = tmp_path / "catalogue.json" if damage.startswith("catalogue") else next(tmp_path.glob("*.seg"))
    whole = path.read_bytes()
    if damage.endswith("shorter"):
        path.write_bytes(whole[: len(whole) // 2])
    elif damage == "one bit":
        path.write_bytes(whole[:-70] + bytes([whole[-70] ^ 1]) + whole[-69:])
    else:
        path.unlink()
    index = filled("예전")
    with pytest.raises(DamagedIndex) as told:
        index.load(tmp_path)
    assert told.value.record == path.name
    assert "다시 만들어야" in told.value.next_step
    assert [key for key, _ in index.search({"예전": 1.0}, {"public"})] == ["문서-예전"]


@pytest.mark.parametrize("at", [1, 2])
def test_a_crash_before_a_rename_leaves_the_earlier_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    index = filled("도로")
    index.save(tmp_path)
    index.add([Row("문서-하천", "public", {"하천": 1.0})])
    rename, calls = os.replace, []

    def power_cut(source: str, target: str) -> None:
        calls.append(target)
        if len(calls) == at:
            raise OSError("전원 차단")
        rename(source, target)

    monkeypatch.setattr(os, "replace", power_cut)
    with pytest.raises(OSError, match="전원 차단"):
        index.save(tmp_path)
    monkeypatch.undo()
    assert loaded(tmp_path).keys() == {"문서-도로"}
    index.save(tmp_path)
    assert loaded(tmp_path).keys() == {"문서-도로", "문서-하천"}
    assert not list(tmp_path.glob("*.part"))


def test_an_index_of_other_settings_is_not_taken_for_ours(tmp_path: Path) -> None:
    VectorIndex(8).save(tmp_path)
    with pytest.raises(DamagedIndex, match="다른 설정"):
        VectorIndex(16).load(tmp_path)
    with pytest.raises(DamagedIndex, match="다른 설정"):
        LexicalIndex().load(tmp_path)


def test_a_vector_of_another_model_is_refused_by_name() -> None:
    index = VectorIndex(8)
    with pytest.raises(InvalidInput, match="16차원") as told:
        index.add([VectorRow("문서-1", "public", np.ones(16))])
    assert told.value.record == "문서-1"
    assert len(index) == 0


def test_askers_see_every_document_whole_while_writers_replace_and_merge() -> None:
    """Each write replaces all ten passages of a document at once; an asker always counts ten, of one edition."""
    index, stop, wrong = LexicalIndex(fan=2, inline=16), threading.Event(), []

    def edition(number: int) -> list[Row]:
        return [Row(f"문서-{at}", "public", {"공통": 1.0, f"판{number}": 1.0}) for at in range(10)]

    index.add(edition(0))

    def ask() -> None:
        while not stop.is_set():
            hits = index.search({"공통": 1.0}, {"public"}, 50)
            if len(hits) != 10 or len({score for _, score in hits}) != 1:
                wrong.append(hits)

    askers = [threading.Thread(target=ask) for _ in range(3)]
    for asker in askers:
        asker.start()
    for number in range(1, 150):
        index.add(edition(number))
        index.add(Row(f"옆-{number}-{at}", "staff", {"공통": 1.0}) for at in range(5))
    stop.set()
    for asker in askers:
        asker.join()
    index.settle()
    assert not wrong
    assert index.partitions() == {"public": 10, "staff": 149 * 5}
    assert len(index.search({"판149": 1.0}, {"public"}, 50)) == 10
