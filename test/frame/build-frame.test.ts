import { describe, expect, it } from 'vitest';
import { QuietframeError } from '../../src/errors.js';
import { type BuiltFrame, buildFrame } from '../../src/frame/build-frame.js';
import { channelsToRead } from '../../src/frame/channels-to-read.js';
import { type ResolveOptions, resolveLayers } from '../../src/frame/layers/resolve-layers.js';
import type { PlannedImage } from '../../src/frame/planned-image.js';
import type { Raster } from '../../src/image/raster.js';
import {
  blenderParts,
  header,
  image,
  intAttribute,
  type PartRecipe,
  type Samples,
} from '../support/exr-files.js';
import { scatter } from '../support/random.js';

const PASSES = [
  'Combined.RGBA',
  'Denoising Albedo.RGB',
  'Denoising Normal.XYZ',
  'Diffuse Direct.RGB',
  'Diffuse Indirect.RGB',
  'Diffuse Color.RGB',
];
const PIXELS = 48;

function planned(recipes: readonly PartRecipe[], samples: Samples, options?: ResolveOptions): PlannedImage {
  return { image: image(recipes, samples), plan: resolveLayers(header(...recipes), options) };
}

const blender = (samples: Samples): PlannedImage => planned(blenderParts('V', PASSES), samples);
const codes = ({ warnings }: BuiltFrame): string[] => warnings.map((warning) => warning.code);
const allFinite = (frame: object): boolean =>
  Object.values(frame)
    .filter((value): value is Raster => typeof value === 'object')
    .every(({ data }) => data.every(Number.isFinite));

/** Unit normals that turn with the pixel. */
const turning = (channel: string, i: number): number =>
  channel.endsWith('X') ? Math.cos(i) : channel.endsWith('Y') ? Math.sin(i) : 0;

function scene(channel: string, i: number): number {
  if (channel.includes('Normal')) return turning(channel, i);
  if (channel.includes('Albedo')) return 0.5 + (i % 3) / 8;
  if (channel.includes('Diffuse Color')) return 0.5;
  return 1 + (i % 7) / 7 + (channel.endsWith('R') ? 0.25 : 0);
}

it('puts channels in the order of their meaning, not of the file', () => {
  const { frame } = buildFrame(
    planned([{ layers: ['BGR', 'albedo.BGR'] }], (name, i) => {
      const meaning = 'RGB'.indexOf(name.at(-1) ?? '') / 2;
      return i === 0 ? meaning : meaning / 2;
    }),
  );
  expect([frame.width, frame.height]).toEqual([8, 6]);
  for (const layer of [frame.color, frame.albedo]) {
    expect([0, 1, 2].map((c) => layer?.data[c * PIXELS])).toEqual([0, 0.5, 1]);
  }
});

it('estimates the variance where nothing tells it', () => {
  const { frame } = buildFrame(blender(scene));
  expect(frame.varianceOrigin).toBe('estimated');
  expect(frame.albedoVariance).toBeUndefined();
  expect(frame.colorVariance.channels).toBe(1);
});

