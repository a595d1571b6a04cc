"""From a folder of sentence-transformers to the form that is shipped: one ONNX file with weights in eight bits.

Only the stored weights are rounded, one scale for each output channel of a matrix and for each word: products are
of float32 everywhere, so a text has the same vector on every processor, to the last few bits.
"""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer

MODEL: Final = "model.onnx"
TOKENIZER: Final = "tokenizer.json"
DESCRIPTION: Final = "embedder.json"
_LEAST_STORED: Final = 100_000
"""Numbers from which on a matrix is stored in eight bits."""
_LEVELS: Final = 127
_MOST_BATCH: Final = 4096


class _Whole(torch.nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """From tokens to unit vectors: the encoder, the mean over tokens, the norm."""

    def __init__(self, model: SentenceTransformer) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        vectors: torch.Tensor = self.model({"input_ids": input_ids, "attention_mask": attention_mask})[
            "sentence_embedding"
        ]
        return torch.nn.functional.normalize(vectors, dim=1)


def convert(folder: Path, out: Path, *, eight_bits: bool = True) -> None:
    """Write the model of `folder`, a BERT with mean pooling, to `out` as ONNX, with its tokenizer and description."""
    out.mkdir(parents=True, exist_ok=True)
    model = SentenceTransformer(str(folder), device="cpu", model_kwargs={"attn_implementation": "eager"}).eval()
    exported = _exported(model)
    if eight_bits:
        store_in_eight_bits(exported)
    onnx.checker.check_model(exported)
    (out / MODEL).write_bytes(exported.SerializeToString(deterministic=True))
    _plain_tokenizer(folder).save(str(out / TOKENIZER), pretty=False)
    described = {"dimension": model.get_embedding_dimension(), "most_tokens": model.max_seq_length}
    (out / DESCRIPTION).write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")


def _plain_tokenizer(folder: Path) -> Tokenizer:
    """Return the tokenizer without how training cut and padded: whoever embeds decides that."""
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _exported(model: SentenceTransformer) -> onnx.ModelProto:
    ids = torch.tensor([[101, 2000, 2001, 102], [101, 2002, 102, 0]])
    batch, tokens = torch.export.Dim("batch", min=1, max=_MOST_BATCH), torch.export.Dim("tokens", min=2, max=512)
    shapes = {0: batch, 1: tokens}
    with TemporaryDirectory() as folder:
        file = Path(folder, MODEL)
        torch.onnx.export(
            _Whole(model).eval(), (ids, (ids > 0).long()), str(file),
            input_names=["input_ids", "attention_mask"], output_names=["vectors"],
            dynamic_shapes={"input_ids": shapes, "attention_mask": shapes},
            dynamo=True, external_data=False, verbose=False,
        )  # fmt: skip
        return _bare(onnx.load(file))


def _bare(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model without notes on where in the exporter's code each part came from."""
    for node in model.graph.node:
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
    del model.graph.value_info[:]
    del model.metadata_props[:]
    return model


def store_in_eight_bits(model: onnx.ModelProto) -> None:
    """Replace, in place, each large matrix by eight-bit numbers with a scale a channel, and what undoes that."""
    graph = model.graph
    large = {each.name: each for each in graph.initializer if np.prod(each.dims) >= _LEAST_STORED}
    nodes = []
    for node in graph.node:
        matrix = large.get(node.input[0]) if node.op_type == "Gather" else None
        nodes.extend(_rows_of(node, graph, matrix) if matrix is not None else [node])
    looked_up = {node.input[0] for node in graph.node if node.op_type == "Gather"}
    undone = [_undone(graph, matrix) for name, matrix in large.items() if name not in looked_up]
    for matrix in large.values():
        graph.initializer.remove(matrix)
    del graph.node[:]
    graph.node.extend([*undone, *nodes])


def _undone(graph: onnx.GraphProto, matrix: TensorProto) -> onnx.NodeProto:
    """Store a matrix of a product by columns; the runtime undoes it once, as it loads."""
    stored, scales = rounded(numpy_helper.to_array(matrix), axis=0)
    names = [f"{matrix.name}.stored", f"{matrix.name}.scales"]
    graph.initializer.extend([numpy_helper.from_array(stored, names[0]), numpy_helper.from_array(scales, names[1])])
    return helper.make_node("DequantizeLinear", names, [matrix.name], axis=1)


def _rows_of(node: onnx.NodeProto, graph: onnx.GraphProto, matrix: TensorProto) -> list[onnx.NodeProto]:
    """Store a table by rows; rows are undone as they are looked up, so that the table stays small in memory."""
    stored, scales = rounded(numpy_helper.to_array(matrix), axis=1)
    name, wanted, out = matrix.name, node.input[1], node.output[0]
    graph.initializer.extend(
        [
            numpy_helper.from_array(stored, f"{name}.stored"),
            numpy_helper.from_array(scales[:, np.newaxis], f"{name}.scales"),
        ]
    )
    return [
        helper.make_node("Gather", [f"{name}.stored", wanted], [f"{out}.stored"]),
        helper.make_node("Gather", [f"{name}.scales", wanted], [f"{out}.scales"]),
        helper.make_node("Cast", [f"{out}.stored"], [f"{out}.whole"], to=TensorProto.FLOAT),
        helper.make_node("Mul", [f"{out}.whole", f"{out}.scales"], [out]),
    ]


def rounded(matrix: npt.NDArray[np.float32], axis: int) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Return (numbers from -127 to 127, scales) whose product is near `matrix`; along `axis` one scale holds."""
    scales = (np.abs(matrix).max(axis=axis) / _LEVELS).astype(np.float32)
    scales = np.maximum(scales, np.finfo(np.float32).tiny)
    return np.rint(matrix / np.expand_dims(scales, axis)).astype(np.int8), scales
