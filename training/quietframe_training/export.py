"""Exports a checkpoint as a bundle: model.json and one ONNX file per module (see docs/training.md).

python -m quietframe_training.export --checkpoint runs/a/checkpoint.pt --out models/kpcn/1 [--notes notes.json] [--refresh]

With --refresh a bundle that is there is written again and keeps its prefilter, its error predictor and, without --notes, its
notes (`training`).
A checkpoint whose run has trained one encoder alone gets the error predictor of the bundle that it replaces, or of the newest
one beside it: the predictor looks at pictures and not at the network, which is the same behind the encoder.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import pathlib
import shutil

import onnx
import torch

from .export_gpu import FRAME, WINDOW, export_gpu_graphs
from .exported_modules import (
    OPSET,
    ActivatedSpatialFeatures,
    HalfResolutionEncoder,
    HalfResolutionHead,
    PaddedCompositor,
    SplitSpecialization,
)
from .joint_kernels import denoiser_of, is_joint
from .network import ALBEDO_EPSILON, GUIDE_SCALE, INPUT_CHANNELS, MAX_ALBEDO_RATIO, Architecture, Denoiser
from .window import WINDOW_OFFSETS

PREDICTOR = "error_predictor.onnx"


def load_network(checkpoint: pathlib.Path) -> tuple[Denoiser, dict]:
    """The averaged weights of a checkpoint, and the checkpoint."""
    state = torch.load(checkpoint, map_location="cpu")
    architecture = {k: tuple(v) if isinstance(v, list) else v for k, v in state["architecture"].items()}
    network = denoiser_of(Architecture(**architecture))
    load_weights(network, state["average"])
    return network.eval(), state


def trained_encoder(state: dict) -> tuple[str, str] | tuple[None, None]:
    """The encoder that a checkpoint's run has trained alone, and the one that it began as a copy of; none of others."""
    options = state.get("options", {})
    # Options are kept as text.
    encoder = options.get("encoder", "None")
    return (None, None) if encoder in ("None", "") else (encoder, options["like"])


def load_weights(network: Denoiser, weights: dict, new_encoder: str = "") -> None:
    """Weights of a checkpoint; modules that it lacks, because they are trained later, keep what they begin with."""
    missing, unexpected = network.load_state_dict(weights, strict=False)
    later = ["temporal_features.", "neighbor_predictor.", "loss_specialization."]
    later = tuple([*later, f"source_encoder.{new_encoder}."] if new_encoder else later)
    if unexpected or any(not name.startswith(later) for name in missing):
        raise ValueError(f"Expected the weights of this architecture but miss {missing} and received {unexpected}")


