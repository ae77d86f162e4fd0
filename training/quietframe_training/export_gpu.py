"""Exports the graphs for GPUs (`gpu_graphs.py`, docs/gpu.md); `export` calls it.

`frame_graph.onnx` and `window_graph.onnx` hold no weights: their initializers are external data in ONNX's sense, at offsets
of the bundle's other files.  The location `source_encoder.onnx` stands for the file of the encoder that reads the frame; all
encoders have their weights at the same offsets.
"""

from __future__ import annotations

import copy
import hashlib
import pathlib
import warnings

import onnx
import torch

from .exported_modules import OPSET
from .gpu_graphs import FrameGraph, WindowGraph
from .network import INPUT_CHANNELS, Denoiser
from .window import WINDOW_OFFSETS

FRAME, WINDOW = "frame_graph", "window_graph"
ENCODER = "source_encoder"
LOGITS = "kernel_logits"
FLOAT = onnx.TensorProto.FLOAT


def frame_shapes(a, height=32, width=48, planes=7) -> dict[str, tuple]:
    """Shapes of the inputs of a frame's graph; a name marks a size that is known when the graph runs."""
    return {"x": (INPUT_CHANNELS, height, width), "planes": (planes, height, width), "log_lambda": (1, height // 2, width // 2)}


def window_shapes(a, frames=2, height=16, width=24, region=(20, 28), planes=7) -> dict[str, tuple]:
    half, cells = (height // 2, width // 2), (region[0] // 2, region[1] // 2)
    return {
        "planes": (planes, height, width),
        "own": (planes, height, width),
        "gate": (1, height, width),
        "spatial": (a.feature_channels, *half),
        "embedding": (a.embedding_channels, *half),
        "log_lambda": (1, *half),
        "other_planes": (planes, frames * region[0], region[1]),
        "other_embeddings": (a.embedding_channels, frames * cells[0], cells[1]),
        "motion": (2, frames * height, width),
        "columns": (frames, 1, width),
        "rows": (frames, height, 1),
        "cell_places": (2, frames * half[0], half[1]),
        "numbers": (frames, 1, 1),
        "slots": (frames, 1, 1),
        "order": (len(WINDOW_OFFSETS), 1, 1),
        "exposure": (1, 1, 1),
    }


def _free_axes(sizes: dict[str, tuple], others: dict[str, tuple]) -> dict[str, dict[int, str]]:
    """Axes whose size differs between two sets of shapes."""
    differs = {name: [i for i, (a, b) in enumerate(zip(sizes[name], others[name], strict=True)) if a != b] for name in sizes}
    return {name: {i + 1: f"{name}_{i}" for i in axes} for name, axes in differs.items()}


class WeightFiles:
    """The files of a bundle's modules, in which weights are found."""

    def __init__(self, folder: pathlib.Path, sources):
        self.folder, self.sources = folder, sources
        self._files = {}

    def reference(self, name: str, values: dict[str, torch.Tensor]) -> tuple[str, int]:
        """File and offset of a parameter of a graph; `values` has the weights of an encoder by source, or one of any name.

        Raises ValueError when the bundle has other weights.
        """
        module, _, parameter = name.partition(".")
        if module == ENCODER:
            found = {self._offset(f"{ENCODER}.{source}", parameter, value) for source, value in values.items()}
            if len(found) != 1:
                raise ValueError(f"Expected {parameter} at one offset of all encoders but received {sorted(found)}")
            return f"{ENCODER}.onnx", found.pop()
        (value,) = values.values()
        return (f"{LOGITS}.f32", 0) if module == LOGITS else (f"{module}.onnx", self._offset(module, parameter, value))

    def _offset(self, module: str, parameter: str, value: torch.Tensor) -> int:
        if module not in self._files:
            data = (self.folder / f"{module}.onnx").read_bytes()
            self._files[module] = data, onnx.load_from_string(data).graph.initializer
        data, initializers = self._files[module]
        raw = value.detach().numpy().astype("<f4").tobytes()
        # The exporter of modules merges weights that are equal: another name will do.
        for tensor in sorted(initializers, key=lambda tensor: tensor.name != parameter):
            if tensor.raw_data == raw and tuple(tensor.dims) == tuple(value.shape):
                message = tensor.SerializeToString()
                at = data.find(message)
                if at >= 0 and message.endswith(raw):
                    return at + len(message) - len(raw)
        raise ValueError(f"Expected {parameter} of the checkpoint in {module}.onnx of the bundle but there is none")


class _Weightless(torch.nn.Module):
    """A graph whose weights are further inputs, so that the exporter neither merges nor computes with them."""

    def __init__(self, graph):
        super().__init__()
        self.graph = copy.deepcopy(graph).eval()
        self.names = [name for name, _ in graph.named_parameters()]
        for name in self.names:
            module, parameter = self._place(name)
            delattr(module, parameter)

    def _place(self, name: str):
        module, _, parameter = name.rpartition(".")
        return self.graph.get_submodule(module), parameter

    def forward(self, *arguments):
        inputs, weights = arguments[: -len(self.names)], arguments[-len(self.names) :]
        for name, weight in zip(self.names, weights, strict=True):
            module, parameter = self._place(name)
            setattr(module, parameter, weight)
        return self.graph(*inputs)


def _write(path: pathlib.Path, graph, shapes, axes, references) -> None:
    weights = {name: value.detach() for name, value in graph.named_parameters()}
    arguments = (*(torch.rand(1, *shapes[name]) for name in graph.INPUTS), *weights.values())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter of TorchScript, and of sizes that tracing takes for constants
        torch.onnx.export(_Weightless(graph), arguments, path, input_names=[*graph.INPUTS, *weights],
                          output_names=list(graph.OUTPUTS), dynamic_axes=axes, opset_version=OPSET, dynamo=False)  # fmt: skip
    model = onnx.load(path)
    onnx.checker.check_model(model)
    inputs = [entry for entry in model.graph.input if entry.name not in weights]
    del model.graph.input[:], model.graph.output[:], model.graph.value_info[:]
    model.graph.input.extend(inputs)
    # The exporter names sizes that are not equal alike.
    model.graph.output.extend(onnx.helper.make_tensor_value_info(name, FLOAT, [1, None, None, None]) for name in graph.OUTPUTS)
    for name, value in weights.items():
        location, offset = references[name]
        entries = {"location": location, "offset": offset, "length": value.nbytes}
        tensor = onnx.TensorProto(name=name, dims=value.shape, data_type=FLOAT)
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.extend(onnx.StringStringEntryProto(key=k, value=str(v)) for k, v in entries.items())
        model.graph.initializer.append(tensor)
    _shorten(model.graph, {*graph.INPUTS, *graph.OUTPUTS, *weights})
    path.write_bytes(model.SerializeToString(deterministic=True))


def _shorten(graph, kept: set[str]) -> None:
    """Gives values and nodes numbers as names and merges equal constants: a third of the size."""
    numbers = {name: name for name in ("", *kept)}
    constants = {}
    nodes = []
    for node in graph.node:
        node.ClearField("name")
        if node.op_type == "Constant":
            (output,) = node.output
            known = constants.setdefault(node.attribute[0].SerializeToString(), output)
            if known != output:
                numbers[output] = numbers[known]
                continue
        for names in (node.input, node.output):
            names[:] = [numbers.setdefault(name, str(len(numbers))) for name in names]
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)


def export_gpu_graphs(network: Denoiser, folder: pathlib.Path) -> dict[str, dict]:
    """Writes the graphs beside the modules of the network; returns their entries in the manifest's `modules`."""
    a = network.architecture
    files = WeightFiles(folder, a.sources)
    graphs = {source: FrameGraph(network, source) for source in a.sources}
    window = WindowGraph(network)
    _, frame = next(iter(graphs.items()))
    frame_axes = _free_axes(frame_shapes(a), frame_shapes(a, 36, 44, 8))
    window_axes = _free_axes(window_shapes(a), window_shapes(a, 3, 12, 20, (14, 18), 8))
    frame_values = {
        name: {source: graph.get_parameter(name) for source, graph in graphs.items()}
        if name.startswith(f"{ENCODER}.")
        else {"": value}
        for name, value in frame.named_parameters()
    }
    window_values = {name: {"": value} for name, value in window.named_parameters()}
    entries = {}
    for name, graph, shapes, axes, values in (
        (FRAME, frame, frame_shapes(a), frame_axes, frame_values),
        (WINDOW, window, window_shapes(a), window_axes, window_values),
    ):
        path = folder / f"{name}.onnx"
        _write(path, graph, shapes, axes, {key: files.reference(key, value) for key, value in values.items()})
        entries[name] = {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    return entries
