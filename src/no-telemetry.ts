/**
 * Builds of ONNX Runtime report to their makers, over the network, unless this variable tells them not to. It has to be set
 * before the library is loaded, and by the main thread: what workers set stays with them.
 */
process.env.ORT_DISABLE_TELEMETRY ??= '1';