describe('guides that tell nothing', () => {
  const parts = [{ layers: ['RGB', 'albedo.RGB', 'N.XYZ'] }];
  const color = (i: number): number => 1 + (i % 7) / 7;
  const built = (
    albedo: number,
    normal: readonly number[],
    recipes: readonly PartRecipe[] = parts,
  ): BuiltFrame =>
    buildFrame(
      planned(recipes, (channel, i) => {
        if (channel.startsWith('albedo')) return albedo;
        return channel.startsWith('N') ? (normal['XYZ'.indexOf(channel.at(-1) ?? '')] ?? 0) : color(i);
      }),
    );

  it.each([
    ['0 everywhere', 0, [0, 0, 0]],
    ['the same everywhere', 0.18, [0.5, 0.5, 0.5]],
    ['white everywhere', 1, [1, 1, 1]],
  ])('are missing where they are %s, with a warning', (_, albedo, normal) => {
    const { frame, ...rest } = built(albedo, normal);
    expect([frame.albedo, frame.normal]).toEqual([undefined, undefined]);
    expect(rest.warnings.map(({ code, layer }) => [code, layer])).toEqual([
      ['missing-albedo', 'albedo'],
      ['missing-normal', 'normal'],
    ]);
    expect(rest.warnings[0]?.message).toContain('albedo.R');
  });

  it('are missing in both of two halves, and not where the halves differ', () => {
    const half = (sign: number): PlannedImage =>
      planned(parts, (channel, i) =>
        channel.startsWith('albedo') ? 0.5 + sign * 0.01 * (i % 5) : color(i) + sign,
      );
    expect(buildFrame(half(0.5), half(-0.5)).frame.albedo).toBeDefined();
    const empty = (): PlannedImage =>
      planned(parts, (channel, i) => (channel.startsWith('albedo') ? 0 : color(i)));
    expect(buildFrame(empty(), empty()).frame.albedo).toBeUndefined();
  });

  it('stay where a wall fills the picture, and in a picture of one pixel', () => {
    expect(built(0, [0, 0, -1]).frame.normal).toBeDefined();
    const window = { xMin: 0, yMin: 0, xMax: 0, yMax: 0 };
    const pixel = built(
      0.5,
      [0, 0, 0],
      parts.map((part) => ({ ...part, window })),
    );
    expect([pixel.frame.albedo, pixel.frame.normal].every((layer) => layer !== undefined)).toBe(true);
    expect(codes(pixel)).toEqual([]);
  });

  it('are missing where normals are the same everywhere and the albedo is not, with a warning', () => {
    const textured = (channel: string, i: number): number =>
      channel.startsWith('albedo')
        ? 0.2 + 0.1 * (i % 4)
        : channel.endsWith('Z')
          ? 1
          : /[XY]$/.test(channel)
            ? 0
            : color(i);
    const { frame, warnings } = buildFrame(planned(parts, textured));
    expect([frame.albedo !== undefined, frame.normal]).toEqual([true, undefined]);
    expect(warnings).toMatchObject([{ code: 'missing-normal', layer: 'normal' }]);
    expect(warnings[0]?.message).toContain('is the same everywhere');
    const bumpy = buildFrame(
      planned(parts, (channel, i) => textured(channel, i) - (channel.endsWith('Z') && i > 5 ? 0.1 : 0)),
    );
    expect(bumpy.frame.normal).toBeDefined();
  });

  it('are missing where a guess turns out to be the colour', () => {
    const attributes = { generatedBy: 'Mitsuba version 3.9.1' };
    const recipes = [{ attributes, layers: ['RGB', 'mine.RGB'] }];
    const copy = buildFrame(planned(recipes, (_, i) => color(i) - 0.5));
    expect(copy.frame.albedo).toBeUndefined();
    expect(copy.warnings.map(({ message }) => message)).toContainEqual(
      expect.stringContaining('copy of the colour'),
    );
    const other = buildFrame(
      planned(recipes, (channel, i) => color(i) / (channel.startsWith('mine') ? 4 : 1)),
    );
    expect(other.frame.albedo).toBeDefined();
    // A layer that is named as the albedo is believed.
    const named = [{ layers: ['RGB', 'albedo.RGB'] }];
    expect(buildFrame(planned(named, (_, i) => color(i) - 0.5)).frame.albedo).toBeDefined();
  });
});

