import { describe, expect, it } from 'vitest';
import { type Raster, raster } from '../../src/image/raster.js';
import type { WindowTask } from '../../src/kpcn/tile-tasks.js';
import { boundTile } from '../../src/kpcn/window-bound.js';

const [WIDTH, HEIGHT] = [8, 4];
const SIZE = WIDTH * HEIGHT;
const WHOLE = { x: 0, y: 0, width: WIDTH, height: HEIGHT };
/** The pixel that is looked at, and where the motion of the tests leads from it. */
const AT = 2 * WIDTH + 3;
const MOVED = AT + 2;

/** Light that is dark but for one grey pixel. */
function lit(value: number, at = AT, channels = 3): Raster {
  const light = raster(WIDTH, HEIGHT, channels);
  light.data.fill(0.1);
  for (let c = 0; c < channels; c++) light.data[c * SIZE + at] = value;
  return light;
}

function motionBy(x: number): Raster {
  const motion = raster(WIDTH, HEIGHT, 2);
  motion.data.fill(x, 0, SIZE);
  return motion;
}

interface Scene {
  readonly joined: Raster;
  readonly center: Raster;
  readonly others: readonly { readonly light: Raster; readonly motion?: number }[];
  readonly lambda?: number;
  readonly colors?: readonly number[];
}

function taskOf({ joined, center, others, lambda, colors = [0] }: Scene): WindowTask {
  const rest = { coarseEmbedding: raster(4, 2, 1), gate: raster(WIDTH, HEIGHT, 1) };
  const cells = raster(4, 2, 1);
  cells.data.fill(Math.log10(lambda ?? 1));
  return {
    ...{ denoised: joined, own: center, estimate: { light: center, ...rest }, spatial: raster(4, 2, 1) },
    ...{ exposure: 1, irradiance: false, colors },
    neighbors: others.map(({ light, motion = 0 }, slot) => ({
      ...{ slot, estimate: { light, ...rest }, motion: motionBy(motion), coarserMotion: raster(4, 2, 2) },
    })),
    ...(lambda !== undefined && { logLambda: cells }),
  };
}

function bounded(scene: Scene): number {
  boundTile(taskOf(scene), WHOLE);
  return scene.joined.data[AT] as number;
}

describe('boundTile', () => {
  it('takes a light that one other frame has alone down to twice the second brightest', () => {
    const others = [{ light: lit(40) }, { light: lit(0.2) }];
    expect(bounded({ joined: lit(20), center: lit(0.1), others })).toBeCloseTo(0.4, 5);
  });

  it('takes it down beside a bright pixel of the center, too', () => {
    const center = lit(90, AT + 1);
    expect(bounded({ joined: lit(20), center, others: [{ light: lit(40) }] })).toBeCloseTo(0.2, 5);
  });

  it.each([
    ['two other frames have', lit(0.1), [{ light: lit(30) }, { light: lit(25) }]],
    [
      'follows the motion',
      lit(0.1),
      [
        { light: lit(30, MOVED), motion: 2 },
        { light: lit(30, MOVED), motion: 1.6 },
      ],
    ],
    ['the center and another frame have', lit(12), [{ light: lit(40) }, { light: lit(0.1) }]],
    ['only the center has', lit(20), [{ light: lit(0.1) }, { light: lit(0.1) }]],
    ['no other frame can be seen for', lit(20), [{ light: lit(0.1), motion: Number.NaN }]],
  ])('keeps a light that %s', (_, center, others) => {
    expect(bounded({ joined: lit(20), center, others })).toBe(20);
  });

  it('ignores frames whose motion is not known or leads outside', () => {
    const center = lit(0.1);
    for (const motion of [Number.NaN, 40, -40]) {
      const others = [{ light: lit(40) }, { light: lit(40), motion }];
      expect(bounded({ joined: lit(20), center, others })).toBeCloseTo(0.2, 5);
    }
  });

  it('leaves more where lambda keeps more noise', () => {
    const others = [{ light: lit(40) }];
    expect(bounded({ joined: lit(20), center: lit(0.1), others, lambda: 5 })).toBeCloseTo(1, 5);
  });

  it('scales layers of three channels alike, by the color alone, and no others', () => {
    const joined = lit(20, AT, 7);
    const task = taskOf({
      ...{ joined, center: lit(0.1, AT, 7), colors: [0, 4] },
      others: [{ light: lit(40, AT, 7) }],
    });
    boundTile(task, WHOLE);
    const values = Array.from({ length: 7 }, (_, c) => joined.data[c * SIZE + AT] as number);
    for (const c of [0, 1, 2, 4, 5, 6]) expect(values[c]).toBeCloseTo(0.2, 5);
    expect(values[3]).toBe(20);
  });

  it('changes nothing outside of its tile and nothing that frames are cached by', () => {
    const [joined, center, other] = [lit(20), lit(0.1), lit(40)];
    const before = [center, other].map(({ data }) => data.slice());
    boundTile(taskOf({ joined, center, others: [{ light: other }] }), { x: 4, y: 0, width: 4, height: 4 });
    expect(joined.data[AT]).toBe(20);
    boundTile(taskOf({ joined, center, others: [{ light: other }] }), WHOLE);
    expect([center.data, other.data]).toEqual(before);
  });
});
