"""The arithmetic of the generators, from first principles; no renderer is needed."""

import random
from types import SimpleNamespace

import numpy as np
import pytest

from quietframe_training.generators import (
    cycles_extras,
    cycles_motion,
    cycles_views,
    cycles_window,
    example_format,
    luxcore_views,
    mitsuba_views,
)
from quietframe_training.generators.example_format import half_buffer_variance, to_half
from quietframe_training.generators.mitsuba_views import Camera, motion_to


def passes(rng, shape=(4, 5)):
    """Random passes as Cycles would write them."""
    rgb = [
        "Diffuse Direct",
        "Diffuse Indirect",
        "Diffuse Color",
        "Denoising Albedo",
        "Denoising Normal",
    ]
    planes = {name: rng.random((*shape, 3)).astype(np.float32) for name in rgb}
    planes["Combined"] = rng.random((*shape, 4)).astype(np.float32) * 3
    planes["Denoising Depth"] = rng.random((*shape, 1)).astype(np.float32)
    return planes


def test_variance_of_half_buffers_is_that_of_their_mean():
    rng = np.random.default_rng(1)
    a, b = (rng.normal(5.0, [1.0, 2.0, 3.0], (200_000, 3)) for _ in range(2))
    true = ((a + b) / 2).var(0).mean()
    assert half_buffer_variance(a, b).shape == (200_000, 1)
    assert half_buffer_variance(a, b).mean() == pytest.approx(true, rel=0.01)
    assert true == pytest.approx((1 + 4 + 9) / 3 / 2, rel=0.01)


def test_relative_error_counts_an_outlier_at_most_a_quarter():
    color, variance = np.ones((2, 2, 3)), np.zeros((2, 2, 1))
    variance[0, 0] = 1e9
    assert example_format.relative_error(color, variance) == pytest.approx(0.25 / 4)


@pytest.mark.parametrize("bits", [3, 4, 7, 8, 9, 10])
def test_rounding_to_half_keeps_the_promised_precision_and_its_zeros(bits):
    values = np.concatenate([np.linspace(-3, 3, 1001), [6e4, 1e9, -1e9]]).astype(np.float32)
    half = to_half(values, bits)
    limited = np.clip(values, -65504, 65504)
    assert half.dtype == np.float16
    assert np.isfinite(half).all()
    error = np.abs(half.astype(np.float64) - limited)
    # Rounded twice: to a half, then to `bits`. Saturated values go towards zero, hence a whole step for them.
    step = np.where(np.abs(limited) > 6e4, 1.0, 0.5) * 2.0**-bits + 2.0**-11
    assert (error <= np.abs(limited) * step).all()
    assert not (half.view(np.uint16) & ((1 << (10 - bits)) - 1)).any()


def test_to_half_replaces_what_is_not_a_number():
    assert to_half(np.array([np.nan, np.inf, -np.inf])).tolist() == [0.0, 65504.0, -65504.0]


def test_split_light_is_the_picture_before_and_after_merging():
    rng = np.random.default_rng(2)
    renders = [passes(rng) for _ in range(3)]
    merged = cycles_views.merge([cycles_views.split_light(r) for r in renders])
    picture = np.mean([r["Combined"][..., :3] for r in renders], 0)
    assert np.allclose(merged["diffuse"] * merged["albedo"] + merged["specular"], picture, atol=1e-5)


def test_black_albedo_has_no_irradiance_and_misses_have_no_depth():
    planes = passes(np.random.default_rng(3))
    planes["Diffuse Color"][0, 0] = 0.0
    planes["Denoising Depth"][0, 0] = 1e10
    merged = cycles_views.merge([cycles_views.split_light(planes)] * 2)
    assert merged["diffuse"][0, 0].tolist() == [0, 0, 0]
    assert merged["depth"][0, 0] == 0
    assert merged["depth"][1, 1] == planes["Denoising Depth"][1, 1]


