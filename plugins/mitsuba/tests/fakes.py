"""A renderer without light transport and a service without a network."""

from __future__ import annotations

import json

import numpy as np
from quietframe import Answer, Unavailable
from quietframe.arrays import read_channels, write_channels

from quietframe_mitsuba import Film
from quietframe_mitsuba.schedule import totals_of


class NoiseRenderer:
    """Samples are a gradient plus noise that grows from left to right."""

    def __init__(self, width=8, height=6, seed=0):
        self.film, self.rng = Film(width, height), np.random.default_rng(seed)
        self.asked = []

    def sample(self, counts, progress=None):
        film = self.film
        self.asked.append(counts.copy())
        new_counts, sums = np.zeros_like(film.counts), np.zeros_like(film.sums)
        squares = np.zeros_like(film.squares)
        for y, x in np.ndindex(film.height, film.width):
            for k in range(int(counts[y, x])):
                half = (film.samples[y, x] + k) % 2
                color = 0.5 + 0.01 * y + 0.05 * x * self.rng.standard_normal()
                new_counts[half, y, x] += 1
                sums[half, :, y, x] += [color] * 3 + [0.25] * 3 + [0, 0, 1]
                squares[:, y, x] += color**2
        film.add(new_counts, sums, squares)
        if progress is not None:
            progress(1.0)


class FakeClient:
    """Answers with a map that gives all samples of a row to its right half; fails as often as it is told to."""

    def __init__(self, failures=0, smape=0.1, change=None):
        self.failures, self.smape, self.change = failures, smape, change
        self.requests = []

    @staticmethod
    def next_of(loop):
        """Samples of the next round, as the service plans them."""
        pixels = loop["width"] * loop["height"]
        totals = totals_of(loop["budgetSpp"], pixels, loop["firstSpp"])
        return totals[totals.index(loop["totalSamples"]) + 1] - loop["totalSamples"]

    def sample_map(self, frame=(), *, halves=None, **parameters):
        self.requests.append({"halves": [read_channels(half) for half in halves], **parameters})
        if self.failures > 0:
            self.failures -= 1
            raise Unavailable("No answer")
        height, width = self.requests[-1]["halves"][0]["R"].shape
        loop = json.loads(parameters["loop"]) if "loop" in parameters else None
        total = round(float(parameters["budget"]) * height * width) if loop is None else self.next_of(loop)
        samples = np.zeros((height, width), np.uint32)
        samples[:, width // 2 :] = total // (height * (width - width // 2))
        samples[0, -1] += total - int(samples.sum())
        if self.change is not None:
            samples = self.change(samples)
        target = parameters.get("target_smape")
        report = {"predictedError": {"smape": self.smape}}
        reached = (parameters.get("target_smape") or 0) >= self.smape
        if loop is not None:
            state = {"state": loop | {"totalSamples": loop["totalSamples"] + total}}
            report["loop"] = {"done": reached, "addSamples": 0 if reached else total} | ({} if reached else state)
        if loop is not None and reached:
            samples[:] = 0
        if target is not None:
            report["target"] = {"reached": self.smape <= target}
        return Answer(write_channels({"samples.spp": samples}), report)
