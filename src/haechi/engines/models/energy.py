"""Estimated electricity and CO2 of a call. An estimate, never a measurement: the method stands beside every figure.

Method (EcoLogits' published regression for language models on servers of eight 80 GB GPUs, ecologits/impacts/llm.py):
GPU energy a written token = α·exp(β·B)·P + γ watt-hours, with P active parameters in billions and B requests in a batch;
the rest of the server: its power × generation time × its share of GPUs / B; both times the data centre's PUE.
CO2 = energy × the national emission factor. Coefficients and factor stand in policy/models.yaml with source and date.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Footprint:
    """milliwatthours: 1/1,000,000 kWh. co2_milligrams: CO2 equivalent."""

    milliwatthours: float
    co2_milligrams: float


@dataclass(frozen=True, slots=True)
class EnergyModel:
    """Coefficients as in the module's text. gpu_memory: GB. server_power: kW without GPUs. grid: kg CO2eq a kWh."""

    alpha: float
    beta: float
    gamma: float
    batch: float
    server_power: float
    server_gpus: int
    gpu_memory: float
    bits: int
    pue: float
    grid: float
    method: str

    @classmethod
    def read(cls, data: Mapping[str, float | int | str]) -> EnergyModel:
        """From policy/models.yaml, section energy; unknown keys are an error."""
        return cls(**data)  # type: ignore[arg-type]

    def footprint(self, parameters_b: float, tokens_out: int, generating_seconds: float) -> Footprint | None:
        """None where the model's size is unknown: unknown is not zero."""
        if parameters_b <= 0:
            return None
        wanted = 1.2 * parameters_b * self.bits / 8 / self.gpu_memory
        gpus = 2 ** max(0, math.ceil(math.log2(wanted)))
        gpu = tokens_out * (self.alpha * math.exp(self.beta * self.batch) * parameters_b + self.gamma)
        server = generating_seconds / 3600 * self.server_power * 1000 * gpus / self.server_gpus / self.batch
        watthours = self.pue * (server + gpus * gpu)
        return Footprint(watthours * 1000, watthours * self.grid * 1000)
