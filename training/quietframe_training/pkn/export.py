"""Exports the trained heads as a bundle: model.json and one ONNX file per head.

python -m quietframe_training.pkn.export --run DIR --out models/pkn/1 [--notes notes.json]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import pathlib

import onnx
import torch

from ..export import OPSET
from .heads import HEADS, Head
from .network import ParameterNetwork
from .preview import FEATURES, PreviewNetwork


def load_head(path: pathlib.Path) -> tuple[Head, ParameterNetwork, dict]:
    """A trained head, its network, and the checkpoint."""
    state = torch.load(path, map_location="cpu")
    head = HEADS[state["head"]]
    network = head.network()
    network.load_state_dict(state["network"])
    return head, network.eval(), state


def export_head(head: Head, network: ParameterNetwork, path: pathlib.Path):
    """in `x` [1,channels,H,W], H and W multiples of 4 -> `parameters` [1,P,H/2,W/2]."""
    axes = {"x": {2: "height", 3: "width"}, "parameters": {2: "half_height", 3: "half_width"}}
    torch.onnx.export(network, (torch.rand(1, head.channels, 16, 24),), path, input_names=["x"], output_names=["parameters"],
                      dynamic_axes=axes, opset_version=OPSET, dynamo=False)  # fmt: skip
    onnx.checker.check_model(str(path))


def load_preview(path: pathlib.Path) -> tuple[PreviewNetwork, dict]:
    """The trained network of the preview, and the checkpoint."""
    state = torch.load(path, map_location="cpu")
    network = PreviewNetwork()
    network.load_state_dict(state["network"])
    return network.eval(), state


def export_preview(network: PreviewNetwork, path: pathlib.Path):
    """in `x` [1,16,H/2,W/2], H and W multiples of 8 -> `parameters` [1,13,H/2,W/2]."""
    axes = {"x": {2: "height", 3: "width"}, "parameters": {2: "height", 3: "width"}}
    torch.onnx.export(network, (torch.rand(1, FEATURES, 16, 24),), path, input_names=["x"], output_names=["parameters"],
                      dynamic_axes=axes, opset_version=OPSET, dynamo=False)  # fmt: skip
    onnx.checker.check_model(str(path))


def export_bundle(run: pathlib.Path, folder: pathlib.Path, training: dict):
    """Writes all heads that `run` has a checkpoint of."""
    folder.mkdir(parents=True, exist_ok=True)
    heads, steps = {}, {}
    for name in (*HEADS, "cross_bilateral"):
        if not (run / f"{name}.pt").exists():
            continue
        path = folder / f"{name}.onnx"
        if name == "cross_bilateral":
            network, state = load_preview(run / f"{name}.pt")
            export_preview(network, path)
        else:
            head, network, state = load_head(run / f"{name}.pt")
            export_head(head, network, path)
        heads[name.replace("_", "-")] = {
            "file": path.name,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "weights": sum(p.numel() for p in network.parameters()),
        }
        steps[name.replace("_", "-")] = state["steps"]
    manifest = {
        "formatVersion": 1,
        "name": folder.parent.name,
        "version": int(folder.name),
        "description": "Parameters of classic filters, predicted at half resolution (Wronski 2021).",
        "license": "Apache-2.0",
        "heads": heads,
        "training": {"steps": steps, **training},
    }
    (folder / "model.json").write_text(json.dumps(manifest, indent=2) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="models/<name>/<version>")
    parser.add_argument("--notes", type=pathlib.Path, help="JSON for the manifest's `training`")
    options = parser.parse_args()
    export_bundle(options.run, options.out, json.loads(options.notes.read_text()) if options.notes else {})


if __name__ == "__main__":
    main()
