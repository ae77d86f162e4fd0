import { expect, it, vi } from 'vitest';
import { ERROR_TABLE, QuietframeError } from '../../src/errors.js';
import { FileRole, ProblemSchema } from '../../src/server/gen/quietframe/v1/denoiser_pb.js';
import { post } from '../server/support.js';
import { makeExr } from '../support/exr-files.js';
import { collect, failure, messagesOf, startRpc } from './support.js';

const { app, client, service } = await startRpc();
const exr = makeExr();

it.each(['file-system', 'model-damaged', 'device-unavailable', 'internal'] as const)(
  'the paths in errors of the service stay in its log: %s',
  async (code) => {
    const error =
      code === 'internal'
        ? new Error('ENOENT /srv/secret/frame.exr')
        : new QuietframeError(code, 'The file /srv/secret/frame.exr cannot be read');
    vi.spyOn(service.deps, 'denoiseExr').mockRejectedValue(error);
    const answer = await app.inject(post(exr));
    expect(answer.statusCode).toBe(ERROR_TABLE[code].status);
    const { id } = (await app.inject(post(exr, '/v1/jobs'))).json();
    const job = () => app.inject(`/v1/jobs/${id}`);
    await vi.waitFor(async () => expect((await job()).json().state).toBe('failed'), 10_000);
    const call = await failure(collect(client.denoise(messagesOf([[FileRole.FRAME, exr]]))));
    const texts = [
      answer.body,
      (await job()).body,
      (await app.inject(`/v1/jobs/${id}/result`)).body,
      call.message,
      JSON.stringify(call.findDetails(ProblemSchema), (_, value) =>
        typeof value === 'bigint' ? String(value) : value,
      ),
      JSON.stringify([...call.metadata]),
    ];
    for (const text of texts) expect(text).not.toMatch(/srv|secret|ENOENT/);
    vi.restoreAllMocks();
  },
);
