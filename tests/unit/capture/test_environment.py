"""The environment of a run: what is recorded, and above all what is not."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import sys

import pytest

from notabene.capture import environment as module
from notabene.capture.environment import (
    container,
    environment,
    installed_packages,
    selected_variables,
)
from notabene.capture.part import Deadline
from notabene.capture.secrets import Redactor


def look(environ=None):
    """The part in an environment."""
    return environment(Redactor(), Deadline(20), {} if environ is None else environ)


def test_interpreter_and_system_are_recorded():
    """Version, implementation, system and C library are facts; all of it is JSON."""
    part = look()
    assert part.facts["env.python"] == platform.python_version()
    assert part.facts["env.implementation"] == sys.implementation.name
    assert part.facts["env.os"].startswith(platform.system())
    assert part.data["python"]["executable"] == sys.executable
    assert part.data["locale"]["encoding"]
    assert isinstance(part.data["time_zone"]["offset"], int)
    assert json.loads(json.dumps(part.data)) == part.data


def test_packages_are_those_that_the_interpreter_knows():
    """Names and versions read off folders are those of importlib.metadata."""
    found, complete = installed_packages(Redactor(), Deadline(20))
    assert complete
    known = {}
    for distribution in importlib.metadata.distributions():
        name = distribution.metadata["Name"].lower().replace("_", "-").replace(".", "-")
        known.setdefault(name, distribution.version)
    plain = {n: v["version"] if isinstance(v, dict) else v for n, v in found.items()}
    assert plain == known
    assert "msgspec" in found


def site(tmp_path, monkeypatch, *names):
    """A path of one folder with package metadata of these names."""
    folder = tmp_path / "site-packages"
    for name in names:
        (folder / name).mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [str(folder)])
    return folder


def test_packages_from_elsewhere_say_where_from(tmp_path, monkeypatch):
    """Editable installs, commits and wheels by address are marked, without their passwords."""
    folder = site(
        tmp_path, monkeypatch, "mine-0.1.dist-info", "vcs-2.0.dist-info", "plain-1.0.dist-info",
        "odd-1.dist-info",
    )  # fmt: skip
    url = "direct_url.json"
    editable = {"url": "file:///home/me/mine", "dir_info": {"editable": True}}
    (folder / "mine-0.1.dist-info" / url).write_text(json.dumps(editable))
    commit = {"url": "https://u:p@h/x.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}}
    (folder / "vcs-2.0.dist-info" / url).write_text(json.dumps(commit))
    (folder / "odd-1.dist-info" / url).write_text("not JSON")
    found, _ = installed_packages(Redactor(), Deadline(20))
    assert found == {
        "mine": {"version": "0.1", "url": "file:///home/me/mine", "editable": True},
        "odd": "1",
        "plain": "1.0",
        "vcs": {"version": "2.0", "url": "https://[hidden]@h/x.git", "commit": "abc"},
    }


def test_old_kinds_of_installs(tmp_path, monkeypatch):
    """Eggs are read as well; one in a source folder on the path is an editable install."""
    folder = site(tmp_path, monkeypatch, "old_name-1.2-py3.11.egg-info")
    source = tmp_path / "project"
    (source / "dev.egg-info").mkdir(parents=True)
    (source / "dev.egg-info" / "PKG-INFO").write_text("Name: dev\nVersion: 3.4\n")
    sys.path.append(str(source))
    (source / "old_name-9.dist-info").mkdir()
    found, _ = installed_packages(Redactor(), Deadline(20))
    assert found["old-name"] == "1.2"  # the first on the path is the one imported
    assert found["dev"] == {"version": "3.4", "editable": True, "url": f"file://{source}"}
    assert folder.exists()


def test_a_budget_that_is_spent_leaves_packages_out():
    """Without time no package is read, and the part says so."""
    assert installed_packages(Redactor(), Deadline(0)) == ({}, False)
    assert "packages" in environment(Redactor(), Deadline(0), {}).data["notes"][0]


def test_only_listed_variables_are_recorded():
    """Numerics, threads, devices and ranks are; secrets, and all others, are not."""
    redactor = Redactor()
    environ = {
        "OMP_NUM_THREADS": "2", "CUDA_VISIBLE_DEVICES": "0", "PYTHONHASHSEED": "0", "RANK": "1",
        "SLURM_JOB_ID": "7", "NCCL_DEBUG": "INFO", "LC_ALL": "C", "TZ": "UTC",
        "AWS_SECRET_ACCESS_KEY": "x", "HF_TOKEN": "y", "EDITOR": "vim", "HOME": "/root",
        "CUDA_TOKEN": "z", "SLURM_JWT": "j", "NCCL_PROXY": "http://u:p@h/",
    }  # fmt: skip
    found = selected_variables(environ, redactor)
    assert found == {
        "CUDA_VISIBLE_DEVICES": "0", "LC_ALL": "C", "NCCL_DEBUG": "INFO",
        "NCCL_PROXY": "http://[hidden]@h/", "OMP_NUM_THREADS": "2", "PYTHONHASHSEED": "0",
        "RANK": "1", "SLURM_JOB_ID": "7", "TZ": "UTC",
    }  # fmt: skip
    assert redactor.hidden == 3


def test_environment_modules_and_conda_are_named():
    """What a cluster's modules and conda or pixi put in place is recorded."""
    part = look({"LOADEDMODULES": "gcc/12:cuda/12.4", "CONDA_DEFAULT_ENV": "vision"})
    assert part.data["modules"] == ["gcc/12", "cuda/12.4"]
    assert part.data["conda"] == {"name": "vision"}
    pixi = look({"PIXI_PROJECT_NAME": "p", "PIXI_ENVIRONMENT_NAME": "gpu"})
    assert pixi.facts["env.kind"] == "pixi"


