import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { Code } from '@connectrpc/connect';
import { describe, expect, it, vi } from 'vitest';
import { readExr } from '../../src/exr/read-exr.js';
import {
  type DenoiseRequestSchema,
  type DenoiseSequenceRequest,
  DenoiseSequenceRequestSchema,
  FileRole,
  type PredictSampleMapRequestSchema,
  ProblemSchema,
} from '../../src/server/gen/quietframe/v1/denoiser_pb.js';
import { makeExr } from '../support/exr-files.js';
import {
  collect,
  expectCode,
  failure,
  frames,
  messagesOf,
  type RunningRpc,
  sent,
  startRpc,
} from './support.js';

const { client, service, app } = await startRpc({ frameCacheBytes: 2 ** 24 });
const shot = Array.from({ length: 5 }, (_, frame) => makeExr({ value: (index) => frame + index / 100 }));
const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

type Message = NonNullable<MessageInitShape<typeof DenoiseSequenceRequestSchema>['message']>;
const message = (value: Message): DenoiseSequenceRequest =>
  create(DenoiseSequenceRequestSchema, { message: value });

function optionsOf(window: number, parameters: Record<string, string> = {}): DenoiseSequenceRequest {
  return message({ case: 'options', value: { window, options: { parameters } } });
}

function* fileOf(
  bytes: Uint8Array,
  chunkBytes = 500,
  role = FileRole.FRAME,
): Generator<DenoiseSequenceRequest> {
  yield message({ case: 'frame', value: { role, sizeBytes: BigInt(bytes.length) } });
  for (let start = 0; start < bytes.length; start += chunkBytes) {
    yield message({ case: 'chunk', value: bytes.subarray(start, start + chunkBytes) });
  }
}

async function* sequenceOf(files: readonly Uint8Array[], window = 3): AsyncGenerator<DenoiseSequenceRequest> {
  yield optionsOf(window, { alpha: 'copy' });
  for (const file of files) yield* fileOf(file);
}

async function collectFrames(
  answers: ReturnType<RunningRpc['client']['denoiseSequence']>,
  onFrame: (index: number) => void = () => {},
): Promise<Buffer[]> {
  const files: Buffer[][] = [];
  let last = 0;
  for await (const { frame, message } of answers) {
    expect(frame).toBeGreaterThanOrEqual(last);
    last = frame;
    files[frame] ??= [];
    if (message.case === 'chunk') files[frame]?.push(Buffer.from(message.value));
    if (message.case === 'report') onFrame(frame);
  }
  return files.map((chunks) => Buffer.concat(chunks));
}

