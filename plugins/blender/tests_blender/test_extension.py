"""Real renders of Blender, denoised by a real service."""

from __future__ import annotations

import importlib
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from types import SimpleNamespace

import bpy
import numpy as np
import OpenEXR
import pytest


def part(name):
    return importlib.import_module(f"bl_ext.user_default.quietframe.{name}")


def pixels_of(path, layer="Combined"):
    """Beauty [height, width, 3] of a multilayer file."""
    return channels_of(path, layer)


def composite(scene, folder):
    """What the compositor makes of another render, [height, width, 3]."""
    bpy.ops.render.render()
    part("render_files").save_render(scene, folder / "composite.exr")
    return channels_of(folder / "composite.exr", "Composite.Combined")


def channels_of(path, layer):
    """Red, green and blue of a layer as [height, width, 3]."""
    for each in OpenEXR.File(str(path), separate_channels=True).parts:
        found = {name.rpartition(".")[2]: c.pixels for name, c in each.channels.items() if f".{layer}." in f".{name}"}
        if {"R", "G", "B"} <= set(found):
            return np.stack([found[c] for c in "RGB"], axis=-1).astype(np.float64)
    raise AssertionError(f"{layer} is not in {path}")


def render(scene, path, samples, seed):
    kept = scene.cycles.samples, scene.cycles.seed
    scene.cycles.samples, scene.cycles.seed = samples, seed
    bpy.ops.render.render()
    part("render_files").save_render(scene, path)
    scene.cycles.samples, scene.cycles.seed = kept
    return pixels_of(path)


def error(picture, reference):
    """SMAPE of the project's conventions."""
    return np.mean(np.abs(picture - reference) / (np.abs(picture) + np.abs(reference) + 0.01))


@pytest.fixture
def groups(scene):
    """Light of the lamp and of the world as groups."""
    layer = scene.view_layers[0]
    layer.lightgroups.add(name="lamp")
    layer.lightgroups.add(name="sky")
    bpy.data.objects["Light"].lightgroup = "lamp"
    scene.world.lightgroup = "sky"
    return scene


def test_denoises_the_current_render(groups, tmp_path):
    scene = groups
    settings = scene.quietframe
    settings.folder, settings.lights = str(tmp_path), True
    assert bpy.ops.quietframe.set_up_passes() == {"FINISHED"}
    reference = render(scene, tmp_path / "reference.exr", 256, 7)
    noisy = render(scene, tmp_path / "noisy.exr", 2, 0)
    before = scene.render.image_settings.file_format
    assert bpy.ops.quietframe.denoise_render() == {"FINISHED"}
    assert scene.render.image_settings.file_format == before
    result = tmp_path / f"{scene.name}.0001.exr"
    denoised = pixels_of(result)
    assert error(denoised, reference) < 0.8 * error(noisy, reference)
    sums = channels_of(result, "Combined_lamp") + channels_of(result, "Combined_sky")
    np.testing.assert_allclose(sums, denoised, rtol=1e-4, atol=1e-4)
    image = bpy.data.images["Denoised"]
    assert Path(bpy.path.abspath(image.filepath)) == result
    assert image.type in ("MULTILAYER", "IMAGE")
    assert image.use_view_as_render
    assert part("session").message.startswith("Denoised the render")


def test_two_halves_are_rendered_denoised_and_restored(scene, tmp_path):
    scene.quietframe.folder = str(tmp_path)
    bpy.ops.quietframe.set_up_passes()
    scene.cycles.samples, scene.cycles.seed = 5, 3
    assert bpy.ops.quietframe.render_halves() == {"FINISHED"}
    assert (scene.cycles.samples, scene.cycles.seed) == (5, 3)
    assert scene.render.use_compositing
    assert not [f for f in bpy.app.handlers.render_complete if "HalfRenders" in repr(f)]
    folder = sorted(Path(bpy.app.tempdir).glob("quietframe-*/half_1.exr"))[-1].parent
    first, second = pixels_of(folder / "half_0.exr"), pixels_of(folder / "half_1.exr")
    assert np.abs(first - second).max() > 0
    assert np.isfinite(pixels_of(tmp_path / f"{scene.name}.0001.exr")).all()


