"""Trains the auxiliary prefilter; resumes from its checkpoint.

    python -m quietframe_training.train_prefilter --data DIR [DIR ...] --run DIR --steps 3000

Every tenth view is kept for validation. The data folders are read again every few minutes, so that examples rendered
meanwhile take part.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import pathlib
import time

import numpy as np
import torch

from .auxiliary_dataset import AuxiliarySampler, load_auxiliaries, mean_of_halves
from .auxiliary_prefilter import AuxiliaryPrefilter, PrefilterArchitecture, load_prefilter, planes_of, prefiltered
from .losses import SMAPE_EPSILON
from .train import save_checkpoint, schedule

GRADIENT_WEIGHT = 0.5
ANGLE_WEIGHT = 0.2
ALBEDO_WEIGHT = 0.25


# Errors count relative to the noise of their patch: without it, texture that 64 samples show exactly is softened for the sake
# of noisier patches (DSSIM of pictures denoised behind it 1.15 times as high).
LEAST_NOISE = 0.01


def prefilter_loss(output: torch.Tensor, reference: torch.Tensor, noisy: torch.Tensor) -> torch.Tensor:
    """L1 of all planes and of their gradients, SMAPE of the albedo, and the angle between normals; [N,6,H,W] each.

    Each patch is weighted by 1 / (its noise + 0.01), the noise as the mean absolute error of the input.
    """
    difference = output - reference

    def mean(x):
        return x.flatten(1).mean(1)

    loss = mean((difference.square() + 1e-6).sqrt())
    loss = loss + GRADIENT_WEIGHT * (mean(difference.diff(dim=2).abs()) + mean(difference.diff(dim=3).abs()))
    albedo, target = output[:, :3], reference[:, :3]
    loss = loss + ALBEDO_WEIGHT * mean((albedo - target).abs() / (albedo.abs() + target.abs() + 10 * SMAPE_EPSILON))
    normal, true = output[:, 3:], reference[:, 3:]
    solid = true.norm(dim=1) > 0.5
    cosine = torch.cosine_similarity(normal, true, 1, eps=1e-3)
    loss = loss + ANGLE_WEIGHT * mean((1 - cosine) * solid)
    return (loss * LEAST_NOISE / (mean((noisy - reference).abs()) + LEAST_NOISE)).mean()


class ViewStore:
    """Auxiliary views of some folders, reading each file once; every tenth by name is for validation."""

    def __init__(self, folders):
        self.folders, self.views = [pathlib.Path(f) for f in folders], {}

    def refresh(self):
        for folder in self.folders:
            for path in sorted(folder.glob("*.npz")):
                if path not in self.views:
                    self.views[path] = load_auxiliaries(path)
        held = {path: view for path, view in self.views.items() if int(path.stem[3:9]) % 10 == 9}
        return [v for p, v in sorted(self.views.items()) if p not in held], [held[p] for p in sorted(held)]


@torch.no_grad()
def validate(network: AuxiliaryPrefilter, views) -> dict[str, float]:
    """Mean absolute errors of albedo and normal before and after, with measured and with estimated variances."""
    rows = []
    for view in views:
        reference = torch.from_numpy(view.reference.astype(np.float32))
        for count in (2, 8):
            noisy = torch.from_numpy(mean_of_halves(view.draws[:count]))
            row = [noisy, prefiltered(network, noisy, True), prefiltered(network, noisy, False)]
            errors = [(planes_of(a[None])[0] - reference).abs() for a in row]
            rows.append([float(e[part].mean()) for e in errors for part in (slice(0, 3), slice(3, 6))])
    names = ["albedo", "normal", "albedo_measured", "normal_measured", "albedo_estimated", "normal_estimated"]
    return dict(zip(names, np.mean(rows, 0).round(5).tolist(), strict=True)) if rows else {}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", required=True)
    parser.add_argument("--run", type=pathlib.Path, required=True, help="folder of the checkpoint and the log")
    parser.add_argument("--steps", type=int, default=3000, help="length of the schedule")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--patch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=pathlib.Path, help="checkpoint whose averaged weights a new run begins with")
    parser.add_argument("--architecture", type=json.loads, default={}, help="JSON of changed PrefilterArchitecture fields")
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(options.seed)
    architecture = PrefilterArchitecture(**options.architecture)
    network = load_prefilter(options.start).train() if options.start else AuxiliaryPrefilter(architecture)
    optimizer = torch.optim.Adam(network.parameters(), lr=options.rate, betas=(0.9, 0.98))
    average, step, started = copy.deepcopy(network), 0, time.process_time()
    options.run.mkdir(parents=True, exist_ok=True)
    checkpoint = options.run / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint)
        network.load_state_dict(state["network"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        step = state["step"]
    print(f"{sum(p.numel() for p in network.parameters())} parameters, from step {step}", flush=True)
    log = open(options.run / "log.jsonl", "a", buffering=1)  # noqa: SIM115 - open for the whole run
    store, refreshed, mean_loss, sampler, held = ViewStore(options.data), -math.inf, None, None, []
    while step < options.steps:
        if time.time() - refreshed > 300:
            views, held = store.refresh()
            sampler, refreshed = AuxiliarySampler(views, options.patch, options.seed + 7919 * step), time.time()
        auxiliaries, reference, measured = sampler.batch(options.batch)
        rate = schedule(step, step / options.steps, options.rate)
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = prefilter_loss(network(auxiliaries, measured), reference, planes_of(auxiliaries))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        step += 1
        with torch.no_grad():
            decay = min(0.995, (step + 1) / (step + 10))
            for slow, fast in zip(average.parameters(), network.parameters(), strict=True):
                slow.lerp_(fast, 1 - decay)
        mean_loss = loss.item() if mean_loss is None else 0.98 * mean_loss + 0.02 * loss.item()
        if step % 250 == 0 or step == options.steps:
            entry = {"step": step, "minutes": round((time.process_time() - started) / 60, 1), "views": len(store.views),
                     "loss": round(mean_loss, 5), "validation": validate(average, held)}  # fmt: skip
            print(json.dumps(entry), flush=True)
            log.write(json.dumps(entry) + "\n")
            save_checkpoint(checkpoint, network=network.state_dict(), average=average.state_dict(),
                            optimizer=optimizer.state_dict(), step=step, architecture=network.architecture.as_dict(),
                            options={k: str(v) for k, v in vars(options).items()})  # fmt: skip


if __name__ == "__main__":
    main()
