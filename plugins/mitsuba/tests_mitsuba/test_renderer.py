"""With the real renderer: needs Mitsuba 3 with LLVM."""

from __future__ import annotations

import mitsuba as mi
import numpy as np
import pytest

mi.set_variant("llvm_ad_rgb")

from quietframe.arrays import read_channels  # noqa: E402

from quietframe_mitsuba import RelativeVarianceGuide, render_adaptively  # noqa: E402
from quietframe_mitsuba.main import main  # noqa: E402
from quietframe_mitsuba.renderer import MitsubaRenderer  # noqa: E402


@pytest.fixture(scope="module")
def scene():
    description = mi.cornell_box()
    description["sensor"]["film"] |= {"width": 24, "height": 16, "rfilter": {"type": "box"}}
    return mi.load_dict(description)


def test_agrees_with_mitsuba_itself(scene):
    renderer = MitsubaRenderer(scene, batch=10_000)
    renderer.sample(np.full((16, 24), 256))
    reference = np.array(mi.render(scene, spp=1024, seed=7))[..., :3]
    mean, error = renderer.film.mean(), np.sqrt(renderer.film.variance()) + 1e-4
    luminance = (mean - reference) @ [0.2126, 0.7152, 0.0722]
    # Five deviations of both pictures together, which differ by a factor of two in samples' deviations.
    assert np.all(np.abs(luminance) < 6 * 1.2 * error)
    assert abs(mean.mean() / reference.mean() - 1) < 0.02


def test_gives_each_pixel_its_samples(scene):
    renderer = MitsubaRenderer(scene, batch=997)
    counts = np.arange(16 * 24).reshape(16, 24) % 7
    renderer.sample(counts)
    renderer.sample(counts)
    film = renderer.film
    np.testing.assert_array_equal(film.samples, 2 * counts)
    np.testing.assert_array_equal(film.counts[0], film.counts[1])
    assert np.all(film.mean()[counts == 0] == 0)
    lit = (counts > 0) & (np.linalg.norm(film.mean("normal"), axis=-1) > 0)
    assert lit.sum() > 100
    assert np.all(np.linalg.norm(film.mean("normal"), axis=-1)[lit] <= 1.001)


def test_halves_are_independent(scene):
    renderer = MitsubaRenderer(scene)
    renderer.sample(np.full((16, 24), 64))
    a, b = (renderer.film.half(i) @ [0.2126, 0.7152, 0.0722] for i in (0, 1))
    # Of independent halves a quarter of the mean squared difference is the variance of their mean.
    variance = renderer.film.variance()
    noisy = variance > 0
    assert np.mean((a - b)[noisy] ** 2 / 4 / variance[noisy]) == pytest.approx(1, rel=0.25)


def test_the_same_seed_gives_the_same_picture(scene):
    pictures = []
    for seed in (1, 1, 2):
        renderer = MitsubaRenderer(scene, seed=seed)
        renderer.sample(np.full((16, 24), 4))
        pictures.append(renderer.film.mean())
    np.testing.assert_allclose(pictures[0], pictures[1], rtol=1e-5)
    assert not np.allclose(pictures[0], pictures[2])


def test_refuses_counts_of_another_size(scene):
    with pytest.raises(ValueError, match="24 x 16"):
        MitsubaRenderer(scene).sample(np.ones((24, 16), np.int64))


def test_samples_follow_the_variance(scene):
    renderer = MitsubaRenderer(scene)
    render_adaptively(renderer, RelativeVarianceGuide(), 16, first_spp=8)
    assert renderer.film.total == 16 * 16 * 24
    assert renderer.film.samples.max() > 2 * renderer.film.samples.min()


def test_command_line_without_a_service(tmp_path, capsys):
    path = tmp_path / "scene.xml"
    path.write_text(
        """<scene version="3.0.0"><integrator type="path"/>
        <sensor type="perspective"><film type="hdrfilm"><integer name="width" value="12"/>
        <integer name="height" value="8"/></film><sampler type="independent"/></sensor>
        <shape type="sphere"><transform name="to_world"><translate z="5"/></transform></shape>
        <emitter type="constant"/></scene>"""
    )
    output = tmp_path / "out.exr"
    arguments = [str(path), "-o", str(output), "--guide", "variance", "--budget", "6", "--first", "2", "--noisy"]
    assert main(arguments) == 0
    channels = read_channels(output.read_bytes())
    assert channels["samples.spp"].sum() == 6 * 96
    assert channels["R"].max() > 0.5
    assert "6.00 samples per pixel" in capsys.readouterr().out
