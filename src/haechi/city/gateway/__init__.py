"""The shared model gateway of this city: its truth in the database, its backends and tenants, its rules."""
