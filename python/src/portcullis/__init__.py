"""A Kubernetes API server for tests."""

from portcullis.server import Server, StartError, program

__all__ = ["Server", "StartError", "program"]
