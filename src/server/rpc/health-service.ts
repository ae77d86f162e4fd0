import type { ConnectRouter } from '@connectrpc/connect';
import { expected, QuietframeError } from '../../errors.js';
import { ConflatingChannel } from '../../threads/conflating-channel.js';
import { Health, HealthCheckResponse_ServingStatus as Status } from '../gen/grpc/health/v1/health_pb.js';
import { DenoiserService } from '../gen/quietframe/v1/denoiser_pb.js';
import type { Lifecycle } from '../lifecycle.js';

/** The empty name stands for the whole server. */
const SERVICES = ['', DenoiserService.typeName];

/** `grpc.health.v1.Health`: serving while the service is ready. A watch ends when the service stops. */
export function healthService(router: ConnectRouter, lifecycle: Lifecycle): void {
  const status = (): Status => (lifecycle.phase === 'ready' ? Status.SERVING : Status.NOT_SERVING);
  router.service(Health, {
    check: ({ service }) => {
      if (SERVICES.includes(service)) return { status: status() };
      throw new QuietframeError('not-found', expected(SERVICES.join(', '), 'service', service), {
        parameter: 'service',
      });
    },
    async *watch({ service }, { signal }) {
      const changes = new ConflatingChannel<Status>();
      const known = SERVICES.includes(service);
      const tell = (): void => {
        changes.set(known ? status() : Status.SERVICE_UNKNOWN);
        if (lifecycle.phase === 'draining') changes.end();
      };
      lifecycle.onChange(tell, signal);
      signal.addEventListener('abort', changes.end, { once: true });
      if (signal.aborted) changes.end();
      tell();
      let last: Status | undefined;
      for await (const current of changes) {
        if (current !== last) yield { status: current };
        last = current;
      }
    },
  });
}
