"""The report of the evaluation, from made-up rows and a denoiser that halves the noise."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from quietframe_training.dataset import View
from quietframe_training.evaluate import (
    SHARES,
    denoised_as_served,
    finest_scale,
    frames_to_tune,
    markdown,
    mean_by_tag,
    mean_cleaner,
    score_cleaner,
    tags_of,
)
from quietframe_training.network import Architecture


def row(scene, tags, smape, cleaner=((0.2, 0.1), (0.05, 0.06))):
    scores = {name: {"smape": value, "relmse": value, "dssim": value} for name, value in smape.items()}
    shares = [{"share": share, "noisy": a, "quietframe": b} for share, (a, b) in zip((1.0, 0.1), cleaner, strict=True)]
    return {"scene": scene, "spp": 4, "tags": tags, "scores": scores, "cleaner": shares}


ROWS = [
    row("a", ["cycles", "hair"], {"noisy": 0.4, "quietframe": 0.1}),
    row("b", ["cycles", "sky"], {"noisy": 0.2, "quietframe": 0.3}, ((0.4, 0.3), (0.04, 0.01))),
]


def test_means_by_tag_count_every_frame_under_each_of_its_tags():
    means = mean_by_tag(ROWS)
    assert list(means) == ["cycles", "hair", "sky"]
    assert means["hair"] == {"frames": 1, "scores": {"noisy": 0.4, "quietframe": 0.1}}
    assert means["cycles"]["frames"] == 2
    assert means["cycles"]["scores"] == pytest.approx({"noisy": 0.3, "quietframe": 0.2})


def test_means_of_cleaner_input_tell_how_many_frames_got_worse():
    assert mean_cleaner(ROWS) == [
        {"share": 1.0, "noisy": pytest.approx(0.3), "quietframe": pytest.approx(0.2), "worse": 0, "frames": 2},
        {"share": 0.1, "noisy": pytest.approx(0.045), "quietframe": pytest.approx(0.035), "worse": 1, "frames": 2},
    ]


def test_report_has_tables_of_tags_and_of_cleaner_input():
    lines = markdown(ROWS, ["noisy", "quietframe"], {}).splitlines()
    assert "| hair | 1 | 0.4000 | 0.1000 |" in lines
    assert "| cycles | 2 | 0.3000 | 0.2000 |" in lines
    assert "| x 0.1 | 0.04500 | 0.03500 | 1 of 2 |" in lines
    assert "| a | 4 | 0.4000 | 0.1000 |" in lines


def test_cleaner_input_has_that_share_of_the_noise_and_is_scored_in_the_units_of_the_file():
    generator = torch.Generator().manual_seed(1)
    reference = torch.full((3, 8, 8), 2.0)
    noise = 0.1 * torch.rand((3, 8, 8), generator=generator)
    one, three = torch.ones(1, 8, 8), torch.zeros(3, 8, 8)
    view = View("v", "mitsuba", 4, reference + noise, one, three, one, three, one, reference, exposure=4.0)
    seen = []

    def denoise(inputs, renderer):
        seen.append((renderer, float(inputs[3].mean())))
        return view.reference + (inputs[:3] - view.reference) / 2

    scores = score_cleaner(denoise, view)
    assert [score["share"] for score in scores] == list(SHARES)
    # Of a small error d on r = 0.5 in the units of the file, SMAPE is about d / (2 r + 0.01).
    expected = float(noise.mean()) / 4 / (2 * 0.5 + 0.01)
    assert scores[0]["noisy"] == pytest.approx(expected, rel=0.05)
    for share, score in zip(SHARES, scores, strict=True):
        assert score["noisy"] == pytest.approx(share * expected, rel=0.05)
        assert score["quietframe"] == pytest.approx(score["noisy"] / 2, rel=0.05)
    assert seen == [("mitsuba", pytest.approx(share**2)) for share in SHARES]
    units = replace(view, color=view.color * 8, reference=view.reference * 8, exposure=32.0)
    assert score_cleaner(lambda inputs, _: inputs[:3], units)[0]["noisy"] == pytest.approx(scores[0]["noisy"], rel=1e-4)


def test_frames_of_a_renderer_without_an_encoder_are_read_by_the_generic_one_and_guarded_by_measured_variances():
    class Network:
        """Takes all light away, and keeps which encoders it was asked for."""

        architecture = Architecture()
        asked: list = []

        def __call__(self, inputs, index):
            self.asked.append(self.architecture.sources[int(index)])
            black = torch.zeros_like(inputs[:, :3])
            return black, [black], None

    three, one = torch.ones(3, 8, 8), torch.ones(1, 8, 8)
    network = Network()
    view = View("v", "luxcore", 4, three, 0 * one, three, 0 * one, three, 0 * one, three, exposure=1.0)
    # No noise was measured, so the guard takes the whole change back.
    assert torch.allclose(denoised_as_served(network, view.inputs(), view.renderer), three, atol=1e-3)
    assert torch.equal(finest_scale(network, view), 0 * three)
    odd = replace(view, color=three[:, :5, :7], reference=three[:, :5, :7], **{
        name: getattr(view, name)[:, :5, :7]
        for name in ("color_variance", "albedo", "albedo_variance", "normal", "normal_variance")
    })  # fmt: skip
    assert finest_scale(network, odd).shape == (3, 5, 7)
    assert network.asked == ["generic", "generic", "generic"]


def test_bilateral_filter_is_tuned_on_four_samples_where_names_tell_them_and_on_any_frames_otherwise(tmp_path):
    with pytest.raises(SystemExit, match=r"Expected \.npz files"):
        frames_to_tune(tmp_path)
    for number in range(60):
        (tmp_path / f"mi_{number:06}.npz").touch()
    assert [path.name for path in frames_to_tune(tmp_path)] == [f"mi_{5 * i:06}.npz" for i in range(8)]
    (tmp_path / "mi_000099_s04.npz").touch()
    assert [path.name for path in frames_to_tune(tmp_path)] == ["mi_000099_s04.npz"]


@pytest.mark.parametrize(
    ("meta", "tags"),
    [
        ({"family": "hair", "tags": ["hdr_world", "hair"]}, ["cycles", "hair", "hdr_world"]),
        ({"family": "assets"}, ["cycles", "assets"]),
        ({}, ["cycles"]),
    ],
)
def test_tags_are_the_renderer_the_family_and_the_tags_of_the_file(tmp_path, meta, tags):
    np.savez(tmp_path / "x.npz", meta=json.dumps(meta))
    assert tags_of(tmp_path / "x.npz", "cycles") == tags
