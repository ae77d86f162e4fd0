"""Dataset and training on a tiny example that is written in the format of the rendered ones."""

import hashlib
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from quietframe_training import evaluate, export
from quietframe_training.dataset import PatchSampler, encoder_of, load_example, renderer_of, seen_by, with_less_noise
from quietframe_training.error_predictor import ErrorArchitecture, ErrorPredictor
from quietframe_training.export import load_network, trained_encoder
from quietframe_training.export_error import add_to_bundle
from quietframe_training.joint_bilateral import BilateralParameters, joint_bilateral
from quietframe_training.losses import smape
from quietframe_training.network import Architecture, Denoiser


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    shape = (1, 32, 32)
    reference = np.full((*shape, 3), 0.3) + 0.2 * (np.arange(32) > 15)[None, None, :, None]
    noise = rng.gamma(4, 0.25, (*shape, 3))
    arrays = {
        "color": reference * noise, "albedo": reference, "normal": np.zeros((*shape, 3)) + [0, 0, 1],
        "color_var": 0.25 * reference[..., :1] ** 2, "albedo_var": np.zeros((*shape, 1)),
        "normal_var": np.zeros((*shape, 1)), "ref_color": reference,
    }  # fmt: skip
    meta = {"spp": 4, "frames": [0], "ref_frames": [0]}
    arrays = {k: v.astype(np.float16) for k, v in arrays.items()}
    np.savez(tmp_path / "mi_000001_s04.npz", meta=np.array(json.dumps(meta)), **arrays)
    return tmp_path


def test_views_are_exposed_consistently(folder):
    (view,) = load_example(folder / "mi_000001_s04.npz")
    assert view.renderer == "mitsuba" and view.spp == 4
    assert float(view.reference.mean() / view.exposure) == pytest.approx(0.4, rel=0.01)
    assert float(view.color_variance.mean() / view.exposure**2) == pytest.approx(0.25 * 0.17, rel=0.03)


@pytest.mark.parametrize(
    ("meta", "split", "renderer"),
    [
        ({}, False, "mitsuba"),
        ({}, True, "cycles"),
        ({"renderer": "Mitsuba 3.6.0 llvm_ad_rgb"}, False, "mitsuba"),
        ({"renderer": "LuxCore 2.11.2 PATHCPU"}, False, "luxcore"),
    ],
)
def test_renderer_is_told_by_the_example(meta, split, renderer):
    assert renderer_of(meta, split) == renderer


def test_renderers_without_an_encoder_are_read_by_the_generic_one(folder):
    sources = ("cycles", "mitsuba", "generic", "color")
    assert encoder_of("mitsuba", sources) == "mitsuba"
    assert encoder_of("luxcore", sources) == "generic"
    assert encoder_of("luxcore", (*sources, "luxcore")) == "luxcore"
    with np.load(folder / "mi_000001_s04.npz") as file:
        arrays = {name: file[name] for name in file.files}
    meta = json.loads(str(arrays["meta"])) | {"renderer": "LuxCore 2.11.2 PATHCPU"}
    np.savez(folder / "lx_ball_s04.npz", **arrays | {"meta": np.array(json.dumps(meta))})
    (view,) = load_example(folder / "lx_ball_s04.npz")
    assert view.renderer == "luxcore"
    assert PatchSampler([view], sources, size=16, poorer=0).batch(2)[2].tolist() == [2, 2]


def test_less_noise_is_what_more_samples_would_leave(folder):
    (view,) = load_example(folder / "mi_000001_s04.npz")
    inputs = view.inputs()
    cleaner = with_less_noise(inputs, view.reference, 0.1)  # as a hundred times the samples
    assert torch.allclose(cleaner[:3] - view.reference, 0.1 * (inputs[:3] - view.reference), atol=1e-6)
    assert torch.allclose(cleaner[3], 0.01 * inputs[3])
    assert torch.equal(cleaner[4:], inputs[4:])


def test_poorer_sources_lose_what_they_never_had(folder):
    inputs = load_example(folder / "mi_000001_s04.npz")[0].inputs()
    generic, color = seen_by(inputs, "generic"), seen_by(inputs, "color")
    assert generic[7].abs().max() == 0 and generic[4:7].max() > 0 and not torch.equal(generic[3], inputs[3])
    assert color[4:12].abs().max() == 0 and torch.equal(color[:3], inputs[:3])
    assert torch.equal(seen_by(inputs, "mitsuba"), inputs)


