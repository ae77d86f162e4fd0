"""Adds an error predictor to a bundle: error_predictor.onnx, and its entries in model.json.

    python -m quietframe_training.export_error --checkpoint runs/e/error.pt --scores bench/quality/results/error.json \
        --bundle models/kpcn/1 [--golden test/golden/error]

The golden tensors prove that whoever runs the module gives it what the training did.  The bundle's denoiser is the one that
the predictor was trained for.  A predictor that the bundle has is replaced.
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


def write_golden(predictor: ErrorPredictor, folder: pathlib.Path) -> None:
    """An input [13,20,28] with every kind of value, x.f32, and what the predictor makes of it, error.f32 [2,20,28]."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(1, sum(INPUT_PLANES), 20, 28, generator=generator) ** 3
    x[:, 0:6] *= 4
    x[:, 10:13] = 2 * x[:, 10:13] - 1
    x[:, 6, :5] = 0  # no variance
    x[:, 0:6, 5:8] = 0  # black
    x[:, 0:3, 9, 9] = 1e4  # a firefly
    with torch.no_grad():
        error = predictor.eval()(x)
    folder.mkdir(parents=True, exist_ok=True)
    for name, tensor in (("x", x), ("error", error)):
        (folder / f"{name}.f32").write_bytes(tensor.numpy().astype("<f4").tobytes())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=pathlib.Path, required=True, help="of the error predictor")
    parser.add_argument("--scores", type=pathlib.Path, required=True, help="error.json of evaluate_error, for the decay")
    parser.add_argument("--bundle", type=pathlib.Path, required=True, help="models/<name>/<version>")
    parser.add_argument("--golden", type=pathlib.Path, help="folder for golden tensors")
    options = parser.parse_args()
    predictor, _ = load_predictor(options.checkpoint)
    add_to_bundle(predictor, options.bundle, json.loads(options.scores.read_text())["decay"])
    if options.golden:
        write_golden(predictor, options.golden)


if __name__ == "__main__":
    main()
