"""One measurement of OIDN: FRAME WIDTH HEIGHT QUALITY -> JSON. The second of two runs counts."""

import json
import resource
import sys
import time

import numpy as np
import pyoidn

path, width, height, quality = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
planes = np.fromfile(path, np.float32).reshape(3, 3, height, width)
color, albedo, normal = (np.ascontiguousarray(layer.transpose(1, 2, 0)) for layer in planes)
for _ in range(2):
    cpu, start = time.process_time(), time.perf_counter()
    pyoidn.denoise(color, albedo, normal, hdr=True, quality=quality)
    measured = {"cpuSeconds": time.process_time() - cpu, "wallSeconds": time.perf_counter() - start}
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({**measured, "peakBytes": peak, "detail": {"quality": quality}}))
