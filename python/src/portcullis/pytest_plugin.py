"""Fixtures for pytest: `portcullis` for one test, `portcullis_session` for all."""

import pytest

from portcullis.server import Server


def pytest_addoption(parser):
    parser.addini("portcullis_options", "options of `portcullis serve`", type="args", default=[])


@pytest.fixture
def portcullis(request):
    """A server of the test's own."""
    with Server(*request.config.getini("portcullis_options")) as server:
        yield server


@pytest.fixture(scope="session")
def portcullis_session(request):
    """A server for all tests of the session."""
    with Server(*request.config.getini("portcullis_options")) as server:
        yield server
