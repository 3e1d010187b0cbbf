"""Fixtures that several files of the office's tests use."""

from tests.office.alerts import carriage, cases, first, queue, receiver, register, second

__all__ = ["carriage", "cases", "first", "queue", "receiver", "register", "second"]
