import type { AddressInfo } from 'node:net';
import { type Config, describeConfig } from '../config.js';
import type { Image, Plane } from '../image/image.js';
import { buildApp } from './app.js';
import type { AppConfig } from './context.js';
import { Lifecycle } from './lifecycle.js';
import { GrpcServer } from './rpc/grpc-server.js';
import type { ServerDeps } from './service.js';

export type ServeConfig = AppConfig &
  Pick<Config, 'host' | 'port' | 'drainSeconds'> &
  Partial<Pick<Config, 'grpcPort'>>;

export interface ServeOptions {
  /** Stops the service, as SIGTERM does. */
  readonly signal?: AbortSignal | undefined;
  /** Gets the address of HTTP once requests are answered there. */
  readonly listening?: ((url: string) => void) | undefined;
}

/** Pixels on a side of the frame that warms the service up. */
const WARM_UP_SIZE = 64;

/**
 * Listens, says so on standard output, one line for each port, warms up, and serves until SIGTERM, SIGINT or the signal. Then it
 * takes no more work, lets running requests finish (for `drainSeconds`, after which their connections are closed and
 * their work cancelled), and resolves; nothing of it keeps the process alive. The dependencies stay open.
 * @throws QuietframeError when warm-up fails; the error of the system when the address cannot be had.
 */
export async function serve(
  config: ServeConfig,
  deps: ServerDeps,
  { signal, listening }: ServeOptions = {},
): Promise<void> {
  const lifecycle = new Lifecycle();
  const app = await buildApp(deps, config, lifecycle);
  const grpc = config.grpcPort === undefined ? undefined : new GrpcServer(app.context, app.log);
  const stop = stopSignal(signal);
  app.log.info({ settings: describeConfig(config) }, 'Settings');
  try {
    await app.listen({ host: config.host, port: config.port });
    const secure = app.context.tls === undefined ? '' : 's';
    const url = urlOf(`http${secure}`, app.server.address() as AddressInfo);
    printAddress(url);
    listening?.(url);
    if (grpc !== undefined)
      printAddress(urlOf(`grpc${secure}`, await grpc.listen(config.host, config.grpcPort ?? 0)));
    await warmUp(deps, stop.signal);
    lifecycle.ready();
    await stop.stopped;
  } finally {
    stop.dispose();
    lifecycle.drain();
    const timer = setTimeout(() => {
      app.server.closeAllConnections();
      grpc?.cancelAll();
      app.context.runner.stop();
    }, 1000 * config.drainSeconds);
    await Promise.all([app.close(), grpc?.close()]);
    clearTimeout(timer);
  }
}

function urlOf(scheme: string, { address, port, family }: AddressInfo): string {
  const host = family === 'IPv6' ? `[${address}]` : address;
  return `${scheme}://${host}:${port}`;
}

function printAddress(url: string): void {
  process.stdout.write(`quietframe listening on ${url}\n`);
}

/** One of the process's signals to stop, or the caller's. A second signal ends the process as usual. */
function stopSignal(outer?: AbortSignal): { signal: AbortSignal; stopped: Promise<void>; dispose(): void } {
  const controller = new AbortController();
  const stop = (): void => {
    dispose();
    controller.abort();
  };
  const dispose = (): void => {
    process.off('SIGTERM', stop).off('SIGINT', stop);
    outer?.removeEventListener('abort', stop);
  };
  const stopped = new Promise<void>((resolve) => {
    controller.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  process.on('SIGTERM', stop).on('SIGINT', stop);
  outer?.addEventListener('abort', stop);
  if (outer?.aborted) stop();
  return { signal: controller.signal, stopped, dispose };
}

/** Denoises a small frame the way a request does: loads the model, the kernels and the workers, and proves them. */
async function warmUp(deps: ServerDeps, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const window = { xMin: 0, yMin: 0, xMax: WARM_UP_SIZE - 1, yMax: WARM_UP_SIZE - 1 };
  const planes = ['B', 'G', 'R'].map((name): [string, Plane] => {
    const data = Float32Array.from({ length: WARM_UP_SIZE ** 2 }, (_, index) => (index % 7) / 7);
    return [name, { name, type: 'float', data }];
  });
  const image: Image = {
    parts: [
      {
        name: '',
        view: undefined,
        dataWindow: window,
        displayWindow: window,
        attributes: new Map(),
        planes: new Map(planes),
      },
    ],
  };
  try {
    await deps.denoiseExr({ exr: await deps.pool.write(image, { signal }), signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
