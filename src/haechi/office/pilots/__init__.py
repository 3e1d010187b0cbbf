"""."""


def register(hooks, store, policy):
    """."""
