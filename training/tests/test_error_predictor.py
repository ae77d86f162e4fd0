"""The error predictor: its targets, calibration and export."""

import json

import numpy as np
import onnxruntime
import pytest
import torch

from quietframe_training.dataset import View
from quietframe_training.error_predictor import (
    ErrorArchitecture,
    ErrorPredictor,
    dssim_map,
    error_features,
    in_units_of_file,
    receptive_radius,
    true_errors,
)
from quietframe_training.evaluate_error import calibration, decay_of, spearman
from quietframe_training.export_error import add_to_bundle
from quietframe_training.losses import dssim, smape
from quietframe_training.train_error import (
    ErrorExample,
    ErrorPatches,
    calibrate,
    kept_examples,
    local_mean,
    mixed_samples,
    predict_errors,
)


@pytest.fixture
def predictor():
    torch.manual_seed(1)
    predictor = ErrorPredictor(ErrorArchitecture(channels=8, blocks=2))
    for parameter in predictor.parameters():  # second convolutions start at zero
        if parameter.abs().max() == 0:
            torch.nn.init.normal_(parameter, std=0.1)
    return predictor.eval()


def example(name="scene_s04", size=32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    inputs, reference = (torch.rand(c, size, size, generator=generator) for c in (13, 3))
    return ErrorExample(name, 4, "mitsuba", 1.0, inputs, reference, true_errors(inputs[3:6], reference))


def test_true_errors_are_the_metrics():
    x, r = torch.rand(3, 40, 50), torch.rand(3, 40, 50)
    errors = true_errors(x, r)
    assert errors.shape == (2, 40, 50)
    torch.testing.assert_close(errors[0].mean(), smape(x, r))
    # The metric leaves out the border, where windows are not whole.
    torch.testing.assert_close(errors[1, 5:-5, 5:-5].mean(), dssim(x, r), rtol=1e-3, atol=1e-5)
    assert true_errors(r, r).abs().max() < 1e-5


def test_dssim_at_the_border_is_that_of_constant_pictures():
    dark, light = torch.full((3, 16, 16), 0.2), torch.full((3, 16, 16), 0.4)
    errors = dssim_map(dark, light)
    torch.testing.assert_close(errors, errors[:, 8:9, 8:9].expand_as(errors), rtol=0, atol=2e-4)


def test_features_are_finite_for_any_light():
    x = torch.zeros(1, 13, 4, 6)
    x[0, 0:6, 0] = 6e4
    x[0, 0:6, 1] = -1
    x[0, 6, 2] = 1e30
    features = error_features(x)
    assert features.shape == (1, 14, 4, 6)
    assert torch.isfinite(features).all()
    assert features[:, 7].max() <= 1


def test_predictions_are_errors_of_any_size(predictor):
    for size in ((7, 9), (16, 24), (1, 1)):
        errors = predict_errors(predictor, torch.rand(13, *size))
        assert errors.shape == (2, *size)
        assert errors.min() >= 0 and errors.max() <= 1


def test_nothing_beyond_the_receptive_radius_counts(predictor):
    radius = receptive_radius(predictor.architecture)
    size = 2 * radius + 12
    x = torch.rand(13, size, size)
    middle = size // 2
    changed = x.clone()
    changed[:, :, : middle - radius] += 1
    before, after = predict_errors(predictor, x), predict_errors(predictor, changed)
    torch.testing.assert_close(before[:, :, middle:], after[:, :, middle:])
    # The radius is rounded up to whole pixels of the half resolution, by less than four.
    near = x.clone()
    near[:, :, : middle - radius + 4] += 1
    assert not torch.allclose(before[:, :, middle], predict_errors(predictor, near)[:, :, middle], atol=1e-9)


def test_examples_are_kept_for_the_denoiser_that_made_them(tmp_path):
    denoiser, made = tmp_path / "denoiser.pt", []

    def examples():
        made.append(example(seed=len(made)))
        return made[-1:]

    denoiser.write_bytes(b"a checkpoint")
    first = kept_examples(tmp_path, "examples", (denoiser, None), examples)
    assert torch.equal(kept_examples(tmp_path, "examples", (denoiser, None), examples)[0].inputs, first[0].inputs)
    assert len(made) == 1
    denoiser.write_bytes(b"another")
    second = kept_examples(tmp_path, "examples", (denoiser, None), examples)
    assert len(made) == 2 and not torch.equal(second[0].inputs, first[0].inputs)


def test_calibration_sets_the_means(predictor):
    examples = [example(seed=seed) for seed in range(3)]
    calibrate(predictor, examples)
    predicted = torch.stack([predict_errors(predictor, e.inputs).mean((1, 2)) for e in examples]).mean(0)
    true = torch.stack([e.errors.mean((1, 2)) for e in examples]).mean(0)
    torch.testing.assert_close(predicted, true, rtol=0.02, atol=0)


def test_units_of_the_file():
    denoised = torch.rand(1, 8, 8).expand(3, -1, -1)  # exact for greys
    reference = denoised * 1.001
    for exposure in (0.1, 1.0, 30.0):
        exposed = true_errors(denoised, reference)
        wanted = true_errors(denoised / exposure, reference / exposure)[0]
        torch.testing.assert_close(in_units_of_file(exposed, denoised, exposure)[0], wanted, rtol=0.02, atol=1e-5)


def test_patches_are_cut_alike():
    e = example()
    # Errors that say which pixel they are of, and inputs that say what is learned of them.
    index = torch.arange(32.0 * 32).view(1, 32, 32).expand(2, -1, -1)
    inputs = torch.cat([e.inputs[:6], local_mean(index)[:1], e.inputs[7:]])
    marked = ErrorExample(e.name, 4, "mitsuba", 1.0, inputs, e.reference, index)
    inputs, errors = ErrorPatches([marked], size=12, seed=5).batch(8)
    torch.testing.assert_close(inputs[:, 6], errors[:, 0])
    assert len({float(patch[0, 0, 0]) for patch in errors}) > 3


def test_mixed_samples_come_from_the_views():
    def view(value, exposure):
        flat = torch.full((3, 32, 32), value)
        one = torch.full((1, 32, 32), value**2)
        return View(
            "scene", "mitsuba", 4, flat * exposure, one * exposure**2, flat, one, flat, one, flat * 0 + exposure, exposure
        )

    mixed = mixed_samples([view(0.25, 2.0), view(0.5, 3.0)], np.random.default_rng(0))
    color = mixed.color[0] / mixed.exposure
    assert {round(v, 3) for v in color.unique().tolist()} == {0.25, 0.5}
    torch.testing.assert_close(mixed.color_variance[0] / mixed.exposure**2, color**2)
    torch.testing.assert_close(mixed.reference / mixed.exposure, torch.ones(3, 32, 32))


def test_spearman_calibration_and_decay():
    a = torch.rand(1, 40, 40)
    assert spearman(a, a.exp()) == pytest.approx(1)
    assert spearman(a, -a) == pytest.approx(-1)
    assert spearman(torch.tensor([0.0, 0, 1, 2]), torch.tensor([0.0, 0, 5, 9])) == pytest.approx(1)
    points = calibration(np.arange(24.0), 2 * np.arange(24.0))
    assert all(point["true"] == 2 * point["predicted"] for point in points)
    rows = [{"scene": f"a_s{n:02}", "spp": n, "SMAPE": {"true": 0.3 * n**-0.25}} for n in (4, 16, 64)]
    assert decay_of(rows) == pytest.approx(0.25)


def test_export_adds_to_a_bundle(predictor, tmp_path):
    (tmp_path / "model.json").write_text(json.dumps({"name": "kpcn", "modules": {"other": {"file": "o"}}}))
    add_to_bundle(predictor, tmp_path, 0.2)
    manifest = json.loads((tmp_path / "model.json").read_text())
    assert manifest["errorPredictor"] == {
        "errorChannels": ["SMAPE", "DSSIM"],
        "receptiveRadius": receptive_radius(predictor.architecture),
        "decay": 0.2,
    }
    assert set(manifest["modules"]) == {"other", "error_predictor"}
    session = onnxruntime.InferenceSession(tmp_path / manifest["modules"]["error_predictor"]["file"])
    x = torch.rand(1, 13, 22, 34)
    with torch.no_grad():
        np.testing.assert_allclose(session.run(None, {"x": x.numpy()})[0], predictor(x).numpy(), atol=1e-5)
