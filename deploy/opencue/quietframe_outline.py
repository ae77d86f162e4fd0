"""A layer of OpenCue that denoises the frames of a shot, and a command that submits one.

In a script that makes an outline:

    from quietframe_outline import denoise_layer
    outline.add_layer(denoise_layer("denoise", "noisy.####.exr", "clean.####.exr", "1001-1100", after=render))
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence

import outline
import outline.cuerun
from outline.depend import DependType
from outline.layer import Layer
from outline.modules.shell import Shell


def denoise_layer(
    name: str,
    source: str,
    result: str,
    frames: str,
    *,
    chunk: int = 10,
    cores: float = 4,
    memory: str = "8g",
    options: Sequence[str] = (),
    after: Layer | None = None,
) -> Shell:
    """A layer whose frames run `quietframe sequence` on `chunk` frames of the shot each.

    `source` and `result` are patterns such as noisy.####.exr, `options` more options of that command. All frames
    of the layer `after`, which renders, come first: windows reach beyond a chunk.
    """
    # Services have threads of their own.
    threads = [] if "--server" in options else ["--threads", str(max(1, int(cores)))]
    words = ["quietframe", "sequence", source, "--output", result, *threads, *options]
    # OpenCue replaces its token by the frames of the chunk, and a shell reads the command.
    command = [*map(shlex.quote, words), "--frames", "#FRAMESPEC#"]
    layer = Shell(name, command=command, range=frames, chunk=chunk, cores=cores, memory=memory, threadable=True)
    if after is not None:
        layer.depend_on(after, DependType.LayerOnLayer)
    return layer


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Submits the denoising of a shot to OpenCue.")
    parser.add_argument("source", help="noisy frames: 'noisy.####.exr'")
    parser.add_argument("result", help="results: 'clean.####.exr'")
    parser.add_argument("frames", help="such as 1001-1100")
    parser.add_argument("--show", default="testing")
    parser.add_argument("--shot", default="default")
    parser.add_argument("--name", default="denoise", help="name of the job")
    parser.add_argument("--chunk", type=int, default=10, help="frames of one task")
    parser.add_argument("--cores", type=float, default=4)
    parser.add_argument("--memory", default="8g")
    parser.add_argument("--options", default="", help="more options of quietframe sequence, in one word")
    parser.add_argument("--print", action="store_true", help="print the job instead of submitting it")
    given = parser.parse_args(words)
    job = outline.Outline(given.name, show=given.show, shot=given.shot)
    job.add_layer(
        denoise_layer(
            "denoise",
            given.source,
            given.result,
            given.frames,
            chunk=given.chunk,
            cores=given.cores,
            memory=given.memory,
            options=shlex.split(given.options),
        )
    )
    launcher = outline.cuerun.OutlineLauncher(job, nomail=True)
    if given.print:
        print(launcher.serialize(use_pycuerun=False))
    else:
        launcher.launch(use_pycuerun=False)


if __name__ == "__main__":
    main()
