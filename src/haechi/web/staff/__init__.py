"""Pages and API for the staff."""
