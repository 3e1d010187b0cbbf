"""Puts the parts of an installation together for conversations; a part that is not there yet is left out."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from haechi.city.conversing.conversing import Conversing
from haechi.city.conversing.scripts import Scripts
from haechi.engines.knowledge.embedding import CachedEmbedder, FileVectors
from haechi.engines.knowledge.ports import Embedder


def conversing(installation: Any) -> Conversing:
    """Over the bots, answers, desk, router and masks of this installation."""
    scripts = Scripts(
        installation.answers,
        embedder=lambda: installation.indexing.embedder,
        learnt=lambda embedder: _remembering(installation, embedder),
        greeting=installation.bots.greeting,
    )
    return Conversing(
        installation.store,
        installation.settings,
        installation.asking,
        bots=installation.bots,
        scripts=scripts,
        desk=lambda: installation.desk,
        router=lambda: getattr(installation, "router", None),
        actions=lambda: installation.actions,
        cards=lambda: installation.cards,
        hide=hiding(),
    )


def _remembering(installation: Any, embedder: Embedder | None) -> Embedder | None:
    """Utterances of scripts are no secret: their vectors are kept in a file, so that a restart does not encode them again."""
    if embedder is None:
        return None
    remembering: Any = CachedEmbedder(embedder, FileVectors(installation.settings.cache / "vectors"))
    found: Embedder = remembering
    return found


def hiding() -> Callable[[str], str]:
    """Masks personal data (engines/text/personal_data); without that part nothing of what was said is kept for the lists."""
    try:
        mask = importlib.import_module("haechi.engines.text.personal_data").Mask
    except (ImportError, AttributeError):
        return lambda _: ""
    return lambda text: str(mask().hide(text))