describe('half buffers', () => {
  const noisy =
    (sign: number): Samples =>
    (channel, i) =>
      scene(channel, i) + sign * 0.01 * ((i % 5) + 1);

  it('averages the halves and takes all variances from their difference', () => {
    const { frame } = buildFrame(blender(noisy(1)), blender(noisy(-1)));
    expect(frame.varianceOrigin).toBe('half-buffers');
    for (let i = 0; i < PIXELS; i++) {
      const variance = (0.02 * ((i % 5) + 1)) ** 2 / 4;
      expect(frame.color.data[i]).toBeCloseTo(scene('V.Combined.R', i), 5);
      for (const layer of [frame.colorVariance, frame.albedoVariance, frame.normalVariance]) {
        expect(layer?.data[i]).toBeCloseTo(variance, 6);
      }
      expect(frame.diffuseVariance?.data[i]).toBeCloseTo(4 * variance, 6);
    }
  });

  it('does not take the same picture twice for noise-free', () => {
    const built = buildFrame(blender(scene), blender(scene));
    expect(codes(built)).toEqual(['identical-halves']);
    expect(built.frame.varianceOrigin).toBe('estimated');
    expect(built.frame.albedoVariance).toBeUndefined();
    expect(built.frame.colorVariance.data.some((value) => value > 0)).toBe(true);
  });

  it('refuses halves of other sizes or layers', () => {
    const refused = (half: PlannedImage): unknown => {
      try {
        return buildFrame(blender(scene), half);
      } catch (error) {
        return error instanceof QuietframeError ? [error.code, error.details.frame] : error;
      }
    };
    const window = { xMin: 0, yMin: 0, xMax: 3, yMax: 3 };
    const small = blenderParts('V', PASSES).map((part) => ({ ...part, window }));
    expect(refused(planned(small, scene))).toEqual(['mismatched-frames', 'half_b']);
    const poor = planned(blenderParts('V', PASSES.slice(0, 2)), scene);
    expect(refused(poor)).toEqual(['mismatched-frames', 'half_b']);
  });

  it('sees noise that a pixel filter has spread', () => {
    const window = { xMin: 0, yMin: 0, xMax: 99, yMax: 39 };
    const recipes = [{ layers: ['RGB'], window }];
    const noise = (i: number): number => scatter(i * i * 12.9898);
    const spread = (i: number): number => noise(i - 1) + noise(i) + noise(i + 1);
    const build = (of: (i: number) => number): BuiltFrame =>
      buildFrame(
        planned(recipes, (_, i) => of(i)),
        planned(recipes, (_, i) => of(i + 5000)),
      );
    expect(codes(build(noise))).not.toContain('correlated-noise');
    expect(codes(build(spread))).toContain('correlated-noise');
  });
});

describe('half buffers with measured variances', () => {
  type Measured = (channel: string, i: number, half: number) => number;
  const window = { xMin: 0, yMin: 0, xMax: 7, yMax: 5 };
  const half = (index: number, measured?: Measured, size = window): PlannedImage => {
    const recipes = [
      { name: 'light', layers: ['RGB'], window },
      ...(measured ? [{ name: 'variance', layers: ['mse.RGB'], window: size }] : []),
    ];
    return planned(recipes, (channel, i) =>
      channel.startsWith('mse') && measured
        ? measured(channel, i, index)
        : scene(channel, i) + (index === 0 ? 0.1 : -0.1),
    );
  };
  const built = (measured: Measured): BuiltFrame => buildFrame(half(0, measured), half(1, measured));

  it('keeps the variance of the mean beside that of the difference', () => {
    const { frame, warnings } = built((channel, i, index) => (channel.endsWith('R') ? 3 : 0) * (i + index));
    expect(frame.varianceOrigin).toBe('half-buffers');
    for (let i = 0; i < PIXELS; i++) {
      expect(frame.colorVariance.data[i]).toBeCloseTo(0.01, 6);
      // One channel of three; a mean of two has a quarter of the sum.
      expect(frame.measuredVariance?.data[i]).toBeCloseTo((i + i + 1) / 4, 5);
    }
    expect(warnings.map(({ code }) => code)).not.toContain('zero-variance');
  });

  it('needs one of both halves, of the size of the colour', () => {
    const small = { ...window, xMax: 3 };
    for (const other of [half(1), half(1, () => 1, small)]) {
      expect(
        buildFrame(
          half(0, () => 1),
          other,
        ).frame.measuredVariance,
      ).toBeUndefined();
      expect(
        buildFrame(
          other,
          half(0, () => 1),
        ).frame.measuredVariance,
      ).toBeUndefined();
    }
    expect(half(1, () => 1, small).plan.warnings.map(({ code }) => code)).toContain('different-window');
  });

  it('is nothing where both halves are one picture', () => {
    const built = buildFrame(
      half(0, () => 1),
      half(0, () => 1),
    );
    expect(built.frame.varianceOrigin).toBe('estimated');
    expect(built.frame.measuredVariance).toBeUndefined();
  });

  it('is not believed where it is zero or negative everywhere', () => {
    for (const value of [0, -1]) {
      const { frame, ...rest } = built(() => value);
      expect(frame.measuredVariance).toBeUndefined();
      expect(codes({ frame, ...rest })).toContain('zero-variance');
    }
  });

  it('is finite and not negative, whatever is in the layer', () => {
    const hostile = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1, 3.4e38, 1e-45, 2];
    const { frame, sanitized } = built((_, i) => hostile[i % hostile.length] as number);
    expect(frame.measuredVariance?.data.every((value) => value >= 0 && Number.isFinite(value))).toBe(true);
    expect(frame.colorVariance.data[0]).toBeCloseTo(0.01, 6);
    // Of 48 pixels, in three channels of two halves.
    expect(sanitized.colorVariance).toEqual({ notFinite: 6 * 3 * 7, negative: 6 * 7 });
    expect(built(() => Number.POSITIVE_INFINITY).frame.measuredVariance).toBeUndefined();
  });
});

