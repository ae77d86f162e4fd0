"""Trains one head on photographs; minutes on one core.

python -m quietframe_training.pkn.train --head non_local_means --photos DIR --run DIR --steps 1500
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import pathlib
import time

import torch

from ..train import save_checkpoint, schedule
from .heads import HEADS
from .photographs import CropSampler


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--head", choices=HEADS, required=True)
    parser.add_argument("--photos", type=pathlib.Path, required=True)
    parser.add_argument("--run", type=pathlib.Path, required=True)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--minutes", type=float, default=math.inf, help="ends earlier than after all steps, at a rate near 0")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--patch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=pathlib.Path, help="checkpoint of the head to begin with, see import_bundle")
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(options.seed)
    head = HEADS[options.head]
    network = head.network()
    earlier = torch.load(options.start) if options.start else None
    if earlier:
        network.load_state_dict(earlier["network"])
    average = copy.deepcopy(network)
    optimizer = torch.optim.Adam(network.parameters(), lr=options.rate, betas=(0.9, 0.99))
    sampler = CropSampler(options.photos, options.seed)
    options.run.mkdir(parents=True, exist_ok=True)
    started, began, mean_loss, step, progress = time.process_time(), time.monotonic(), None, 0, 0.0
    with open(options.run / f"{options.head}.jsonl", "w", buffering=1) as log:
        while progress < 1:
            for group in optimizer.param_groups:
                group["lr"] = schedule(step, progress, options.rate, warm_up=50)
            loss = head.loss(network, sampler, options.batch, options.patch)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            network.project()
            with torch.no_grad():
                for slow, fast in zip(average.parameters(), network.parameters(), strict=True):
                    slow.lerp_(fast, 1 - min(0.995, (step + 1) / (step + 10)))
            mean_loss = loss.item() if mean_loss is None else 0.98 * mean_loss + 0.02 * loss.item()
            step += 1
            progress = max(step / options.steps, (time.monotonic() - began) / (60 * options.minutes))
            if step % 100 == 0:
                entry = {"step": step, "loss": round(mean_loss, 5), "seconds": round(time.process_time() - started)}
                log.write(json.dumps(entry) + "\n")
    steps = step + (earlier["steps"] if earlier else 0)
    save_checkpoint(options.run / f"{options.head}.pt", network=average.state_dict(), head=options.head, steps=steps,
                    loss=mean_loss, options={k: str(v) for k, v in vars(options).items()})  # fmt: skip


if __name__ == "__main__":
    main()
