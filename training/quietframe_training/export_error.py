"""Adds an error predictor to a bundle: error_predictor.onnx, and its entries in model.json.

    python -m quietframe_training.export_error --checkpoint runs/e/error.pt --scores bench/quality/results/error.json \
        --bundle models/kpcn/1

The bundle's denoiser is the one that the predictor was trained for.  A predictor that the bundle has is replaced.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import pathlib

import onnx
import torch

from .error_predictor import ERROR_CHANNELS, INPUT_PLANES, ErrorPredictor, receptive_radius
from .export import OPSET
from .train_error import load_predictor

FILE = "error_predictor.onnx"


def export_predictor(predictor: ErrorPredictor, path: pathlib.Path) -> None:
    """Writes the module: x [1,13,h,w] -> error [1,2,h,w], any even size."""
    axes = {name: {2: "height", 3: "width"} for name in ("x", "error")}
    x = torch.rand(1, sum(INPUT_PLANES), 16, 24)
    torch.onnx.export(predictor.eval(), (x,), path, input_names=["x"], output_names=["error"], dynamic_axes=axes,
                      opset_version=OPSET, dynamo=False)  # fmt: skip
    onnx.checker.check_model(str(path))


def add_to_bundle(predictor: ErrorPredictor, bundle: pathlib.Path, decay: float) -> None:
    """Writes the module into a bundle's folder and tells of it in the manifest.

    decay: errors fall with the samples n as n^-decay.
    """
    export_predictor(predictor, bundle / FILE)
    manifest = json.loads((bundle / "model.json").read_text())
    digest = hashlib.sha256((bundle / FILE).read_bytes()).hexdigest()
    manifest["modules"]["error_predictor"] = {"file": FILE, "sha256": digest}
    manifest["errorPredictor"] = {
        "errorChannels": list(ERROR_CHANNELS),
        "receptiveRadius": receptive_radius(predictor.architecture),
        "decay": decay,
    }
    (bundle / "model.json").write_text(json.dumps(manifest, indent=2) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=pathlib.Path, required=True, help="of the error predictor")
    parser.add_argument("--scores", type=pathlib.Path, required=True, help="error.json of evaluate_error, for the decay")
    parser.add_argument("--bundle", type=pathlib.Path, required=True, help="models/<name>/<version>")
    options = parser.parse_args()
    predictor, _ = load_predictor(options.checkpoint)
    add_to_bundle(predictor, options.bundle, json.loads(options.scores.read_text())["decay"])


if __name__ == "__main__":
    main()
