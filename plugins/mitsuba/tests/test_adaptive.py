from __future__ import annotations

import json

import numpy as np
import pytest
from fakes import FakeClient, NoiseRenderer

from quietframe_mitsuba import RelativeVarianceGuide, ServiceGuide, UniformGuide, render_adaptively
from quietframe_mitsuba.schedule import totals_of


def test_rounds_double_until_the_budget():
    assert totals_of(256, 10) == [160, 320, 640, 1280, 2560]
    assert totals_of(100, 4, first_spp=32) == [128, 256, 400]
    assert totals_of(8, 10) == [80]
    # Halves are rounded up, as the service does, and rounds of no new sample are left out.
    assert totals_of(2.5, 1, first_spp=0.25) == [1, 2, 3]
    for budget in (0, -1):
        with pytest.raises(ValueError, match="budget"):
            totals_of(budget, 10)


@pytest.mark.parametrize("guide", [UniformGuide(), RelativeVarianceGuide(), ServiceGuide(FakeClient())])
def test_spends_the_budget_exactly(guide):
    renderer = NoiseRenderer()
    outcome = render_adaptively(renderer, guide, 10.3, first_spp=2)
    assert renderer.film.total == round(10.3 * 48)
    assert [done.spp for done in outcome.rounds][:3] == [2, 4, 8]
    assert not outcome.target_reached


def test_follows_the_map_of_the_service():
    client, renderer = FakeClient(), NoiseRenderer()
    render_adaptively(renderer, ServiceGuide(client, metric="ms-dssim", weighting="error"), 8, first_spp=4)
    first, second = renderer.asked
    assert (first == 4).all()
    assert second[:, :4].sum() == 0 and second.sum() == 4 * 48
    request = client.requests[0]
    assert (request["spp"], request["metric"], request["target_smape"]) == (4, "ms-dssim", None)
    assert request["weighting"] == "error"
    assert json.loads(request["loop"]) == {
        **{"version": 1, "budgetSpp": 8, "firstSpp": 4},
        **{"width": 8, "height": 6, "totalSamples": 4 * 48},
    }
    assert "budget" not in request
    a, b = request["halves"]
    layers = ["", "albedo.", "mse."]
    assert set(a) == {f"{layer}{c}" for layer in layers for c in "RGB"} | {f"sh_normal.{c}" for c in "XYZ"}
    # The halves are independent, and their mean is the film's as long as they have as many samples.
    assert not np.array_equal(a["R"], b["R"])


def test_posts_back_the_state_of_the_service_and_counts_on_where_it_fails():
    client = FakeClient()
    render_adaptively(NoiseRenderer(), ServiceGuide(client), 40, first_spp=4)
    totals = [json.loads(request["loop"])["totalSamples"] for request in client.requests]
    assert totals == [4 * 48, 8 * 48, 16 * 48, 32 * 48]
    failing = FakeClient(failures=1)
    renderer = NoiseRenderer()
    outcome = render_adaptively(renderer, ServiceGuide(failing), 40, first_spp=4)
    assert [json.loads(request["loop"])["totalSamples"] for request in failing.requests] == totals
    assert [done.fallback for done in outcome.rounds] == [None, "No answer", None, None, None]
    assert renderer.film.total == 40 * 48


def test_asks_for_a_budget_where_the_film_is_on_no_round():
    client, renderer = FakeClient(), NoiseRenderer()
    render_adaptively(renderer, UniformGuide(), 3, first_spp=3)
    render_adaptively(renderer, ServiceGuide(client), 8, first_spp=4)
    # 3, then up to 4 and 8: the first of these is no round of the schedule, the second is.
    assert float(client.requests[0]["budget"]) == 1
    assert json.loads(client.requests[1]["loop"])["totalSamples"] == 4 * 48


def test_stops_at_the_target():
    client, renderer = FakeClient(smape=0.015), NoiseRenderer()
    outcome = render_adaptively(renderer, ServiceGuide(client, target_smape=0.02), 64, first_spp=2)
    assert outcome.target_reached
    assert renderer.film.spp == 2


def test_a_service_that_fails_costs_no_samples():
    client, renderer = FakeClient(failures=1), NoiseRenderer()
    outcome = render_adaptively(renderer, ServiceGuide(client), 16, first_spp=4)
    assert [done.fallback for done in outcome.rounds] == [None, "No answer", None]
    assert (renderer.asked[1] == 4).all()
    assert renderer.film.total == 16 * 48


@pytest.mark.parametrize(
    "change",
    [lambda m: m[:-1], lambda m: m + 1, lambda m: m + np.float32(0.5), lambda m: m.astype(np.float32) * np.nan],
    ids=["another size", "another sum", "fractions", "NaN"],
)
def test_maps_that_are_none_cost_no_samples(change):
    renderer = NoiseRenderer()
    outcome = render_adaptively(renderer, ServiceGuide(FakeClient(change=change)), 8, first_spp=4)
    assert "Expected" in outcome.rounds[1].fallback
    assert (renderer.film.samples == 8).all()


def test_progress_only_grows_and_ends_at_one():
    seen = []
    render_adaptively(NoiseRenderer(), UniformGuide(), 8, first_spp=2, progress=lambda f, _: seen.append(f))
    assert seen == sorted(seen)
    assert seen[-1] == 1


def test_goes_on_with_what_the_film_has():
    renderer = NoiseRenderer()
    render_adaptively(renderer, UniformGuide(), 4, first_spp=2)
    render_adaptively(renderer, UniformGuide(), 8, first_spp=2)
    assert (renderer.film.samples == 8).all()
    assert len(renderer.asked) == 3


def test_tells_of_every_round():
    told = []
    outcome = render_adaptively(NoiseRenderer(), UniformGuide(), 8, first_spp=4, after_round=told.append)
    assert told == outcome.rounds
    assert [(done.index, done.rounds) for done in told] == [(0, 2), (1, 2)]
