"""Trains the single-frame multi-scale denoiser; resumes from its checkpoint.

    python -m quietframe_training.train --data DIR [DIR ...] --validation DIR --run DIR --steps 6000

The data folders are read again every few minutes, so that examples rendered meanwhile take part.

An encoder for a new renderer is trained alone, with everything else locked (Vogels et al. 2018, section 7.1):

    python -m quietframe_training.train --start CHECKPOINT --encoder NAME --like generic --data DIR --validation DIR --run DIR

It begins as a copy of the encoder that `--like` names, and sees every example of the data.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import os
import pathlib
import time
from dataclasses import replace

import torch

from .auxiliary_prefilter import load_prefilter
from .dataset import PatchSampler, encoder_for, load_example, seen_by
from .export import load_weights
from .losses import dssim, picture_loss, smape
from .network import Architecture, Denoiser, downsample


class ViewCache:
    """Views of all examples in some folders, reading each file once."""

    def __init__(self, folders, prefilter=None):
        self.folders, self.views, self.prefilter = [pathlib.Path(f) for f in folders], {}, prefilter

    def refresh(self):
        for folder in self.folders:
            for path in sorted(folder.glob("*.npz")):
                if path not in self.views:
                    self.views[path] = load_example(path, prefilter=self.prefilter)
        return [view for path in sorted(self.views) for view in self.views[path]]


def schedule(step: int, progress: float, peak: float, warm_up: int = 100) -> float:
    """Linear warm-up, then a cosine of the progress in [0,1] down to a fiftieth of the peak."""
    return peak * min((step + 1) / warm_up, 0.02 + 0.98 * (1 + math.cos(math.pi * min(progress, 1.0))) / 2)


def loss_of(network: Denoiser, inputs, reference, sources) -> torch.Tensor:
    """`picture_loss` of the composite, and a quarter of each level's own SMAPE."""
    output, denoised, _ = network(inputs, sources)
    loss = picture_loss(output, reference)
    for level in denoised:
        loss = loss + 0.25 * smape(level, reference)
        reference = downsample(reference)
    return loss


@torch.no_grad()
def denoise_view(network: Denoiser, inputs: torch.Tensor, source: str) -> torch.Tensor:
    """Raw inputs [13,H,W] of any size -> denoised colour [3,H,W]; the picture is padded to a multiple of 2^levels."""
    multiple = 2**network.architecture.levels
    height, width = inputs.shape[1:]
    padding = (0, -width % multiple, 0, -height % multiple)
    padded = torch.nn.functional.pad(seen_by(inputs, source)[None], padding, mode="replicate")
    index = torch.tensor([network.architecture.sources.index(source)])
    return network(padded, index)[0][0, :, :height, :width]


@torch.no_grad()
def validate(network: Denoiser, views, source: str | None = None) -> dict[str, float]:
    """In the units of the file, mean SMAPE by samples per pixel, and mean DSSIM; by the renderer's encoder or `source`."""
    scores: dict[str, list[float]] = {}
    for view in sorted(views, key=lambda v: v.spp):
        encoder = source or encoder_for(view, network.architecture.sources)
        output = denoise_view(network, view.inputs(encoder), encoder) / view.exposure
        reference = view.reference / view.exposure
        scores.setdefault(str(view.spp), []).append(float(smape(output, reference)))
        scores.setdefault("dssim", []).append(float(dssim(output, reference)))
    return {name: sum(s) / len(s) for name, s in scores.items()}


