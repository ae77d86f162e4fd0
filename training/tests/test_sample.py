"""The published sample: small, complete, and readable by the training."""

import json
from pathlib import Path

import numpy as np

from quietframe_training.dataset import load_folders

SAMPLE = Path(__file__).parents[1] / "sample"
FILES = sorted(SAMPLE.glob("*.npz"))


def test_every_file_is_attributed_and_the_sample_is_small():
    attribution = (SAMPLE / "ATTRIBUTION.md").read_text()
    rows = [line for line in attribution.splitlines() if line.startswith("| ex_")]
    assert [row.split("|")[1].strip() for row in rows] == [file.name for file in FILES]
    for row, file in zip(rows, FILES, strict=True):
        meta = json.loads(str(np.load(file)["meta"]))
        assert int(row.split("|")[3]) == meta["spp"]
        # Scenes that a program made alone: views of assets may hold pictures that cannot be published.
        assert meta["family"] != "assets" and "assets" not in meta["tags"]
    assert sum(file.stat().st_size for file in FILES) < 1_500_000


def test_the_training_reads_it():
    views = load_folders([SAMPLE])
    assert {view.name.split(" ")[0][:9] for view in views} == {file.stem for file in FILES}
    for view in views:
        assert np.isfinite(view.inputs().numpy()).all()
        noise = (view.color - view.reference).abs().mean()
        assert 0 < noise < 1
