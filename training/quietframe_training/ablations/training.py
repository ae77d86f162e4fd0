"""The training of a cell: single frames, for a fixed number of steps."""

from __future__ import annotations

import copy
import pathlib
from collections.abc import Callable

import torch

from ..dataset import PatchSampler, View
from ..network import Denoiser
from ..train import loss_of, save_checkpoint, schedule
from .cells import Budget
from .data import Examples, scores

# Shares of the steps after which a part of the validation is scored, for plots of convergence.
MILESTONES = (0.0625, 0.125, 0.25, 0.5)
# Every so many views of the validation, then.
THINNING = 5


def train_single_frames(
    network: Denoiser,
    examples: Examples,
    budget: Budget,
    seed: int,
    *,
    encoder: Callable[[View], str],
    steps: int | None = None,
    only: str | None = None,
    checkpoint: pathlib.Path | None = None,
) -> dict:
    """Trains in place and returns {"scores", "convergence"}; the network gets its averaged weights.

    encoder: that which reads a view of the validation. only: the encoder that is trained, with everything else locked.
    """
    steps = steps or budget.steps
    torch.manual_seed(seed)
    sampler = PatchSampler(examples.training, network.architecture.sources, budget.patch, seed, poorer=0.0, only=only)
    trained = [p for p in network.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(trained, lr=budget.rate, betas=(0.9, 0.98))
    average, convergence = copy.deepcopy(network), []
    milestones = {max(round(share * steps), 1) for share in MILESTONES}
    for step in range(1, steps + 1):
        for group in optimizer.param_groups:
            group["lr"] = schedule(step, step / steps, budget.rate, warm_up=20)
        inputs, reference, sources = sampler.batch(budget.batch)
        loss = loss_of(network, inputs, reference, sources)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        with torch.no_grad():
            for slow, fast in zip(average.parameters(), network.parameters(), strict=True):
                slow.lerp_(fast, 1 - min(0.98, (step + 1) / (step + 10)))
        if step in milestones:
            part = scores(average, examples.validation[::THINNING], encoder)
            convergence.append({"step": step, "scores": part})
    network.load_state_dict(average.state_dict())
    convergence.append({"step": steps, "scores": scores(network, examples.validation[::THINNING], encoder)})
    if checkpoint:
        save_checkpoint(checkpoint, average=network.state_dict(), architecture=network.architecture.as_dict(), step=steps)
    return {"scores": scores(network, examples.validation, encoder), "convergence": convergence}
