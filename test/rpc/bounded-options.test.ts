import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import {
  DenoiseRequestSchema,
  DenoiseSequenceRequestSchema,
} from '../../src/server/gen/quietframe/v1/denoiser_pb.js';
import { makeExr } from '../support/exr-files.js';
import { collect, expectCode, failure, frames, optionsMessage, sent, startRpc } from './support.js';

const { client, app } = await startRpc();
const exr = makeExr({ width: 8, height: 8 });

/** Entries that fit a message: handled one after the other for each, they would take minutes. */
const MANY = 100_000;

describe('lists and maps of the options are bounded before anything is done with them', () => {
  it('files', async () => {
    const message = optionsMessage(frames(...Array<Uint8Array>(MANY).fill(exr)));
    expectCode(await failure(collect(client.denoise(sent(message)))), 'malformed-body');
  });

  it.each([
    ['aovs', { aovs: Array<string>(MANY).fill('a') }],
    [
      'parameters',
      { parameters: Object.fromEntries(Array.from({ length: 60_000 }, (_, i) => [`p${i}`, ''])) },
    ],
  ])('%s', async (parameter, options) => {
    const message = optionsMessage(frames(exr), options);
    const error = await failure(collect(client.denoise(sent(message))));
    expect(expectCode(error, 'invalid-argument').parameter).toBe(parameter);
    const sequence = create(DenoiseSequenceRequestSchema, {
      message: { case: 'options', value: { options } },
    });
    const answers = client.denoiseSequence(sent(sequence));
    const refused = await failure(answers[Symbol.asyncIterator]().next());
    expect(expectCode(refused, 'invalid-argument').parameter).toBe(parameter);
  });

  it('before a place is taken', async () => {
    expect(app.context.queue.places).toBe(0);
    const message = create(DenoiseRequestSchema, {
      message: { case: 'options', value: { files: Array(12).fill({ role: 1, sizeBytes: 1n }) } },
    });
    expectCode(await failure(collect(client.denoise(sent(message)))), 'malformed-body');
  });
});