def feature_radius(a: Architecture) -> int:
    """How far, in pixels, kernel features at a pixel depend on the input; rounded up to an even number.

    The first convolution reaches 2 px (4x4, stride 2); every 3x3 convolution at half resolution adds 2 px, at a quarter 4 px; a
    pixel's features stem from the half-resolution sample that covers it, one more, and that from a cell of 4 px.
    """
    half = 2 * (1 + 2 * a.blocks)
    quarter = 2 * (1 + 2 * (a.blocks // 2)) + 4 * 2 * a.quarter_blocks + 2 if a.quarter_blocks else 0
    return 2 + max(half, quarter) + 2


def temporal_radius(a: Architecture) -> int:
    """How far kernels in other frames depend on features and guides: the blocks of the temporal module, and a pixel's cell."""
    return 2 * 2 * a.temporal_blocks + 2


def specialization_radius(_: Architecture) -> int:
    """The same for the specialisation: a convolution and a block."""
    return 2 * 3 + 2


def compositor_radius(_: Architecture) -> int:
    """The same for the blend weight: two 3x3 convolutions at half resolution."""
    return 2 * 2 + 2


def _export(module, arguments, inputs, outputs, path):
    axes = {name: {2: "height", 3: "width"} for name in (*inputs, *outputs)}
    for name in inputs + outputs:  # two resolutions meet in one graph
        if name not in ("x", "fine", "blend_weight"):
            axes[name] = {2: "half_height", 3: "half_width"}
    torch.onnx.export(module.eval(), arguments, path, input_names=inputs, output_names=outputs, dynamic_axes=axes,
                      opset_version=OPSET, dynamo=False)  # fmt: skip
    onnx.checker.check_model(str(path))


def export_modules(network: Denoiser, folder: pathlib.Path) -> dict[str, dict]:
    """Writes every module and returns the manifest's `modules`."""
    a = network.architecture
    folder.mkdir(parents=True, exist_ok=True)
    x = torch.rand(1, INPUT_CHANNELS, 16, 24)
    half = (8, 12)
    spatial = torch.rand(1, a.feature_channels, *half)
    for source, encoder in network.source_encoder.items():
        encoder = HalfResolutionEncoder(encoder)
        _export(encoder, (x,), ["x"], ["features", "detail"], folder / f"source_encoder.{source}.onnx")
    spatial_features = ActivatedSpatialFeatures(network.spatial_features)
    _export(spatial_features, (spatial,), ["features"], ["spatial"], folder / "spatial_features.onnx")
    for name, channels in (("kernel_embedding", a.embedding_channels), ("kernel_predictor", a.kernel_channels)):
        pair = (spatial, torch.rand(1, 4 * channels, *half))
        output = "embedding" if name == "kernel_embedding" else "kernel_features"
        _export(HalfResolutionHead(getattr(network, name)), pair, ["spatial", "detail"], [output], folder / f"{name}.onnx")
    neighbors = HalfResolutionHead(network.neighbor_predictor)
    _export(neighbors, (spatial,), ["temporal"], ["neighbor_features"], folder / "neighbor_predictor.onnx")
    differences = torch.rand(1, len(WINDOW_OFFSETS) * (a.guide_channels + 1), *half)
    path = folder / "temporal_features.onnx"
    _export(network.temporal_features, (spatial, differences), ["spatial", "differences"], ["temporal"], path)
    arguments = (spatial, torch.rand(1, 1, *half))
    path = folder / "loss_specialization.onnx"
    _export(SplitSpecialization(network.loss_specialization), arguments, ["spatial", "log_lambda"], ["specialized"], path)
    pair = (torch.rand(1, 3, 16, 24), torch.rand(1, 3, 8, 12))
    compositor = PaddedCompositor(network.scale_compositor)
    _export(compositor, pair, ["fine", "coarse"], ["blend_weight"], folder / "scale_compositor.onnx")
    logits = network.kernel_predictor.taps().T
    (folder / "kernel_logits.f32").write_bytes(logits.detach().numpy().astype("<f4").tobytes())

    modules = {}
    others = {PREDICTOR, f"{FRAME}.onnx", f"{WINDOW}.onnx"}
    paths = [path for path in folder.glob("*.onnx") if path.name not in others]
    for path in sorted([*paths, folder / "kernel_logits.f32"]):
        modules[path.stem] = {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    modules["kernel_logits"]["shape"] = list(logits.shape)
    # A graph for GPUs would have to store the kernels of seven frames.
    return modules if is_joint(a) else modules | export_gpu_graphs(network, folder)


def export_bundle(network: Denoiser, folder: pathlib.Path, name: str, version: int, description: str, training: dict):
    """Writes a whole bundle."""
    a = network.architecture
    manifest = {
        "formatVersion": 4,
        "name": name,
        "version": version,
        "description": description,
        "license": "Apache-2.0",
        "architecture": {
            "inputChannels": INPUT_CHANNELS,
            "featureChannels": a.feature_channels,
            "blocks": a.blocks,
            "contextChannels": a.context_channels,
            "embeddingChannels": a.embedding_channels,
            "kernelSize": a.kernel_size,
            "levels": a.levels,
            "compositorChannels": a.compositor_channels,
            "windowSize": len(WINDOW_OFFSETS) + 1,
            "temporalBlocks": a.temporal_blocks,
            "neighborKernelSize": a.neighbor_kernel_size,
            "quarterBlocks": a.quarter_blocks,
            "quarterChannels": a.quarter_channels if a.quarter_blocks else 0,
            "detailHiddenChannels": a.detail_hidden_channels,
        },
        "receptiveRadius": {
            "features": feature_radius(a),
            "temporal": temporal_radius(a),
            "specialization": specialization_radius(a),
            "compositor": compositor_radius(a),
        },
        "constants": {"albedoEpsilon": ALBEDO_EPSILON, "maxAlbedoRatio": MAX_ALBEDO_RATIO, "guideScale": GUIDE_SCALE},
        "sources": list(a.sources),
        "modules": export_modules(network, folder),
        "training": training,
    }
    (folder / "model.json").write_text(json.dumps(manifest, indent=2) + "\n")


def bundle_with_predictor(folder: pathlib.Path) -> pathlib.Path | None:
    """The bundle in the folder, or else the newest version beside it, that predicts errors."""
    versions = [path for path in folder.parent.glob("*") if path.name.isdigit() and path != folder]
    for bundle in [folder, *sorted(versions, key=lambda path: -int(path.name))]:
        manifest = bundle / "model.json"
        if manifest.exists() and "errorPredictor" in json.loads(manifest.read_text()):
            return bundle
    return None


def keep_predictor(manifest: dict, source: pathlib.Path, folder: pathlib.Path) -> None:
    """Takes the error predictor of a bundle, whose manifest is given, into another one."""
    if source != folder:
        shutil.copyfile(source / PREDICTOR, folder / PREDICTOR)
    target = json.loads((folder / "model.json").read_text())
    target["modules"]["error_predictor"] = manifest["modules"]["error_predictor"]
    target["errorPredictor"] = manifest["errorPredictor"]
    (folder / "model.json").write_text(json.dumps(target, indent=2) + "\n")


def keep_rest(old: dict, folder: pathlib.Path, keeps_notes: bool) -> None:
    """Takes prefilter, error predictor and perhaps notes of a bundle's last manifest into the new one, in its order."""
    new = json.loads((folder / "model.json").read_text())
    modules = {**old["modules"], **new["modules"]}
    manifest = {**old, **new, "modules": modules, "training": (old if keeps_notes else new)["training"]}
    (folder / "model.json").write_text(json.dumps(manifest, indent=2) + "\n")


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="models/<name>/<version>")
    parser.add_argument("--notes", type=pathlib.Path, help="JSON for the manifest's `training`")
    parser.add_argument("--refresh", action="store_true", help="keep the bundle's prefilter, error predictor and notes")
    options = parser.parse_args(arguments)
    network, state = load_network(options.checkpoint)
    last = json.loads((options.out / "model.json").read_text()) if options.refresh else None
    training = json.loads(options.notes.read_text()) if options.notes else {}
    training = {"steps": state["step"], **training}
    description = "Multi-scale kernel-predicting denoiser of windows of 1 to 7 frames (Vogels et al. 2018)."
    source = bundle_with_predictor(options.out) if trained_encoder(state)[0] else None
    # A bundle that is written anew loses its manifest.
    manifest = json.loads((source / "model.json").read_text()) if source else {}
    export_bundle(network, options.out, options.out.parent.name, int(options.out.name), description, training)
    if last:
        keep_rest(last, options.out, keeps_notes=options.notes is None)
    elif source:
        keep_predictor(manifest, source, options.out)
    else:
        print("The bundle predicts no errors: train a predictor, and add it with export_error")


if __name__ == "__main__":
    main()