def test_exposure_scales_light_and_variance_but_not_guides():
    rng = np.random.default_rng(4)
    a, b = (cycles_views.split_light(passes(rng)) for _ in range(2))
    one, three = (cycles_views.noisy_arrays(a, b, e) for e in (1.0, 4.0))
    for name in ("diffuse", "specular"):
        assert np.allclose(three[name], 4 * one[name].astype(np.float32), rtol=0.01)
    assert np.allclose(three["color_var"], 16 * one["color_var"].astype(np.float32), rtol=0.1)
    for name in ("albedo", "normal", "depth", "albedo_var", "normal_var"):
        assert np.array_equal(three[name], one[name])


def test_motion_points_to_where_the_other_camera_sees_the_point():
    size = 64
    here = Camera(np.array([0.0, -2.0, 1.0]), np.array([0.0, 0.0, 1.0]), 60.0)
    right = Camera(here.eye + (0.1, 0, 0), here.target + (0.1, 0, 0), 60.0)
    up = Camera(here.eye + (0, 0, 0.1), here.target + (0, 0, 0.1), 60.0)
    # A wall at distance 2: a step of the camera to the right moves its picture left by f * step / distance.
    direction = here.directions(size)
    wall = here.eye + direction * (2.0 / direction[..., 1:2])
    hit = np.zeros((size, size, 1), bool)
    pixels = here.focal_length(size) * 0.1 / 2
    assert np.allclose(motion_to(wall, hit, here, right), (-pixels, 0.0), atol=1e-6)
    assert np.allclose(motion_to(wall, hit, here, up), (0.0, pixels), atol=1e-6)
    assert np.allclose(motion_to(wall, hit, here, here), 0.0)
    # What is infinitely far does not move with a camera that only steps aside.
    assert np.abs(motion_to(wall, ~hit, here, right)).max() < 1e-3


def test_projection_inverts_the_pixel_directions():
    camera = Camera(np.array([1.0, 2.0, 0.5]), np.array([-0.3, 0.1, 0.2]), 35.0)
    x, y = np.meshgrid(np.arange(8) + 0.5, np.arange(8) + 0.5)
    seen = camera.project(camera.eye + 3.7 * camera.directions(8), 8)
    assert np.allclose(seen, np.stack([x, y], -1))


