"""Retrieval quality on the welfare test split with the frozen parameters: `python bench/retrieval_quality.py --json`.

Prints one JSON object last. HAECHI_DATA names the data folder (default ../shared/data); without it the object says so.
HAECHI_CACHE names a folder for the converted embedding model (default: a temporary one).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from haechi.engines.knowledge.embedding import default_embedder
from haechi.engines.knowledge.retrieval.evaluation import evaluate_retrieval, welfare_as_beir


def measured(folder: Path, scratch: Path) -> dict[str, Any]:
    """The figures with their intervals, or what is missing."""
    if not (folder / "test_corpus.json").is_file():
        return {"measured": False, "missing": "welfare-retrieval (HAECHI_DATA)"}
    embedder = default_embedder(Path(os.environ.get("HAECHI_CACHE", str(scratch))))
    figures = evaluate_retrieval(*welfare_as_beir(folder, "test", scratch), progress=_tell, embedder=embedder)
    return {
        "measured": True,
        "data": "welfare-retrieval test",
        "tuned_on": "see tuning.toml: welfare-retrieval train; never its test split",
    } | figures


def _tell(what: str, done: int, of: int) -> None:
    if done == of or done % 64 == 0:
        print(f"\r{what} {done}/{of} ", end="", file=sys.stderr, flush=True)


def main() -> None:
    """Run, and print the object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    options = parser.parse_args()
    folder = Path(os.environ.get("HAECHI_DATA", "../shared/data")) / "welfare-retrieval"
    with tempfile.TemporaryDirectory() as scratch:
        result = measured(folder, Path(scratch))
    machine = {"machine": f"{platform.machine()}, {os.cpu_count()} processors", "python": platform.python_version()}
    result |= machine | {"date": datetime.now(UTC).date().isoformat()}
    print(json.dumps(result, ensure_ascii=False, indent=None if options.json else 2))


if __name__ == "__main__":
    main()
