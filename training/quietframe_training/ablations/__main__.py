"""Repeats the ablations of Vogels et al. 2018 with small budgets, one cell after the other; resumes after an interruption.

    python -m quietframe_training.ablations --data DIR [DIR ...] --validation DIR --checkpoint kpcn.pt --out DIR --run DIR

A cell is one training or evaluation. Its result is OUT/cells/NAME.json; a cell with a result of the same settings is skipped.
At the end the tables (OUT/ablations.md) and plots (OUT/*.png) are written from the results that there are.

table2      encoders: one renderer, the other, both, both with encoders
figure11    an encoder for a new renderer from 25, 75 and all frames, against training from scratch
figure12    stability of a still shot whose frames have different seeds (--still)
figure13    also 14 and 15: windows of 1 to 7 frames, and of past frames
figure16    depth, kernel size and scales
section8    direct against kernel prediction
figure3     joint 21x21 kernels on noisy frames against the factored ones that ship
"""

from __future__ import annotations

import argparse
import pathlib

import torch

from ..auxiliary_prefilter import load_prefilter
from ..evaluate_windows import Pipeline
from ..export import load_network
from ..window_dataset import load_window
from .cells import Budget, Cell, run_cells
from .data import load_examples
from .fusion import FusionCells
from .plots import draw_plots
from .report import write_report
from .single_frames import SingleFrameCells
from .windows import WindowCells

BUDGET = ("steps", "batch", "patch", "window_steps", "window_batch")
GROUPS = ("table2", "figure16", "section8", "figure11", "figure13", "figure12", "figure3")


def sequences_of(folders: list[pathlib.Path]) -> list[pathlib.Path]:
    """The examples of more than one frame with motion."""
    paths = sorted(path for folder in folders for path in folder.glob("*.npz"))
    return [path for path in paths if load_window(path).neighbors]


def make_cells(options: argparse.Namespace, budget: Budget) -> dict[str, list[Cell]]:
    """The cells of every chosen group."""
    chosen, groups = options.only, {}
    if set(chosen) & {"table2", "figure11", "figure16", "section8"}:
        examples = load_examples(options.data, options.validation)
        single = SingleFrameCells(examples, budget, options.run, options.architecture)
        seeds = range(options.seeds)
        groups |= {
            "table2": single.table2(seeds),
            "figure16": single.figure16(),
            "section8": single.section8(seeds),
            "figure11": single.figure11(seeds),
        }
    if set(chosen) & {"figure12", "figure13", "figure3"}:
        if options.checkpoint is None:
            raise SystemExit("--checkpoint is missing: windows need a trained network")
        network, _ = load_network(options.checkpoint)
        prefilter = load_prefilter(options.prefilter) if options.prefilter else None
        model = " + ".join(path.name for path in (options.checkpoint, options.prefilter) if path)
        windows = WindowCells(Pipeline(network, prefilter), model)
        validation = sequences_of([options.validation])
        groups["figure13"] = [windows.lengths(path) for path in validation]
        still = sorted(options.still.glob("*.npz")) if options.still else []
        groups["figure12"] = [windows.stability(path) for path in still]
        groups["figure3"] = FusionCells(options.checkpoint, sequences_of(options.data), validation, budget).cells()
    return {name: groups[name] for name in GROUPS if name in chosen and name in groups}


def unique(groups: dict[str, list[Cell]]) -> list[Cell]:
    """Every cell once, in order: groups share some."""
    return list({cell.name: cell for cells in groups.values() for cell in cells}.values())


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m quietframe_training.ablations",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", nargs="+", type=pathlib.Path, required=True)
    parser.add_argument("--validation", type=pathlib.Path, required=True)
    parser.add_argument("--still", type=pathlib.Path, help="folder of still shots of 24 frames, for figure 12")
    parser.add_argument("--checkpoint", type=pathlib.Path, help="trained network, for windows")
    parser.add_argument("--prefilter", type=pathlib.Path, help="checkpoint of the auxiliary prefilter before it")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="results, tables and plots")
    parser.add_argument("--run", type=pathlib.Path, required=True, help="checkpoints of the cells")
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=list(GROUPS))
    parser.add_argument("--seeds", type=int, default=2, help="trainings of table 2, figure 11 and section 8")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="starts no cell after so many")
    parser.add_argument("--threads", type=int, default=1)
    defaults = Budget()
    for name in BUDGET:
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=getattr(defaults, name))
    options = parser.parse_args(arguments)
    options.architecture = {}
    return options


def run(options: argparse.Namespace) -> list[Cell]:
    """Runs the cells and writes the report; returns the cells that are still missing."""
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    budget = Budget(**{name: getattr(options, name) for name in BUDGET})
    groups = make_cells(options, budget)
    missing = run_cells(unique(groups), options.out, options.run, options.minutes)
    results = {name: {cell.name: cell.result(options.out) for cell in cells} for name, cells in groups.items()}
    write_report(options.out, results, budget)
    draw_plots(options.out, results)
    return missing


def main(arguments: list[str] | None = None):
    options = parse(arguments)
    missing = run(options)
    if missing:
        print(f"{len(missing)} cells are missing: {', '.join(cell.name for cell in missing)}")


if __name__ == "__main__":
    main()