describe('variance layers', () => {
  it('are what was measured, of a file alone', () => {
    const { frame } = buildFrame(planned([{ layers: ['RGB', 'mse.RGB'] }], (_, i) => i));
    expect(frame.measuredVariance).toBe(frame.colorVariance);
    expect(buildFrame(blender(scene)).frame.measuredVariance).toBeUndefined();
  });

  it('divides pbrt’s variance by the samples of the header', () => {
    const recipe = { layers: ['RGB', 'Variance.RGB'], attributes: { samplesPerPixel: intAttribute(8) } };
    const { frame } = buildFrame(planned([recipe], (channel) => (channel.startsWith('Variance') ? 4 : 1)));
    expect(frame.varianceOrigin).toBe('layer');
    expect(frame.colorVariance.data[0]).toBeCloseTo(0.5, 6);
  });

  it('takes pbrt’s relative variance times the colour', () => {
    const recipe = {
      layers: ['RGB', 'RelativeVariance.RGB'],
      attributes: { samplesPerPixel: intAttribute(8) },
    };
    const { frame } = buildFrame(planned([recipe], (channel) => (channel.startsWith('Rel') ? 4 : 3)));
    expect(frame.colorVariance.data[0]).toBeCloseTo(12 / 8, 6);
  });

  it('takes Mitsuba’s moments of albedo and normals', () => {
    const layers = ['', 'm2_'].flatMap((prefix) =>
      ['i.XYZ', 'i.alb.RGB', 'i.nn.XYZ', 'i.c.RGBA'].map((layer) => prefix + layer),
    );
    const recipe = { layers: ['RGB', ...layers], attributes: { generatedBy: 'Mitsuba version 3.9.1' } };
    const samples: Samples = (_, i) => (i === 0 ? 0.5 : 0.25);
    const { frame } = buildFrame(planned([recipe], samples, { samplesPerPixel: 5 }));
    expect(frame.varianceOrigin).toBe('layer');
    for (const variance of [frame.colorVariance, frame.albedoVariance, frame.normalVariance]) {
      expect(variance?.data[0]).toBeCloseTo((0.5 - 0.25) / 4, 6);
    }
  });

  it('does not believe a variance of zero everywhere', () => {
    const recipe = { layers: ['RGB', 'mse.RGB'] };
    const built = buildFrame(planned([recipe], (channel, i) => (channel.startsWith('mse') ? 0 : i)));
    expect(codes(built)).toContain('zero-variance');
    expect(built.frame.varianceOrigin).toBe('estimated');
  });
});

describe('the split of the beauty', () => {
  it('adds up to the colour', () => {
    const { frame } = buildFrame(blender(scene));
    for (let i = 0; i < 3 * PIXELS; i++) {
      const [diffuse, albedo, specular] = [frame.diffuse, frame.diffuseAlbedo, frame.specular].map(
        (layer) => layer?.data[i] ?? Number.NaN,
      ) as [number, number, number];
      expect(diffuse * albedo + specular).toBeCloseTo(frame.color.data[i] as number, 5);
    }
  });
});