def test_patches_stay_consistent_under_augmentation(folder):
    sampler = PatchSampler(
        load_example(folder / "mi_000001_s04.npz"), ("mitsuba", "generic", "color"), size=16, poorer=0, fireflies=0
    )
    inputs, references, sources = sampler.batch(8)
    assert inputs.shape == (8, 13, 16, 16) and references.shape == (8, 3, 16, 16) and sources.tolist() == [0] * 8
    albedo = inputs[:, 4:7]
    torch.testing.assert_close(
        references.mean((2, 3)) / albedo.mean((2, 3)), (references / albedo)[:, :, 0, 0], rtol=0.01, atol=0
    )
    torch.testing.assert_close(inputs[:, 8:11].norm(dim=1), torch.ones(8, 16, 16), rtol=1e-3, atol=1e-3)


def test_training_learns_and_resumes(folder, tmp_path):
    run = tmp_path / "run"
    command = [sys.executable, "-m", "quietframe_training.train", "--data", str(folder), "--validation", str(folder),
               "--run", str(run), "--batch", "2", "--patch", "16", "--threads", "1",
               "--architecture", '{"feature_channels": 8, "blocks": 1, "kernel_size": 5}']  # fmt: skip
    subprocess.run([*command, "--steps", "30"], check=True)
    assert load_network(run / "checkpoint.pt")[1]["step"] == 30
    subprocess.run([*command, "--steps", "60"], check=True)
    entries = map(json.loads, (run / "log.jsonl").read_text().splitlines())
    scores = [entry["validation"]["4"] for entry in entries if "validation" in entry]
    assert load_network(run / "checkpoint.pt")[1]["step"] == 60
    assert len(scores) == 2 and scores[1] < scores[0]


@pytest.fixture
def sequence(folder):
    """Three frames of the same picture, each with noise of its own."""
    rng = np.random.default_rng(1)
    with np.load(folder / "mi_000001_s04.npz") as file:
        arrays = {k: np.repeat(file[k], 3, 0) for k in file.files if k not in ("meta", "ref_color")}
        arrays |= {"ref_color": file["ref_color"], "motion": np.zeros((3, 32, 32, 4), np.float16)}
    arrays["color"] = (arrays["ref_color"] * rng.gamma(4, 0.25, (3, 32, 32, 3))).astype(np.float16)
    meta = {"spp": 4, "frames": [-1, 0, 1], "ref_frames": [0]}
    np.savez(folder / "mi_000002_seq.npz", meta=np.array(json.dumps(meta)), **arrays)
    return folder


def test_windows_train_with_the_single_frame_locked(sequence, tmp_path):
    run, window_run = tmp_path / "run", tmp_path / "window"
    data = ["--data", str(sequence), "--validation", str(sequence), "--threads", "1"]
    command = [sys.executable, "-m", "quietframe_training.train", *data, "--run", str(run), "--batch", "1", "--patch", "16",
               "--architecture", '{"feature_channels": 8, "blocks": 1, "kernel_size": 5}', "--steps", "5"]  # fmt: skip
    subprocess.run(command, check=True)
    command = [sys.executable, "-m", "quietframe_training.train_window", *data, "--run", str(window_run), "--start",
               str(run / "checkpoint.pt"), "--steps", "20", "--pool", "4"]  # fmt: skip
    subprocess.run(command, check=True)
    before, after = (load_network(r / "checkpoint.pt")[0].state_dict() for r in (run, window_run))
    trained = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert trained == {"temporal_features", "neighbor_predictor", "loss_specialization"}
    scores = json.loads((window_run / "log.jsonl").read_text().splitlines()[-1])["validation"]
    assert scores["3"] < scores["1"]


