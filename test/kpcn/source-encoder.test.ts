import { describe, expect, it } from 'vitest';
import type { Frame } from '../../src/frame/frame.js';
import { raster } from '../../src/image/raster.js';
import { encoderInputs, windowEncoders } from '../../src/kpcn/source-encoder.js';

const ALL = ['cycles', 'mitsuba', 'generic', 'color'];

function frame(changes: Partial<Frame> = {}): Frame {
  const picture = (channels: number) => raster(4, 4, channels);
  return {
    ...{ width: 4, height: 4, source: 'cycles', color: picture(3), colorVariance: picture(1) },
    ...{ varianceOrigin: 'half-buffers', albedo: picture(3), normal: picture(3) },
    ...changes,
  } as Frame;
}

function noisy(...frames: Frame[]): { frame: Frame; isClean: boolean }[] {
  return frames.map((each) => ({ frame: each, isClean: false }));
}

describe('the encoder of a frame', () => {
  it('is that of its renderer where the variance was measured', () => {
    expect(encoderInputs(frame(), ALL).encoder).toBe('cycles');
    expect(encoderInputs(frame({ source: 'pbrt' }), ALL).encoder).toBe('mitsuba');
  });

  it('is generic without a measured variance, and color without albedo and normal', () => {
    expect(encoderInputs(frame({ varianceOrigin: 'estimated' }), ALL).encoder).toBe('generic');
    const { albedo: _, normal: __, ...bare } = frame();
    expect(encoderInputs(bare, ALL).encoder).toBe('color');
  });

  it('uses a measured variance of any renderer where albedo and normals are clean', () => {
    for (const source of ['generic', 'mitsuba', 'pbrt'] as const) {
      expect(encoderInputs(frame({ source }), ALL, true).encoder).toBe('mitsuba');
    }
    expect(encoderInputs(frame({ source: 'generic' }), ALL, false).encoder).toBe('generic');
    expect(encoderInputs(frame(), ALL, true).encoder).toBe('cycles');
    expect(encoderInputs(frame({ source: 'generic', varianceOrigin: 'estimated' }), ALL, true).encoder).toBe(
      'generic',
    );
    const { albedo: _, ...bare } = frame({ source: 'generic' });
    expect(encoderInputs(bare, ALL, true).encoder).toBe('generic');
    expect(encoderInputs(frame({ source: 'generic' }), ['generic', 'color'], true).encoder).toBe('generic');
  });

  it('is generic for a window whose centre alone has a measured variance, clean or not', () => {
    const center = { frame: frame({ source: 'generic' }), isClean: true };
    const other = { frame: frame({ source: 'generic', varianceOrigin: 'estimated' }), isClean: true };
    expect(encoderInputs(center.frame, windowEncoders([center, other], ALL), true).encoder).toBe('generic');
    expect(windowEncoders([center, center], ALL)).toEqual(ALL);
  });

  it('is the same for all frames of a window', () => {
    const estimated = frame({ varianceOrigin: 'estimated' });
    const { albedo: _, normal: __, ...bare } = frame();
    expect(windowEncoders(noisy(frame(), frame()), ALL)).toEqual(ALL);
    for (const frames of [
      [frame(), estimated],
      [frame(), bare],
      [bare, estimated],
    ]) {
      const encoders = windowEncoders(noisy(...frames), ALL);
      expect(new Set(frames.map((f) => encoderInputs(f, encoders).encoder)).size).toBe(1);
    }
    expect(encoderInputs(frame(), windowEncoders(noisy(frame(), estimated), ALL)).encoder).toBe('generic');
  });
});

describe('an encoder that is chosen', () => {
  const without = (...roles: readonly ('albedo' | 'normal')[]): Frame => {
    const { albedo, normal, ...rest } = frame();
    return {
      ...rest,
      ...(albedo && !roles.includes('albedo') && { albedo }),
      ...(normal && !roles.includes('normal') && { normal }),
    };
  };
  const estimated = frame({ varianceOrigin: 'estimated' });

  it.each(ALL)('%s reads all frames, whatever their renderer', (encoder) => {
    const frames = [frame(), frame({ source: 'generic' }), frame({ source: 'mitsuba' })];
    const encoders = windowEncoders(noisy(...frames), ALL, encoder);
    expect(frames.map((each) => encoderInputs(each, encoders).encoder)).toEqual([encoder, encoder, encoder]);
  });

  it('sees no measured variance, albedo and normals but those that it was trained with', () => {
    const color = encoderInputs(frame(), windowEncoders(noisy(frame()), ALL, 'color'));
    expect(Object.keys(color).sort()).toEqual(['color', 'colorVariance', 'encoder']);
    const measured = frame();
    const generic = encoderInputs(measured, windowEncoders(noisy(measured), ALL, 'generic'));
    expect(generic.colorVariance).not.toBe(measured.colorVariance);
  });

  it.each([
    ['cycles', estimated, 'colorVariance', 'a measured variance'],
    ['mitsuba', estimated, 'colorVariance', 'a measured variance'],
    ['arnold', without('albedo'), 'albedo', 'an albedo'],
    ['cycles', without('normal'), 'normal', 'normals'],
    ['generic', without('albedo', 'normal'), 'albedo', 'an albedo or normals'],
  ])('%s is refused where a frame lacks what it reads', (encoder, lacking, layer, range) => {
    for (const [frames, name] of [
      [[lacking], 'the frame'],
      [[frame(), lacking], 'a neighbor'],
    ] as const) {
      expect(() => windowEncoders(noisy(...frames), ALL, encoder)).toThrow(
        expect.objectContaining({
          ...{ code: 'missing-layer', details: { layer } },
          message: expect.stringContaining(`Expected ${range}`),
        }),
      );
      expect(() => windowEncoders(noisy(...frames), ALL, encoder)).toThrow(
        `for encoder=${encoder} in ${name}`,
      );
    }
    expect(windowEncoders(noisy(lacking), ALL, 'color')).toEqual(['color']);
  });
});
