"""Builds the encoder of multilingual-e5-small as an ONNX graph whose matrix products are whole numbers.

Every weight matrix gets one scale an output column, every token of the activations its own scale, found while running,
so that a text's vector depends on that text alone and not on what it is computed together with. Weights are kept within
±63: a processor without VNNI adds pairs of 8-bit products in 16 bits, and 255 * 63 * 2 is the largest that still fits
(onnxruntime documents the overflow), so one file serves every processor. Between kinds of processor the cosine of a
text with itself is about 0.9995: rounding differences of 1e-7 decide which way an activation rounds.
The word table stays outside (`e5.py` looks it up in the packed file), which keeps this file at about 22 MB.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from haechi.engines.knowledge.embedding.weights import PackedModel

TOP_WEIGHT = 63
_MIDDLE = 128
_MICROSOFT = "com.microsoft"


def quantised(weights: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """weights (outputs, inputs) → (whole numbers within ±63 of shape (inputs, outputs), scale of each output)."""
    scales = np.maximum(np.abs(weights).max(axis=1) / TOP_WEIGHT, np.float32(1e-12)).astype(np.float32)
    whole = np.clip(np.rint(weights / scales[:, None]), -TOP_WEIGHT, TOP_WEIGHT).astype(np.int8)
    return np.ascontiguousarray(whole.T), scales


class _Drawing:
    """Collects the nodes and constants of the graph."""

    def __init__(self, model: PackedModel) -> None:
        self.model = model
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.constant("last_axis", np.array([-1], np.int64))
        self.constant("per_step", np.array(1 / 127, np.float32))
        self.constant("tiny", np.array(1e-12, np.float32))
        self.constant("one", np.array(1, np.float32))
        self.constant("middle", np.array(_MIDDLE, np.uint8))
        self.constant("thirds", np.full(3, model.hidden, np.int64))

    def constant(self, name: str, value: NDArray[np.generic]) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, kind: str, inputs: Sequence[str], output: str, domain: str = "", **settings: object) -> str:
        self.nodes.append(helper.make_node(kind, list(inputs), [output], domain=domain, **settings))
        return output

    def whole(self, x: str) -> tuple[str, str]:
        """Each token's row of `x` as uint8 around 128, and the scale of the row."""
        size = self.node("ReduceMax", [self.node("Abs", [x], f"{x}.abs"), "last_axis"], f"{x}.max", keepdims=1)
        step = self.node("Mul", [self.node("Max", [size, "tiny"], f"{x}.size"), "per_step"], f"{x}.step")
        scaled = self.node("Div", [x, step], f"{x}.scaled")
        return self.node("QuantizeLinear", [scaled, "one", "middle"], f"{x}.whole"), step

    def linear(self, x: str, parts: Sequence[str], name: str) -> str:
        """x · Wᵀ + b, the parts' outputs side by side."""
        weights = np.concatenate([self.model.matrices[f"{part}.w"].dense() for part in parts])
        whole, scales = quantised(weights)
        self.constant(f"{name}.weights", whole)
        self.constant(f"{name}.scales", scales)
        self.constant(f"{name}.bias", np.concatenate([self.model.vectors[f"{part}.b"] for part in parts]))
        rows, step = self.whole(x)
        product = self.node("MatMulInteger", [rows, f"{name}.weights", "middle"], f"{name}.product")
        real = self.node("Cast", [product], f"{name}.real", to=TensorProto.FLOAT)
        real = self.node("Mul", [self.node("Mul", [real, step], f"{name}.stepped"), f"{name}.scales"], f"{name}.scaled")
        return self.node("Add", [real, f"{name}.bias"], f"{name}.out")

    def norm(self, x: str, part: str, output: str) -> str:
        for end in ("w", "b"):
            self.constant(f"{part}.{end}", self.model.vectors[f"{part}.{end}"])
        return self.node(
            "LayerNormalization", [x, f"{part}.w", f"{part}.b"], output, axis=-1, epsilon=self.model.epsilon
        )

    def layer(self, x: str, number: int) -> str:
        own = f"l{number}"
        three = self.linear(x, [f"{own}.q", f"{own}.k", f"{own}.v"], f"{own}.qkv")
        parts = [f"{own}.{letter}" for letter in ("query", "key", "value")]
        self.nodes.append(helper.make_node("Split", [three, "thirds"], parts, axis=-1))
        heads = self.node("MultiHeadAttention", parts, f"{own}.heads", _MICROSOFT, num_heads=self.model.heads)
        attended = self.linear(heads, [f"{own}.ao"], f"{own}.attended")
        x = self.norm(self.node("Add", [x, attended], f"{own}.sum1"), f"{own}.aln", f"{own}.middle")
        inner = self.node("Gelu", [self.linear(x, [f"{own}.fi"], f"{own}.inner")], f"{own}.bent")
        outer = self.linear(inner, [f"{own}.fo"], f"{own}.outer")
        return self.norm(self.node("Add", [x, outer], f"{own}.sum2"), f"{own}.oln", f"{own}.end")


def encoder(model: PackedModel) -> onnx.ModelProto:
    """Graph "embedded" (texts, tokens, hidden) float32 → "vectors" (texts, hidden): mean over tokens, length 1.

    All texts of one call must have equally many tokens; there is no padding.
    """
    drawing = _Drawing(model)
    x = drawing.norm("embedded", "emb.ln", "start")
    for number in range(model.layers):
        x = drawing.layer(x, number)
    drawing.constant("token_axis", np.array([1], np.int64))
    mean = drawing.node("ReduceMean", [x, "token_axis"], "mean", keepdims=0)
    drawing.node("LpNormalization", [mean], "vectors", axis=-1, p=2)
    graph = helper.make_graph(
        drawing.nodes,
        "multilingual-e5-small",
        [helper.make_tensor_value_info("embedded", TensorProto.FLOAT, ["texts", "tokens", model.hidden])],
        [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["texts", model.hidden])],
        drawing.constants,
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid(_MICROSOFT, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10, producer_name="haechi")
