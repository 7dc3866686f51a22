"""A pytest plugin: the fixtures of kr8s's own conftest.py, with the server of KUBECONFIG instead of kind."""

import gc
import os
import pathlib
import shutil
import subprocess

import pytest


class Cluster:
    """What the tests use of pytest-kind's cluster."""

    kubeconfig_path = pathlib.Path(os.environ["KUBECONFIG"])
    kubectl_path = shutil.which("kubectl")

    def kubectl(self, *arguments, **options):
        command = [self.kubectl_path, *arguments]
        return subprocess.check_output(command, text=True, timeout=60, **options)


@pytest.fixture(scope="session", autouse=True)
def k8s_cluster():
    return Cluster()


@pytest.fixture
def ensure_gc():
    gc.collect()
    yield
    gc.collect()
