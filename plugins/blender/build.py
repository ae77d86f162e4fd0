"""Makes the extension: build/quietframe_blender, and build/quietframe-VERSION.zip to install in Blender.

The client is copied into it as `client`, so that the extension needs nothing beside Blender. Standard library alone.
"""

from __future__ import annotations

import re
import shutil
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PACKAGE = "quietframe_blender"


def build(folder: Path = HERE / "build") -> Path:
    """Writes the extension below the folder and returns the path of its archive."""
    target = folder / PACKAGE
    shutil.rmtree(target, ignore_errors=True)
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(HERE / PACKAGE, target, ignore=ignore)
    shutil.copytree(HERE.parents[1] / "clients/python/quietframe", target / "client", ignore=ignore)
    # The one file of the client that needs more than the standard library.
    (target / "client/arrays.py").unlink()
    shutil.copy(HERE.parents[1] / "LICENSE", target)
    version = re.search(r'^version = "([^"]+)"', (target / "blender_manifest.toml").read_text(), re.MULTILINE)
    assert version is not None
    archive = folder / f"quietframe-{version[1]}.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(target.rglob("*")):
            if path.is_file():
                # A fixed time: the same sources make the same archive.
                entry = zipfile.ZipInfo(path.relative_to(target).as_posix(), (1980, 1, 1, 0, 0, 0))
                entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
                file.writestr(entry, path.read_bytes())
    return archive


if __name__ == "__main__":
    print(build())
