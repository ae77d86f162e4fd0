"""The shared library of LLVM that Mitsuba's variants for the CPU compile with."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, MutableMapping

#: Mitsuba 3.9 does not find older ones usable: it aborts in the middle of a render with LLVM 15.
OLDEST = 16
VARIABLE = "DRJIT_LIBLLVM_PATH"
_PLACES = (
    "/usr/lib/*-linux-gnu/libLLVM*.so*",
    "/usr/lib/llvm-*/lib/libLLVM*.so*",
    "/usr/lib64/libLLVM*.so*",
    "/opt/homebrew/opt/llvm*/lib/libLLVM*.dylib",
    "/usr/local/opt/llvm*/lib/libLLVM*.dylib",
)


class NoLlvm(Exception):
    """There is none that Mitsuba works with; the message says what to do."""


def version_of(path: str) -> int | None:
    """Major version of a library by its name or folder, as libLLVM-18.so or llvm-18/lib; None where neither tells."""
    name = os.path.realpath(path)
    found = re.search(r"libLLVM[-.](?:so\.)?(\d+)", name) or re.search(r"llvm[-@/](\d+)", name)
    return int(found[1]) if found else None


def choose_llvm(
    variant: str, environment: MutableMapping[str, str] = os.environ, libraries: Iterable[str] | None = None
) -> None:
    """Sets DRJIT_LIBLLVM_PATH to the newest library that Mitsuba works with; to be called before Mitsuba is loaded.

    Does nothing for variants without LLVM, on Windows, and where the variable names a library that may do.
    Raises NoLlvm where there is none, or the variable names one that is too old.
    """
    if not variant.startswith("llvm") or os.name == "nt":
        return
    named = environment.get(VARIABLE)
    if named:
        version = version_of(named)
        if version is not None and version < OLDEST:
            raise NoLlvm(f"{VARIABLE} names LLVM {version}, but Mitsuba needs LLVM {OLDEST} or newer: {named}")
        return
    there = libraries if libraries is not None else (path for place in _PLACES for path in glob.glob(place))
    usable = [(version, path) for path in there if (version := version_of(path)) is not None and version >= OLDEST]
    if not usable:
        raise NoLlvm(
            f"Mitsuba's variant {variant} needs the shared library of LLVM {OLDEST} or newer, which is not here."
            f" Install it (apt-get install libllvm19, brew install llvm) or name it in {VARIABLE};"
            " or use --variant cuda_ad_rgb"
        )
    environment[VARIABLE] = max(usable)[1]
