"""C++ passes that train on CPUs, built at first use."""

from __future__ import annotations

import functools
import os
import pathlib


@functools.cache
def compiled_extension(name: str, *flags: str):
    """The module of `csrc/NAME.cpp`; None, told once, where there is no compiler: what it does then runs in PyTorch.

    With QUIETFRAME_REQUIRE_COMPILED_KERNELS in the environment, OSError, RuntimeError or ImportError instead of None.
    """
    from torch.utils import cpp_extension

    source = pathlib.Path(__file__).parent / "csrc" / f"{name}.cpp"
    compile_flags = ["-O3", "-march=native", "-ffast-math", *flags]
    link_flags = ["-lgomp"] if "-fopenmp" in flags else []
    try:
        return cpp_extension.load(f"quietframe_{name}", [str(source)], extra_cflags=compile_flags, extra_ldflags=link_flags)
    except (OSError, RuntimeError, ImportError) as error:
        if os.environ.get("QUIETFRAME_REQUIRE_COMPILED_KERNELS"):
            raise
        print(f"quietframe: {name} runs in PyTorch, several times slower ({str(error).splitlines()[0]})")
        return None
