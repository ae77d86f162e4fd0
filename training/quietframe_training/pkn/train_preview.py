"""Trains the network of the preview on renders.

python -m quietframe_training.pkn.train_preview --data DIR [DIR ...] --run DIR --steps 4000
"""

from __future__ import annotations

import argparse
import json
import pathlib
import time

import torch

from ..dataset import PatchSampler, load_folders
from ..losses import smape
from ..train import save_checkpoint, schedule
from .preview import PreviewNetwork, preview

# What is missing of a patch, if anything, is all that sources mean here.
SOURCES = ("cycles", "mitsuba", "generic", "color")
SAVE_EVERY = 200


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", type=pathlib.Path, required=True)
    parser.add_argument("--run", type=pathlib.Path, required=True, help="folder of the checkpoint and the log")
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--minutes", type=float, default=1e9, help="the run ends then, if it has not ended before")
    parser.add_argument("--batch", type=int, default=3)
    parser.add_argument("--patch", type=int, default=96)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=pathlib.Path, help="checkpoint whose weights the run begins with")
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(options.seed)
    network = PreviewNetwork()
    earlier = torch.load(options.start) if options.start else {"steps": 0}
    if options.start:
        network.load_state_dict(earlier["network"])
    sampler = PatchSampler(load_folders(options.data, components=False), SOURCES, options.patch, options.seed)
    optimizer = torch.optim.Adam(network.parameters(), lr=options.rate, betas=(0.9, 0.99))
    options.run.mkdir(parents=True, exist_ok=True)
    started, mean_loss, step, progress = time.monotonic(), None, 0, 0.0
    with open(options.run / "cross_bilateral.jsonl", "w", buffering=1) as log:
        while progress < 1:
            progress = max(step / options.steps, (time.monotonic() - started) / (60 * options.minutes))
            for group in optimizer.param_groups:
                group["lr"] = schedule(step, progress, options.rate, warm_up=50)
            inputs, reference, _ = sampler.batch(options.batch)
            loss = smape(preview(network, inputs), reference)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            step += 1
            mean_loss = loss.item() if mean_loss is None else 0.99 * mean_loss + 0.01 * loss.item()
            if step % SAVE_EVERY == 0 or progress >= 1:
                save_checkpoint(options.run / "cross_bilateral.pt", network=network.state_dict(), head="cross_bilateral",
                                steps=step + earlier["steps"], loss=mean_loss)  # fmt: skip
                seconds = round(time.process_time())
                log.write(json.dumps({"step": step, "loss": round(mean_loss, 5), "seconds": seconds}) + "\n")


if __name__ == "__main__":
    main()
