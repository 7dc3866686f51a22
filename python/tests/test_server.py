"""The server's own side: what it is given and what it leaves."""

import os
import socket
import subprocess
import tempfile

import pytest

import portcullis


def test_nothing_is_left_of_a_server():
    with portcullis.Server() as server:
        directory = server.data_dir
        assert directory.joinpath("admin.kubeconfig").exists()
        host, port = server.url.removeprefix("https://").rsplit(":", 1)
        socket.create_connection((host, int(port))).close()
    assert not directory.exists()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)))
    server.stop()


def test_data_that_are_to_stay_do(tmp_path):
    for _ in range(2):
        with portcullis.Server(data_dir=tmp_path):
            pass
    assert tmp_path.joinpath("store").exists()


def test_a_start_that_fails_leaves_nothing_and_says_why():
    before = set(os.listdir(tempfile.gettempdir()))
    with pytest.raises(portcullis.StartError, match="--no-such-option"):
        portcullis.Server("--no-such-option")
    with pytest.raises(portcullis.StartError, match="known modes are"):
        portcullis.Server("--authorization-mode=nope")
    left = [name for name in os.listdir(tempfile.gettempdir()) if name.startswith("portcullis-")]
    assert set(left) <= before


def test_another_program_may_be_named(monkeypatch):
    monkeypatch.setenv("PORTCULLIS", "/no/such/program")
    with pytest.raises(FileNotFoundError):
        portcullis.Server()


def test_the_program_is_the_wheels(monkeypatch):
    monkeypatch.delenv("PORTCULLIS", raising=False)
    said = subprocess.run([portcullis.program(), "version"], capture_output=True, text=True, check=True)
    assert said.stdout.startswith("v1.24")


def test_options_come_from_the_configuration(pytester):
    pytester.makeini("[pytest]\nportcullis_options = --authorization-mode=nope\n")
    pytester.makepyfile("def test_it(portcullis):\n    pass\n")
    pytester.runpytest_subprocess().assert_outcomes(errors=1)
    pytester.makeini("[pytest]\nportcullis_options = --authorization-mode=AlwaysAllow\n")
    pytester.makepyfile("def test_it(portcullis, portcullis_session):\n    assert portcullis.url != portcullis_session.url\n")
    pytester.runpytest_subprocess().assert_outcomes(passed=1)
