"""Rez package of quietframe, built from a checkout: see build.mjs."""

name = "quietframe"
version = "0.1.0"
description = "A Monte Carlo render denoiser for OpenEXR frames."
tools = ["quietframe"]

# Node 20 or newer has to be on PATH. Where it is a Rez package, name it here.
requires = []

build_command = "node {root}/build.mjs {install}"

tests = {"version": "quietframe --version"}


def commands():
    env.PATH.prepend("{root}/bin")  # noqa: F821 (Rez defines env)
