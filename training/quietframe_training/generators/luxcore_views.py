"""Render validation views with LuxCore, a renderer that no network is trained on.

    LD_PRELOAD=$(ls SITE_PACKAGES/pyluxcore.libs/libtbbmalloc_proxy*) \\
        python -m quietframe_training.generators.luxcore_views --out DIR

Needs the packages pyluxcore and numpy. The scenes come with pyluxcore (package pyluxcoretest). LuxCore crashes on Linux
unless its own allocator is preloaded. Its messages go to stderr. Scenes that are finished are skipped and files are
written atomically: stop and resume at any time.

A scene gives one view at three noise levels that share a reference, files lx_SCENE_sNN.npz (NN = samples per pixel).
Arrays, in the layout of `example_format`:
    color 3, albedo 3 (behind mirrors and glass too), normal 3 (world space, shading, averaged), depth 1
    color_var, albedo_var, normal_var 1 each
    ref_color 3
"""

from __future__ import annotations

import argparse
import os
import random
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .example_format import (
    FORMAT_VERSION,
    REFERENCE_BITS,
    Rejected,
    exposure_for,
    half_buffer_variance,
    relative_error,
    save_example,
    to_half,
)
from .mitsuba_views import noisy_arrays

NOISE_LEVELS = (4, 16, 64)
OUTPUTS = {"RGB": 3, "ALBEDO": 3, "AVG_SHADING_NORMAL": 3, "DEPTH": 1, "SAMPLECOUNT": 1}
"""The outputs of the film that are read, with their channels."""

ATTEMPTS = 5
TOO_MANY = 1.05
"""A render with more than this times the requested samples is repeated: LuxCore stops only when it is asked to check."""

# Scenes


@dataclass(frozen=True)
class SceneChoice:
    """A scene of the package, by the name of its file, and what is changed: a new value, or None to remove a property."""

    name: str
    tags: tuple[str, ...]
    changes: dict[str, str | None] = field(default_factory=dict)


MOVED_RIGHT = "1 0 0 0  0 1 0 0  0 0 1 0  0.1 0 0 1"
"""The matrix of a step along x while the shutter is open. The original one, 0.5, leaves nothing to recognize."""

SCENES = (
    SceneChoice("luxball-hdr", ("hdr_world", "mirror")),
    SceneChoice("luxball-hdr-gold", ("hdr_world", "metal")),
    # The package has not all pictures: this sky and the bump map below are replaced by pictures that it has.
    SceneChoice("luxball-sunset", ("hdr_world", "mirror"), {"scene.infinitelight.file": "scenes/luxball/leafy_knoll_2k.hdr"}),
    SceneChoice("luxball-velvet", ("indoors", "velvet")),
    SceneChoice("luxball-copper", ("indoors", "metal"), {"scene.camera.screenwindow": None}),  # shows the floor alone
    SceneChoice("mix2ball", ("indoors", "bump", "texture"), {"scene.textures.bumpmap.file": "scenes/luxball/grid.png"}),
    SceneChoice("transparencyball", ("indoors", "transparency")),
    SceneChoice("proctexball", ("indoors", "texture")),
    SceneChoice(
        "luxball-hdr-motioncamera", ("hdr_world", "motion_blur"), {"scene.camera.motion.1.transformation": MOVED_RIGHT}
    ),
    SceneChoice("luxball-hdr-vol", ("hdr_world", "volume")),
    SceneChoice("luxball-carpaint", ("indoors", "car_paint")),
    SceneChoice("luxball-hdr-glossy2", ("hdr_world", "depth_of_field"), {"scene.camera.lensradius": "0.08"}),
)


def properties_text(values: dict[str, object]) -> str:
    """Properties as LuxCore reads them, one a line."""
    return "".join(f"{name} = {value}\n" for name, value in values.items())


def render_settings(width: int, height: int, spp: int, seed: int) -> dict[str, object]:
    """One thread, no filter, no tone mapping, no clamping, the same number of samples for all pixels."""
    settings: dict[str, object] = {
        "renderengine.type": "PATHCPU",
        "renderengine.seed": seed,
        "native.threads.count": 1,
        "sampler.type": "SOBOL",
        "sampler.sobol.adaptive.strength": 0,
        "path.clamping.variance.maxvalue": 0,
        "film.width": width,
        "film.height": height,
        "film.filter.type": "NONE",
        "film.imagepipelines.0.0.type": "NOP",
        "batch.haltspp": spp,
    }
    for index, output in enumerate(OUTPUTS):
        settings |= {f"film.outputs.{index}.type": output, f"film.outputs.{index}.filename": f"{output}.exr"}
    return settings


# Rendering


