"""Cells of the two ways to join a window: the paper's joint kernels, and the factored ones that ship, equally trained."""

from __future__ import annotations

import pathlib
import time
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch

from ..export import load_network, load_weights
from ..joint_kernels import denoiser_of
from ..losses import dssim, smape
from ..network import Denoiser
from ..train import schedule
from ..train_window import TO_PREVIOUS, TrainedWindow, window_loss
from ..window import gather
from ..window_dataset import Shot, Window, augment, load_shot, prepare
from .cells import Budget, Cell

TRAINED = ("temporal_features", "neighbor_predictor")


def cropped(window: Window, top: int, left: int, size: int) -> Window:
    """A square of all frames of a window."""

    def crop(x):
        return x[:, top : top + size, left : left + size].contiguous()

    return replace(
        window,
        center=crop(window.center),
        neighbors={slot: crop(x) for slot, x in window.neighbors.items()},
        motion={slot: crop(x) for slot, x in window.motion.items()},
        reference=crop(window.reference),
    )


@dataclass(frozen=True)
class FusionCells:
    """Makes the cells from the single-frame modules of a checkpoint, which stay locked."""

    checkpoint: pathlib.Path
    training: list[pathlib.Path]
    validation: list[pathlib.Path]
    budget: Budget

    def cells(self) -> list[Cell]:
        return [self._cell(joint) for joint in (False, True)]

    def _cell(self, joint: bool) -> Cell:
        settings = {
            "budget": {name: asdict(self.budget)[name] for name in ("window_steps", "window_batch", "patch", "rate")},
            "joint": joint,
            "checkpoint": self.checkpoint.name,
            "sequences": [len(self.training), len(self.validation)],
        }
        return Cell(f"fusion-{'joint' if joint else 'factored'}", settings, lambda _: self._train(joint))

    def _network(self, joint: bool) -> Denoiser:
        """The single-frame modules of the checkpoint, and temporal ones that know nothing yet."""
        trained, _ = load_network(self.checkpoint)
        architecture = trained.architecture
        torch.manual_seed(1)
        if joint:
            architecture = replace(architecture, neighbor_kernel_size=architecture.kernel_size)
        network = denoiser_of(architecture)
        weights = {k: v for k, v in trained.state_dict().items() if not k.startswith(TRAINED)}
        fresh = {k: v for k, v in network.state_dict().items() if k.startswith(TRAINED)}
        load_weights(network, weights | fresh)
        return network

    def _train(self, joint: bool) -> dict:
        network, budget, rng = self._network(joint), self.budget, np.random.default_rng(1)
        network.requires_grad_(False)
        modules = [getattr(network, name) for name in TRAINED]
        parameters = [p.requires_grad_(True) for module in modules for p in module.parameters()]
        optimizer = torch.optim.Adam(parameters, lr=budget.rate, betas=(0.9, 0.98))
        shots = [load_shot(path) for path in self.training]
        before, began, losses = self._scores(network), time.process_time(), []
        for step in range(1, budget.window_steps + 1):
            for group in optimizer.param_groups:
                group["lr"] = schedule(step, step / budget.window_steps, budget.rate, warm_up=10)
            optimizer.zero_grad(set_to_none=True)
            for _ in range(budget.window_batch):
                trained = self._window(network, shots[rng.integers(len(shots))], rng)
                loss = window_loss(network, trained) / budget.window_batch
                loss.backward()
                losses.append(loss.item())
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
        seconds = (time.process_time() - began) / budget.window_steps
        return {"untrained": before, "trained": self._scores(network), "cost": self._cost(network, joint),
                "cpuSecondsPerStep": round(seconds, 3), "lastLoss": round(float(np.mean(losses[-20:])), 5)}  # fmt: skip

    def _window(self, network: Denoiser, shot: Shot, rng: np.random.Generator) -> TrainedWindow:
        """A random square of a sequence, augmented, and of the window about the next frame."""
        size, seed = self.budget.patch, rng.integers(1 << 30)
        height, width = shot.window.reference.shape[1:]
        top, left = (int(rng.integers(0, n - size + 1)) for n in (height, width))

        def prepared(window):
            if window is None:
                return None
            part = cropped(window, top, left, size)
            return prepare(network, augment(part, np.random.default_rng(seed)), window.renderer)

        gain = shot.window.exposure / shot.next.exposure if shot.next else 1.0
        return TrainedWindow(prepared(shot.window), prepared(shot.next), gain)

    @torch.no_grad()
    def _scores(self, network: Denoiser) -> dict:
        """Means over the sequences: errors of the center, flicker to the next frame, and CPU seconds of the join of a frame."""
        rows = []
        for path in self.validation:
            shot = load_shot(path)
            window = prepare(network, shot.window, shot.window.renderer)
            began = time.process_time()
            output = network.denoise(window.center, window.neighbors)[0][0] / shot.window.exposure
            seconds = time.process_time() - began
            reference = shot.window.reference / shot.window.exposure
            row = {"smape": float(smape(output, reference)), "dssim": float(dssim(output, reference)), "seconds": seconds}
            if shot.next is not None:
                after = prepare(network, shot.next, shot.next.renderer)
                motion = next(n.motion for n in after.neighbors[0] if n.slot == TO_PREVIOUS)
                later = network.denoise(after.center, after.neighbors)[0] / shot.next.exposure
                warped, inside = gather(output[None], motion)
                row["flicker"] = float(((later - warped).abs() * inside).sum() / (3 * inside.sum()).clamp(min=1))
            rows.append(row)
        names = ("smape", "dssim", "flicker", "seconds")
        return {name: round(float(np.mean([row[name] for row in rows if name in row])), 5) for name in names}

    def _cost(self, network: Denoiser, joint: bool) -> dict:
        """Multiply-adds of kernels for one more frame of a shot in windows of seven, per pixel of the finest level."""
        a = network.architecture
        single = a.kernel_size**2 * (a.context_channels + a.embedding_channels + 6)
        factored = single + 6 * a.neighbor_kernel_size**2 * (6 + 6)
        return {"multiplyAddsPerPixel": 7 * single if joint else factored}
