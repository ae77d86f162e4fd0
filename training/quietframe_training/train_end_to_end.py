"""Trains the auxiliary prefilter and the single-frame network together, by the error of the picture; resumes.

    python -m quietframe_training.train_end_to_end --prefilter CHECKPOINT --start CHECKPOINT --data DIR --auxiliaries DIR \
        --validation DIR --run DIR

Both begin with weights that were trained apart. The prefilter alone is trained to make clean buffers; here it learns which
of their errors show in the picture, softened texture above all, while the network learns to rely on cleaner guides. Every
step also has a batch of auxiliary examples with its own loss, so that the buffers remain what they are called.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import pathlib
import time

import torch

from .auxiliary_dataset import AuxiliarySampler
from .auxiliary_prefilter import load_prefilter, planes_of, with_estimated_variances
from .dataset import ESTIMATED, PatchSampler, behind, load_example
from .export import load_network
from .train import ViewCache, loss_of, save_checkpoint, schedule, validate
from .train_prefilter import ViewStore, prefilter_loss

AUXILIARY_WEIGHT = 2.0
PREFILTER_RATE = 2.0  # times the rate of the network


class Batches:
    """Patches of views, with what is known of the variances of their guides."""

    def __init__(self, sampler: PatchSampler):
        self.sampler = sampler

    def draw(self, count: int):
        """(inputs [N,13,S,S], references [N,3,S,S], source ids [N], measured [N,1,1,1]: guide variances can be used)."""
        patches, measured = [], []
        for _ in range(count):
            view = self.sampler.view()
            inputs, reference, source = self.sampler.patch_of(view)
            patches.append((inputs, reference, source))
            measured.append(float(view.guides_measured and self.sampler.sources[source] not in ESTIMATED))
        inputs, references, ids = zip(*patches, strict=True)
        return torch.stack(inputs), torch.stack(references), torch.tensor(ids), torch.tensor(measured).view(-1, 1, 1, 1)


def with_clean_guides(prefilter, inputs: torch.Tensor, ids: torch.Tensor, measured: torch.Tensor, sources) -> torch.Tensor:
    """Inputs [N,13,H,W] behind the prefilter; encoders that know no variances get none."""
    noisy = inputs[:, 4:12]
    auxiliaries = torch.where(measured > 0, noisy, with_estimated_variances(noisy))
    planes, left = prefilter(auxiliaries, measured, residual=True)
    knows = torch.tensor([float(sources[i] not in ESTIMATED) for i in ids.tolist()]).view(-1, 1, 1, 1)
    left = left * knows
    return torch.cat([inputs[:, :4], planes[:, :3], left[:, :1], planes[:, 3:], left[:, 1:], inputs[:, 12:]], 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prefilter", type=pathlib.Path, required=True, help="checkpoint of train_prefilter")
    parser.add_argument("--start", type=pathlib.Path, required=True, help="checkpoint of the network")
    parser.add_argument("--data", nargs="+", required=True)
    parser.add_argument("--auxiliaries", nargs="+", required=True, help="folders of auxiliary examples")
    parser.add_argument("--validation", type=pathlib.Path, required=True)
    parser.add_argument("--run", type=pathlib.Path, required=True, help="folder of the checkpoints and the log")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--minutes", type=float, default=math.inf, help="or length of the schedule in time")
    parser.add_argument("--batch", type=int, default=6)
    parser.add_argument("--patch", type=int, default=96)
    parser.add_argument("--rate", type=float, default=4e-4)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(options.seed)
    network, _ = load_network(options.start)
    prefilter = load_prefilter(options.prefilter)
    for name in ("temporal_features", "neighbor_predictor", "loss_specialization"):
        getattr(network, name).requires_grad_(False)
    trained = [[p for p in module.parameters() if p.requires_grad] for module in (network, prefilter)]
    optimizer = torch.optim.Adam([{"params": group} for group in trained], lr=options.rate, betas=(0.9, 0.98))
    averages, step, started = [copy.deepcopy(network), copy.deepcopy(prefilter)], 0, time.time()
    options.run.mkdir(parents=True, exist_ok=True)
    files = [options.run / "checkpoint.pt", options.run / "prefilter.pt"]
    if files[0].exists():
        state = torch.load(files[0])
        network.load_state_dict(state["network"])
        averages[0].load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        step = state["step"]
        state = torch.load(files[1])
        prefilter.load_state_dict(state["network"])
        averages[1].load_state_dict(state["average"])
    log = open(options.run / "log.jsonl", "a", buffering=1)  # noqa: SIM115 - open for the whole run
    cache, store = ViewCache(options.data), ViewStore(options.auxiliaries)
    validation = [v for path in sorted(options.validation.glob("*.npz")) for v in load_example(path, False)]
    sources = network.architecture.sources
    batches, auxiliary, refreshed = None, None, -math.inf

    def report(loss):
        scores = validate(averages[0], [behind(averages[1], view) for view in validation])
        entry = {"step": step, "minutes": round((time.time() - started) / 60, 1), "loss": loss,
                 "validation": {k: round(v, 5) for k, v in scores.items()}}  # fmt: skip
        print(json.dumps(entry), flush=True)
        log.write(json.dumps(entry) + "\n")

    report(None)
    mean_loss = None
    while step < options.steps and time.time() - started < 60 * options.minutes:
        if time.time() - refreshed > 300:  # examples rendered meanwhile take part
            seed = options.seed + 7919 * step
            batches = Batches(PatchSampler(cache.refresh(), sources, options.patch, seed))
            auxiliary = AuxiliarySampler(store.refresh()[0], seed=seed)
            refreshed = time.time()
        progress = max(step / options.steps, (time.time() - started) / (60 * options.minutes))
        for group, gain in zip(optimizer.param_groups, (1.0, PREFILTER_RATE), strict=True):
            group["lr"] = gain * schedule(step, progress, options.rate, warm_up=50)
        inputs, reference, ids, measured = batches.draw(options.batch)
        loss = loss_of(network, with_clean_guides(prefilter, inputs, ids, measured, sources), reference, ids)
        noisy, clean, flags = auxiliary.batch(4)
        optimizer.zero_grad(set_to_none=True)
        (loss + AUXILIARY_WEIGHT * prefilter_loss(prefilter(noisy, flags), clean, planes_of(noisy))).backward()
        for group in trained:
            torch.nn.utils.clip_grad_norm_(group, 1.0)
        optimizer.step()
        step += 1
        with torch.no_grad():
            decay = min(0.995, (step + 1) / (step + 10))
            for slow, fast in zip(averages, (network, prefilter), strict=True):
                for a, b in zip(slow.parameters(), fast.parameters(), strict=True):
                    a.lerp_(b, 1 - decay)
        mean_loss = loss.item() if mean_loss is None else 0.98 * mean_loss + 0.02 * loss.item()
        ends = step == options.steps or time.time() - started >= 60 * options.minutes
        if step % 200 == 0 or ends:
            report(round(mean_loss, 5))
            state = {"step": step, "options": {k: str(v) for k, v in vars(options).items()}}
            save_checkpoint(files[1], network=prefilter.state_dict(), average=averages[1].state_dict(),
                            architecture=prefilter.architecture.as_dict(), **state)  # fmt: skip
            save_checkpoint(files[0], network=network.state_dict(), average=averages[0].state_dict(),
                            optimizer=optimizer.state_dict(), architecture=network.architecture.as_dict(), **state)  # fmt: skip


if __name__ == "__main__":
    main()
