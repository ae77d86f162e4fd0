"""Scores a checkpoint on validation scenes against the noisy input, a tuned joint bilateral filter and OIDN.

    python -m quietframe_training.evaluate --checkpoint CHECKPOINT --validation DIR --tune DIR --out bench/quality/results

Writes quality.json and quality.md. Every method gets the same noisy colour and the same noisy auxiliary buffers. Scores
are in the units of the files. They are told by samples per pixel, by tag (the renderer, and the family and the tags that
the generator has written into the file), for cleaner input, and for every scene.

A checkpoint whose run has trained one encoder alone is scored with it, whatever the renderer of the frames, and beside the
encoder that it began as a copy of; `--encoder` names another.
"""

from __future__ import annotations

import argparse
import datetime
import functools
import json
import pathlib
import platform
from dataclasses import replace

import numpy as np
import torch

from .auxiliary_prefilter import load_prefilter
from .dataset import encoder_for, encoder_of, load_example, seen_by, with_less_noise
from .export import load_network, trained_encoder
from .joint_bilateral import joint_bilateral, tune
from .losses import dssim, relative_mse, smape
from .noise_guard import guarded
from .oidn import oidn
from .train import denoise_view

OIDN_BEST = ("oidn high", "oidn high, prefiltered")

METRICS = {"smape": smape, "relmse": relative_mse, "dssim": dssim}

SHARES = (1.0, 0.3, 0.1, 0.03, 0.01)
"""Of the noise that is left in cleaner input."""


def methods(network, bilateral, encoder=None, like=None):
    """name -> function of a view to a denoised picture.

    encoder: reads all frames, in the place of that of their renderer; like: another, to compare it with.
    """
    beside = {}
    if like is not None:
        beside[f"quietframe, {like}"] = lambda v: denoised_as_served(network, v.inputs(like), v.renderer, like)
    return {
        "noisy": lambda v: v.color,
        "bilateral": lambda v: joint_bilateral(v.color, v.albedo, v.normal, bilateral),
        "oidn fast": lambda v: oidn(v, "fast"),
        "oidn high": lambda v: oidn(v, "high"),
        "oidn high, prefiltered": lambda v: oidn(v, "high", prefiltered=True),
        "quietframe": lambda v: denoised_view(network, v, encoder),
        **beside,
        "quietframe, no prefilter": lambda v: denoised_view(network, replace(v, clean=None), encoder),
        "quietframe, no variances": lambda v: denoise_view(network, v.inputs("generic"), "generic"),
        "quietframe, colour only": lambda v: denoise_view(network, v.inputs(), "color"),
        "quietframe, finest scale": lambda v: finest_scale(network, v, encoder),
    }


def denoised_view(network, view, encoder: str | None = None) -> torch.Tensor:
    """`denoised_as_served` by the encoder that the service chooses, or by `encoder`."""
    encoder = encoder or encoder_for(view, network.architecture.sources)
    return denoised_as_served(network, view.inputs(encoder), view.renderer, encoder)


def denoised_as_served(network, inputs: torch.Tensor, renderer: str, encoder: str | None = None) -> torch.Tensor:
    """`denoise_view` by the encoder (that of the renderer), and the service's guard where variances were measured.

    The guard compares with the measured variance, even where the renderer has no encoder and `generic` sees another.
    """
    seen = seen_by(inputs, renderer)
    encoder = encoder or encoder_of(renderer, network.architecture.sources)
    return guarded(seen[:3], seen[3:4], denoise_view(network, seen, encoder))


@torch.no_grad()
def finest_scale(network, view, encoder: str | None = None) -> torch.Tensor:
    """The single-scale result, for the ablation; the picture is padded to a multiple of 2^levels."""
    encoder = encoder or encoder_for(view, network.architecture.sources)
    index = torch.tensor([network.architecture.sources.index(encoder)])
    seen = seen_by(view.inputs(encoder), encoder)[None]
    multiple = 2**network.architecture.levels
    height, width = seen.shape[2:]
    padded = torch.nn.functional.pad(seen, (0, -width % multiple, 0, -height % multiple), mode="replicate")
    return network(padded, index)[1][0][0][:, :height, :width]


def mean_by(rows, key, method, metric):
    """Means of a metric grouped by `key`."""
    groups: dict = {}
    for row in rows:
        groups.setdefault(row[key], []).append(row["scores"][method][metric])
    return {group: float(np.mean(values)) for group, values in sorted(groups.items())}


