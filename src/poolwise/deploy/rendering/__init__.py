"""From a ``Deployment`` to the texts of its files and the commands that start it; nothing is looked for."""
