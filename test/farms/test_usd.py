"""`quietframe sequence --usd` on files that USD's own library writes."""

import json
from pathlib import Path

import pytest
from pxr import Gf, Sdf, Usd, UsdRender

from conftest import Run


def write(
    folder: Path, name: str = "noisy.####.exr", overscan: float = 0, normal: str = "normal", products: int = 1
) -> Path:
    """shot.usda, whose product has the size of the renders, an albedo and normals."""
    stage = Usd.Stage.CreateNew(str(folder / "shot.usda"))
    settings = UsdRender.Settings.Define(stage, "/Render/settings")
    settings.CreateResolutionAttr(Gf.Vec2i(64, 48))
    settings.CreateDataWindowNDCAttr(Gf.Vec4f(-overscan, -overscan, 1 + overscan, 1 + overscan))
    for index in range(products):
        product = UsdRender.Product.Define(stage, f"/Render/Products/p{index}")
        attribute = product.CreateProductNameAttr()
        if "{}" in name:
            for frame in range(1, 6):
                attribute.Set(name.format(f"{frame:04d}"), frame)
        else:
            attribute.Set(name)
        settings.CreateProductsRel().AddTarget(product.GetPath())
        for prim, source, channel in (("color", "Ci", None), ("surface", "albedo", "albedo"), ("facing", "N", normal)):
            var = UsdRender.Var.Define(stage, f"/Render/Vars/{prim}")
            var.CreateSourceNameAttr(source)
            if channel is not None:
                prim_of_var = var.GetPrim()
                prim_of_var.CreateAttribute("driver:parameters:aov:name", Sdf.ValueTypeNames.String).Set(channel)
            product.CreateOrderedVarsRel().AddTarget(var.GetPath())
    stage.GetRootLayer().Save()
    return folder / "shot.usda"


@pytest.fixture
def shot(noisy: Path, tmp_path: Path) -> Path:
    for frame in noisy.glob("*.exr"):
        (tmp_path / frame.name).symlink_to(frame)
    return tmp_path


def sequence(run: Run, shot: Path, usd: str, *words: str) -> tuple[int, str]:
    options = ("--window", "1", "--frames", "1-2", "--report", shot / "report.json")
    done = run("quietframe", "sequence", "--usd", usd, "-o", shot / "clean.####.exr", *options, *words, PYTHON="python")
    return done.returncode, done.stdout


@pytest.mark.parametrize("name", ["noisy.####.exr", "noisy.<F4>.exr", "./noisy.$F4.exr", "noisy.{}.exr"])
def test_takes_the_frames_of_the_product(run: Run, shot: Path, name: str) -> None:
    code, text = sequence(run, shot, str(write(shot, name)))
    assert code == 0, text
    assert "usd-mismatch" not in text and "missing-albedo" not in text, text
    assert [frame["frame"] for frame in json.loads((shot / "report.json").read_text())["frames"]] == [1, 2]
    assert sorted(path.name for path in shot.glob("clean.*")) == ["clean.0001.exr", "clean.0002.exr"]


def test_reads_the_layers_that_its_vars_name(run: Run, shot: Path) -> None:
    def result(*words: str) -> bytes:
        code, text = sequence(run, shot, str(shot / "shot.usda"), "--force", *words)
        assert code == 0, text
        return (shot / "clean.0001.exr").read_bytes()

    write(shot)
    usual, wrong = result(), result("--layer", "normal=beauty")
    assert usual != wrong
    # The file's own normals would be found by their name, too: here the var names another layer.
    (shot / "shot.usda").unlink()
    write(shot, normal="beauty")
    assert result() == wrong
    # What the command line says comes first.
    assert result("--layer", "normal=normal") == usual


def test_warns_of_vars_and_windows_that_the_file_does_not_have(run: Run, shot: Path) -> None:
    code, text = sequence(run, shot, str(write(shot, overscan=0.125, normal="bumps")))
    assert code == 0, text
    assert "warning usd-mismatch: " in text and "no layer of the RenderVar bumps (N)" in text, text
    assert "has the data window (0, 0) to (63, 47), but /Render/Products/p0 has 64 x 48 pixels" in text
    assert "(-8, -6) to (71, 53)" in text


def test_says_what_is_wrong_with_the_file(run: Run, shot: Path) -> None:
    several = write(shot, products=2)
    code, text = sequence(run, shot, str(several))
    assert code == 2 and "found /Render/Products/p0, /Render/Products/p1" in text, text
    code, text = sequence(run, shot, f"{several}:/Render/Products/p1")
    assert code == 0, text
    code, text = sequence(run, shot, f"{several}:/Render/settings")
    assert code == 2 and "/Render/settings is no RenderProduct" in text, text
    (shot / "b").mkdir()
    code, text = sequence(run, shot, str(write(shot / "b", "still.exr")))
    assert code == 2 and "'still.exr' of /Render/Products/p0 has no placeholder" in text, text
    broken = shot / "broken.usda"
    broken.write_text("#usda 1.0\ndef {")
    code, text = sequence(run, shot, str(broken))
    assert code == 2 and "cannot be read" in text and text.count("\n") == 1, text


def test_without_usd_core_it_says_so(run: Run, shot: Path) -> None:
    write(shot)
    words = ("quietframe", "sequence", "--usd", "shot.usda", "-o", "c.#.exr")
    done = run(*words, cwd=shot, PYTHON="no-such-python")
    assert done.returncode == 1, done.stdout
    assert "cannot be read without no-such-python and its package usd-core" in done.stdout, done.stdout
    done = run(*words, cwd=shot, PYTHON="python", PYTHONPATH=str(hidden(shot)))
    assert done.returncode == 1 and "usd-core is not installed" in done.stdout, done.stdout


def hidden(folder: Path) -> Path:
    """A folder that stands before the installed packages and has no USD."""
    package = folder / "hidden" / "pxr"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('hidden')\n")
    return package.parent
