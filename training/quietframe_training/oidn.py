"""Intel Open Image Denoise (package pyoidn), for comparison and for pseudo-references. Pictures are [3,H,W]."""

from __future__ import annotations

import functools

import numpy as np
import torch


def _interleaved(picture: torch.Tensor) -> np.ndarray:
    return np.ascontiguousarray(picture.permute(1, 2, 0).numpy())


def _planar(picture: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(picture).permute(2, 0, 1).contiguous()


@functools.cache
def _device():
    import pyoidn

    device = pyoidn.Device()
    device.commit()
    return device


def oidn_prefilter(picture: torch.Tensor, buffer: str) -> torch.Tensor:
    """OIDN's own prefilter of one auxiliary buffer, "albedo" (in [0,1]) or "normal"."""
    import pyoidn

    image = _interleaved(picture)
    output = np.zeros_like(image)
    with pyoidn.Filter(_device(), pyoidn.OIDN_FILTER_TYPE_RT) as run:
        run.set_image(buffer, image, pyoidn.OIDN_FORMAT_FLOAT3)
        run.set_image("output", output, pyoidn.OIDN_FORMAT_FLOAT3)
        run.set_quality(pyoidn.OIDN_QUALITY_HIGH)
        run.commit()
        run.execute()
    return _planar(output)


def oidn(view, quality: str, prefiltered: bool = False) -> torch.Tensor:
    """OIDN's RT filter of a view (`dataset.View`), in its units, with noisy or with prefiltered albedo and normal."""
    import pyoidn

    albedo, normal = view.albedo.clamp(0, 1), view.normal
    if prefiltered:
        albedo, normal = oidn_prefilter(albedo, "albedo"), oidn_prefilter(normal, "normal")
    pictures = (_interleaved(picture) for picture in (view.color, albedo, normal))
    return _planar(pyoidn.denoise(*pictures, hdr=True, clean_aux=prefiltered, quality=quality))
