"""What takes steps away: a service that the add-on starts, renders that are denoised by themselves, and comparisons."""

from __future__ import annotations

import tarfile
from pathlib import Path
from types import SimpleNamespace

import bpy
import numpy as np
import pytest
from test_extension import channels_of, failing, part, pixels_of

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def bundle(tmp_path):
    """A folder like a bundle, which runs what was built."""
    folder = tmp_path / "quietframe-test"
    folder.mkdir()
    program = folder / "quietframe"
    program.write_text(f'#!/bin/sh\nexec node "{ROOT}/dist/cli/main.js" "$@"\n')
    program.chmod(0o755)
    return folder


@pytest.fixture
def preferences(scene, extension):
    yield bpy.context.preferences.addons[extension].preferences
    # Tests may have loaded the add-on anew, and with it its preferences.
    bpy.context.preferences.addons[extension].preferences.bundle = ""
    part("session").service.stop()


@pytest.mark.parametrize("packed", [False, True])
def test_starts_the_service_of_a_bundle(scene, preferences, bundle, tmp_path, packed):
    if packed:
        archive = tmp_path / "quietframe-test.tar.gz"
        with tarfile.open(archive, "w:gz") as file:
            file.add(bundle, bundle.name)
        preferences.bundle = str(archive)
    else:
        preferences.bundle = str(bundle)
    # Nobody is there: what is denoised comes from the service that the add-on starts.
    preferences.url = "http://127.0.0.1:9"
    session = part("session")
    assert bpy.ops.quietframe.start_service() == {"FINISHED"}
    assert session.message == f"The service runs at {session.service.url}"
    assert session.service.state == "running"
    process = session.service._process
    scene.quietframe.folder, scene.quietframe.model = str(tmp_path), "pkn"
    bpy.ops.quietframe.set_up_passes()
    bpy.ops.render.render()
    assert bpy.ops.quietframe.denoise_render() == {"FINISHED"}
    assert bpy.ops.quietframe.stop_service() == {"FINISHED"}
    assert process.poll() == 0
    assert not bpy.ops.quietframe.stop_service.poll()
    # The next work starts it again.
    assert bpy.ops.quietframe.test_connection() == {"FINISHED"}
    assert session.service.state == "running"


def test_the_service_goes_with_the_add_on(scene, preferences, extension, bundle):
    preferences.bundle = str(bundle)
    bpy.ops.quietframe.start_service()
    process = part("session").service._process
    bpy.ops.preferences.addon_disable(module=extension)
    assert process.poll() == 0
    bpy.ops.preferences.addon_enable(module=extension)


def test_bundles_that_are_none(preferences, tmp_path):
    preferences.bundle = str(tmp_path / "nothing")
    failing(bpy.ops.quietframe.start_service, "There is no quietframe in")
    archive = tmp_path / "broken.tar.gz"
    archive.write_bytes(b"half of an archive")
    preferences.bundle = str(archive)
    failing(bpy.ops.quietframe.start_service, "is not a bundle, or is damaged")
    program = tmp_path / "quietframe"
    program.write_text("#!/bin/sh\necho quietframe: no memory >&2\nexit 1\n")
    program.chmod(0o755)
    preferences.bundle = str(program)
    failing(bpy.ops.quietframe.start_service, "has ended at its start. quietframe: no memory")
    assert part("session").service.state == "stopped"


def test_denoises_after_the_render(scene, tmp_path):
    scene.quietframe.folder, scene.quietframe.model = str(tmp_path), "pkn"
    bpy.ops.quietframe.set_up_passes()
    result = tmp_path / f"{scene.name}.0001.exr"
    bpy.ops.render.render()
    assert not result.exists()
    scene.quietframe.after_render = True
    bpy.ops.render.render()
    assert part("session").message == "Denoised the render"
    assert np.isfinite(pixels_of(result)).all()
    # The two halves are one picture, which is denoised once.
    result.unlink()
    jobs = []
    denoise = part("denoising").Denoising.run
    part("denoising").Denoising.run = lambda self, *rest: (jobs.append(1), denoise(self, *rest))[1]
    try:
        assert bpy.ops.quietframe.render_halves() == {"FINISHED"}
    finally:
        part("denoising").Denoising.run = denoise
    assert len(jobs) == 1


def test_denoises_an_animation_as_a_shot(scene, tmp_path):
    bpy.ops.quietframe.set_up_passes()
    scene.frame_start, scene.frame_end = 1, 2
    scene.render.filepath = str(tmp_path / "shot.####")
    settings = scene.quietframe
    settings.after_render, settings.model, settings.output = True, "pkn", str(tmp_path / "clean.####.exr")
    bpy.ops.render.render(animation=True)
    assert part("session").message == "Denoised 2 frames"
    assert (tmp_path / "clean.0002.exr").is_file()


