import type { ConnectRouter } from '@connectrpc/connect';
import type { AppContext } from '../context.js';
import { DenoiserService } from '../gen/quietframe/v1/denoiser_pb.js';
import { denoiseCall } from './denoise-call.js';
import { denoiseSequenceCall } from './denoise-sequence-call.js';

/** `quietframe.v1.DenoiserService`: the work of the HTTP interface, with its queue, limits and errors. */
export function denoiserService(router: ConnectRouter, context: AppContext): void {
  router.service(DenoiserService, {
    denoise: (requests, call) => denoiseCall(requests, call, context, 'denoise'),
    denoiseSequence: (requests, call) => denoiseSequenceCall(requests, call, context),
    predictSampleMap: (requests, call) => denoiseCall(requests, call, context, 'sample-map'),
    listModels: () => ({
      models: context.deps.denoiser.models.map(({ name, version, description, license, sources }) => ({
        name,
        version,
        description,
        license,
        sources: [...sources],
      })),
    }),
  });
}
