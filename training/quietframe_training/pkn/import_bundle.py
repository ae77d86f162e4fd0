"""Writes the heads of a bundle as checkpoints, to train them further or to export them again with others.

python -m quietframe_training.pkn.import_bundle --bundle models/pkn/1 --run DIR

Checkpoints that the run has already stay. A head that has got further parameters since keeps the weights of the old ones; the
new ones begin near the low end of their range.
"""

from __future__ import annotations

import argparse
import json
import pathlib

import onnx
import torch
from onnx import numpy_helper

from ..train import save_checkpoint
from .heads import HEADS

# Before the sigmoid: a ninth of the range.
NEW_PARAMETER = -2.0


def head_weights(path: pathlib.Path) -> dict[str, torch.Tensor]:
    """The weights of an exported head by name."""
    initializers = onnx.load(str(path)).graph.initializer
    return {tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy()) for tensor in initializers}


def with_new_parameters(weights: dict[str, torch.Tensor], count: int) -> dict[str, torch.Tensor]:
    """The weights of a head for `count` parameters, of which it has the first."""
    weight, bias = weights["head.weight"], weights["head.bias"]
    missing = count - len(bias)
    return weights | {
        "head.weight": torch.cat([weight, weight.new_zeros(missing, *weight.shape[1:])]),
        "head.bias": torch.cat([bias, bias.new_full((missing,), NEW_PARAMETER)]),
    }


def import_bundle(bundle: pathlib.Path, run: pathlib.Path):
    """Writes a checkpoint for every head of a bundle that `run` has none of."""
    manifest = json.loads((bundle / "model.json").read_text())
    run.mkdir(parents=True, exist_ok=True)
    for filter_name, entry in manifest["heads"].items():
        name = filter_name.replace("-", "_")
        if (run / f"{name}.pt").exists():
            continue
        weights = head_weights(bundle / entry["file"])
        if name in HEADS:
            weights = with_new_parameters(weights, len(HEADS[name].parameters))
        steps = manifest["training"]["steps"][filter_name]
        save_checkpoint(run / f"{name}.pt", network=weights, head=name, steps=steps)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=pathlib.Path, required=True)
    parser.add_argument("--run", type=pathlib.Path, required=True)
    options = parser.parse_args()
    import_bundle(options.bundle, options.run)


if __name__ == "__main__":
    main()
