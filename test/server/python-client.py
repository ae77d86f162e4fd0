"""The Python client against a service that it has not been written beside; prints nothing and fails by itself.

Usage: python-client.py ORIGIN FRAME.exr FRAME.exr FRAME.exr
"""

import sys
from pathlib import Path

from quietframe import Client, Problem

origin, *paths = sys.argv[1:]
shot = [Path(path).read_bytes() for path in paths]
client = Client(origin, attempts=2)

assert client.is_ready()
assert [model["version"] for model in client.models()] == [1, 2]
direct = client.denoise(shot, center=0)
assert client.denoise(shot, center=0, keep=True).exr == direct.exr
assert direct.report["frames"] == 3
digests = [client.put_frame(frame) for frame in shot]
assert client.has_frame(digests[0])

job = client.start_sequence(digests, window=3)
states = list(client.follow_job(job))
assert (states[-1]["state"], states[-1]["progress"]) == ("done", 1)
assert [state["progress"] for state in states] == sorted(state["progress"] for state in states)
assert client.job_answer(job, 0).exr == client.denoise(shot[0]).exr
assert [each["id"] for each in client.jobs()] == [job]
client.cancel_job(job)
assert client.jobs() == []

client.delete_frame(digests[0])
assert not client.has_frame(digests[0])
try:
    client.start_job(digests[:1])
except Problem as problem:
    assert (problem.code, problem.document["missing"]) == ("missing-frames", digests[:1])
else:
    raise AssertionError("a job without its frame")
try:
    client.denoise(shot[0], upscale=9)
except Problem as problem:
    assert (problem.code, problem.document["parameter"]) == ("invalid-argument", "upscale")
else:
    raise AssertionError("magnified nine times")
