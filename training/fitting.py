"""The training loop: one pass over the batches, each spread over the cores.

Every core takes whole texts of like length by itself. Cores that share one matrix product wait for each other, which
with anything else running beside costs more than it brings. There is no dropout, so a seed gives the same batches and
the same sums, to the rounding of the machine.
"""

import math
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import torch
from sentence_transformers import SentenceTransformer

from training.objective import contrastive_loss, no_answers
from training.pair import Pair, Related

_WARM_UP: Final = 0.1
"""Share of the steps in which the learning rate rises; it falls as a cosine afterwards (Loshchilov and Hutter 2017)."""
_WEIGHT_DECAY: Final = 0.01
_LARGEST_GRADIENT: Final = 1.0


@dataclass(frozen=True, slots=True)
class Machine:
    """device: of torch, cpu or cuda. workers: threads that share a batch. half: whether products are of bfloat16."""

    device: str
    workers: int
    half: bool


def best_machine() -> Machine:
    """Return a GPU where there is one; else all cores, in half precision where the processor multiplies in it."""
    if torch.cuda.is_available():
        return Machine("cuda", 1, half=True)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Machine("cpu", cores, half=torch.cpu._is_avx512_bf16_supported())  # noqa: SLF001  nothing public says so


class Learner:
    """Fits one model, batch by batch."""

    def __init__(self, model: SentenceTransformer, related: Related, machine: Machine, rate: float) -> None:
        """Take the model, which is changed in place; `rate` is the highest learning rate."""
        self._model = model.eval()
        self._related = related
        self._machine = machine
        self._parameters = [each for each in model.parameters() if each.requires_grad]
        self._optimizer = torch.optim.AdamW(self._parameters, lr=rate, weight_decay=_WEIGHT_DECAY, fused=True)
        self._workers = ThreadPoolExecutor(machine.workers)

    def run(self, batches: Sequence[Sequence[Pair]], report: Callable[[int, float, float], None]) -> None:
        """Learn from `batches` in their order; `report` takes the number of a step, its loss, and seconds so far."""
        began = time.monotonic()
        schedule = torch.optim.lr_scheduler.LambdaLR(self._optimizer, lambda step: _share(step, len(batches)))
        for step, batch in enumerate(batches):
            loss = self._learn(batch)
            torch.nn.utils.clip_grad_norm_(self._parameters, _LARGEST_GRADIENT)
            self._optimizer.step()
            schedule.step()
            report(step, loss, time.monotonic() - began)

    def _learn(self, batch: Sequence[Pair]) -> float:
        """Set the gradients of one batch; returns its loss."""
        texts = [pair.anchor for pair in batch] + [pair.positive for pair in batch]
        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        parts = _parts(order, [len(text) for text in texts], self._machine.workers)
        features = [self._model.preprocess([texts[place] for place in part]) for part in parts]
        made = list(self._workers.map(self._forward, features))
        leaf = torch.zeros((len(texts), made[0].shape[1]), device=self._machine.device)
        for part, vectors in zip(parts, made, strict=True):
            leaf[part] = vectors.detach()
        leaf.requires_grad_()
        mask = no_answers(batch, self._related).to(self._machine.device)
        loss = contrastive_loss(leaf[: len(batch)], leaf[len(batch) :], mask)
        (back,) = torch.autograd.grad(loss, leaf)
        gradients = list(self._workers.map(self._backward, made, [back[part] for part in parts]))
        for parameter, *each in zip(self._parameters, *gradients, strict=True):
            parameter.grad = torch.stack(each).sum(dim=0) if len(each) > 1 else each[0]
        return float(loss.detach())

    def _forward(self, features: dict[str, torch.Tensor]) -> torch.Tensor:
        torch.set_num_threads(1)
        there = {name: value.to(self._machine.device) for name, value in features.items() if torch.is_tensor(value)}
        with torch.autocast(self._machine.device, torch.bfloat16, enabled=self._machine.half):
            vectors = self._model(there)["sentence_embedding"]
        return torch.nn.functional.normalize(vectors.float(), dim=1)

    def _backward(self, vectors: torch.Tensor, back: torch.Tensor) -> list[torch.Tensor]:
        torch.set_num_threads(1)
        found = torch.autograd.grad(vectors, self._parameters, back, allow_unused=True)
        return [
            torch.zeros_like(parameter) if gradient is None else gradient
            for parameter, gradient in zip(self._parameters, found, strict=True)
        ]


def _parts(order: Sequence[int], lengths: Sequence[int], count: int) -> list[list[int]]:
    """Return `order`, which is by length, cut into `count` parts of like work: texts times the longest one."""
    if count == 1:
        return [list(order)]
    total = sum(lengths) / count
    parts: list[list[int]] = [[] for _ in range(count)]
    done = 0
    for place in order:
        parts[min(count - 1, int(done / total))].append(place)
        done += lengths[place]
    return [part for part in parts if part]


def _share(step: int, steps: int) -> float:
    warm = max(1, round(steps * _WARM_UP))
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))
