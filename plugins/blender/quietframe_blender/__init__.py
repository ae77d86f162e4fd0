"""Denoises Cycles renders with a quietframe service, from within Blender."""

# Nothing is imported before Blender asks for it: all that needs no Blender can be used without it.


def register() -> None:
    from .registration import register_all

    register_all()


def unregister() -> None:
    from .registration import unregister_all

    unregister_all()
