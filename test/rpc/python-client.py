"""A client of the gRPC interface that shares no code with the service: grpcio, with stubs made from proto/.

Usage: python-client.py PORT NOISY.exr DENOISED.exr STUBS
"""

import sys
from pathlib import Path

port, noisy, denoised, stubs = sys.argv[1:]
sys.path.insert(0, stubs)

import grpc  # noqa: E402
from quietframe.v1 import denoiser_pb2 as pb, denoiser_pb2_grpc  # noqa: E402

CHUNK_BYTES = 1 << 20


def messages(data: bytes, **options):
    file = pb.InputFile(role=pb.FILE_ROLE_FRAME, size_bytes=len(data))
    yield pb.DenoiseRequest(options=pb.DenoiseOptions(files=[file], **options))
    for start in range(0, len(data), CHUNK_BYTES):
        yield pb.DenoiseRequest(chunk=data[start : start + CHUNK_BYTES])


def failure(call):
    try:
        list(call)
    except grpc.RpcError as error:
        return error
    raise AssertionError("the call should have failed")


with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
    # The module of the health protocol would hide that of grpcio: an empty message, and `status` = SERVING.
    assert channel.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=30) == b"\x08\x01"

    denoiser = denoiser_pb2_grpc.DenoiserServiceStub(channel)
    assert [m.version for m in denoiser.ListModels(pb.ListModelsRequest(), timeout=30).models] == [1, 2]

    data = Path(noisy).read_bytes()
    result, report = b"", None
    for answer in denoiser.Denoise(messages(data, source="cycles"), timeout=60):
        kind = answer.WhichOneof("message")
        if kind == "report":
            report = answer.report
        elif kind == "chunk":
            assert report is not None and len(answer.chunk) <= CHUNK_BYTES
            result += answer.chunk
    assert report.result_size_bytes == len(result) and report.model == "kpcn", report
    assert report.details["device"] == "cpu"
    Path(denoised).write_bytes(result)

    error = failure(denoiser.Denoise(messages(data, model="other"), timeout=60))
    assert error.code() == grpc.StatusCode.NOT_FOUND, error
    trailers = dict(error.trailing_metadata())
    assert b"urn:quietframe:problem:unknown-model" in trailers["grpc-status-details-bin"]

    # The service refuses these options before the file has arrived.
    error = failure(denoiser.Denoise(messages(data, **{"lambda": 11}), timeout=60))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT, error

    # The service holds this call until it ends.
    error = failure(denoiser.Denoise(messages(data, source="pbrt"), timeout=1))
    assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED, error
