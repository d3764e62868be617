"""poolwise: make Apache good at hosting Python web applications."""

__version__ = "0.1.0"