def test_denoises_a_shot(scene, tmp_path):
    bpy.ops.quietframe.set_up_passes()
    cube = bpy.data.objects["Cube"]
    for n in (1, 2):
        cube.location.x = 0.2 * n
        cube.keyframe_insert("location", frame=n)
    scene.frame_start, scene.frame_end = 1, 2
    scene.render.filepath = str(tmp_path / "shot.####")
    bpy.ops.render.render(animation=True)
    settings = scene.quietframe
    settings.shot, settings.output = str(tmp_path / "shot.0001.exr"), str(tmp_path / "clean/c.####.exr")
    settings.model = "kpcn"
    assert bpy.ops.quietframe.denoise_shot() == {"FINISHED"}
    for n in (1, 2):
        noisy, clean = pixels_of(tmp_path / f"shot.{n:04d}.exr"), pixels_of(tmp_path / f"clean/c.{n:04d}.exr")
        assert clean.shape == noisy.shape
        assert np.abs(clean - noisy).max() > 0
    image = bpy.data.images["Denoised"]
    assert image.source == "SEQUENCE"
    assert bpy.ops.quietframe.use_in_compositor() == {"FINISHED"}
    node = part("compositor").compositor_tree(scene).nodes["quietframe"]
    assert (node.frame_duration, node.frame_start, node.image) == (2, 1, image)
    for n in (1, 2):
        scene.frame_set(n)
        np.testing.assert_allclose(composite(scene, tmp_path), pixels_of(tmp_path / f"clean/c.{n:04d}.exr"), atol=1e-5)


def test_a_shot_that_begins_late_is_shown_by_the_frame_of_the_scene(scene, tmp_path):
    area = bpy.context.window_manager.windows[0].screen.areas[0]
    area.type = "IMAGE_EDITOR"
    scene.frame_start, scene.frame_end = 1001, 1002
    bpy.ops.quietframe.set_up_passes()
    scene.render.filepath = str(tmp_path / "shot.####")
    bpy.ops.render.render(animation=True)
    scene.quietframe.shot, scene.quietframe.output = "", str(tmp_path / "clean.####.exr")
    scene.quietframe.model = "pkn"
    scene.frame_set(1001)
    assert bpy.ops.quietframe.denoise_shot() == {"FINISHED"}
    space = area.spaces.active
    assert space.image == bpy.data.images["Denoised"]
    user = space.image_user
    # Blender counts: frame of the scene - start + 1 + offset.
    assert (user.frame_duration, 1002 - user.frame_start + 1 + user.frame_offset) == (2, 1002)
    assert user.use_auto_refresh


def test_the_compositor_takes_the_result_in_place_of_the_render(scene, tmp_path):
    scene.quietframe.folder = str(tmp_path)
    scene.quietframe.model = "pkn"
    bpy.ops.quietframe.set_up_passes()
    bpy.ops.render.render()
    assert bpy.ops.quietframe.denoise_render() == {"FINISHED"}
    for _ in range(2):
        assert bpy.ops.quietframe.use_in_compositor() == {"FINISHED"}
    tree = part("compositor").compositor_tree(scene)
    nodes = [node for node in tree.nodes if node.bl_idname == "CompositorNodeImage"]
    assert len(nodes) == 1
    links = [(link.from_node.name, link.from_socket.name) for link in tree.links]
    assert ("quietframe", "Combined") in links
    assert not any(name == "Render Layers" and socket == "Image" for name, socket in links)
    # Another render has the composite of the denoised one before, which must not come back as the denoised picture.
    bpy.data.objects["Cube"].hide_render = True
    bpy.ops.render.render()
    assert bpy.ops.quietframe.denoise_render() == {"FINISHED"}
    assert any("choose ViewLayer" in note for note in part("session").notes)
    assert bpy.ops.quietframe.use_in_compositor() == {"FINISHED"}
    assert tree.nodes["quietframe"].layer == "ViewLayer"
    denoised = pixels_of(tmp_path / f"{scene.name}.0001.exr", "ViewLayer.Combined")
    np.testing.assert_allclose(composite(scene, tmp_path), denoised, atol=1e-5)


def test_nothing_blocks_when_a_person_asks(scene, tmp_path):
    """What Blender does for a person: invoke, then a look now and then until there is an outcome."""
    scene.quietframe.folder = str(tmp_path)
    bpy.ops.quietframe.set_up_passes()
    bpy.ops.render.render()
    operators, session = part("operators"), part("session")
    said, removed = [], []
    manager = SimpleNamespace(
        event_timer_add=lambda *_, **__: "timer",
        event_timer_remove=removed.append,
        progress_begin=lambda *_: None,
        progress_update=lambda _: None,
        progress_end=lambda: None,
        modal_handler_add=lambda _: None,
        windows=[],
    )
    context = SimpleNamespace(
        scene=scene, window_manager=manager, window=None, preferences=bpy.context.preferences, view_layer=None
    )

    class Denoise(part("working").Working):
        prepare = operators.QUIETFRAME_OT_denoise_render.prepare
        finish = operators.QUIETFRAME_OT_denoise_render.finish

        def report(self, kind, text):
            said.append((kind, text))

    operator = Denoise()
    assert operator.invoke(context, None) == {"RUNNING_MODAL"}
    assert not bpy.ops.quietframe.denoise_render.poll()
    assert operator.modal(context, SimpleNamespace(type="MOUSEMOVE")) == {"PASS_THROUGH"}
    session.task.join()
    assert operator.modal(context, SimpleNamespace(type="TIMER")) == {"FINISHED"}
    assert said[-1][0] == {"INFO"}
    assert removed == ["timer"]

    assert operator.invoke(context, None) == {"RUNNING_MODAL"}
    bpy.ops.quietframe.cancel()
    assert operator.modal(context, SimpleNamespace(type="TIMER")) == {"CANCELLED"}
    assert said[-1] == ({"WARNING"}, "Cancelled")
    session.task.join()


