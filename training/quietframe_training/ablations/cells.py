"""Cells of an ablation: one training or evaluation each, whose result is a file, so that a stopped run resumes."""

from __future__ import annotations

import json
import os
import pathlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Budget:
    """What a cell of training may cost; part of the settings of every result."""

    steps: int = 400
    batch: int = 4
    patch: int = 64
    rate: float = 2e-3
    pretraining: int = 3  # times the steps, of the network that figure 11 adapts
    window_steps: int = 150
    window_batch: int = 1


@dataclass(frozen=True)
class Cell:
    """One training or evaluation.

    name: of the result and the checkpoint. settings: what the result depends on besides the data; a result with others is
    computed again. run: makes the result, which JSON can hold, and writes the checkpoint if it is given a path.
    """

    name: str
    settings: dict
    run: Callable[[pathlib.Path], dict] = field(compare=False)

    def result_path(self, folder: pathlib.Path) -> pathlib.Path:
        return folder / "cells" / f"{self.name}.json"

    def result(self, folder: pathlib.Path) -> dict | None:
        """The stored result; none where there is none or its settings were others."""
        path = self.result_path(folder)
        if not path.exists():
            return None
        stored = json.loads(path.read_text())
        return stored["result"] if stored["settings"] == self.settings else None


def checkpoint_path(run: pathlib.Path, name: str) -> pathlib.Path:
    return run / f"{name}.pt"


def run_cells(cells: list[Cell], folder: pathlib.Path, run: pathlib.Path, minutes: float) -> list[Cell]:
    """Runs the cells without a result, in order, for at most so many minutes; returns those that are still missing."""
    (folder / "cells").mkdir(parents=True, exist_ok=True)
    run.mkdir(parents=True, exist_ok=True)
    began, missing = time.monotonic(), []
    for cell in cells:
        if cell.result(folder) is not None:
            continue
        if time.monotonic() - began > 60 * minutes:
            missing.append(cell)
            continue
        started = time.process_time()
        result = cell.run(checkpoint_path(run, cell.name))
        seconds = round(time.process_time() - started)
        path = cell.result_path(folder)
        temporary = path.with_suffix(".part")
        temporary.write_text(json.dumps({"settings": cell.settings, "cpuSeconds": seconds, "result": result}, indent=1) + "\n")
        os.replace(temporary, path)
        print(f"{cell.name}: {seconds} CPU s", flush=True)
    return missing
