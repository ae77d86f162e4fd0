"""Trains the error predictor on the errors of a denoiser; resumes from its checkpoint.

    python -m quietframe_training.train_error --checkpoint DENOISER.pt --data DIR [DIR ...] --run DIR --steps 3000

The denoiser runs once on every example; its outputs are kept in the run's folder.  Every example is seen as its renderer's
encoder sees it, one of each scene also through a poorer one; where a scene was rendered at several sample counts, also with
a mixture of them, as pictures look that were sampled adaptively.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import pathlib
import time
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F

from .auxiliary_prefilter import load_prefilter
from .dataset import View, behind, encoder_of, load_example, seen_by
from .error_predictor import ERROR_CHANNELS, ErrorArchitecture, ErrorPredictor, error_inputs, true_errors
from .export import load_network
from .features import auto_exposure
from .train import denoise_view, save_checkpoint, schedule


@dataclass(frozen=True)
class ErrorExample:
    """A picture that a denoiser has worked on; light is exposed."""

    name: str
    spp: int
    source: str
    exposure: float
    inputs: torch.Tensor  # [13,H,W], see `error_inputs`
    reference: torch.Tensor  # [3,H,W]
    errors: torch.Tensor  # [2,H,W], true


def mixed_samples(views: list[View], rng: np.random.Generator) -> View:
    """One scene whose sample count changes from place to place: smooth random regions of its views."""
    first = views[0]
    height, width = first.color.shape[1:]
    noise = torch.from_numpy(rng.random((1, len(views), 4, 4)).astype(np.float32))
    winner = F.interpolate(noise, size=(height, width), mode="bicubic").argmax(1)  # [1,H,W]

    def mixture(name: str, power: int) -> torch.Tensor:
        planes = torch.stack([getattr(v, name) / v.exposure**power for v in views])
        return planes.gather(0, winner.expand(planes.shape[1:])[None])[0]

    color = mixture("color", 1)
    exposure = auto_exposure(color)
    guides = ("albedo", "albedo_variance", "normal", "normal_variance")
    return replace(
        first,
        name=f"{first.name}_mixed",
        spp=0,
        color=color * exposure,
        color_variance=mixture("color_variance", 2) * exposure**2,
        reference=first.reference / first.exposure * exposure,
        exposure=exposure,
        **{name: mixture(name, 0) for name in guides},
    )


def denoised_example(network, view: View, source: str, prefilter=None) -> ErrorExample:
    """What the predictor sees and learns of a view that went through the prefilter and the encoder of `source`."""
    inputs = seen_by(behind(prefilter, view).inputs(source), source)
    color, variance, albedo, _, normal, _, _ = inputs.split((3, 1, 3, 1, 3, 1, 1))
    denoised = denoise_view(network, inputs, source)
    x = error_inputs(color, denoised, variance, albedo, normal)
    return ErrorExample(view.name, view.spp, source, view.exposure, x, view.reference, true_errors(denoised, view.reference))


def denoised_examples(network, folders, poorer: bool, prefilter=None) -> list[ErrorExample]:
    """All examples of the folders; with `poorer` also through encoders that see less, and mixtures of sample counts."""
    rng = np.random.default_rng(0)
    scenes: dict[str, list[View]] = {}
    for path in sorted(p for folder in folders for p in pathlib.Path(folder).glob("*.npz")):
        view = load_example(path, False)[0]
        scenes.setdefault(path.stem.split("_s")[0], []).append(view)
    examples = []
    for views in scenes.values():
        own = encoder_of(views[0].renderer, network.architecture.sources)
        examples += [denoised_example(network, v, own, prefilter) for v in views]
        if poorer:
            poor = views[int(rng.integers(len(views)))]
            examples.append(denoised_example(network, poor, str(rng.choice(["generic", "color"])), prefilter))
            if len(views) > 1:
                mixed = mixed_samples(views, rng)
                examples.append(denoised_example(network, mixed, own, prefilter))
    return examples


TENSORS = ("inputs", "reference", "errors")


def kept_examples(folder: pathlib.Path, kind: str, checkpoints, make) -> list[ErrorExample]:
    """The examples that the same checkpoints of denoiser and prefilter gave, or new ones, which are kept in half precision."""
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in checkpoints if path)).hexdigest()[:12]
    path = folder / f"{kind}-{digest}.pt"
    if not path.exists():
        most = torch.finfo(torch.half).max
        torch.save(
            [{**vars(e), **{k: getattr(e, k).clamp(-most, most).half() for k in TENSORS}} for e in make()],
            path,
        )
    return [ErrorExample(**{**row, **{k: row[k].float() for k in TENSORS}}) for row in torch.load(path)]


def local_mean(errors: torch.Tensor) -> torch.Tensor:
    """Errors [2,H,W] averaged over 5x5 pixels: the error of one pixel is mostly chance, which nothing can predict and which
    would make the median, that an L1 loss finds, much smaller than the mean."""
    return F.avg_pool2d(errors[None], 5, 1, 2, count_include_pad=False)[0]


class ErrorPatches:
    """Random patches of examples, turned and mirrored."""

    def __init__(self, examples, size=96, seed=0):
        self.examples, self.size, self.random = examples, size, np.random.default_rng(seed)
        self.errors = [local_mean(e.errors) for e in examples]

    def patch(self):
        """(inputs [13,S,S], local means of the true errors [2,S,S])."""
        rng = self.random
        index = int(rng.integers(len(self.examples)))
        example = self.examples[index]
        height, width = example.reference.shape[1:]
        y, x = (int(rng.integers(0, n - self.size + 1)) for n in (height, width))
        window = (slice(None), slice(y, y + self.size), slice(x, x + self.size))
        inputs, errors = example.inputs[window].clone(), self.errors[index][window]
        order = torch.from_numpy(rng.permutation(3))  # of no weight for SMAPE, of little for DSSIM
        for first in (0, 3, 7):
            inputs[first : first + 3] = inputs[first : first + 3][order]
        rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        inputs[10:13] = torch.einsum("ij,jhw->ihw", torch.from_numpy(rotation.astype(np.float32)), inputs[10:13])
        turns, mirror = int(rng.integers(4)), bool(rng.integers(2))
        inputs, errors = (torch.rot90(t, turns, (1, 2)) for t in (inputs, errors))
        if mirror:
            inputs, errors = inputs.flip(2), errors.flip(2)
        return inputs.contiguous(), errors.contiguous()

    def batch(self, count: int):
        """(inputs [N,13,S,S], local means of the true errors [N,2,S,S])."""
        inputs, errors = zip(*(self.patch() for _ in range(count)), strict=True)
        return torch.stack(inputs), torch.stack(errors)


@torch.no_grad()
def predict_errors(predictor: ErrorPredictor, inputs: torch.Tensor) -> torch.Tensor:
    """Inputs [13,H,W] of any size -> errors [2,H,W]; odd sizes repeat the border."""
    height, width = inputs.shape[1:]
    padded = F.pad(inputs[None], (0, width % 2, 0, height % 2), mode="replicate")
    return predictor(padded)[0, :, :height, :width]


@torch.no_grad()
def calibrate(predictor: ErrorPredictor, examples) -> None:
    """Sets the scale that makes the mean predicted error of all examples the true one."""
    predictor.scale.fill_(1)
    predicted = torch.stack([predict_errors(predictor, e.inputs).mean((1, 2)) for e in examples]).mean(0)
    true = torch.stack([e.errors.mean((1, 2)) for e in examples]).mean(0)
    predictor.scale.copy_((true / predicted).view(1, -1, 1, 1))


def load_predictor(checkpoint: pathlib.Path) -> tuple[ErrorPredictor, dict]:
    """The predictor of a checkpoint, and the checkpoint."""
    state = torch.load(checkpoint, map_location="cpu")
    predictor = ErrorPredictor(ErrorArchitecture(**state["architecture"]))
    predictor.load_state_dict(state["predictor"])
    return predictor.eval(), state


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=pathlib.Path, required=True, help="of the denoiser")
    parser.add_argument("--data", nargs="+", required=True)
    parser.add_argument("--run", type=pathlib.Path, required=True, help="folder of the checkpoint, the log and the examples")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--batch", type=int, default=6)
    parser.add_argument("--patch", type=int, default=96)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--architecture", type=json.loads, default={}, help="JSON of changed ErrorArchitecture fields")
    parser.add_argument("--prefilter", type=pathlib.Path, help="checkpoint of the auxiliary prefilter before the denoiser")
    parser.add_argument("--minutes", type=float, default=math.inf)
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(options.seed)
    options.run.mkdir(parents=True, exist_ok=True)
    started = time.time()
    network, _ = load_network(options.checkpoint)
    prefilter = load_prefilter(options.prefilter) if options.prefilter else None
    examples = kept_examples(options.run, "examples", (options.checkpoint, options.prefilter),
                             lambda: denoised_examples(network, options.data, True, prefilter))  # fmt: skip
    print(f"{len(examples)} examples after {time.time() - started:.0f} s", flush=True)

    predictor = ErrorPredictor(ErrorArchitecture(**options.architecture))
    optimizer = torch.optim.Adam(predictor.parameters(), lr=options.rate, betas=(0.9, 0.99))
    checkpoint, step = options.run / "error.pt", 0
    if checkpoint.exists():
        state = torch.load(checkpoint)
        predictor.load_state_dict(state["predictor"])
        predictor.scale.fill_(1)
        optimizer.load_state_dict(state["optimizer"])
        step = state["step"]
    patches = ErrorPatches(examples, options.patch, options.seed + step)
    log = open(options.run / "error_log.jsonl", "a", buffering=1)  # noqa: SIM115 - open for the whole run
    started, mean_loss = time.time(), None
    weights = torch.tensor([1.0, 2.0]).view(1, len(ERROR_CHANNELS), 1, 1)  # dissimilarities are about half as large
    while step < options.steps and time.time() - started < 60 * options.minutes:
        inputs, errors = patches.batch(options.batch)
        for group in optimizer.param_groups:
            group["lr"] = schedule(step, step / options.steps, options.rate)
        loss = ((predictor(inputs) - errors).abs() * weights).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(predictor.parameters(), 1.0)
        optimizer.step()
        step += 1
        mean_loss = loss.item() if mean_loss is None else 0.98 * mean_loss + 0.02 * loss.item()
        if step % 50 == 0:
            entry = {"step": step, "loss": round(mean_loss, 5), "minutes": round((time.time() - started) / 60, 1)}
            log.write(json.dumps(entry) + "\n")
        if step % 500 == 0 or step == options.steps:
            print(json.dumps(entry), flush=True)
            keep(checkpoint, predictor, optimizer, step)
    calibrate(predictor, examples)
    keep(checkpoint, predictor, optimizer, step)


def keep(path: pathlib.Path, predictor: ErrorPredictor, optimizer, step: int) -> None:
    """Writes the checkpoint."""
    save_checkpoint(path, predictor=predictor.state_dict(), optimizer=optimizer.state_dict(), step=step,
                    architecture=predictor.architecture.as_dict())  # fmt: skip


if __name__ == "__main__":
    main()
