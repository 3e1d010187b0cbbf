"""A whole house for the tests of its pages."""

from tests.house import chromium, house, visitor

__all__ = ["chromium", "house", "visitor"]
