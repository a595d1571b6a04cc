"""What is made small: the contrastive loss over a batch (InfoNCE, van den Oord et al. 2018, arXiv:1807.03748)."""

from collections.abc import Sequence
from typing import Final

import torch

from training.pair import Pair, Related, belongs

_SCALE: Final = 20.0
"""One over the temperature; what all-MiniLM-L6-v2 itself was made with."""


def contrastive_loss(anchors: torch.Tensor, positives: torch.Tensor, no_answer: torch.Tensor) -> torch.Tensor:
    """Return the mean loss of finding each positive from its anchor and each anchor from its positive.

    anchors, positives: (pairs, dimension) unit vectors. no_answer: (pairs, pairs), true where the
    positive of the column may not count as a wrong answer to the anchor of the row.
    """
    scores = (anchors @ positives.T * _SCALE).masked_fill(no_answer, float("-inf"))
    wanted = torch.arange(len(scores), device=scores.device)
    entropy = torch.nn.functional.cross_entropy
    return (entropy(scores, wanted) + entropy(scores.T, wanted)) / 2


def no_answers(batch: Sequence[Pair], related: Related) -> torch.Tensor:
    """Return (pairs, pairs), true where the positive of the column belongs to the anchor of another row."""
    return torch.tensor([[one is not two and belongs(one, two, related) for two in batch] for one in batch])
