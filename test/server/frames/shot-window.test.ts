import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { QuietframeError } from '../../../src/errors.js';
import { ExrPool } from '../../../src/exr/pool.js';
import type { DenoiseExrRequest } from '../../../src/files/denoise-file/types.js';
import { Shot, type ShotWindow } from '../../../src/server/frames/shot-window.js';
import type { SourceFile } from '../../../src/server/frames/source-files.js';
import type { ServedExr } from '../../../src/server/service.js';
import { makeExr } from '../../support/exr-files.js';

const pool = new ExrPool({ workers: 1 });
afterAll(() => pool.close());

const file = (bytes: Uint8Array): SourceFile => ({
  length: bytes.length,
  digest: undefined,
  header: () => pool.inspect(bytes),
  load: async () => bytes,
});
const good = Array.from({ length: 6 }, () => makeExr());
const files = (damaged: Readonly<Record<number, Uint8Array>>): SourceFile[] =>
  good.map((bytes, i) => file(damaged[i] ?? bytes));
const junk = Buffer.from('junk');
const small = makeExr({ width: 5 });

/** The window of three around a frame. */
const around = (shot: readonly SourceFile[], index: number): ShotWindow => {
  const first = Math.max(0, index - 1);
  return { frames: shot.slice(first, index + 2), center: index - first, first };
};

let shot: Shot;
beforeEach(() => {
  shot = new Shot();
});

describe('the window of a frame of a shot', () => {
  it.each([
    ['damaged', junk],
    ['odd-sized', small],
  ])('is without a %s frame, and says so', async (_, bytes) => {
    const window = around(files({ 2: bytes }), 3);
    const { files: selected, leftOut, frames, center } = await shot.select(window);
    expect(selected.frameName).toBe('frame[3]');
    expect(selected.neighbors?.map(({ name, offset }) => [name, offset])).toEqual([['frame[4]', 1]]);
    expect([frames, center]).toEqual([3, 1]);
    expect(leftOut).toEqual([
      { code: 'frame-left-out', frame: 'frame[2]', message: expect.stringContaining('frame[2]') },
    ]);
  });

  it('is none where the frame itself is damaged, or of another size than the shot', async () => {
    await expect(shot.select(around(files({ 3: junk }), 3))).rejects.toMatchObject({
      code: 'malformed-exr',
      details: { frame: 'frame[3]' },
    });
    await expect(shot.select(around(files({ 3: small }), 3))).rejects.toMatchObject({
      code: 'mismatched-frames',
      details: { frame: 'frame[3]' },
    });
  });

  it('asks the frames nearby for the size of the shot, as far as they are known', async () => {
    const odd = around(files({ 0: small }), 0);
    expect((await shot.select(odd)).leftOut).toHaveLength(1);
    const sizeAt = async (index: number) => (index < 5 ? '16 x 12' : undefined);
    await expect(new Shot().select(odd, sizeAt)).rejects.toMatchObject({ code: 'mismatched-frames' });
  });

  it('needs a frame that is not kept any more', async () => {
    const missing: SourceFile = {
      ...file(junk),
      header: () => Promise.reject(new QuietframeError('missing-frames', 'It is gone', { missing: ['x'] })),
    };
    const frames = [missing, file(makeExr())];
    await expect(shot.select({ frames, center: 1, first: 0 })).rejects.toMatchObject({
      code: 'missing-frames',
    });
  });
});

