"""`python -m haechi.city.demo OUT_FOLDER` writes the demonstration documents as files; `--typeset` renews the PDFs."""

from __future__ import annotations

import sys
from pathlib import Path

from haechi.city.demo import demo_documents, typeset


def main(arguments: list[str]) -> int:
    """Exit status 0, or 2 with the usage when the arguments are wrong."""
    if arguments == ["--typeset"]:
        typeset.FOLDER.mkdir(exist_ok=True)
        for document in demo_documents():
            if document.format == "pdf":
                made = typeset.typeset(document.text, title=document.title, author=document.author)
                (typeset.FOLDER / f"{document.id}.pdf").write_bytes(made)
        return 0
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    documents = demo_documents()
    for document in documents:
        (folder / document.filename).write_bytes(document.content)
    print(f"시연 문서 {len(documents)}건을 {folder}에 썼습니다.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
