"""Training of quietframe's networks: data, modules, losses, export into bundles."""
