"""Pages and API for citizens."""
