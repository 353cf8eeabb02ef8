"""The project's own files: what one says, the others say too."""

import re
import subprocess
import tomllib

import yaml
from submissions import ROOT

from autograder.cli import main

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONDA_NAMES = {
    "jupyter-server-mathjax": "jupyter_server_mathjax",
    "matplotlib": "matplotlib-base",
    "msgpack": "msgpack-python",
}


def split(requirement):
    name, rest = re.fullmatch(r"([A-Za-z0-9_-]+)(.*)", requirement).groups()
    return name, rest


def test_environment_yml_asks_for_what_pyproject_asks_for():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert environment["name"] == PROJECT["name"]
    assert "python=3.11" in environment["dependencies"]
    (from_pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    from_conda = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    wanted = {CONDA_NAMES.get(name, name) + rest for name, rest in map(split, PROJECT["dependencies"])}
    assert {*from_conda, *from_pip} - {"python=3.11", "pip"} == wanted


def test_the_lock_pins_every_dependency_with_hashes_and_no_address():
    lock = (ROOT / "requirements.lock").read_text()
    pinned = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", lock, re.MULTILINE))
    wanted = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
    assert {split(requirement)[0].lower() for requirement in wanted} <= set(pinned)
    assert lock.count("--hash=sha256:") > len(pinned)
    assert "://" not in lock


def test_no_committed_file_names_a_path_of_this_machine():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    files = [ROOT / name for name in listed.stdout.splitlines()]
    texts = {file: file.read_bytes() for file in files if file.is_file()}
    assert len(texts) > 50, "git must list the files, or this holds nothing"
    assert not [file for file, text in texts.items() if str(ROOT).encode() in text]


def test_every_command_and_make_target_is_in_the_readme():
    readme = (ROOT / "README.md").read_text()
    targets = re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert not [target for target in targets if f"make {target}" not in readme]
    assert not [name for name in main.commands if f"autograder {name}" not in readme]


def test_the_readme_names_only_files_that_exist():
    readme = (ROOT / "README.md").read_text()
    paths = re.findall(r"\]\(([^):#]+)\)", readme) + re.findall(r'src="([^":]+)"', readme)
    assert paths
    assert not [path for path in paths if not (ROOT / path).exists()]
