"""The auxiliary prefilter: its invariants, its data and its loss."""

import hashlib
import json

import numpy as np
import onnxruntime
import pytest
import torch

from quietframe_training import kernel_apply
from quietframe_training.auxiliary_dataset import AuxiliarySampler, load_auxiliaries, mean_of_halves
from quietframe_training.auxiliary_prefilter import (
    INPUT_CHANNELS,
    AuxiliaryPrefilter,
    PrefilterArchitecture,
    explained_share,
    mean_variance,
    planes_of,
    prefiltered,
    with_estimated_variances,
)
from quietframe_training.dataset import View, behind, cleaned
from quietframe_training.export_prefilter import (
    HalfResolutionPrefilter,
    add_to_bundle,
    export_prefilter,
    manifest_entry,
)
from quietframe_training.generators.auxiliary_format import DRAWS, check_auxiliaries, save_auxiliaries, stacked
from quietframe_training.generators.example_format import Rejected
from quietframe_training.generators.mitsuba_auxiliaries import Lens, rays
from quietframe_training.generators.mitsuba_views import Camera
from quietframe_training.generators.oidn_auxiliaries import halves
from quietframe_training.kernel_apply import filtered_variance, kernel_weights, pad_border
from quietframe_training.train_end_to_end import with_clean_guides
from quietframe_training.train_prefilter import prefilter_loss


@pytest.fixture
def network():
    torch.manual_seed(3)
    return AuxiliaryPrefilter(PrefilterArchitecture(feature_channels=8, blocks=1)).eval()