describe('repairs', () => {
  it('makes every layer finite, counts by role, and never limits bright colours', () => {
    const built = buildFrame(
      blender((channel, i) => {
        if (i === 9) return Number.NaN;
        if (i === 20 && channel.endsWith('G')) return Number.POSITIVE_INFINITY;
        if (i === 30 && channel === 'V.Combined.R') return 1e15;
        if (i === 31 && channel === 'V.Combined.R') return -0.5;
        return scene(channel, i);
      }),
    );
    expect(allFinite(built.frame)).toBe(true);
    expect(built.sanitized.color).toEqual({ notFinite: 4, negative: 1 });
    expect(built.sanitized.normal).toEqual({ notFinite: 3, negative: 0 });
    expect(built.frame.color.data[30]).toBe(Math.fround(1e15));
    expect(built.frame.color.data[31]).toBe(-0.5);
    expect(codes(built)).toEqual(expect.arrayContaining(['not-finite', 'negative-color']));
  });

  it('replaces a lone sample that no arithmetic can hold, and keeps regions of them', () => {
    const isRegion = (i: number): boolean => [10, 11, 18, 19].includes(i);
    const built = buildFrame(
      blender((channel, i) => {
        if (channel !== 'V.Combined.R') return scene(channel, i);
        if (i === 30) return 3e38;
        return isRegion(i) ? Number.POSITIVE_INFINITY : scene(channel, i);
      }),
    );
    expect(Math.max(...built.frame.color.data)).toBeLessThan(10);
    expect([...(built.bright.color?.indices ?? [])].sort()).toEqual([10, 11, 18, 19]);
    expect(codes(built)).toEqual(expect.arrayContaining(['not-finite', 'bright-regions']));
  });

  it('replaces a lone pixel far below zero, in the colour and in its light', () => {
    const built = buildFrame(
      blender((channel, i) => (channel.startsWith('V.Combined.') && i === 20 ? -50 : scene(channel, i))),
    );
    expect(Math.min(...built.frame.color.data)).toBeGreaterThanOrEqual(0);
    expect(codes(built)).toContain('negative-outliers');
  });

  it('makes a frame of nothing but NaN black', () => {
    const { frame } = buildFrame(blender(() => Number.NaN));
    expect(allFinite(frame)).toBe(true);
    expect(frame.color.data.every((value) => value === 0)).toBe(true);
  });

  it('limits albedo to [0, 1]', () => {
    const built = buildFrame(
      blender((channel, i) => (channel.includes('Albedo') ? 24 - i : scene(channel, i))),
    );
    expect(Math.max(...(built.frame.albedo?.data ?? []))).toBe(1);
    expect(Math.min(...(built.frame.albedo?.data ?? []))).toBe(0);
    expect(codes(built)).toContain('albedo-range');
  });

  it('warns of albedo above 1 only where there is more of it than lamps explain', () => {
    const bright = (pixels: number) =>
      buildFrame(
        blender((channel, i) => {
          if (!channel.includes('Albedo')) return scene(channel, i);
          return i < pixels ? 4 : 0.5 + i / 100;
        }),
      );
    expect(codes(bright(2))).not.toContain('albedo-range');
    expect(Math.max(...(bright(2).frame.albedo?.data ?? []))).toBe(1);
    const { warnings } = bright(PIXELS / 4);
    const message = warnings.find(({ code }) => code === 'albedo-range')?.message;
    expect(message).toMatch(/^25 % of the albedo \(.+\) is above 1/);
  });

  it('decodes normals that are stored as colours, keeps what misses, and leaves true normals alone', () => {
    const stored = buildFrame(
      blender((channel, i) => {
        if (!channel.includes('Normal')) return scene(channel, i);
        return i === 3 ? 0 : turning(channel, i) * 0.5 + 0.5;
      }),
    );
    const plain = buildFrame(blender(scene));
    expect(codes(stored)).toEqual(['encoded-normals']);
    expect(codes(plain)).toEqual([]);
    for (let i = 0; i < 3 * PIXELS; i++) {
      const kept = i % PIXELS === 3 ? 0 : (plain.frame.normal?.data[i] as number);
      expect(stored.frame.normal?.data[i]).toBeCloseTo(kept, 6);
    }
  });
});

it('asks only for the channels that it reads', () => {
  const { plan } = blender(scene);
  expect([...channelsToRead(plan).keys()].sort()).toEqual([0, 1, 2]);
  expect(channelsToRead(plan).get(0)?.has('V.Combined.A')).toBe(false);
  expect(channelsToRead(plan, { withAlpha: true }).get(0)?.has('V.Combined.A')).toBe(true);
  expect([...channelsToRead(plan, { withSplit: true }).keys()].sort()).toEqual([0, 1, 2, 3, 4, 5]);
});
