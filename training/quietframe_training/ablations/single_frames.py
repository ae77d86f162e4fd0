"""Cells of single frames: table 2, figures 11 and 16, and section 8 of Vogels et al. 2018."""

from __future__ import annotations

import pathlib
from dataclasses import asdict, replace

import torch

from ..dataset import View
from ..export import load_network
from ..network import Architecture, Denoiser
from .cells import Budget, Cell, checkpoint_path
from .data import SHARED, Examples, shared, subset
from .direct import DirectDenoiser
from .training import train_single_frames

RENDERERS = ("cycles", "mitsuba")
# Figure 11: frames of the new renderer; none stands for all.
FRAMES = (25, 75, None)
# Figure 16: blocks, kernel size and scales, one changed at a time, each with one and with three scales.
STRUCTURES = [(blocks, 21, levels) for blocks in (2, 6, 12) for levels in (1, 3)]
STRUCTURES += [(6, kernel, levels) for kernel in (5, 13) for levels in (1, 3)]


def own_encoder(view: View) -> str:
    return view.renderer


def by_renderers(examples: Examples, which: str) -> Examples:
    """For table 2: training views of a renderer or of all, and all views of the validation, behind one encoder."""
    training = examples.training if which == "both" else examples.of(which).training
    return Examples(shared(training), examples.validation)


class SingleFrameCells:
    """Makes the cells; `smallest` is a change of architecture that tests use."""

    def __init__(self, examples: Examples, budget: Budget, run: pathlib.Path, smallest: dict | None = None):
        self.examples, self.budget, self.run, self.smallest = examples, budget, run, smallest or {}

    def _architecture(self, sources, **changes) -> Architecture:
        return Architecture(**({"sources": sources} | changes | self.smallest))

    def _cell(self, name: str, seed: int, architecture: Architecture, make, **details) -> Cell:
        settings = {"seed": seed, "budget": asdict(self.budget), "architecture": architecture.as_dict(), **details}
        settings["architecture"]["sources"] = list(architecture.sources)
        views = {"training": len(self.examples.training), "validation": len(self.examples.validation)}
        return Cell(name, settings | {"views": views}, make)

    def one_encoder(self, which: str, seed: int) -> Cell:
        """Table 2: a network without encoders of renderers, trained on `which` of them or on both."""
        architecture = self._architecture((SHARED,))

        def make(checkpoint):
            torch.manual_seed(seed)
            examples = by_renderers(self.examples, which)
            return train_single_frames(
                Denoiser(architecture), examples, self.budget, seed, encoder=lambda _: SHARED, checkpoint=checkpoint
            )

        return self._cell(f"one-encoder-{which}-s{seed}", seed, architecture, make, trained=which)

    def structure(self, blocks: int, kernel: int, levels: int, seed: int, direct: bool = False) -> Cell:
        """Both renderers with their encoders: the last row of table 2, figure 16 and section 8."""
        changes = {"blocks": blocks, "kernel_size": kernel, "levels": levels}
        architecture = self._architecture(RENDERERS, **changes)

        def make(checkpoint):
            torch.manual_seed(seed)
            network = (DirectDenoiser if direct else Denoiser)(architecture)
            return train_single_frames(network, self.examples, self.budget, seed, encoder=own_encoder, checkpoint=checkpoint)

        name = f"{'direct' if direct else 'kernels'}-b{blocks}-k{kernel}-l{levels}-s{seed}"
        return self._cell(name, seed, architecture, make, direct=direct)

    def pretrained(self) -> Cell:
        """Figure 11: the network of the first renderer."""
        architecture, steps = self._architecture(RENDERERS[:1]), self.budget.pretraining * self.budget.steps

        def make(checkpoint):
            torch.manual_seed(0)
            return train_single_frames(
                Denoiser(architecture), self.examples.of(RENDERERS[0]), self.budget, 0,
                encoder=own_encoder, steps=steps, checkpoint=checkpoint,
            )  # fmt: skip

        return self._cell("pretrained", 0, architecture, make, steps=steps)

    def adapted(self, frames: int | None, seed: int, scratch: bool) -> Cell:
        """Figure 11: the second renderer, from so many of its frames; an encoder of the pretrained network, or from scratch."""
        old, new = RENDERERS
        architecture = self._architecture((new,) if scratch else RENDERERS)

        def make(_):
            torch.manual_seed(seed)
            target = self.examples.of(new)
            examples = replace(target, training=subset(target.training, frames, seed))
            if scratch:
                return train_single_frames(Denoiser(architecture), examples, self.budget, seed, encoder=own_encoder)
            pretrained, _ = load_network(checkpoint_path(self.run, "pretrained"))
            network = Denoiser(architecture)
            network.load_state_dict(pretrained.state_dict(), strict=False)
            network.source_encoder[new].load_state_dict(pretrained.source_encoder[old].state_dict())
            network.requires_grad_(False)
            network.source_encoder[new].requires_grad_(True)
            return train_single_frames(network, examples, self.budget, seed, encoder=own_encoder, only=new)

        name = f"{'scratch' if scratch else 'encoder'}-{frames or 'all'}-s{seed}"
        return self._cell(name, seed, architecture, make, frames=frames, scratch=scratch)

    def table2(self, seeds: range) -> list[Cell]:
        rows = [self.one_encoder(which, seed) for which in (*RENDERERS, "both") for seed in seeds]
        return rows + [self.structure(6, 21, 3, seed) for seed in seeds]

    def figure11(self, seeds: range) -> list[Cell]:
        adapted = [self.adapted(n, seed, scratch) for n in FRAMES for seed in seeds for scratch in (False, True)]
        return [self.pretrained(), *adapted]

    def figure16(self) -> list[Cell]:
        return [self.structure(*structure, 0) for structure in STRUCTURES]

    def section8(self, seeds: range) -> list[Cell]:
        return [self.structure(6, 21, 3, seed, direct) for seed in seeds for direct in (False, True)]
