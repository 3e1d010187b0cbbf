"""Pages and HTTP API of one installation. `app.create_app(installation)` makes the application."""
