"""What the button of quietframe.gizmo does: renders the input, denoises it with a service, and reads the result."""

from __future__ import annotations

from pathlib import Path

import nuke

from quietframe_files import denoise_files


def denoise(node) -> None:
    """`node` is the gizmo. Its input is written with all channels: albedo, normals and motion guide the denoiser."""
    first, last = int(node["first"].value()), int(node["last"].value())
    folder = Path(node["folder"].evaluate() or "no folder")
    if not folder.is_dir():
        nuke.message("Choose a folder for the files")
        return
    noisy, clean = (f"{folder.as_posix()}/{node.name()}.{name}.####.exr" for name in ("noisy", "clean"))
    with node:
        write, read, switch = (nuke.toNode(name) for name in ("Write1", "Read1", "Switch1"))
    write["file"].setValue(noisy)
    nuke.execute(write, first, last)
    task = nuke.ProgressTask("quietframe")
    try:
        denoise_files(
            noisy,
            clean,
            first,
            last,
            url=node["url"].value(),
            token=node["token"].value() or None,
            window=int(node["window"].value()),
            progress=lambda share: task.setProgress(int(100 * share)),
            **{"lambda": str(node["lambda"].value())},
        )
    except Exception as error:  # an error of a button has to reach its user
        nuke.message(str(error))
        return
    read["file"].setValue(clean)
    for name, frame in (("first", first), ("last", last), ("origfirst", first), ("origlast", last)):
        read[name].setValue(frame)
    read["reload"].execute()
    switch["which"].setValue(1)
