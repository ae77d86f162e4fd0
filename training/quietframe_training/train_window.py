"""Trains what comes after the features of single frames: the temporal modules, and the specialisation by lambda.

    python -m quietframe_training.train_window --start SINGLE.pt --data DIR [DIR ...] --validation DIR --run DIR

The modules of the single frame are locked, so that their features can be prepared once for many steps: a pool of
augmented windows is kept, of which every few steps one is replaced.  A share of the steps trains `loss_specialization`
alone, with the asymmetric loss of equation 6 and log(lambda) ~ U(0, log 10), on windows of every length.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import pathlib
import time
from dataclasses import dataclass

import numpy as np
import torch

from .auxiliary_prefilter import load_prefilter
from .export import load_network
from .losses import asymmetric_smape, picture_loss, smape
from .network import Denoiser, downsample
from .train import save_checkpoint, schedule
from .window import WINDOW_OFFSETS, gather
from .window_dataset import PreparedWindow, augment, load_shot, load_window, prepare

TEMPORAL = ("temporal_features", "neighbor_predictor")
SPECIALIZATION = ("loss_specialization",)
# Neighbours by slot of the windows that are trained: whole, symmetric, and the ends of a shot.
SUBSETS = ((0, 1, 2, 3, 4, 5), (1, 2, 3, 4), (2, 3), (3, 4, 5), (0, 1, 2), (3,), (2,), (2, 3, 4, 5), (0, 1, 2, 3))

FLICKER_WEIGHT = 0.4
RENEWAL = 3  # steps for each new window in the pool
TO_PREVIOUS = WINDOW_OFFSETS.index(-1)


@dataclass(frozen=True)
class TrainedWindow:
    """A window and the one about the next frame, of which flicker is measured."""

    window: PreparedWindow
    next: PreparedWindow | None = None
    gain: float = 1.0  # from the next frame's exposure to the window's


class WindowPool:
    """Prepared windows of random examples, sources and augmentations."""

    def __init__(self, network: Denoiser, prefilter, folders, size: int, seed: int, sequence_share: float):
        self.network, self.prefilter, self.size, self.sequence_share = network, prefilter, size, sequence_share
        self.random = np.random.default_rng(seed)
        self.folders = [pathlib.Path(f) for f in folders]
        self.windows, self.pool, self.next = {}, [], 0
        self.refresh()

    def refresh(self):
        """Reads examples that have appeared."""
        for path in (p for folder in self.folders for p in sorted(folder.glob("*.npz"))):
            if path not in self.windows:
                self.windows[path] = load_shot(path)
        self.sequences = [s for s in self.windows.values() if s.window.neighbors]
        self.singles = [s for s in self.windows.values() if not s.window.neighbors]

    def renew(self):
        """Puts a new window into the pool, in place of the oldest when it is full."""
        rng = self.random
        choice = self.sequences if rng.random() < self.sequence_share else self.singles
        shot = choice[rng.integers(len(choice))]
        renderer, seed = shot.window.renderer, rng.integers(1 << 30)
        source = renderer if rng.random() > 0.3 else ("color" if rng.random() < 0.3 else "generic")

        def prepared(window):
            return window and prepare(self.network, augment(window, np.random.default_rng(seed)), source, self.prefilter)

        gain = shot.window.exposure / shot.next.exposure if shot.next else 1.0
        trained = TrainedWindow(prepared(shot.window), prepared(shot.next), gain)
        if len(self.pool) < self.size:
            self.pool.append(trained)
        else:
            self.pool[self.next] = trained
            self.next = (self.next + 1) % self.size

    def draw(self, temporal: bool) -> TrainedWindow:
        """A random window; with `temporal` one of at least two frames."""
        rng = self.random
        while True:
            trained = self.pool[rng.integers(len(self.pool))]
            if temporal and rng.random() < 0.5 and trained.window.neighbors:
                return trained
            slots = SUBSETS[rng.integers(len(SUBSETS))]
            window = trained.window.only(slots if temporal or rng.random() < 0.5 else ())
            if window.neighbors or not temporal:
                return TrainedWindow(window)


def window_loss(network: Denoiser, trained: TrainedWindow) -> torch.Tensor:
    """As the loss of single frames, and SMAPE between the next frame and this one, warped along the motion."""
    window = trained.window
    output, levels, _ = network.denoise(window.center, window.neighbors)
    loss, reference = picture_loss(output, window.reference), window.reference
    for level in levels:
        loss = loss + 0.25 * smape(level, reference)
        reference = downsample(reference)
    if trained.next is None or not trained.next.neighbors:
        return loss
    after = network.denoise(trained.next.center, trained.next.neighbors)[0] * trained.gain
    motion = next(n.motion for n in trained.next.neighbors[0] if n.slot == TO_PREVIOUS)
    warped, inside = gather(output, motion)
    return loss + FLICKER_WEIGHT * smape(after * inside, warped * inside)


def random_log_lambda(shape, rng: np.random.Generator) -> torch.Tensor:
    """log(lambda)/log(10) ~ U(0,1), the same for the whole picture or for blocks of 16x16 pixels: [1,1,H,W]."""
    height, width = shape
    if rng.random() < 0.5:
        return torch.full((1, 1, height, width), float(rng.random()))
    blocks = torch.from_numpy(rng.random((1, 1, math.ceil(height / 16), math.ceil(width / 16))).astype(np.float32))
    return blocks.repeat_interleave(16, 2).repeat_interleave(16, 3)[..., :height, :width].contiguous()


def lambda_loss(network: Denoiser, trained: TrainedWindow, rng: np.random.Generator) -> torch.Tensor:
    """Equation 6 for the composite, and a quarter of it for every level."""
    window = trained.window
    log_lambda = random_log_lambda(window.reference.shape[2:], rng)
    output, levels, _ = network.denoise(window.center, window.neighbors, log_lambda)
    reference, noisy = window.reference, window.noisy
    loss = asymmetric_smape(output, reference, noisy, 10**log_lambda)
    for level in levels:
        loss = loss + 0.25 * asymmetric_smape(level, reference, noisy, 10**log_lambda)
        reference, noisy, log_lambda = downsample(reference), downsample(noisy), downsample(log_lambda)
    return loss


@torch.no_grad()
def validate(network: Denoiser, windows, prefilter=None) -> dict[str, float]:
    """Mean SMAPE in the units of the file of windows of 1, 3, 5 and 7 frames."""
    scores = {}
    for length, slots in (("1", ()), ("3", (2, 3)), ("5", (1, 2, 3, 4)), ("7", SUBSETS[0])):
        values = []
        for window in windows:
            part = prepare(network, window.only(slots), window.renderer, prefilter)
            output = network.denoise(part.center, part.neighbors)[0][0]
            values.append(float(smape(output / window.exposure, window.reference / window.exposure)))
        scores[length] = round(sum(values) / len(values), 5)
    return scores


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--start", type=pathlib.Path, required=True, help="checkpoint of the single-frame training")
    parser.add_argument("--data", nargs="+", required=True)
    parser.add_argument("--validation", type=pathlib.Path, required=True)
    parser.add_argument("--run", type=pathlib.Path, required=True, help="folder of the checkpoint and the log")
    parser.add_argument("--steps", type=int, default=3000, help="length of the schedule")
    parser.add_argument("--prefilter", type=pathlib.Path, help="checkpoint of the auxiliary prefilter to train behind")
    parser.add_argument("--minutes", type=float, default=math.inf, help="or length of the schedule in time")
    parser.add_argument("--batch", type=int, default=2, help="windows a step")
    parser.add_argument("--pool", type=int, default=64, help="prepared windows, about 45 MB each")
    parser.add_argument("--sequence-share", type=float, default=0.75, help="share of windows of more than one frame")
    parser.add_argument("--lambda-share", type=float, default=0.3, help="share of the steps that train the specialisation")
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(options.seed)
    network, started_from = load_network(options.start)
    network.requires_grad_(False)
    groups = [[p for name in names for p in getattr(network, name).parameters()] for names in (TEMPORAL, SPECIALIZATION)]
    parameters = [p.requires_grad_(True) for group in groups for p in group]
    optimizer = torch.optim.Adam(parameters, lr=options.rate, betas=(0.9, 0.98))
    average = copy.deepcopy(network)
    step, started = 0, time.time()
    options.run.mkdir(parents=True, exist_ok=True)
    checkpoint = options.run / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location="cpu")
        network.load_state_dict(state["network"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        step = state["step"]
    log = open(options.run / "log.jsonl", "a", buffering=1)  # noqa: SIM115 - open for the whole run
    rng = np.random.default_rng(options.seed + 104729 * step)
    prefilter = load_prefilter(options.prefilter) if options.prefilter else None
    pool = WindowPool(network, prefilter, options.data, options.pool, options.seed + 7919 * step, options.sequence_share)
    for _ in range(min(24, options.pool)):
        pool.renew()
    windows = [w for w in map(load_window, sorted(options.validation.glob("*.npz"))) if w.neighbors]
    count = sum(map(torch.numel, parameters))
    scores = validate(average, windows, prefilter)
    print(f"{count} parameters, {len(pool.sequences)} sequences, from step {step}: {scores}", flush=True)

    means = {"temporal": None, "lambda": None}
    ends = False
    while not ends:
        if step % RENEWAL == 0:
            pool.renew()
        if step % 400 == 399:
            pool.refresh()
        kind = "lambda" if rng.random() < options.lambda_share else "temporal"
        progress = max(step / options.steps, (time.time() - started) / (60 * options.minutes))
        rate = schedule(step, progress, options.rate, warm_up=30)
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad(set_to_none=True)
        trained, locked = groups if kind == "temporal" else reversed(groups)
        for parameter, train in [(p, True) for p in trained] + [(p, False) for p in locked]:
            parameter.requires_grad_(train)
        total = 0.0
        for _ in range(options.batch):
            window = pool.draw(kind == "temporal")
            loss = window_loss(network, window) if kind == "temporal" else lambda_loss(network, window, rng)
            (loss / options.batch).backward()
            total += loss.item() / options.batch
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        step += 1
        with torch.no_grad():
            for slow, fast in zip(average.parameters(), network.parameters(), strict=True):
                slow.lerp_(fast, 1 - min(0.995, (step + 1) / (step + 10)))
        means[kind] = total if means[kind] is None else 0.97 * means[kind] + 0.03 * total
        ends = step >= options.steps or time.time() - started >= 60 * options.minutes
        if step % 20 == 0:
            log.write(json.dumps({"step": step, "loss": means, "rate": rate}) + "\n")
        if step % 200 == 0 or ends:
            entry = {"step": step, "minutes": round((time.time() - started) / 60, 1), "sequences": len(pool.sequences),
                     "loss": means, "validation": validate(average, windows, prefilter)}  # fmt: skip
            print(json.dumps(entry), flush=True)
            log.write(json.dumps(entry) + "\n")
            save_checkpoint(checkpoint, network=network.state_dict(), average=average.state_dict(),
                            optimizer=optimizer.state_dict(), step=step, architecture=network.architecture.as_dict(),
                            single_frame_steps=started_from["step"],
                            options={k: str(v) for k, v in vars(options).items()})  # fmt: skip


if __name__ == "__main__":
    main()
