"""The frozen parameters, read from `tuning.toml` beside this file."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from haechi.engines.knowledge.ports import CollectionKind


@dataclass(frozen=True, slots=True)
class Trust:
    """How far strong words silence the vectors. See tuning.toml."""

    covered: float
    covered_from: float
    covered_to: float
    led: float
    led_from: float
    led_to: float
    heard_from: float
    heard_to: float


@dataclass(frozen=True, slots=True)
class Tuning:
    """One set for all kinds, and the fusion weights of each kind. See tuning.toml for what each means."""

    kiwi_k1: float
    kiwi_b: float
    bigram_k1: float
    bigram_b: float
    title_weight: float
    candidates: int
    spread_over: int
    sentence_search_up_to: int
    told: float
    asked: float
    trust: Trust
    weights: Mapping[CollectionKind, Mapping[str, float]]

    @property
    def fingerprint(self) -> str:
        """Changes with any parameter: what was derived under another one is not used."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]


@lru_cache(maxsize=1)
def default_tuning() -> Tuning:
    """What `tuning.toml` says."""
    data = tomllib.loads(resources.files(__package__).joinpath("tuning.toml").read_text("utf-8"))
    trust = Trust(**data["trust"])
    return Tuning(**data["lexical"], **data["search"], **data["manner"], trust=trust, weights=data["fusion"])