def tags_of(path: pathlib.Path, renderer: str) -> list[str]:
    """What the scene of a file belongs to: its renderer, its family and its tags, each once."""
    with np.load(path) as file:
        meta = json.loads(str(file["meta"]))
    family = [meta["family"]] if "family" in meta else []
    return list(dict.fromkeys([renderer, *family, *meta.get("tags", [])]))


def frames_to_tune(folder: pathlib.Path) -> list[pathlib.Path]:
    """At most eight examples, of four samples where the generators have named them so; at least one."""
    paths = sorted(folder.glob("*_s04.npz")) or sorted(folder.glob("*.npz"))
    if not paths:
        raise SystemExit(f"Expected .npz files in {folder} to tune the bilateral filter, but there are none")
    return paths[::5][:8]


def mean_by_tag(rows, metric="smape") -> dict[str, dict]:
    """tag -> {"frames": count, "scores": {method: mean}}, the most frequent tag first."""
    groups: dict = {}
    for row in rows:
        for tag in row["tags"]:
            groups.setdefault(tag, []).append(row["scores"])
    ordered = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
    return {
        tag: {"frames": len(scores), "scores": {name: float(np.mean([s[name][metric] for s in scores])) for name in scores[0]}}
        for tag, scores in ordered
    }


def relative_to_best_oidn(rows, method: str = "quietframe") -> dict[str, dict]:
    """renderer -> {"frames", "ratios": {metric: geometric mean}, "worst": (scene, SMAPE ratio)} to the better OIDN high."""
    groups: dict = {}
    for row in rows:
        best = {m: min(row["scores"][name][m] for name in OIDN_BEST) for m in METRICS}
        ratios = {m: row["scores"][method][m] / best[m] for m in METRICS}
        for group in (row["renderer"], "all"):
            groups.setdefault(group, []).append((row["scene"], ratios))
    return {
        group: {
            "frames": len(entries),
            "ratios": {m: float(np.exp(np.mean([np.log(ratios[m]) for _, ratios in entries]))) for m in METRICS},
            "worst": max(((scene, ratios["smape"]) for scene, ratios in entries), key=lambda entry: entry[1]),
        }
        for group, entries in groups.items()
    }


def relative_lines(rows) -> list[str]:
    """`relative_to_best_oidn` as a section of the report."""
    lines = ["## Relative to Intel Open Image Denoise", ""]
    lines += ["Geometric means of frame by frame ratios to the better of OIDN high with noisy and with prefiltered guides.", ""]
    lines += ["| renderer | frames | " + " | ".join(METRICS) + " | worst SMAPE |", "|---|---|" + "---|" * (len(METRICS) + 1)]
    for group, entry in relative_to_best_oidn(rows).items():
        ratios = " | ".join(f"{entry['ratios'][m]:.3f}" for m in METRICS)
        lines.append(f"| {group} | {entry['frames']} | {ratios} | {entry['worst'][0]} {entry['worst'][1]:.2f} |")
    return [*lines, ""]


def score_cleaner(denoise, view) -> list[dict[str, float]]:
    """SMAPE of a view with each share of its noise before and after `denoise`, a function of inputs [13,H,W] and renderer."""
    reference = view.reference / view.exposure
    scores = []
    for share in SHARES:
        inputs = with_less_noise(view.inputs(), view.reference, share)
        pictures = {"noisy": inputs[:3], "quietframe": denoise(inputs, view.renderer)}
        errors = {name: float(smape(picture / view.exposure, reference)) for name, picture in pictures.items()}
        scores.append({"share": share, **errors})
    return scores


def mean_cleaner(rows) -> list[dict[str, float]]:
    """Means over the frames for each share of the noise, and how many frames are worse after denoising than before."""
    means = []
    for scores in zip(*(row["cleaner"] for row in rows), strict=True):
        mean = {name: float(np.mean([score[name] for score in scores])) for name in ("noisy", "quietframe")}
        worse = sum(score["quietframe"] > score["noisy"] for score in scores)
        means.append({"share": scores[0]["share"], **mean, "worse": worse, "frames": len(scores)})
    return means


