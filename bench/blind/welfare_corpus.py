"""Prints the corpus.jsonl that colloquial_welfare asks about, from $HAECHI_DATA/welfare-retrieval (not kept in the project).

python bench/blind/welfare_corpus.py > corpus.jsonl
"""

from __future__ import annotations

import json
import os
from pathlib import Path

DATA = Path(os.environ.get("HAECHI_DATA", Path(__file__).parents[3] / "shared" / "data")) / "welfare-retrieval"


def main() -> None:
    """One line a service: its first line is the title."""
    for key, text in json.loads((DATA / "test_corpus.json").read_text("utf-8")).items():
        whole = text
        title = whole.strip().partition("\n")[0].strip()
        print(json.dumps({"_id": key, "title": title, "text": whole}, ensure_ascii=False))


if __name__ == "__main__":
    main()
