import { setTimeout } from 'node:timers/promises';
import { STAGES } from '../../denoise/worker/jobs.js';
import { VERSION } from '../../version.js';

/** What became of a request or of a frame of a job. */
export interface TracedWork {
  /** `POST /v1/denoise`, or the name of a call. */
  readonly name: string;
  /** W3C trace context of whoever asked for it. */
  readonly traceparent: string | undefined;
  /** Seconds that it took, up to now. */
  readonly seconds: number;
  /** Seconds by stage, in order. Those of the denoiser are of all its workers together. */
  readonly stages: ReadonlyMap<string, number>;
  /** Code of the error, if there was one, and whether it is the service's own. */
  readonly problem: string | undefined;
  readonly failed: boolean;
  readonly attributes: Readonly<Record<string, string | number>>;
}

/** Where traces go. */
export interface Tracing {
  record(work: TracedWork): void;
  /** Sends what is left, as far as there is time. */
  close(): Promise<void>;
}

/** Milliseconds for the last spans. */
const CLOSE_MS = 3000;

const OFF: Tracing = { record: () => {}, close: async () => {} };

/**
 * Sends a span for each piece of work and one for each of its stages to a collector, once they are over. The libraries
 * are loaded only where there is a collector.
 * @param endpoint base URL of a collector of OTLP over HTTP, as `OTEL_EXPORTER_OTLP_ENDPOINT` has it.
 */
export async function openTracing(endpoint: string | undefined): Promise<Tracing> {
  if (endpoint === undefined) return OFF;
  const [
    api,
    { TracerProvider, BatchSpanProcessor },
    { OTLPTraceExporter },
    { resourceFromAttributes },
    core,
  ] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/core'),
  ]);
  const exporter = new OTLPTraceExporter({ url: `${endpoint.replace(/\/+$/, '')}/v1/traces` });
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'quietframe', 'service.version': VERSION }),
    spanProcessors: [new BatchSpanProcessor({ exporter })],
  });
  const tracer = provider.getTracer('quietframe', VERSION);
  return {
    record({ name, traceparent, seconds, stages, problem, failed, attributes }) {
      const end = Date.now();
      const start = end - 1000 * seconds;
      const remote = traceparent === undefined ? null : core.parseTraceParent(traceparent);
      const parent =
        remote === null
          ? api.ROOT_CONTEXT
          : api.trace.setSpanContext(api.ROOT_CONTEXT, { ...remote, isRemote: true });
      const root = tracer.startSpan(
        name,
        { startTime: start, kind: api.SpanKind.SERVER, attributes: { ...attributes } },
        parent,
      );
      if (problem !== undefined) root.setAttribute('error.type', problem);
      if (failed) root.setStatus({ code: api.SpanStatusCode.ERROR });
      const context = api.trace.setSpan(parent, root);
      for (const { stage, from, to, worked } of layOut(stages, seconds)) {
        const attributes = { 'quietframe.worker_seconds': worked };
        tracer
          .startSpan(stage, { startTime: start + 1000 * from, attributes }, context)
          .end(start + 1000 * to);
      }
      root.end(end);
    },
    close: async () => {
      // A collector that is gone must not hold up the end of the service.
      const sent = provider.shutdown().catch(() => {});
      await Promise.race([sent, setTimeout(CLOSE_MS, undefined, { ref: false })]);
    },
  };
}

/** A stage in the time of its request, in seconds from its start. */
export interface LaidOut {
  readonly stage: string;
  readonly from: number;
  readonly to: number;
  /** Seconds of all workers together. */
  readonly worked: number;
}

/**
 * Stages one after the other. Those of the denoiser overlap, and their seconds are of all workers: they share the time
 * that the others leave in proportion to them.
 */
export function layOut(stages: ReadonlyMap<string, number>, seconds: number): LaidOut[] {
  const isShared = (stage: string): boolean => (STAGES as readonly string[]).includes(stage);
  const sum = (shared: boolean): number =>
    [...stages].reduce((total, [stage, each]) => total + (isShared(stage) === shared ? each : 0), 0);
  const left = Math.max(0, seconds - sum(false));
  const scale = Math.min(1, left / Math.max(sum(true), Number.MIN_VALUE));
  let at = 0;
  return [...stages].map(([stage, worked]) => {
    const from = at;
    at = Math.min(seconds, at + worked * (isShared(stage) ? scale : 1));
    return { stage, from, to: at, worked };
  });
}