describe('DenoiseSequence', () => {
  it('denoises each frame with its neighbors', async () => {
    const before = service.requests.length;
    const files = await collectFrames(client.denoiseSequence(sequenceOf(shot)));
    expect(files.map((file) => readExr(file).parts[0]?.planes.get('R')?.data[0])).toEqual([
      0, 0.5, 1, 1.5, 2,
    ]);
    const windows = service.requests.slice(before).map(({ neighbors = [] }) => neighbors);
    expect(windows.map((each) => each.map(({ offset }) => offset))).toEqual([
      [1],
      [-1, 1],
      [-1, 1],
      [-1, 1],
      [-1],
    ]);
    await vi.waitFor(() => expect(app.context.queue.places).toBe(0), 10_000);
  });

  it('gives every frame the map of lambda that is kept', async () => {
    const map = makeExr({ channels: ['Y'], value: () => 2 });
    async function* asked(lambdaSha256: string): AsyncGenerator<DenoiseSequenceRequest> {
      yield message({ case: 'options', value: { window: 1, lambdaSha256 } });
      for (const file of shot.slice(0, 2)) yield* fileOf(file);
    }
    const { frames: store } = app.context;
    expectCode(await failure(collectFrames(client.denoiseSequence(asked(sha(map))))), 'missing-frames');
    expectCode(await failure(collectFrames(client.denoiseSequence(asked('../map')))), 'invalid-argument');
    await store.put(sha(map), map);
    await collectFrames(client.denoiseSequence(asked(sha(map))));
    const maps = service.requests.slice(-2).map(({ lambdaMap }) => Buffer.from(lambdaMap ?? []).equals(map));
    expect(maps).toEqual([true, true]);
  });

  it('gives every frame the layers that follow it in files of their own', async () => {
    const layers = [FileRole.ALBEDO, FileRole.NORMAL];
    const layer = (value: number): Uint8Array => makeExr({ value: () => value });
    const [kept] = [layer(7)];
    await app.context.frames.put(sha(kept as Uint8Array), kept as Uint8Array);
    async function* asked(roles: readonly FileRole[]): AsyncGenerator<DenoiseSequenceRequest> {
      yield message({ case: 'options', value: { window: 3, layers } });
      for (const [index, file] of shot.slice(0, 2).entries()) {
        yield* fileOf(file);
        for (const role of roles) {
          if (role === FileRole.NORMAL && index === 1) {
            yield message({ case: 'frame', value: { role, sha256: sha(kept as Uint8Array) } });
          } else {
            yield* fileOf(layer(index + 2 * role), 500, role);
          }
        }
      }
    }
    const before = service.requests.length;
    expect(await collectFrames(client.denoiseSequence(asked(layers)))).toHaveLength(2);
    const firstSamples = (exr: Uint8Array) =>
      readExr(exr).parts.map(({ planes }) => planes.get('R')?.data[0]);
    const seen = service.requests
      .slice(before)
      .map(({ exr, neighbors = [] }) => [exr, ...neighbors.map((each) => each.exr)].map(firstSamples));
    const [first, second] = [
      [0, 12, 14],
      [1, 13, 7],
    ];
    expect(seen).toEqual([
      [first, second],
      [second, first],
    ]);
    const others = [[FileRole.NORMAL, FileRole.ALBEDO], [FileRole.ALBEDO]];
    for (const roles of others) {
      expectCode(await failure(collectFrames(client.denoiseSequence(asked(roles)))), 'malformed-body');
    }
  });

  it.each([
    { layers: [FileRole.FRAME] },
    { layers: [FileRole.ALBEDO, FileRole.ALBEDO] },
    { layers: [99 as FileRole] },
  ])('takes $layers for no layers', async ({ layers }) => {
    async function* asked(): AsyncGenerator<DenoiseSequenceRequest> {
      yield message({ case: 'options', value: { layers } });
    }
    expectCode(await failure(collectFrames(client.denoiseSequence(asked()))), 'malformed-body');
  });

  it('answers frames before the shot has been sent whole', async () => {
    let release = (): void => {};
    const answered = new Promise<void>((resolve) => {
      release = resolve;
    });
    async function* slow(): AsyncGenerator<DenoiseSequenceRequest> {
      yield optionsOf(1);
      yield* fileOf(shot[0] as Uint8Array);
      await answered;
      yield* fileOf(shot[1] as Uint8Array);
    }
    expect(await collectFrames(client.denoiseSequence(slow()), release)).toHaveLength(2);
  });

  it('takes one frame and the full window', async () => {
    expect(await collectFrames(client.denoiseSequence(sequenceOf(shot.slice(0, 1), 0)))).toHaveLength(1);
    expect(service.requests.at(-1)?.neighbors).toBeUndefined();
    expect(await collectFrames(client.denoiseSequence(sequenceOf(shot, 7)))).toHaveLength(5);
  });

  it.each<[string, DenoiseSequenceRequest[], Parameters<typeof expectCode>[1]]>([
    ['no options', [...fileOf(shot[0] as Uint8Array)], 'malformed-body'],
    ['no frames', [optionsOf(3)], 'malformed-body'],
    ['an even window', [optionsOf(2)], 'invalid-argument'],
    ['a wide window', [optionsOf(9)], 'invalid-argument'],
    ['an unknown parameter', [optionsOf(3, { sparkle: '1' })], 'unknown-parameter'],
    ['options twice', [optionsOf(1), optionsOf(1)], 'malformed-body'],
    [
      'a chunk without a frame',
      [optionsOf(1), message({ case: 'chunk', value: new Uint8Array(3) })],
      'malformed-body',
    ],
    ['an empty frame', [optionsOf(1), message({ case: 'frame', value: {} })], 'empty-body'],
    ['half a frame', [optionsOf(1), ...[...fileOf(shot[0] as Uint8Array)].slice(0, 2)], 'malformed-body'],
    [
      'a half buffer',
      [optionsOf(1), message({ case: 'frame', value: { role: FileRole.HALF_A, sizeBytes: 3n } })],
      'malformed-body',
    ],
    [
      'a huge frame',
      [optionsOf(1), message({ case: 'frame', value: { sizeBytes: 2n ** 63n } })],
      'too-large',
    ],
    ['no digest', [optionsOf(1), message({ case: 'frame', value: { sha256: 'x' } })], 'invalid-argument'],
    [
      'an unknown digest',
      [optionsOf(1), message({ case: 'frame', value: { sha256: sha(Buffer.from('x')) } })],
      'missing-frames',
    ],
    ['a center', [message({ case: 'options', value: { options: { center: 0 } } })], 'malformed-body'],
  ])('refuses %s', async (_, messages, code) => {
    const error = await failure(collectFrames(client.denoiseSequence(sent(...messages))));
    expectCode(error, code);
    await vi.waitFor(() => expect(app.context.queue.places).toBe(0), 10_000);
  });

  it.each([
    ['damaged', 1, Buffer.from('junk'), 1, 'malformed-exr'],
    ['damaged in a window', 1, Buffer.from('junk'), 3, 'malformed-exr'],
    ['odd-sized', 2, makeExr({ width: 5 }), 3, 'mismatched-frames'],
  ] as const)(
    'loses only the frame that is %s, and ends with its error',
    async (_, bad, bytes, window, code) => {
      const files = shot.map((file, index) => (index === bad ? bytes : file));
      const answered = new Map<number, string[]>();
      const error = await failure(
        (async () => {
          for await (const { frame, message } of client.denoiseSequence(sequenceOf(files, window))) {
            if (message.case === 'report') {
              const leftOut = message.value.warnings.filter((each) => each.code === 'frame-left-out');
              answered.set(
                frame,
                leftOut.map((each) => each.message),
              );
            }
            if (message.case !== 'problem') continue;
            expect([frame, message.value.frame]).toEqual([bad, `frame[${bad}]`]);
            answered.set(frame, [message.value.type]);
          }
        })(),
      );
      expectCode(error, code);
      expect(error.findDetails(ProblemSchema)[0]?.frame).toBe(`frame[${bad}]`);
      expect([...answered.keys()]).toEqual([0, 1, 2, 3, 4]);
      expect(answered.get(bad)).toEqual([`urn:quietframe:problem:${code}`]);
      const isSeen = window === 3;
      for (const [frame, warnings] of answered) {
        if (frame === bad) continue;
        const without = isSeen && Math.abs(frame - bad) === 1;
        expect(warnings).toEqual(without ? [expect.stringContaining(`frame[${bad}]`)] : []);
      }
      await vi.waitFor(() => expect(app.context.queue.places).toBe(0), 10_000);
    },
  );

  it('names frames by their place in the shot', async () => {
    await collectFrames(client.denoiseSequence(sequenceOf(shot)));
    const { neighbors = [], frameName } = service.requests.at(-2) ?? {};
    expect([...neighbors.map(({ name }) => name), frameName]).toEqual(['frame[2]', 'frame[4]', 'frame[3]']);
  });

  it('ends when its client goes away', async () => {
    service.hold = new Promise(() => {});
    const controller = new AbortController();
    const call = failure(
      collectFrames(client.denoiseSequence(sequenceOf(shot), { signal: controller.signal })),
    );
    await vi.waitFor(() => expect(service.running).toBe(1), 10_000);
    controller.abort();
    expect((await call).code).toBe(Code.Canceled);
    await vi.waitFor(() => expect([app.context.queue.places, service.running]).toEqual([0, 0]), 10_000);
    service.hold = undefined;
  });
});

