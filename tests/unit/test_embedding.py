"""The packaged model, and the cache before it."""

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from careweave.config import Settings
from careweave.embedding.cache import CachedEmbedder
from careweave.embedding.port import Embedder, Vectors
from careweave.wiring import open_embedder

TEXTS = ["care for people", "wash dishes", "look after patients", "care for people", ""]


class Counting:
    """The packaged model, and how many texts it was asked for."""

    def __init__(self, inner: Embedder) -> None:
        self.inner = inner
        self.model = inner.model
        self.dimension = inner.dimension
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Pass `texts` on, and remember them."""
        self.asked.extend(texts)
        return self.inner.embed(texts)

    embed_transient = embed


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    return open_embedder(Settings(cache=tmp_path_factory.mktemp("cache")))


@pytest.fixture
def model(packaged: Embedder) -> Counting:
    return Counting(packaged)


@pytest.fixture
def shelf(tmp_path: Path, model: Counting) -> Path:
    """Return the cache's file, with `TEXTS` in it."""
    CachedEmbedder(model, tmp_path).embed(TEXTS)
    model.asked.clear()
    (file,) = tmp_path.glob("*.sqlite")
    return file


def again(model: Counting, shelf: Path) -> Vectors:
    return CachedEmbedder(model, shelf.parent).embed(TEXTS)


def test_a_second_start_computes_none(model: Counting, shelf: Path) -> None:
    first = again(model, shelf)
    np.testing.assert_array_equal(again(model, shelf), first)
    assert model.asked == []


def test_a_repeated_text_is_computed_once(model: Counting, tmp_path: Path) -> None:
    CachedEmbedder(model, tmp_path).embed(["a", "a", "a"])
    assert model.asked == ["a"]


def test_a_deleted_cache_is_computed_again(model: Counting, shelf: Path) -> None:
    for file in shelf.parent.iterdir():
        file.unlink()
    assert again(model, shelf).shape == (len(TEXTS), model.dimension)
    assert len(model.asked) == len(set(TEXTS))


def test_a_cache_deleted_while_it_is_in_use_is_computed_again(model: Counting, tmp_path: Path) -> None:
    cached = CachedEmbedder(model, tmp_path)
    cached.embed(["a"])
    for file in tmp_path.iterdir():
        file.unlink()
    cached.embed(["a"])
    assert model.asked == ["a", "a"]


@pytest.mark.parametrize("damage", [b"", b"not a database at all" * 400])
def test_a_damaged_cache_is_replaced(model: Counting, shelf: Path, damage: bytes) -> None:
    shelf.write_bytes(damage)
    again(model, shelf)
    assert len(model.asked) == len(set(TEXTS))
    model.asked.clear()
    again(model, shelf)
    assert model.asked == []


def test_a_vector_with_a_flipped_bit_is_computed_again(model: Counting, shelf: Path, packaged: Embedder) -> None:
    body = packaged.embed(["wash dishes"])[0].tobytes()
    content = bytearray(shelf.read_bytes())
    place = content.find(body[:64])
    assert place > 0
    content[place + 10] ^= 1
    shelf.write_bytes(content)
    np.testing.assert_array_equal(again(model, shelf)[1], packaged.embed(["wash dishes"])[0])
    assert model.asked == ["wash dishes"]


def test_a_cache_that_cannot_be_written_is_done_without(model: Counting, tmp_path: Path) -> None:
    (tmp_path / "in the way").write_text("")
    cached = CachedEmbedder(model, tmp_path / "in the way" / "cache")
    assert cached.embed(["a"]).shape == (1, model.dimension)


def test_what_people_write_leaves_nothing_on_disk(model: Counting, shelf: Path) -> None:
    before = shelf.read_bytes()
    cached = CachedEmbedder(model, shelf.parent)
    cached.embed_transient(["I would like to be a nurse"])
    cached.embed_transient(["I would like to be a nurse"])
    assert model.asked == ["I would like to be a nurse"]
    assert shelf.read_bytes() == before
    assert cached.kept(["I would like to be a nurse", "wash dishes"]) == [False, True]


def test_threads_share_the_work_and_get_the_same_vectors(model: Counting, tmp_path: Path) -> None:
    cached = CachedEmbedder(model, tmp_path)
    texts = [f"skill {number}" for number in range(40)]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: cached.embed(texts), range(8)))
    assert sorted(model.asked) == sorted(texts)
    for answer in answers:
        np.testing.assert_array_equal(answer, answers[0])


def write_beside_others(folder: str, start: int) -> None:
    """Put vectors into the cache from a process of its own; a stand-in for the model keeps it quick."""

    class Numbered:
        model = "numbered@1"
        dimension = 4

        def embed(self, texts: Sequence[str]) -> Vectors:
            return np.array([[float(text), 0, 0, 1] for text in texts], dtype=np.float32)

        embed_transient = embed

    cached = CachedEmbedder(Numbered(), Path(folder))
    for number in range(start, start + 60):
        assert cached.embed([str(number)])[0, 0] == number


def test_processes_share_one_folder(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=write_beside_others, args=(str(tmp_path), start)) for start in (0, 30, 60)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
