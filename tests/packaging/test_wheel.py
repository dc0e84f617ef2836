"""The wheel holds the whole package and nothing else.

The root of the repository is the package and its sub-packages are listed in pyproject.toml. The
editable install takes everything there is, so that a forgotten folder only shows in a wheel.
"""

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOT_PACKAGE = {"tests", "build", "dist", "demo"}
DATA_SUFFIXES = {".json", ".csv", ".jinja", ".html", ".css", ".js", ".mod"}


def source_files() -> set[str]:
    """Every file of the package in the tree, as its path in a wheel."""
    files = {f"coincide/{name}" for name in ("__init__.py", "__main__.py", "py.typed")}
    folders = [
        path
        for path in ROOT.iterdir()
        if path.is_dir()
        and path.name not in NOT_PACKAGE
        and not path.name.startswith((".", "_"))
        and (path / "__init__.py").exists()
    ]
    for folder in folders:
        for path in folder.rglob("*"):
            inside = path.relative_to(ROOT)
            if any(part.startswith(".") or part == "__pycache__" for part in inside.parts):
                continue
            if path.suffix == ".py" or path.suffix in DATA_SUFFIXES:
                files.add(f"coincide/{inside.as_posix()}")
    return files


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy, because setuptools leaves build/ beside the sources."""
    copy = tmp_path_factory.mktemp("source") / "a-clone"
    generated = shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "demo", "*.egg-info")
    shutil.copytree(ROOT, copy, ignore=generated)
    built = subprocess.run(
        [sys.executable, "-P", "-m", "build", "--wheel", "--no-isolation", "--outdir", "out", "."],
        cwd=copy,
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = (copy / "out").glob("*.whl")
    return path


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    """The files of the wheel that are not its metadata."""
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def test_every_package_is_listed() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = {
        Path(name).parent.as_posix() for name in source_files() if name.endswith("/__init__.py")
    }
    assert {folder.replace("/", ".") for folder in folders} == set(listed)


def test_the_wheel_holds_every_file_of_the_package(names: set[str]) -> None:
    assert source_files() - names == set()


def test_the_wheel_holds_nothing_else(names: set[str]) -> None:
    # A module left at the root, such as a noxfile.py, would be in it: setuptools takes them all.
    assert names - source_files() == set()


def test_the_wheel_imports_on_its_own(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--target", str(target), str(wheel)], check=True)
    # sys.path comes before the finder of this environment's editable install.
    run = subprocess.run(
        [sys.executable, "-P", "-c", "import coincide; print(coincide.__file__)"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(target)},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert Path(run.stdout.strip()).is_relative_to(target)
