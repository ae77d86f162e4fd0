"""Prints a RenderProduct of a USD file as JSON, for `quietframe sequence --usd`. Needs usd-core.

Usage: read_product.py FILE [PRIM]

`pattern` is the name of the product's files with a placeholder for the frame number, `resolution` in pixels,
`dataWindow` in shares of it (x and y of the lower left and the upper right corner, y up), and `vars` the
RenderVars with the names of their channels.
"""

from __future__ import annotations

import json
import re
import sys

try:
    from pxr import Usd, UsdRender
except ImportError:
    sys.exit("The Python package usd-core is not installed")

# Renderers agree on no schema for the name of a channel: husk reads the first, others the second.
CHANNEL_NAMES = ("driver:parameters:aov:channel_prefix", "driver:parameters:aov:name")
PLACEHOLDER = re.compile(r"#+|%\d*d|\$F\d*|@+|\*")


def choose(stage: Usd.Stage, path: str | None) -> UsdRender.Product:
    if path is not None:
        product = UsdRender.Product(stage.GetPrimAtPath(path))
        if not product:
            sys.exit(f"The prim {path} is no RenderProduct")
        return product
    products = [UsdRender.Product(prim) for prim in stage.Traverse() if prim.IsA(UsdRender.Product)]
    # Deep pictures and those of other renderers' passes are no frames to denoise.
    rasters = [product for product in products if product.GetProductTypeAttr().Get() in (None, "", "raster")]
    if len(rasters) == 1:
        return rasters[0]
    paths = ", ".join(str(product.GetPath()) for product in rasters) or "none"
    sys.exit(f"Expected one RenderProduct, or its path after the file, but found {paths}")


def pattern_of(product: UsdRender.Product) -> str:
    """The name of the files with a placeholder, which names that change with time show by their numbers."""
    attribute = product.GetProductNameAttr()
    samples = attribute.GetTimeSamples()
    if not samples:
        name = re.sub(r"<F(\d*)>", r"$F\1", attribute.Get() or "")
        if PLACEHOLDER.search(re.split(r"[/\\]", name)[-1]):
            return name
        sys.exit(f"The productName {name!r} of {product.GetPath()} has no placeholder and no time samples")
    patterns = set()
    for time in samples:
        name = attribute.Get(time)
        numbers = [match for match in re.finditer(r"\d+", name) if int(match[0]) == time]
        if not numbers:
            sys.exit(f"The productName {name!r} of {product.GetPath()} does not have its time {time:g}")
        last = numbers[-1]
        patterns.add((name[: last.start()], len(last[0]), name[last.end() :]))
    ends = {(before, after) for before, _, after in patterns}
    if len(ends) != 1:
        sys.exit(f"The productName of {product.GetPath()} changes by more than its number")
    (before, after), digits = ends.pop(), min(width for _, width, _ in patterns)
    return f"{before}%0{digits}d{after}"


def authored(product: UsdRender.Product, settings: list[UsdRender.Settings], name: str) -> list[float]:
    """An attribute of the product, or else of the RenderSettings that name it."""
    for prim in (product.GetPrim(), *(setting.GetPrim() for setting in settings)):
        attribute = prim.GetAttribute(name)
        if attribute.HasAuthoredValue():
            return list(attribute.Get())
    return list(product.GetPrim().GetAttribute(name).Get())


def describe(stage: Usd.Stage, product: UsdRender.Product) -> dict[str, object]:
    every = [UsdRender.Settings(prim) for prim in stage.Traverse() if prim.IsA(UsdRender.Settings)]
    settings = [one for one in every if product.GetPath() in one.GetProductsRel().GetForwardedTargets()]
    render_vars = []
    for path in product.GetOrderedVarsRel().GetForwardedTargets():
        render_var = UsdRender.Var(stage.GetPrimAtPath(path))
        if not render_var:
            sys.exit(f"The prim {path} is no RenderVar")
        prim = render_var.GetPrim()
        names = (prim.GetAttribute(name).Get() for name in CHANNEL_NAMES if prim.HasAttribute(name))
        channel = next((name for name in names if name), prim.GetName())
        render_vars.append({"channel": channel, "source": render_var.GetSourceNameAttr().Get() or prim.GetName()})
    return {
        "path": str(product.GetPath()),
        "pattern": pattern_of(product),
        "resolution": authored(product, settings, "resolution"),
        "dataWindow": authored(product, settings, "dataWindowNDC"),
        "vars": render_vars,
    }


def main() -> None:
    file, path = sys.argv[1], next(iter(sys.argv[2:]), None)
    try:
        stage = Usd.Stage.Open(file)
    except Exception as error:  # noqa: BLE001 (Tf.ErrorException, of no common base)
        sys.exit(f"The file {file} cannot be read: {str(error).strip().splitlines()[-1].strip()}")
    print(json.dumps(describe(stage, choose(stage, path))))


if __name__ == "__main__":
    main()
