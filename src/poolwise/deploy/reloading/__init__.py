"""New code and new settings without a dropped request."""
