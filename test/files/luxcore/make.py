"""Renders the files of this folder with LuxCore, which writes every output of its film to a file of its own.

Run: `pip install pyluxcore==2.11.2 && LD_PRELOAD=$(ls SITE_PACKAGES/pyluxcore.libs/libtbbmalloc_proxy*) python make.py`.
LuxCore crashes on Linux unless its own allocator is preloaded. The scene comes with the package pyluxcoretest. Without a pixel
filter (`NONE`), and with the light itself (`NOP`), as a denoiser wants it. Two renders with a seed each are half buffers.
"""

import os
import shutil
import tempfile
import time
from pathlib import Path

import pyluxcore
import pyluxcoretest

HERE = Path(__file__).parent
OUTPUTS = ("RGB", "ALBEDO", "AVG_SHADING_NORMAL")
WIDTH, HEIGHT, SAMPLES = 64, 48, 8


def render(seed: int, folder: Path) -> None:
    settings = pyluxcore.Properties()
    values: dict[str, object] = {
        "renderengine.type": "PATHCPU",
        "renderengine.seed": seed,
        "native.threads.count": 1,
        "sampler.type": "SOBOL",
        "sampler.sobol.adaptive.strength": 0,
        "film.width": WIDTH,
        "film.height": HEIGHT,
        "film.filter.type": "NONE",
        "film.imagepipelines.0.0.type": "NOP",
        "batch.haltspp": SAMPLES,
    }
    for index, output in enumerate(OUTPUTS):
        values |= {
            f"film.outputs.{index}.type": output,
            f"film.outputs.{index}.filename": str(folder / f"{output}.exr"),
        }
    settings.SetFromString("".join(f"{name} = {value}\n" for name, value in values.items()))
    scene = pyluxcore.Scene()
    scene.Parse(pyluxcore.Properties("scenes/luxball/luxball-hdr.scn"))
    session = pyluxcore.RenderSession(pyluxcore.RenderConfig(settings, scene))
    session.Start()
    while not session.HasDone():
        time.sleep(0.01)
        session.UpdateStats()
    session.Stop()
    session.GetFilm().SaveOutputs()


def main() -> None:
    os.chdir(Path(pyluxcoretest.__file__).parent)
    pyluxcore.Init()
    with tempfile.TemporaryDirectory() as temporary:
        for seed, half in ((1, "a"), (2, "b")):
            folder = Path(temporary) / half
            folder.mkdir()
            render(seed, folder)
            for output in OUTPUTS:
                if half == "a" or output == "RGB":
                    shutil.copy(folder / f"{output}.exr", HERE / f"{half}.{output}.exr")


if __name__ == "__main__":
    main()
