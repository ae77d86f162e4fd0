from __future__ import annotations

import pytest

from quietframe_mitsuba.llvm import VARIABLE, NoLlvm, choose_llvm, version_of

LIBRARIES = [
    "/nowhere/libLLVM-15.so.1",
    "/nowhere/libLLVM.so.19.1",
    "/nowhere/llvm-18/lib/libLLVM.so",
    "/nowhere/libLLVM.so",
]


@pytest.mark.parametrize(("path", "version"), zip(LIBRARIES, [15, 19, 18, None], strict=True))
def test_versions(path, version):
    assert version_of(path) == version


def test_takes_the_newest():
    environment = {}
    choose_llvm("llvm_ad_rgb", environment, LIBRARIES)
    assert environment == {VARIABLE: "/nowhere/libLLVM.so.19.1"}


def test_leaves_alone_what_is_chosen():
    for variant, environment in (("cuda_ad_rgb", {}), ("llvm_ad_rgb", {VARIABLE: "/mine/libLLVM-17.so"})):
        before = dict(environment)
        choose_llvm(variant, environment, LIBRARIES)
        assert environment == before


def test_says_what_is_needed():
    with pytest.raises(NoLlvm, match="LLVM 16 or newer.*apt-get install.*DRJIT_LIBLLVM_PATH"):
        choose_llvm("llvm_ad_rgb", {}, ["/nowhere/libLLVM-15.so.1"])
    with pytest.raises(NoLlvm, match="names LLVM 15, but Mitsuba needs LLVM 16"):
        choose_llvm("llvm_ad_rgb", {VARIABLE: "/nowhere/libLLVM-15.so.1"}, LIBRARIES)