def save_checkpoint(path: pathlib.Path, **state):
    temporary = path.with_suffix(".part")
    torch.save(state, temporary)
    os.replace(temporary, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", required=True)
    parser.add_argument("--validation", required=True)
    parser.add_argument("--run", type=pathlib.Path, required=True, help="folder of the checkpoint and the log")
    parser.add_argument("--steps", type=int, default=6000, help="length of the schedule")
    parser.add_argument("--batch", type=int, default=6)
    parser.add_argument("--patch", type=int, default=96)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=pathlib.Path, help="checkpoint whose EMA weights a new run begins with")
    parser.add_argument("--encoder", help="train only this encoder, a new one or one of the checkpoint's")
    parser.add_argument("--like", default="generic", help="the encoder that --encoder begins as a copy of")
    parser.add_argument("--architecture", type=json.loads, default={}, help="JSON of changed Architecture fields")
    parser.add_argument("--prefilter", type=pathlib.Path, help="checkpoint of the auxiliary prefilter to train behind")
    parser.add_argument("--minutes", type=float, default=math.inf, help="or length of the schedule in time")
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(options.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    architecture = Architecture(**options.architecture)
    if options.encoder and options.encoder not in architecture.sources:
        architecture = replace(architecture, sources=(*architecture.sources, options.encoder))
    network = Denoiser(architecture).to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=options.rate, betas=(0.9, 0.98))
    if options.start:
        load_weights(network, torch.load(options.start, map_location=device)["average"], options.encoder)
    if options.encoder:
        encoders = network.source_encoder
        encoders[options.encoder].load_state_dict(encoders[options.like].state_dict())
        network.requires_grad_(False)
        encoders[options.encoder].requires_grad_(True)
    average = copy.deepcopy(network)
    step, started = 0, time.time()
    options.run.mkdir(parents=True, exist_ok=True)
    checkpoint = options.run / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device)
        network.load_state_dict(state["network"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        step = state["step"]
    log = open(options.run / "log.jsonl", "a", buffering=1)  # noqa: SIM115 - open for the whole run
    print(f"{sum(p.numel() for p in network.parameters())} parameters, from step {step} on {device}", flush=True)

    prefilter = load_prefilter(options.prefilter) if options.prefilter else None
    cache = ViewCache(options.data, prefilter)
    paths = sorted(pathlib.Path(options.validation).glob("*.npz"))
    validation = [v for path in paths for v in load_example(path, False, prefilter)]
    sampler, refreshed, mean_loss = None, -math.inf, None
    while step < options.steps and time.time() - started < 60 * options.minutes:
        if time.time() - refreshed > 300:
            seed = options.seed + 7919 * step
            sampler = PatchSampler(cache.refresh(), architecture.sources, options.patch, seed, only=options.encoder)
            refreshed = time.time()
        inputs, reference, sources = sampler.batch(options.batch)
        progress = max(step / options.steps, (time.time() - started) / (60 * options.minutes))
        rate = schedule(step, progress, options.rate)
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = loss_of(network, inputs.to(device), reference.to(device), sources)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        step += 1
        with torch.no_grad():
            decay = min(0.998, (step + 1) / (step + 10))
            for slow, fast in zip(average.parameters(), network.parameters(), strict=True):
                slow.lerp_(fast, 1 - decay)
        mean_loss = loss.item() if mean_loss is None else 0.98 * mean_loss + 0.02 * loss.item()
        if step % 20 == 0:
            log.write(json.dumps({"step": step, "loss": round(mean_loss, 5), "rate": rate}) + "\n")
        ends = step == options.steps or time.time() - started >= 60 * options.minutes
        if step % 250 == 0 or ends:
            scores = validate(average, validation, options.encoder)
            entry = {"step": step, "minutes": round((time.time() - started) / 60, 1), "examples": len(cache.views),
                     "loss": round(mean_loss, 5), "validation": {k: round(v, 5) for k, v in scores.items()}}  # fmt: skip
            print(json.dumps(entry), flush=True)
            log.write(json.dumps(entry) + "\n")
            save_checkpoint(checkpoint, network=network.state_dict(), average=average.state_dict(),
                            optimizer=optimizer.state_dict(), step=step, architecture=architecture.as_dict(),
                            options={k: str(v) for k, v in vars(options).items()})  # fmt: skip


if __name__ == "__main__":
    main()
