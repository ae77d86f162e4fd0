"""The ablations on tiny examples and budgets: every group runs, resumes, and is reported."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from quietframe_training.ablations import __main__ as ablations
from quietframe_training.ablations.cells import Cell, run_cells
from quietframe_training.ablations.data import scores, subset
from quietframe_training.ablations.direct import DirectDenoiser
from quietframe_training.ablations.report import cell_text, window_means
from quietframe_training.network import Architecture, Denoiser
from quietframe_training.train import save_checkpoint

SIZE = 24
SMALL = {"feature_channels": 4, "context_channels": 2, "embedding_channels": 2, "compositor_channels": 2}


def write_example(path, split, frames=1, seed=0):
    """An edge with noise; frames that move by a pixel each."""
    rng = np.random.default_rng(seed)
    shape = (frames, SIZE, SIZE)
    surface = np.broadcast_to(0.2 + 0.5 * (np.arange(SIZE) > SIZE // 2)[None, None, :, None], (*shape, 3))
    noise = rng.gamma(4, 0.25, (*shape, 3))
    variance = np.full((*shape, 1), 0.01)
    arrays = {"albedo": surface, "normal": np.zeros((*shape, 3)) + [0, 0, 1], "albedo_var": 0 * variance,
              "normal_var": 0 * variance, "color_var": variance}  # fmt: skip
    if split:
        arrays |= {"diffuse": noise, "specular": 0 * surface, "denoise_albedo": surface, "denoise_albedo_var": 0 * variance,
                   "diffuse_var": variance, "specular_var": 0 * variance, "ref_diffuse": np.ones_like(noise)[:1],
                   "ref_specular": 0 * surface[:1], "ref_albedo": surface[:1]}  # fmt: skip
    else:
        arrays |= {"color": surface * noise, "ref_color": surface[:1]}
    if frames > 1:
        arrays["motion"] = np.tile(np.array([-1.0, 0, 1, 0]), (*shape, 1))
    meta = {"spp": 4, "frames": [i - frames // 2 for i in range(frames)], "ref_frames": [0]}
    arrays = {k: v.astype(np.float16) for k, v in arrays.items()}
    np.savez(path, meta=np.array(json.dumps(meta)), **arrays)


@pytest.fixture
def folders(tmp_path):
    for folder in ("data", "validation", "still"):
        (tmp_path / folder).mkdir()
        write_example(tmp_path / folder / "mi_000002_seq.npz", False, 9 if folder == "still" else 7, seed=2)
    for folder in ("data", "validation"):
        write_example(tmp_path / folder / "cy_000000_s04.npz", True)
        write_example(tmp_path / folder / "mi_000001_s04.npz", False, seed=1)
    torch.manual_seed(0)
    network = Denoiser(Architecture(**SMALL, levels=1))
    state = network.state_dict()
    save_checkpoint(tmp_path / "kpcn.pt", average=state, architecture=network.architecture.as_dict(), step=0)
    return tmp_path


def run(folders, *more):
    arguments = ["--data", folders / "data", "--validation", folders / "validation", "--still", folders / "still",
                 "--checkpoint", folders / "kpcn.pt", "--out", folders / "out", "--run", folders / "run", "--seeds", 1,
                 "--steps", 1, "--batch", 2, "--patch", 16, "--window-steps", 1, *more]  # fmt: skip
    options = ablations.parse([str(a) for a in arguments])
    options.architecture = SMALL
    return ablations.run(options)


def test_all_groups_run_once_and_are_reported(folders, monkeypatch):
    monkeypatch.setattr("quietframe_training.ablations.single_frames.STRUCTURES", [(2, 21, 1), (6, 21, 3)])
    monkeypatch.setattr("quietframe_training.ablations.single_frames.FRAMES", (1, None))
    assert run(folders, "--minutes", 0) != []
    assert run(folders) == []
    written = {path: path.stat().st_mtime_ns for path in (folders / "out" / "cells").iterdir()}
    assert {path.stem for path in written} >= {
        "one-encoder-both-s0", "kernels-b6-k21-l3-s0", "direct-b6-k21-l3-s0", "encoder-1-s0", "scratch-all-s0",
        "windows-mi_000002_seq", "stability-mi_000002_seq", "fusion-joint", "fusion-factored",
    }  # fmt: skip
    assert run(folders) == []
    assert {path: path.stat().st_mtime_ns for path in written} == written
    report = (folders / "out" / "ablations.md").read_text()
    for title in ("Table 2", "Figure 11", "Figure 12", "Figures 13 to 15", "Figure 16", "Section 8", "Figure 3"):
        assert f"## {title}" in report
    assert "| both, with encoders | " in report and "| 4, past only | " in report
    for name in ("figure11", "figure12", "figure15", "figure16", "section8"):
        assert (folders / "out" / f"{name}.png").read_bytes()[:4] == b"\x89PNG"


def test_a_cell_runs_again_only_with_other_settings(tmp_path):
    runs = []

    def cell(settings):
        return Cell("a", settings, lambda path: runs.append(path) or {"value": len(runs)})

    assert run_cells([cell({"steps": 1}), cell({"steps": 1})], tmp_path, tmp_path / "run", 1) == []
    assert len(runs) == 1 and cell({"steps": 1}).result(tmp_path) == {"value": 1}
    assert cell({"steps": 2}).result(tmp_path) is None
    run_cells([cell({"steps": 2})], tmp_path, tmp_path / "run", 1)
    assert cell({"steps": 2}).result(tmp_path) == {"value": 2}


def test_direct_prediction_has_no_kernels_and_learns():
    torch.manual_seed(0)
    network = DirectDenoiser(Architecture(**SMALL, sources=("shared",)))
    inputs, reference = torch.rand(1, 13, 16, 16), torch.full((1, 3, 16, 16), 0.4)
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    losses = []
    for _ in range(15):
        output = network(inputs, torch.tensor([0]))[0]
        losses.append(F.mse_loss(output, reference))
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < 0.5 * losses[0]
    assert network.kernel_predictor.logits.weight.grad is None


def test_scores_are_relative_to_the_noise(folders):
    examples = ablations.load_examples([folders / "data"], folders / "validation")
    torch.manual_seed(0)
    found = scores(Denoiser(Architecture(**SMALL, levels=1)), examples.validation, lambda v: v.renderer)
    assert set(found) == {"cycles", "mitsuba"} and found["mitsuba"]["views"] == 2
    for row in found.values():
        assert 0 < row["smape"] < 1 and row["relative smape"] > 0 and row["blotches"] < row["smape"]


def test_subsets_are_random_and_the_same_for_a_seed():
    views = list(range(50))
    assert subset(views, None, 0) == views == subset(views, 80, 0)
    assert len(subset(views, 25, 0)) == 25 and subset(views, 25, 0) == subset(views, 25, 0) != subset(views, 25, 1)


def test_means_and_ratios():
    assert cell_text([0.10, 0.12]) == "11.0 % ± 1.0 %" and cell_text([]) == "" and cell_text([0.5]) == "50.0 %"
    row = {"symmetric": {"1": {"smape": 0.2}, "3": {"smape": 0.1}}, "past": {"2": {"smape": 0.15}}, "oidn": {"smape": 0.3}}
    assert window_means({"a": row, "b": None}, "smape") == pytest.approx({"1": 1, "3": 0.5, "2p": 0.75, "oidn": 1.5})