def test_the_border_between_before_and_after(scene, tmp_path):
    scene.quietframe.folder = str(tmp_path)
    bpy.ops.quietframe.set_up_passes()
    bpy.ops.render.render()
    part("render_files").save_render(scene, tmp_path / "noisy.exr")
    assert bpy.ops.quietframe.denoise_render() == {"FINISHED"}
    scene.quietframe.wipe = 0.25
    assert bpy.ops.quietframe.compare() == {"FINISHED"}
    noisy, denoised = pixels_of(tmp_path / "noisy.exr"), pixels_of(tmp_path / f"{scene.name}.0001.exr")
    image = bpy.data.images["Before and After"]
    assert image.use_view_as_render

    def shown():
        # Blender's pixels begin at the bottom.
        return np.reshape(image.pixels[:], (32, 48, 4))[::-1, :, :3]

    for share, column in ((0.25, 12), (0.75, 36)):
        scene.quietframe.wipe = share
        np.testing.assert_allclose(shown()[:, : column - 1], noisy[:, : column - 1], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(shown()[:, column + 1 :], denoised[:, column + 1 :], rtol=1e-5, atol=1e-6)
    scene.quietframe.wipe = 0.0
    np.testing.assert_allclose(shown(), denoised, rtol=1e-5, atol=1e-6)
    # So it is where the file begins with the composite.
    bpy.ops.quietframe.use_in_compositor()
    bpy.data.objects["Cube"].hide_render = True
    bpy.ops.render.render()
    part("render_files").save_render(scene, tmp_path / "noisy.exr")
    bpy.ops.quietframe.denoise_render()
    assert bpy.ops.quietframe.compare() == {"FINISHED"}
    scene.quietframe.wipe = 1.0
    noisy = pixels_of(tmp_path / "noisy.exr", "ViewLayer.Combined")
    np.testing.assert_allclose(shown(), noisy, rtol=1e-5, atol=1e-6)
    assert {image.name for image in bpy.data.images} >= {"Denoised", "Before and After"}


def test_a_render_that_cycles_has_denoised(scene, tmp_path):
    scene.quietframe.folder, scene.quietframe.model = str(tmp_path), "pkn"
    scene.cycles.use_denoising = True
    scene.cycles.denoiser = "OPENIMAGEDENOISE"
    bpy.ops.render.render()
    words = "Already denoised by Cycles and passes are missing: press Set Up Passes and render again"
    failing(bpy.ops.quietframe.denoise_render, words)
    # The settings for the next render do not change what there is.
    bpy.ops.quietframe.set_up_passes()
    failing(bpy.ops.quietframe.denoise_render, words)
    bpy.ops.render.render()
    assert bpy.ops.quietframe.denoise_render() == {"FINISHED"}
    # With its passes, the noisy image is there beside the denoised one.
    scene.cycles.use_denoising = True
    bpy.ops.render.render()
    assert bpy.ops.quietframe.denoise_render() == {"FINISHED"}
    assert channels_of(tmp_path / f"{scene.name}.0001.exr", "Noisy Image").shape == (32, 48, 3)


class Layout:
    """Takes the place of Blender's layout and remembers what is drawn; operators and settings have to exist."""

    def __init__(self, drawn):
        self.drawn = drawn

    def column(self, **_):
        return self

    row = box = column

    def operator(self, name, **_):
        group, _, name = name.partition(".")
        assert name in dir(getattr(bpy.ops, group))
        self.drawn.append(name)

    def prop(self, owner, name, **_):
        assert name in owner.bl_rna.properties
        self.drawn.append(name)

    def label(self, text, **_):
        self.drawn.append(text)

    def progress(self, **_):
        self.drawn.append("progress")


@pytest.mark.parametrize("place", ["QUIETFRAME_PT_render", "QUIETFRAME_PT_image"])
def test_one_panel_in_both_places(scene, place):
    session, panel = part("session"), getattr(part("panel"), place)
    assert panel.bl_label == "Quietframe"
    session.message, session.notes = "Denoised the render", ["Albedo above 1 was limited"]
    drawn = []
    panel.draw(SimpleNamespace(layout=Layout(drawn)), bpy.context)
    assert drawn[0] == "set_up_passes"
    assert {"denoise_render", "render_halves", "after_render", "compare", "start_service"} <= set(drawn)
    assert "Denoised the render" in drawn
    assert "Albedo above 1 was limited" not in drawn
    scene.quietframe.show_notes = True
    panel.draw(SimpleNamespace(layout=Layout(drawn)), bpy.context)
    assert "Albedo above 1 was limited" in drawn