def test_halves_go_on_step_by_step(scene):
    bpy.ops.quietframe.set_up_passes()
    scene.cycles.samples = 2
    halves = part("half_renders").HalfRenders(scene)
    steps = 0
    while not halves.done:
        halves.advance()
        steps += 1
    assert steps > 1
    assert len(set(halves.files)) == 2
    assert (scene.cycles.samples, scene.cycles.seed) == (2, 0)


def test_a_render_that_is_stopped(scene):
    scene.cycles.samples = 9
    halves = part("half_renders").HalfRenders(scene)
    assert scene.cycles.samples == 5
    halves._on_cancel(scene)
    with pytest.raises(part("failure").Cancelled):
        halves.advance()
    assert scene.cycles.samples == 9


def failing(operator, words):
    with pytest.raises(RuntimeError, match=words):
        operator()


def test_failures_are_told(scene, extension, service, tmp_path):
    preferences = bpy.context.preferences.addons[extension].preferences
    scene.quietframe.folder = str(tmp_path)
    scene.render.engine = "BLENDER_WORKBENCH"
    failing(bpy.ops.quietframe.set_up_passes, "Render Engine to Cycles")
    failing(bpy.ops.quietframe.render_halves, "Render Engine to Cycles")
    scene.render.engine = "CYCLES"
    scene.quietframe.shot = str(tmp_path / "shot.exr")
    scene.quietframe.output = str(tmp_path / "c.####.exr")
    failing(bpy.ops.quietframe.denoise_shot, "no frame number")
    scene.quietframe.shot = str(tmp_path / "shot.####.exr")
    failing(bpy.ops.quietframe.denoise_shot, "Render the shot first")
    (tmp_path / "shot.0001.exr").write_bytes(b"half of a file")
    failing(bpy.ops.quietframe.denoise_shot, "Render that frame again")
    bpy.data.objects.remove(scene.camera)
    failing(bpy.ops.quietframe.render_halves, "no camera")
    assert bpy.ops.quietframe.test_connection() == {"FINISHED"}
    assert "kpcn@" in part("session").message
    preferences.url = service + "/elsewhere"
    failing(bpy.ops.quietframe.test_connection, "does not know this request|not a quietframe")
    preferences.url = "somewhere"
    failing(bpy.ops.quietframe.test_connection, "not the address of a service")
    preferences.url = "https://denoise.example.com"
    failing(bpy.ops.quietframe.test_connection, "Allow Online Access")


def test_a_service_that_asks_for_a_token(scene, extension, closed_service, tmp_path):
    preferences = bpy.context.preferences.addons[extension].preferences
    preferences.url, token = closed_service
    for wrong in ("", "0" * 64):
        preferences.token = wrong
        failing(bpy.ops.quietframe.test_connection, "does not accept the token, or needs one")
    preferences.token = f" {token} "
    assert bpy.ops.quietframe.test_connection() == {"FINISHED"}
    scene.quietframe.folder = str(tmp_path)
    scene.quietframe.model = "pkn"
    bpy.ops.quietframe.set_up_passes()
    bpy.ops.render.render()
    assert bpy.ops.quietframe.denoise_render() == {"FINISHED"}


def test_there_is_no_render_yet(scene, tmp_path):
    for image in list(bpy.data.images):
        bpy.data.images.remove(image)
    failing(bpy.ops.quietframe.denoise_render, "Render the picture")


def test_blender_finds_nothing_wrong_with_the_archive(archive):
    """Blender's own `blender --command extension validate`."""
    tool = next(Path(bpy.utils.system_resource("SCRIPTS")).rglob("bl_pkg/cli/blender_ext.py"))
    run = subprocess.run([sys.executable, str(tool), "validate", str(archive)], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    with zipfile.ZipFile(archive) as file:
        manifest = tomllib.loads(file.read("blender_manifest.toml").decode())
    # https://docs.blender.org/manual/en/latest/advanced/extensions/getting_started.html
    for told in (manifest["tagline"], *manifest["permissions"].values()):
        assert len(told) <= 64
        assert told[-1].isalnum()
    assert manifest["blender_version_min"] == "4.2.0"


def test_comes_and_goes(scene, extension):
    bpy.ops.preferences.addon_disable(module=extension)
    assert not hasattr(bpy.types.Scene, "quietframe")
    bpy.ops.preferences.addon_enable(module=extension)
    assert hasattr(bpy.types.Scene, "quietframe")