describe('denoising a frame of a shot', () => {
  const result: ServedExr = {
    exr: new Uint8Array(),
    color: { width: 1, height: 1, channels: 3, data: new Float32Array(3) },
    report: {
      model: 'kpcn',
      version: 2,
      device: 'cpu',
      windowUsed: 1,
      warnings: [{ code: 'missing-albedo', message: 'None' }],
      stages: {},
    },
  };
  const request: DenoiseExrRequest = {
    exr: new Uint8Array(),
    frameName: 'frame[3]',
    neighbors: [2, 4].map((index) => ({
      exr: new Uint8Array(),
      offset: index - 3,
      name: `frame[${index}]`,
    })),
  };
  const namesOf = ({ neighbors = [] }: DenoiseExrRequest) => neighbors.map(({ name }) => name);
  const failing =
    (error: QuietframeError, tries: unknown[]) =>
    async (asked: DenoiseExrRequest): Promise<ServedExr> => {
      tries.push(namesOf(asked));
      asked.onProgress?.(0.5 / tries.length);
      if (namesOf(asked).includes('frame[2]')) throw error;
      return result;
    };

  it('goes on without a frame whose pixels are damaged, in this window and in later ones', async () => {
    const selected = await shot.select(around(files({}), 3));
    const tries: unknown[] = [];
    const progress: number[] = [];
    const error = new QuietframeError('malformed-exr', 'Expected a chunk', { frame: 'frame[2]' });
    const { report } = await shot.denoise(
      selected,
      { ...request, onProgress: (fraction) => progress.push(fraction) },
      failing(error, tries),
    );
    expect(tries).toEqual([['frame[2]', 'frame[4]'], ['frame[4]']]);
    expect(progress).toEqual([0.5]);
    expect(report.warnings.map(({ code, frame }) => [code, frame])).toEqual([
      ['frame-left-out', 'frame[2]'],
      ['missing-albedo', undefined],
    ]);
    const later = await shot.select(around(files({}), 1));
    expect(later.files.neighbors?.map(({ name }) => name)).toEqual(['frame[0]']);
    expect(later.leftOut[0]?.message).toContain('Expected a chunk');
  });

  describe('whose borders may continue at each other', () => {
    const wide = Array.from({ length: 4 }, () => makeExr({ width: 24, height: 12 }));
    const asking = async (
      of: Shot,
      index: number,
      made: 'x' | 'none',
      asked: unknown[],
      wait?: Promise<void>,
    ) =>
      of.denoise(
        await of.select(around(wide.map(file), index)),
        { ...request, neighbors: [] },
        async ({ wrap = 'auto' }) => {
          asked.push(wrap);
          await wait;
          return { ...result, report: { ...result.report, wrap: wrap === 'auto' ? made : wrap } };
        },
      );

    it('chooses once: the first frame decides, and those that start meanwhile wait for it', async () => {
      const asked: unknown[] = [];
      let end = (): void => {};
      const wait = new Promise<void>((resolve) => {
        end = resolve;
      });
      const all = [
        asking(shot, 0, 'x', asked, wait),
        asking(shot, 1, 'none', asked),
        asking(shot, 2, 'none', asked),
      ];
      await expect.poll(() => asked).toEqual(['auto']);
      end();
      const reports = (await Promise.all(all)).map(({ report }) => report.wrap);
      expect([reports, asked]).toEqual([
        ['x', 'x', 'x'],
        ['auto', 'x', 'x'],
      ]);
    });

    it('leaves the choice to the next frame where the first one fails', async () => {
      const asked: unknown[] = [];
      const failed = shot.denoise(
        await shot.select(around(wide.map(file), 0)),
        { ...request, neighbors: [] },
        async () => {
          throw new QuietframeError('malformed-exr', 'It is damaged');
        },
      );
      await expect(failed).rejects.toThrow('damaged');
      await asking(shot, 1, 'none', asked);
      await asking(shot, 2, 'x', asked);
      expect(asked).toEqual(['auto', 'none']);
    });

    it('keeps what an earlier run of the job chose, and what the caller asks for', async () => {
      const asked: unknown[] = [];
      await asking(new Shot('x'), 1, 'none', asked);
      const selected = await shot.select(around(wide.map(file), 0));
      await shot.denoise(selected, { ...request, wrap: 'none', neighbors: [] }, async ({ wrap }) => {
        asked.push(wrap);
        return result;
      });
      expect(asked).toEqual(['x', 'none']);
    });

    it('asks nothing of frames of another shape', async () => {
      const asked: unknown[] = [];
      const selected = await new Shot('x').select(around(files({}), 1));
      await shot.denoise(selected, { ...request, neighbors: [] }, async ({ wrap }) => {
        asked.push(wrap);
        return result;
      });
      expect(asked).toEqual([undefined]);
    });
  });

  it.each([
    ['the frame itself', new QuietframeError('malformed-exr', 'Expected a chunk', { frame: 'frame[3]' })],
    ['the service', new QuietframeError('internal', 'It failed', { frame: 'frame[2]' })],
    ['a client that is gone', new QuietframeError('cancelled', 'It was', { frame: 'frame[2]' })],
  ])('fails with an error of %s', async (_, error) => {
    const selected = await shot.select(around(files({}), 3));
    await expect(shot.denoise(selected, request, failing(error, []))).rejects.toBe(error);
  });
});