def noisy(height=40, width=32, deviation=0.1, seed=0):
    """Two flat surfaces with noise of known variance: auxiliaries [8,H,W] and what is below the noise [6,H,W]."""
    generator = torch.Generator().manual_seed(seed)
    clean = torch.full((6, height, width), 0.5)
    clean[:, :, width // 2 :] = 0.2
    planes = clean + deviation * torch.randn(clean.shape, generator=generator)
    variance = torch.full((1, height, width), deviation**2)
    return torch.cat([planes[:3], variance, planes[3:], variance]), clean


def test_clean_buffers_come_back_bit_for_bit(network):
    auxiliaries, _ = noisy(37, 29)
    auxiliaries[[3, 7]] = 0
    assert torch.equal(prefiltered(network, auxiliaries, True), auxiliaries)


def test_a_clean_buffer_beside_a_noisy_one_stays_as_it_is(network):
    auxiliaries, _ = noisy()
    auxiliaries[7] = 0
    result = prefiltered(network, auxiliaries, True)
    assert torch.equal(result[4:], auxiliaries[4:])
    assert not torch.equal(result[:3], auxiliaries[:3])


def test_an_untrained_prefilter_takes_noise_from_flat_surfaces(network):
    auxiliaries, clean = noisy()
    result = prefiltered(network, auxiliaries, True)
    before, after = ((planes_of(x[None])[0] - clean).square().mean() for x in (auxiliaries, result))
    assert after < 0.5 * before
    assert result[3].mean() < 0.5 * auxiliaries[3].mean()  # and says that less variance is left


def test_misses_and_constants_stay(network):
    auxiliaries = torch.zeros(8, 24, 24)
    auxiliaries[[3, 7]] = 0.01
    assert prefiltered(network, auxiliaries, True)[[0, 1, 2, 4, 5, 6]].abs().max() == 0
    auxiliaries[:3] = 0.7
    assert torch.allclose(prefiltered(network, auxiliaries, True)[:3], torch.tensor(0.7), atol=1e-5)


def test_one_level_is_convex():
    torch.manual_seed(0)
    network = AuxiliaryPrefilter(PrefilterArchitecture(levels=1)).eval()
    auxiliaries = torch.rand(8, 20, 20)
    result = prefiltered(network, auxiliaries, True)
    for plane in (0, 1, 2, 4, 5, 6):
        assert auxiliaries[plane].min() - 1e-5 <= result[plane].min() and result[plane].max() <= auxiliaries[plane].max() + 1e-5


@pytest.mark.parametrize("size", [(1, 1), (9, 3), (16, 24)])
def test_any_size_measured_or_not(network, size):
    auxiliaries = torch.rand(8, *size)
    for measured in (True, False):
        result = prefiltered(network, auxiliaries, measured)
        assert result.shape == auxiliaries.shape and torch.isfinite(result).all()


def test_change_is_limited_to_what_noise_explains():
    change = torch.full((1, 6, 9, 9), 0.2)
    variance = torch.full((1, 2, 9, 9), 0.2**2)
    assert (explained_share(variance, change, 1.0) == 1).all()
    assert torch.allclose(explained_share(variance / 4, change, 1.0), torch.tensor(0.5))
    assert (explained_share(torch.zeros_like(variance), change, 1.0) == 0).all()


def test_estimated_variances_explain_a_twentieth_of_what_measured_ones_do():
    change = torch.full((2, 6, 9, 9), 0.2)
    variance = torch.full((2, 2, 9, 9), 0.2**2 / 4)
    measured = torch.tensor([1.0, 0.0]).view(-1, 1, 1, 1)
    share = explained_share(variance, change, measured)
    assert torch.allclose(share[0], torch.tensor(0.5)) and torch.allclose(share[1], torch.tensor(0.025))
    assert torch.equal(explained_share(variance[1:], change[1:], 0.0), share[1:])


def test_mean_variance_counts_only_pixels_of_the_picture():
    auxiliaries = torch.zeros(1, 8, 6, 6)
    auxiliaries[:, 3] = 0.3
    assert torch.allclose(mean_variance(auxiliaries)[:, 0], torch.tensor(0.3))


def test_weights_and_variances_agree_with_the_definition(monkeypatch):
    torch.manual_seed(1)
    context, taps = torch.rand(1, 6, 5, 2), torch.randn(3, 49)
    bandwidth, embedding, image = torch.rand(1, 6, 5), torch.randn(1, 3, 6, 5), torch.rand(1, 2, 6, 5)
    kernel = (context, taps, bandwidth, pad_border(embedding, 7))
    weights = kernel_weights(*kernel)
    assert torch.allclose(weights.sum(-1), torch.ones(1, 6, 5), atol=1e-5)
    filtered = kernel_apply.apply_kernels(*kernel, pad_border(image, 7))
    padded = pad_border(image, 7)
    taken = torch.stack([padded[:, :, dy : dy + 6, dx : dx + 5] for dy in range(7) for dx in range(7)], -1)
    assert torch.allclose((weights.unsqueeze(1) * taken).sum(-1), filtered, atol=1e-5)
    assert torch.allclose(filtered_variance(weights, image), (weights.square().unsqueeze(1) * taken).sum(-1), atol=1e-5)
    monkeypatch.setattr(kernel_apply, "_compiled", lambda: None)
    assert torch.allclose(kernel_weights(*kernel), weights, atol=1e-5)


def test_halves_measure_the_variance_of_the_mean():
    rng = np.random.default_rng(0)
    draws = rng.normal(0.5, 0.2, (8, 6, 64, 64))
    result = mean_of_halves(draws)
    assert result[:3].std() == pytest.approx(0.2 / 8**0.5, rel=0.05)
    assert result[3].mean() == pytest.approx(0.2**2 / 8, rel=0.05)


def test_halves_of_known_mean_and_variance():
    rng = np.random.default_rng(0)
    mean, variance = rng.random((8, 8, 3)), rng.random((8, 8, 1)) * 0.01
    a, b = halves(mean, variance, rng)
    assert np.allclose((a + b) / 2, mean) and np.allclose(((a - b) ** 2).mean(-1, keepdims=True) / 4, variance)


@pytest.fixture
def example(tmp_path):
    rng = np.random.default_rng(2)
    reference = np.zeros((48, 48, 6)) + 0.3
    draws = reference + rng.normal(0, 0.1, (DRAWS, 48, 48, 6))
    path = tmp_path / "mi_000000.npz"
    save_auxiliaries(path, draws, reference, {"seed": 0, "spp_per_draw": 1, "ref_spp": 64})
    return path


def test_patches_have_consistent_references(example):
    view = load_auxiliaries(example)
    assert view.measured and view.draws.shape == (DRAWS, 6, 48, 48)
    sampler = AuxiliarySampler([view], size=24, estimated=0.0, single=0.0)
    auxiliaries, reference, measured = sampler.batch(8)
    assert auxiliaries.shape == (8, 8, 24, 24) and reference.shape == (8, 6, 24, 24) and (measured == 1).all()
    noise = (planes_of(auxiliaries) - reference).square()
    assert noise[:, 3:].mean() == pytest.approx(float(auxiliaries[:, 7].mean()), rel=0.1)


def test_variances_that_belong_to_another_buffer_are_not_used(example):
    with np.load(example) as file:
        arrays = {name: file[name] for name in file.files}
    meta = json.loads(str(arrays["meta"])) | {"measured": False}
    np.savez(example, **(arrays | {"meta": np.array(json.dumps(meta))}))
    sampler = AuxiliarySampler([load_auxiliaries(example)], size=24, estimated=0.0)
    assert (sampler.batch(4)[2] == 0).all()


def test_views_without_noise_are_rejected():
    draws = np.full((DRAWS, 8, 8, 6), 0.5)
    with pytest.raises(Rejected):
        check_auxiliaries(draws, draws.mean(0))
    assert np.isfinite(stacked(np.full((2, 2, 3), np.nan), np.full((2, 2, 3), np.inf))).all()


def test_rays_of_a_pinhole_go_through_their_pixels():
    camera = Camera(np.array([0.0, -2.0, 0.5]), np.array([0.0, 0.0, 0.5]), 40.0)
    still = Lens(0.0, 2.0, np.zeros(3), np.zeros(3))
    origin, direction = rays(camera, still, 8, 4, np.random.default_rng(0))
    pixel = np.repeat(np.arange(64), 4)
    seen = camera.project(origin + direction, 8)
    assert (np.floor(seen) == np.stack([pixel % 8, pixel // 8], -1)).all()


def test_rays_of_a_lens_meet_in_the_plane_of_focus():
    camera = Camera(np.array([0.0, -2.0, 0.5]), np.array([0.0, 0.0, 0.5]), 40.0)
    wide = Lens(0.2, 3.0, np.zeros(3), np.zeros(3))
    origin, direction = rays(camera, wide, 4, 2, np.random.default_rng(0))
    depth = (direction @ camera.axes()[2])[:, None]
    distance = (3.0 - ((origin - camera.eye) @ camera.axes()[2])[:, None]) / depth
    seen = camera.project(origin + direction * distance, 4)
    pixel = np.repeat(np.arange(16), 2)
    assert (np.floor(seen) == np.stack([pixel % 4, pixel // 4], -1)).all()


def test_loss_counts_errors_relative_to_the_noise_of_the_patch():
    reference = torch.full((1, 6, 8, 8), 0.5)
    soft = reference + 0.01
    assert prefilter_loss(soft, reference, reference + 0.2) < 0.2 * prefilter_loss(soft, reference, reference)


def view_of(auxiliaries, measured=True):
    height, width = auxiliaries.shape[1:]
    color, one = torch.full((3, height, width), 0.4), torch.ones(1, height, width)
    guides = auxiliaries.split((3, 1, 3, 1))
    return View("x", "mitsuba", 4, color, one, *guides, reference=color, exposure=1.0, guides_measured=measured)


def test_encoders_without_variances_get_guides_that_were_made_without_them(network):
    auxiliaries, _ = noisy()
    view = behind(network, view_of(auxiliaries))
    assert torch.equal(view.inputs("mitsuba")[4:12], prefiltered(network, auxiliaries, True))
    assert torch.equal(view.inputs("generic")[4:12], prefiltered(network, auxiliaries, False))
    assert torch.equal(cleaned(network, view_of(auxiliaries).inputs(), "generic"), view.inputs("generic"))
    other = behind(network, view_of(auxiliaries, measured=False))
    assert torch.equal(other.inputs("mitsuba")[4:12], prefiltered(network, auxiliaries, False))


def test_training_end_to_end_sees_what_the_service_sees(network):
    auxiliaries, _ = noisy(40, 32)
    inputs = view_of(auxiliaries).inputs()[None].repeat(2, 1, 1, 1)
    sources = ("mitsuba", "generic")
    measured = torch.tensor([1.0, 0.0]).view(-1, 1, 1, 1)
    guides = with_clean_guides(network, inputs, torch.tensor([0, 1]), measured, sources)
    assert torch.allclose(guides[0, 4:12], prefiltered(network, auxiliaries, True), atol=1e-6)
    estimated = prefiltered(network, with_estimated_variances(auxiliaries[None])[0], False)
    assert torch.allclose(planes_of(guides[1:, 4:12])[0], planes_of(estimated[None])[0], atol=1e-6)
    assert guides[1, [7, 11]].abs().max() == 0
    guides.sum().backward()
    assert network.first.weight.grad.abs().sum() > 0


def test_an_exported_prefilter_replaces_that_of_a_bundle(tmp_path, network):
    manifest = {"name": "kpcn", "modules": {"other": {"file": "other.onnx", "sha256": "0"}}}
    (tmp_path / "model.json").write_text(json.dumps(manifest))
    add_to_bundle(AuxiliaryPrefilter(PrefilterArchitecture(feature_channels=4, blocks=2)), tmp_path)
    first = json.loads((tmp_path / "model.json").read_text())
    add_to_bundle(network, tmp_path)
    written = json.loads((tmp_path / "model.json").read_text())
    assert [first["auxiliaryPrefilter"][name] for name in ("featureChannels", "blocks")] == [4, 2]
    assert written["auxiliaryPrefilter"] == manifest_entry(network.architecture)
    assert written["modules"].pop("other") == manifest["modules"]["other"]
    assert sorted(written["modules"]) == ["auxiliary_prefilter", "auxiliary_prefilter_logits"]
    for entry in written["modules"].values():
        assert hashlib.sha256((tmp_path / entry["file"]).read_bytes()).hexdigest() == entry["sha256"]
    logits = np.frombuffer((tmp_path / "auxiliary_prefilter_logits.f32").read_bytes(), "<f4")
    shape = written["modules"]["auxiliary_prefilter_logits"]["shape"]
    assert np.array_equal(logits.reshape(shape), network.taps().T.detach().numpy())


def test_the_exported_module_has_the_outputs_of_the_network(tmp_path, network):
    export_prefilter(network, tmp_path)
    session = onnxruntime.InferenceSession(tmp_path / "auxiliary_prefilter.onnx", providers=["CPUExecutionProvider"])
    x = torch.rand(1, INPUT_CHANNELS, 10, 14, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = HalfResolutionPrefilter(network).eval()(x)
    for made, wanted in zip(session.run(None, {"x": x.numpy()}), expected, strict=True):
        assert np.allclose(made, wanted.numpy(), atol=1e-5)