def test_an_encoder_of_a_new_renderer_trains_alone_and_is_judged(folder, tmp_path, monkeypatch):
    base, run = tmp_path / "base", tmp_path / "run"
    command = [sys.executable, "-m", "quietframe_training.train", "--data", str(folder), "--validation", str(folder),
               "--batch", "1", "--patch", "16", "--threads", "1", "--steps", "5",
               "--architecture", '{"feature_channels": 8, "blocks": 1, "kernel_size": 5}']  # fmt: skip
    subprocess.run([*command, "--run", str(base)], check=True)
    start = ["--start", str(base / "checkpoint.pt"), "--encoder", "arnold", "--like", "mitsuba"]
    subprocess.run([*command, "--run", str(run), *start], check=True)
    before, after = (load_network(r / "checkpoint.pt")[0].state_dict() for r in (base, run))
    new = "source_encoder.arnold."
    assert {name for name in after if name not in before} == {name for name in after if name.startswith(new)}
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not torch.equal(after[new + "first.weight"], before["source_encoder.mitsuba.first.weight"])

    # Frames as the documentation writes them: their names tell no samples, and they belong to no family.
    frames = tmp_path / "frames"
    frames.mkdir()
    (folder / "mi_000001_s04.npz").rename(frames / "mi_000001.npz")
    monkeypatch.setattr(evaluate, "oidn", lambda view, quality, prefiltered=False: view.color)
    monkeypatch.setattr(evaluate, "tune", lambda views: BilateralParameters())
    judge = ["--validation", str(frames), "--tune", str(frames), "--out", str(run)]
    evaluate.main(["--checkpoint", str(run / "checkpoint.pt"), *judge])
    quality = json.loads((run / "quality.json").read_text())
    assert quality["about"]["encoder"] == "arnold"
    network, state = load_network(run / "checkpoint.pt")
    assert trained_encoder(state) == ("arnold", "mitsuba")
    assert trained_encoder(load_network(base / "checkpoint.pt")[1]) == (None, None)
    (view,) = load_example(frames / "mi_000001.npz", False)

    def score(encoder):
        output = evaluate.denoised_as_served(network, view.inputs(), view.renderer, encoder) / view.exposure
        return float(smape(output, view.reference / view.exposure))

    scores = quality["scenes"][0]["scores"]
    assert scores["quietframe"]["smape"] == pytest.approx(score("arnold"), abs=1e-6)
    assert scores["quietframe, mitsuba"]["smape"] == pytest.approx(score("mitsuba"), abs=1e-6)
    assert score("arnold") != pytest.approx(score("mitsuba"), abs=1e-6)
    evaluate.main(["--checkpoint", str(run / "checkpoint.pt"), "--encoder", "cycles", *judge])
    named = json.loads((run / "quality.json").read_text())["scenes"][0]["scores"]
    assert named["quietframe"]["smape"] == pytest.approx(score("cycles"), abs=1e-6)
    assert "quietframe, mitsuba" not in named


def test_the_bundle_of_a_new_encoder_keeps_the_error_predictor_of_the_one_beside_it(tmp_path):
    models = tmp_path / "models" / "kpcn"

    def exported(version, encoder=None, *flags):
        architecture = Architecture(feature_channels=8, blocks=1, kernel_size=5)
        if encoder:
            architecture = replace(architecture, sources=(*architecture.sources, encoder))
        options = {"encoder": str(encoder), "like": "generic"}
        state = {"average": Denoiser(architecture).state_dict(), "architecture": architecture.as_dict(), "step": 1}
        torch.save({**state, "options": options}, tmp_path / "checkpoint.pt")
        export.main(["--checkpoint", str(tmp_path / "checkpoint.pt"), "--out", str(models / version), *flags])
        return json.loads((models / version / "model.json").read_text())

    exported("2")
    exported("10")
    add_to_bundle(ErrorPredictor(ErrorArchitecture()), models / "2", 0.25)
    old = json.loads((models / "2" / "model.json").read_text())
    for _ in range(2):  # a bundle that is written over keeps it, too
        manifest = exported("11", "arnold")
        assert "arnold" in manifest["sources"] and manifest["errorPredictor"] == old["errorPredictor"]
        digest = hashlib.sha256((models / "11" / "error_predictor.onnx").read_bytes()).hexdigest()
        assert manifest["modules"]["error_predictor"] == {"file": "error_predictor.onnx", "sha256": digest}
    # A refreshed bundle is the same, with the prefilter and notes that it had.
    old = json.loads((models / "2" / "model.json").read_text())
    old["training"]["steps"] = 7
    (models / "2" / "model.json").write_text(json.dumps(old))
    assert exported("2", None, "--refresh")["training"] == {"steps": 7}
    assert list(json.loads((models / "2" / "model.json").read_text())) == list(old)
    assert (models / "2" / "error_predictor.onnx").exists()
    (tmp_path / "notes.json").write_text('{"data": "other"}')
    refreshed = exported("2", None, "--refresh", "--notes", str(tmp_path / "notes.json"))
    assert refreshed["training"] == {"steps": 1, "data": "other"} and refreshed["errorPredictor"] == old["errorPredictor"]
    # Another network makes other errors.
    anew = exported("2")
    assert "errorPredictor" not in anew and "error_predictor" not in anew["modules"]


def test_bilateral_filter_keeps_constants_and_edges():
    guide = torch.zeros(3, 16, 16)
    guide[..., 8:] = 1.0
    parameters = BilateralParameters(demodulate=False, albedo=0.01)
    torch.testing.assert_close(
        joint_bilateral(torch.full((3, 16, 16), 2.0), guide, guide, parameters), torch.full((3, 16, 16), 2.0)
    )
    sharp = joint_bilateral(guide, guide, guide, parameters)
    assert float(sharp[0, 8, 4]) < 0.01 and float(sharp[0, 8, 12]) > 0.99
