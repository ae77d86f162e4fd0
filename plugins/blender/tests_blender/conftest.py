"""A service, and the extension installed in Blender as a user installs it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import subprocess
from pathlib import Path

import bpy
import pytest

ROOT = Path(__file__).resolve().parents[3]
MODULE = "bl_ext.user_default.quietframe"


@contextlib.contextmanager
def serving(*settings):
    """Address of a service that runs until the end of the block."""
    main = ROOT / "dist/cli/main.js"
    process = subprocess.Popen(
        ["node", str(main), "serve", "--port", "0", "--threads", "1", *settings],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines = []
    try:
        for line in process.stdout:
            lines.append(line)
            found = re.search(r"http://127\.0\.0\.1:\d+", line)
            if found is not None:
                break
        else:
            raise RuntimeError("The service did not start: " + "".join(lines))
        # What it logs is thrown away, or it would wait for a reader.
        drain = subprocess.Popen(["cat"], stdin=process.stdout, stdout=subprocess.DEVNULL)
        yield found[0]
    finally:
        process.terminate()
        process.wait()
    drain.wait()


@pytest.fixture(scope="session")
def service():
    """Address of a service that runs as long as the tests."""
    with serving() as address:
        yield address


@pytest.fixture
def closed_service(tmp_path):
    """Address of a service that asks for a token, and the token."""
    token = secrets.token_hex(32)
    entry = {"name": "blender", "sha256": hashlib.sha256(token.encode()).hexdigest()}
    tokens = tmp_path / "tokens.json"
    tokens.write_text(json.dumps({"tokens": [entry]}))
    with serving("--tokens", str(tokens)) as address:
        yield address, token


@pytest.fixture(scope="session")
def archive():
    return next((ROOT / "plugins/blender/build").glob("quietframe-*.zip"))


@pytest.fixture(scope="session")
def extension(archive):
    """Installs the archive in a user folder of its own; the folder is set by scripts/test-blender.sh."""
    assert "BLENDER_USER_RESOURCES" in os.environ
    bpy.ops.preferences.addon_enable(module="bl_pkg")
    bpy.ops.extensions.package_install_files(
        filepath=str(archive), repo="user_default", enable_on_install=True, overwrite=True
    )
    return MODULE


@pytest.fixture
def scene(extension, service):
    """A small scene of Cycles with two kinds of light, and the add-on set to the service."""
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=False)
    bpy.ops.preferences.addon_enable(module=extension)
    preferences = bpy.context.preferences.addons[extension].preferences
    preferences.url, preferences.token, preferences.bundle = service, "", ""
    scene = bpy.context.scene
    # A floor under a large lamp: soft shadows are noisy.
    bpy.ops.mesh.primitive_plane_add(size=20, location=(0, 0, -1))
    bpy.data.objects["Light"].data.shadow_soft_size = 3
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = 4
    scene.cycles.use_adaptive_sampling = False
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 48, 32, 100
    scene.render.threads_mode, scene.render.threads = "FIXED", 1
    return scene
