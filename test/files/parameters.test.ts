import { Check } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { QuietframeError } from '../../src/errors.js';
import { OPERATIONS } from '../../src/files/parameters/define.js';
import {
  findParameter,
  PARAMETER_NAMES,
  type ParameterName,
  type ParameterRequest,
  parameterOf,
  queryOf,
  requestOf,
  valuesOf,
} from '../../src/files/parameters.js';

/** Texts of every parameter: some that are read, and some that are refused. */
const TEXTS: Readonly<Record<ParameterName, { good: readonly string[]; bad: readonly string[] }>> = {
  lambda: { good: ['1', '2.5', '1e1'], bad: ['0.9', '10.1', 'NaN', '0x2', ''] },
  model: { good: ['kpcn', 'kpcn@2'], bad: [] },
  prefilter: { good: ['auto', 'on', 'off'], bad: ['yes', ''] },
  alpha: { good: ['auto', 'copy', 'denoise'], bad: ['none'] },
  components: { good: ['beauty', 'split'], bad: ['both'] },
  wrap: { good: ['auto', 'x', 'none'], bad: ['y'] },
  aovs: { good: ['all', 'a,b', 'a , b'], bad: ['', 'a,', Array(65).fill('a').join(',')] },
  region: { good: ['0,0,1,1', '12,3,40,50'], bad: ['0,0,0,1', '1,2,3', '-1,0,1,1', 'all'] },
  upscale: { good: ['1', '4'], bad: ['0.9', '4.1'] },
  deblur: { good: ['auto', '0.3', '4'], bad: ['0', '5', 'none'] },
  strength: { good: ['0', '4'], bad: ['-1', '4.5'] },
  source: { good: ['auto', 'cycles', 'mitsuba', 'pbrt', 'generic'], bad: ['blender'] },
  encoder: { good: ['auto', 'cycles'], bad: [] },
  layer: {
    good: ['albedo=A', 'albedo=A,normal=none'],
    bad: ['albedo', 'albedo=', 'light=A', 'albedo=A,albedo=B'],
  },
  motion: { good: ['auto', 'none', 'cycles', 'to-previous,y-up'], bad: ['forward'] },
  view: { good: ['all', 'left'], bad: ['', 'v'.repeat(256)] },
  spp: { good: ['0.5', '1000'], bad: ['0', '-1'] },
  center: { good: ['0', '6'], bad: ['-1', '7', '1.5'] },
  outputs: { good: ['color', 'color,error,samples', 'error, error'], bad: ['', 'colour'] },
  pixels: { good: ['1,2', '120,80;64,64'], bad: ['', '1', '1,2,3', '-1,0'] },
  budget: { good: ['0.1', '16'], bad: ['0', '1e7'] },
  loop: {
    good: [
      '{"version":1,"budgetSpp":64}',
      '{"version":1,"budgetSpp":64,"firstSpp":4}',
      '{"version":1,"budgetSpp":64,"firstSpp":16,"width":3,"height":2,"totalSamples":192}',
    ],
    bad: ['', '{}', '64', '{"version":2,"budgetSpp":64}'],
  },
  min: { good: ['0', '16'], bad: ['-1', '1.5'] },
  max: { good: ['1', '16'], bad: ['0', '1.5'] },
  tile: { good: ['1', '4096'], bad: ['0', '4097'] },
  metric: {
    good: ['smape', 'dssim', 'relative-mse', 'relative-variance', 'ms-dssim'],
    bad: ['mse', 'SMAPE', ''],
  },
  weighting: { good: ['reducible', 'error'], bad: ['plain'] },
  'min-layer': { good: ['limits.min', 'least'], bad: ['', 'c'.repeat(256)] },
  'max-layer': { good: ['limits.max', 'most'], bad: ['', 'c'.repeat(256)] },
  'target-smape': { good: ['0.02'], bad: ['0', '1'] },
};

describe.each(PARAMETER_NAMES.map((name) => ({ name })))('$name', ({ name }) => {
  const { schema, read, write, operations, description } = parameterOf(name);

  it.each(TEXTS[name].good)('reads "%s", and what it writes of it', (text) => {
    const value = read(text, name);
    expect(read(write(value), name)).toEqual(value);
    // Values with a form of their own are texts on the wire.
    expect(Check(schema, value) || Check(schema, write(value))).toBe(true);
  });

  it.each(TEXTS[name].bad)('refuses "%s"', (text) => {
    let error: unknown;
    try {
      read(text, `--${name}`);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(QuietframeError);
    expect(error).toMatchObject({ code: 'invalid-argument' });
  });

  it('has a default that it would read, a description, and an operation', () => {
    const usual = (schema as { default?: unknown }).default;
    if (usual !== undefined) expect(Check(schema, usual)).toBe(true);
    expect(description).toMatch(/^[A-Z`].*\.$/s);
    expect(operations.length).toBeGreaterThan(0);
    expect(OPERATIONS).toEqual(expect.arrayContaining([...operations]));
  });
});

describe('a request', () => {
  const every = Object.fromEntries(
    PARAMETER_NAMES.filter((name) => name !== 'center').map((name) => [
      name,
      parameterOf(name).read(TEXTS[name].good.at(-1) as string, name),
    ]),
  );

  it('has a field for every parameter but the center, which windows have', () => {
    expect(valuesOf(requestOf(every))).toEqual(every);
  });

  it('becomes the query of a service that asks for the same', () => {
    const request: ParameterRequest = requestOf(every);
    const read = Object.entries(queryOf(request)).map(([name, text]) => [
      name,
      parameterOf(name as ParameterName).read(text, name),
    ]);
    expect(requestOf(Object.fromEntries(read))).toEqual(request);
  });

  it('is empty where nothing is given', () => {
    expect(requestOf({})).toEqual({});
    expect(queryOf({})).toEqual({});
  });
});

it('knows samples per pixel by the names of the library, too', () => {
  expect([findParameter('samplesPerPixel'), findParameter('samples-per-pixel')]).toEqual(['spp', 'spp']);
  expect(findParameter('toString')).toBeUndefined();
});