def markdown(rows, names, bilateral) -> str:
    """The report: means by samples per pixel and by tag, cleaner input, and a row for every scene."""
    lines = ["# Quality on the validation scenes", ""]
    lines += ["Lower is better. Mean over scenes; SMAPE is Vogels et al. 2018, equation 2.", ""]
    for metric in METRICS:
        groups = list(mean_by(rows, "spp", names[0], metric))
        lines += [f"## {metric}", "", "| method | " + " | ".join(f"{g} spp" for g in groups) + " | all |"]
        lines += ["|---|" + "---|" * (len(groups) + 1)]
        for name in names:
            by = mean_by(rows, "spp", name, metric)
            overall = float(np.mean([row["scores"][name][metric] for row in rows]))
            lines.append(f"| {name} | " + " | ".join(f"{by[g]:.4f}" for g in groups) + f" | {overall:.4f} |")
        lines.append("")
    if set(OIDN_BEST) <= set(names):
        lines += relative_lines(rows)
    lines += ["## By tag (SMAPE)", "", "Means over the frames with that renderer, family or tag.", ""]
    lines += ["| tag | frames | " + " | ".join(names) + " |", "|---|---|" + "---|" * len(names)]
    for tag, group in mean_by_tag(rows).items():
        scores = " | ".join(f"{group['scores'][name]:.4f}" for name in names)
        lines.append(f"| {tag} | {group['frames']} | {scores} |")
    lines += ["", "## Cleaner input (SMAPE)", ""]
    lines += ["Colours with so much of their noise, as more samples would have made them, and the variance of that.", ""]
    lines += ["| noise | input | output | frames that are worse |", "|---|---|---|---|"]
    for mean in mean_cleaner(rows):
        worse = f"{mean['worse']} of {mean['frames']}"
        lines.append(f"| x {mean['share']:g} | {mean['noisy']:.5f} | {mean['quietframe']:.5f} | {worse} |")
    lines += ["", f"Bilateral parameters, tuned on training scenes: {bilateral}", "", "## Every scene (SMAPE)", ""]
    lines += ["| scene | spp | " + " | ".join(names) + " |", "|---|---|" + "---|" * len(names)]
    for row in rows:
        scores = " | ".join(f"{row['scores'][n]['smape']:.4f}" for n in names)
        lines.append(f"| {row['scene']} | {row['spp']} | {scores} |")
    return "\n".join(lines) + "\n"


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=pathlib.Path, required=True)
    parser.add_argument("--validation", type=pathlib.Path, nargs="+", required=True)
    parser.add_argument("--prefilter", type=pathlib.Path, help="checkpoint of the auxiliary prefilter before the network")
    parser.add_argument("--tune", type=pathlib.Path, required=True, help="training examples that tune the bilateral filter")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--encoder", help="that reads all frames; by default the one that was trained alone")
    options = parser.parse_args(arguments)
    network, state = load_network(options.checkpoint)
    sources = network.architecture.sources
    if options.encoder and options.encoder not in sources:
        parser.error(f"Expected one of {', '.join(sources)} for --encoder but received {options.encoder}")
    trained, like = trained_encoder(state)
    encoder = options.encoder or trained
    training = [load_example(p, False)[0] for p in frames_to_tune(options.tune)]
    bilateral = tune(training)
    table = methods(network, bilateral, encoder, like if encoder == trained else None)
    rows = []
    prefilter = load_prefilter(options.prefilter) if options.prefilter else None
    for path in (p for folder in options.validation for p in sorted(folder.glob("*.npz"))):
        view = load_example(path, False, prefilter)[0]
        reference = view.reference / view.exposure
        scores = {}
        for name, method in table.items():
            output = method(view) / view.exposure
            scores[name] = {metric: float(function(output, reference)) for metric, function in METRICS.items()}
        cleaner = score_cleaner(functools.partial(denoised_as_served, network, encoder=encoder), view)
        tags = tags_of(path, view.renderer)
        frame = {"scene": path.stem, "spp": view.spp, "renderer": view.renderer, "tags": tags}
        rows.append({**frame, "scores": scores, "cleaner": cleaner})
    options.out.mkdir(parents=True, exist_ok=True)
    about = {"date": datetime.date.today().isoformat(), "machine": platform.machine(), "python": platform.python_version(),
             "torch": torch.__version__.split("+")[0], "steps": state["step"], "encoder": encoder}  # fmt: skip
    summary = {"about": about, "tags": mean_by_tag(rows), "cleaner": mean_cleaner(rows), "scenes": rows}
    (options.out / "quality.json").write_text(json.dumps(summary, indent=1) + "\n")
    text = markdown(rows, list(table), bilateral)
    (options.out / "quality.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