describe('files by digest', () => {
  it('are kept when asked for, and named later', async () => {
    const exr = makeExr({ width: 20 });
    const missing = { role: FileRole.FRAME, sha256: sha(exr) };
    const byDigest = { message: { case: 'options' as const, value: { files: [missing] } } };
    const error = await failure(collect(client.denoise(sent(byDigest))));
    expectCode(error, 'missing-frames');
    expect(error.findDetails(ProblemSchema)[0]?.missing).toEqual([sha(exr)]);
    const keeping = { role: FileRole.FRAME, sizeBytes: BigInt(exr.length), keep: true };
    const first = await collect(
      client.denoise(
        sent<MessageInitShape<typeof DenoiseRequestSchema>>(
          { message: { case: 'options', value: { files: [keeping] } } },
          { message: { case: 'chunk', value: exr } },
        ),
      ),
    );
    const second = await collect(client.denoise(sent(byDigest)));
    expect(Buffer.from(second.exr).equals(first.exr)).toBe(true);
    const both = { ...missing, sizeBytes: 3n };
    const odd = { message: { case: 'options' as const, value: { files: [both] } } };
    expectCode(await failure(collect(client.denoise(sent(odd)))), 'malformed-body');
  });
});

describe('PredictSampleMap', () => {
  function predict(parameters: Record<string, string>): ReturnType<RunningRpc['client']['predictSampleMap']> {
    const exr = makeExr();
    const files = [{ role: FileRole.FRAME, sizeBytes: BigInt(exr.length) }];
    return client.predictSampleMap(
      sent<MessageInitShape<typeof PredictSampleMapRequestSchema>>(
        { message: { case: 'options', value: { files, parameters } } },
        { message: { case: 'chunk', value: exr } },
      ),
    );
  }

  it('does the work of the HTTP interface', async () => {
    const cases: (string | undefined)[] = [];
    for await (const { message } of predict({ budget: '8' })) cases.push(message.case);
    expect(cases).toEqual(expect.arrayContaining(['report', 'chunk']));
    expect(service.requests.at(-1)).toMatchObject({ mapsOnly: true, maps: { budgetSpp: 8 } });
    const refused = async (): Promise<void> => {
      for await (const _ of predict({ outputs: 'color' })) expect.unreachable();
    };
    expectCode(await failure(refused()), 'unknown-parameter');
  });
});

it('asks for the tokens of the HTTP interface', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'quietframe-rpc-'));
  const tokensFile = join(folder, 'tokens.json');
  const sha256 = sha(Buffer.from('secret'));
  await writeFile(tokensFile, JSON.stringify({ tokens: [{ name: 'a', sha256 }] }));
  const { client } = await startRpc({ tokensFile });
  await rm(folder, { recursive: true });
  const error = await failure(client.listModels({}));
  expect(error.code).toBe(Code.Unauthenticated);
  expectCode(error, 'unauthenticated');
  expectCode(await failure(collect(client.denoise(messagesOf(frames(makeExr()))))), 'unauthenticated');
  const headers = { authorization: 'Bearer secret' };
  expect((await client.listModels({}, { headers })).models.length).toBeGreaterThan(0);
  expect((await collect(client.denoise(messagesOf(frames(makeExr())), { headers }))).report).toBeDefined();
});