def test_moving_cameras_pass_through_the_centre_at_a_bounded_speed():
    centre = Camera(np.array([0.0, -2.0, 1.0]), np.zeros(3), 40.0)
    for seed in range(20):
        cameras = mitsuba_views.moving_cameras(random.Random(seed), centre, 128)
        assert len(cameras) == mitsuba_views.FRAMES + 2
        assert np.array_equal(cameras[mitsuba_views.FRAMES // 2 + 1].eye, centre.eye)
        step = np.linalg.norm(cameras[1].eye - cameras[0].eye)
        assert 0 < step <= 8 * np.sqrt(5) / centre.focal_length(128)


def test_still_shots_have_any_number_of_frames():
    centre = Camera(np.array([0.0, -2.0, 1.0]), np.zeros(3), 40.0)
    cameras = mitsuba_views.moving_cameras(random.Random(1), centre, 128, still=1.0, frames=24)
    assert len(cameras) == 26
    assert all(np.array_equal(camera.eye, centre.eye) for camera in cameras)


def test_examples_appear_complete_or_not_at_all(tmp_path):
    path = tmp_path / "cy_000007_s04.npz"
    array = np.arange(6, dtype=np.float16).reshape(1, 1, 2, 3)

    class Unwritable:
        def __array__(self, *_, **__):
            raise RuntimeError("stopped half way")

    with pytest.raises(RuntimeError):
        example_format.save_example(path, {"color": array, "albedo": Unwritable()}, {"seed": 7})
    assert not path.exists()
    assert not example_format.existing(tmp_path, "cy", 7)

    example_format.save_example(path, {"color": array}, {"seed": 7, "frames": [0]})
    arrays, meta = example_format.load_example(path)
    assert meta == {"seed": 7, "frames": [0]}
    assert np.array_equal(arrays["color"], array)
    assert example_format.existing(tmp_path, "cy", 7)
    assert not example_format.existing(tmp_path, "cy", 8)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_views_without_content_are_rejected():
    rng = np.random.default_rng(5)
    light, guide = np.full((8, 8, 3), 0.3), rng.random((8, 8, 3))
    hit = np.zeros((8, 8), bool)
    example_format.check_view(light, guide, guide, hit)
    burnt = light.copy()
    burnt[:3] = 100.0
    for reason, view in {
        "black": (light * 0, guide, guide, hit),
        "burnt out": (burnt, guide, guide, hit),
        "mostly background": (light, guide, guide, ~hit),
        "plain": (light, guide * 0, guide * 0, hit),
    }.items():
        with pytest.raises(example_format.Rejected, match=reason):
            example_format.check_view(*view)


def test_smooth_curve_passes_through_its_points():
    points = np.array([(0, 0), (1, 2), (3, 1), (4, 4)], float)
    curve = cycles_window.smooth(points, 5)
    assert curve.shape == (16, 2)
    assert np.allclose(curve[::5], points)


def test_cycles_vectors_become_offsets_with_y_down():
    """A point that moved by (2, 1), y up, from the previous frame, and will move on as much."""
    passes = {"Vector": np.tile(np.float32([-2, -1, -2, -1]), (2, 2, 1)), "Depth": np.ones((2, 2, 1), np.float32)}
    motion = cycles_motion.motion_of(passes, 10.0, np.zeros((2, 2, 4)))
    assert motion[0, 0].tolist() == [-2, 1, 2, -1]
    passes["Depth"][1, 1] = 1e10
    background = np.full((2, 2, 4), 7.0)
    assert cycles_motion.motion_of(passes, 10.0, background)[1, 1].tolist() == [7, 7, 7, 7]


def test_background_moves_against_the_turn_of_the_camera():
    def yaw(angle):  # about the camera's up, positive to the left
        return np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])

    size, lens, turn = 128, 50.0, 0.01
    motion = cycles_motion.background_motion([np.eye(3), yaw(turn), yaw(2 * turn)], lens, size)
    focal_length = lens / 36 * size
    middle = motion[size // 2, size // 2]
    # The camera turns to the left, so the picture goes to the right, and came from the left.
    assert middle[[0, 2]] == pytest.approx([-focal_length * np.tan(turn), focal_length * np.tan(turn)], rel=0.01)
    assert np.abs(middle[[1, 3]]).max() < 0.01
    tilt = np.array([[1, 0, 0], [0, np.cos(turn), -np.sin(turn)], [0, np.sin(turn), np.cos(turn)]])  # upwards
    middle = cycles_motion.background_motion([np.eye(3), np.eye(3), tilt], lens, size)[size // 2, size // 2]
    assert middle == pytest.approx([0, 0, 0, focal_length * np.tan(turn)], abs=0.02)


def test_background_motion_is_that_of_mitsubas_cameras_far_away():
    eye, size = np.zeros(3), 64
    cameras = [Camera(eye, np.array([1.0, a, b]), 40.0) for a, b in ((0.0, 0.0), (0.02, 0.01), (0.05, -0.01))]
    lens = 18 / np.tan(np.radians(20.0))
    orientations = [np.stack([c.axes()[0], -c.axes()[1], -c.axes()[2]], 1) for c in cameras]
    ours = cycles_motion.background_motion(orientations, lens, size)
    missed = np.ones((size, size, 1), bool)
    theirs = [motion_to(np.zeros((size, size, 3)), missed, cameras[1], other) for other in (cameras[0], cameras[2])]
    assert np.allclose(ours, np.concatenate(theirs, -1), atol=1e-3)


def test_luxcore_outputs_are_turned_upright_and_misses_have_no_depth():
    outputs = {name: np.zeros((2, 3, channels), np.float32) for name, channels in luxcore_views.OUTPUTS.items()}
    outputs["RGB"][0, 0] = (np.nan, np.inf, 2.0)
    outputs["DEPTH"][:] = [[[1.0], [2.0], [3.0]], [[np.inf]] * 3]
    outputs["AVG_SHADING_NORMAL"][0, :, 2] = 1.0
    buffers = luxcore_views.buffers_of(outputs)
    assert set(buffers) == {"color", "albedo", "normal", "depth"}
    assert buffers["depth"][..., 0].tolist() == [[0, 0, 0], [1, 2, 3]]
    assert buffers["normal"][1, :, 2].tolist() == [1, 1, 1] and not buffers["normal"][0].any()
    assert np.isfinite(buffers["color"]).all() and buffers["color"][1, 0, 2] == 2.0


def test_luxcore_renders_unfiltered_unclamped_and_evenly_sampled_halves():
    settings = luxcore_views.render_settings(64, 48, 8, seed=5)
    assert settings["batch.haltspp"] == 8 and settings["renderengine.seed"] == 5
    assert (settings["film.width"], settings["film.height"]) == (64, 48)
    assert settings["film.filter.type"] == "NONE"
    assert settings["film.imagepipelines.0.0.type"] == "NOP"
    assert settings["path.clamping.variance.maxvalue"] == settings["sampler.sobol.adaptive.strength"] == 0
    types = [settings[f"film.outputs.{i}.type"] for i in range(len(luxcore_views.OUTPUTS))]
    assert types == list(luxcore_views.OUTPUTS)
    assert luxcore_views.properties_text({"a.b": 1, "c": "x y"}) == "a.b = 1\nc = x y\n"


def test_luxcore_renders_with_too_many_samples_are_repeated_until_it_is_hopeless():
    class Busy(luxcore_views.Renderer):
        """Renders `counts` samples per pixel, one after the other."""

        def __init__(self, counts):
            self.counts = list(counts)

        def film_outputs(self, spp):
            sizes = luxcore_views.OUTPUTS.items()
            outputs = {name: np.ones((2, 2, channels), np.float32) for name, channels in sizes}
            return outputs | {"SAMPLECOUNT": np.full((2, 2, 1), self.counts.pop(0), np.uint32)}

    busy = Busy([150, 106, 104, 100])
    assert busy(100)["color"].shape == (2, 2, 3)
    assert busy.counts == [100]
    with pytest.raises(example_format.Rejected, match="too busy"):
        Busy([106] * luxcore_views.ATTEMPTS)(100)


def test_luxcore_scenes_have_names_and_files_of_their_own(tmp_path):
    names = [choice.name for choice in luxcore_views.SCENES]
    assert len(set(names)) == len(names)
    for choice in luxcore_views.SCENES:
        path = luxcore_views.file_of(tmp_path, choice.name, 4)
        # What groups the noise levels of a scene cuts names at the first "_s".
        assert path.stem.split("_s") == [f"lx_{choice.name}", "04"]
        assert choice.tags


def test_extras_are_drawn_in_their_shares_and_sequences_have_no_motion_blur(monkeypatch):
    added = []
    for name in ("add_fur", "add_strands", "add_fog", "make_night", "animate"):
        monkeypatch.setattr(cycles_extras, name, lambda *_, name=name: added.append(name))
    counts = dict.fromkeys(cycles_extras.SHARES, 0)
    for seed in range(2000):
        scene = SimpleNamespace(
            camera=SimpleNamespace(data=SimpleNamespace(dof=SimpleNamespace(), lens=50)), render=SimpleNamespace()
        )
        tags = cycles_extras.dress(random.Random(seed), scene, seed % 2 == 1, 128)
        assert scene.camera.data.dof.use_dof == ("aperture" in tags)
        assert getattr(scene.render, "use_motion_blur", False) == ("motion_blur" in tags)
        assert seed % 2 == 0 or "motion_blur" not in tags
        for tag in tags:
            counts[tag] += 1
    for tag, share in cycles_extras.SHARES.items():
        expected = 2000 * share / (2 if tag == "motion_blur" else 1)
        assert abs(counts[tag] - expected) < 5 * expected**0.5
    assert added.count("animate") == counts["motion_blur"]
    assert added.count("add_fog") == counts["fog"]