def test_the_time_zone_is_that_of_the_variable():
    """TZ names the zone where it is set."""
    assert look({"TZ": "Europe/Paris"}).data["time_zone"]["name"] == "Europe/Paris"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"APPTAINER_CONTAINER": "/x.sif"}, {"kind": "apptainer", "image": "/x.sif"}),
        ({"SINGULARITY_CONTAINER": "/x.sif"}, {"kind": "singularity", "image": "/x.sif"}),
        ({"KUBERNETES_SERVICE_HOST": "1"}, {"kind": "kubernetes"}),
        ({"COLAB_RELEASE_TAG": "r"}, {"kind": "colab"}),
        (
            {"KUBERNETES_SERVICE_HOST": "1", "NOTABENE_IMAGE": "reg/img@sha256:1"},
            {"kind": "kubernetes", "image": "reg/img@sha256:1"},
        ),
    ],
)
def test_containers_are_known_by_their_variables(environ, expected):
    """Kind and image of the container are told."""
    assert container(environ) == expected


def test_containers_are_known_by_their_files(monkeypatch):
    """Docker and podman leave a file, others a name in the control group; else there is none."""
    files = {}
    monkeypatch.setattr(module.os.path, "exists", lambda path: path in files)
    monkeypatch.setattr(module, "_read", lambda path: files.get(path, ""))
    assert container({}) == {}
    files["/proc/1/cgroup"] = "0::/kubepods/besteffort/pod1\n"
    assert container({}) == {"kind": "kubernetes"}
    files["/.dockerenv"] = ""
    assert container({}) == {"kind": "docker"}
    files["/run/.containerenv"] = 'engine="podman-4"\nimage="docker.io/img:1"\n'
    assert container({}) == {"kind": "podman", "image": "docker.io/img:1"}
    files.clear()
    assert container({"NOTABENE_IMAGE": "img"}) == {"kind": "unknown", "image": "img"}


def test_nothing_is_changed_by_looking(monkeypatch):
    """Asking for locale and zone leaves both, and the environment, as they were."""
    import locale
    import time

    before = (locale.setlocale(locale.LC_ALL), time.tzname, dict(os.environ))
    look(dict(os.environ))
    assert (locale.setlocale(locale.LC_ALL), time.tzname, dict(os.environ)) == before