def buffers_of(outputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Signals and guides (height, width, channels) from a film's outputs, which begin at the bottom. A miss has depth 0."""
    names = {"RGB": "color", "ALBEDO": "albedo", "AVG_SHADING_NORMAL": "normal", "DEPTH": "depth"}
    buffers = {name: outputs[output][::-1] for output, name in names.items()}
    buffers["depth"] = np.where(np.isfinite(buffers["depth"]), buffers["depth"], 0.0)
    for name in ("color", "albedo", "normal"):
        buffers[name] = np.nan_to_num(buffers[name], nan=0, posinf=6e4, neginf=0)
    return buffers


def excess(counts: np.ndarray, spp: int) -> bool:
    """Whether a render has so many more samples than requested that its label would be wrong."""
    return float(counts.mean()) > TOO_MANY * spp


class Renderer:
    """Renders a scene of the package; every render has a seed of its own."""

    def __init__(self, choice: SceneChoice, width: int, height: int, first_seed: int):
        import pyluxcore

        self.lux, self.width, self.height, self.seed = pyluxcore, width, height, first_seed
        self.properties = pyluxcore.Properties(f"scenes/luxball/{choice.name}.scn")
        for name, value in choice.changes.items():
            if not self.properties.IsDefined(name) and value is None:
                raise RuntimeError(f"{choice.name} has no property {name} to remove")
            self.properties.Delete(name)
            if value is not None:
                self.properties.SetFromString(properties_text({name: value}))

    def __call__(self, spp: int) -> dict[str, np.ndarray]:
        """Signals and guides (height, width, channels): color, albedo, normal, depth."""
        for _ in range(ATTEMPTS):
            outputs = self.film_outputs(spp)
            if not excess(outputs["SAMPLECOUNT"], spp):
                return buffers_of(outputs)
        raise Rejected(f"could not stop at {spp} samples per pixel: the machine is too busy")

    def film_outputs(self, spp: int) -> dict[str, np.ndarray]:
        """The outputs of one render, by LuxCore's names."""
        lux = self.lux
        self.seed += 1
        settings = lux.Properties()
        settings.SetFromString(properties_text(render_settings(self.width, self.height, spp, self.seed)))
        scene = lux.Scene()
        scene.Parse(self.properties)
        session = lux.RenderSession(lux.RenderConfig(settings, scene))
        session.Start()
        while not session.HasDone():
            time.sleep(0.002 if spp < 64 else 0.02)
            session.UpdateStats()
        session.Stop()
        film, outputs = session.GetFilm(), {}
        for output, channels in OUTPUTS.items():
            counts = output == "SAMPLECOUNT"
            outputs[output] = np.zeros((self.height, self.width, channels), np.uint32 if counts else np.float32)
            read = film.GetOutputUInt if counts else film.GetOutputFloat
            read(getattr(lux.FilmOutputType, output), outputs[output])
        return outputs


def file_of(out: Path, scene: str, spp: int) -> Path:
    return out / f"lx_{scene}_s{spp:02d}.npz"


def render_scene(index: int, options: argparse.Namespace) -> str:
    """Render the examples of one scene; writes the files and returns a line for the log."""
    import pyluxcore

    choice = SCENES[index]
    rng = random.Random(f"luxcore/{choice.name}")
    began = time.process_time()
    render = Renderer(choice, options.width, options.height, 1000 * (index + 1))
    halves = {spp: (render(spp // 2), render(spp // 2)) for spp in NOISE_LEVELS}
    exposure = exposure_for(rng, halves[NOISE_LEVELS[-1]][0]["color"])
    parts = [render(options.reference // 2)["color"] * exposure for _ in range(2)]
    picture = np.mean(parts, 0)
    if not picture.any():
        raise Rejected("black")
    error = relative_error(picture, half_buffer_variance(*parts))
    meta = {
        "version": FORMAT_VERSION,
        "seed": index,
        "family": "luxball",
        "tags": list(choice.tags),
        "renderer": f"LuxCore {pyluxcore.Version()} PATHCPU",
        "scene": choice.name,
        "ref_spp": [options.reference],
        "ref_error_before_cleaning": [round(error, 6)],
        "ref_cleaned": "no",
        "exposure": exposure,
        "size": [options.width, options.height],
        "kind": "single",
        "frames": [0],
        "ref_frames": [0],
    }
    reference = {"ref_color": to_half(picture, REFERENCE_BITS)[None]}
    for spp, (a, b) in halves.items():
        arrays = {name: array[None] for name, array in noisy_arrays(a, b, exposure).items()} | reference
        save_example(file_of(options.out, choice.name, spp), arrays, meta | {"spp": spp})
    return f"saved {choice.name}, reference error {error:.4f}, {time.process_time() - began:.0f} CPU s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--scenes", nargs="+", choices=[s.name for s in SCENES], help="these alone")
    parser.add_argument("--width", type=int, default=120, help="pixels, a multiple of 8 (120)")
    parser.add_argument("--height", type=int, default=88, help="pixels, a multiple of 8 (88)")
    parser.add_argument("--reference", type=int, default=1024, help="samples per pixel of a reference (1024)")
    options = parser.parse_args()
    if options.width % 8 or options.height % 8:
        parser.error("--width and --height must be multiples of 8")

    import pyluxcore
    import pyluxcoretest

    options.out = options.out.resolve()
    options.out.mkdir(parents=True, exist_ok=True)
    os.chdir(Path(pyluxcoretest.__file__).parent)  # scenes name their files relative to it
    pyluxcore.Init()
    for index, choice in enumerate(SCENES):
        wanted = options.scenes is None or choice.name in options.scenes
        if not wanted or all(file_of(options.out, choice.name, spp).exists() for spp in NOISE_LEVELS):
            continue
        try:
            print(render_scene(index, options), flush=True)
        except Rejected as reason:
            print(f"rejected {choice.name}: {reason}", flush=True)
        except RuntimeError as error:  # a scene or a picture that LuxCore cannot use
            print(f"failed {choice.name}: {error}", flush=True)


if __name__ == "__main__":
    main()
