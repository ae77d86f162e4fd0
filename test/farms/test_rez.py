"""The Rez package of deploy/rez: built, resolved and run."""

import json
import shutil
from pathlib import Path

from conftest import ROOT, Run


def test_the_package_builds_and_runs(run: Run, noisy: Path, tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    config = tmp_path / "rezconfig.py"
    config.write_text(
        f"packages_path = [{str(packages)!r}]\nlocal_packages_path = {str(packages)!r}\n"
        "implicit_packages = []\nparent_variables = ['PATH', 'QUIETFRAME_THREADS']\n"
    )
    rez = {"REZ_CONFIG_FILE": str(config), "HOME": str(tmp_path)}
    try:
        built = run("rez-build", "--install", cwd=ROOT / "deploy" / "rez", **rez)
    finally:
        shutil.rmtree(ROOT / "deploy" / "rez" / "build", ignore_errors=True)
    assert built.returncode == 0, built.stdout
    version = json.loads((ROOT / "package.json").read_text())["version"]
    assert (packages / "quietframe" / version / "bin" / "quietframe").exists()
    tested = run("rez-test", "quietframe", **rez)
    assert "Test succeeded" in tested.stdout, tested.stdout
    result = tmp_path / "clean.exr"
    done = run("rez-env", "quietframe", "--", "quietframe", "denoise", noisy / "noisy.0001.exr", "-o", result, **rez)
    assert done.returncode == 0 and result.exists(), done.stdout
    # Another program of that name is on the path of this worker: the package's comes first.
    where = run("rez-env", "quietframe", "--", "which", "quietframe", **rez)
    assert where.stdout.strip().endswith(f"packages/quietframe/{version}/bin/quietframe"), where.stdout
