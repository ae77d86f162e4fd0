import { describe, expect, it } from 'vitest';
import { copyPadded, cropPadded, downsample, paddedSize, upsample } from '../../src/image/pyramid.js';
import { raster } from '../../src/image/raster.js';

describe('paddedSize', () => {
  it('is the next multiple of 2^levels', () => {
    expect([1, 8, 9, 1080].map((size) => paddedSize(size, 3))).toEqual([8, 8, 16, 1080]);
  });
});

describe('copyPadded', () => {
  it('repeats the border on the right and at the bottom', () => {
    const target = raster(4, 3, 2);
    copyPadded(raster(2, 2, 1, Float32Array.of(1, 2, 3, 4)), target, 1);
    expect([...target.data.subarray(0, 12)]).toEqual(new Array(12).fill(0));
    expect([...target.data.subarray(12)]).toEqual([1, 2, 2, 2, 3, 4, 4, 4, 3, 4, 4, 4]);
  });

  it('is undone by cropPadded', () => {
    const source = raster(
      3,
      5,
      2,
      Float32Array.from({ length: 30 }, (_, i) => i),
    );
    const padded = raster(8, 8, 2);
    copyPadded(source, padded);
    const result = raster(3, 5, 2);
    cropPadded(padded, result);
    expect(result.data).toEqual(source.data);
  });
});

describe('downsample', () => {
  it('takes the mean of 2 x 2 pixels of every channel, for the rows asked for', () => {
    const fine = raster(
      2,
      4,
      2,
      Float32Array.from({ length: 16 }, (_, i) => i),
    );
    const coarse = raster(1, 2, 2);
    downsample(fine, coarse, 1, 2);
    expect([...coarse.data]).toEqual([0, 5.5, 0, 13.5]);
  });

  it('divides the variance of a mean of four by four', () => {
    const coarse = raster(1, 1, 1);
    downsample(raster(2, 2, 1, new Float32Array(4).fill(8)), coarse, 0, 1, 1 / 4);
    expect(coarse.data[0]).toBe(2);
  });

  it('undoes upsampling: D(U(x)) = x', () => {
    const x = raster(
      5,
      3,
      2,
      Float32Array.from({ length: 30 }, (_, i) => Math.sin(i) * 100),
    );
    const fine = raster(10, 6, 2);
    const back = raster(5, 3, 2);
    upsample(x, fine);
    downsample(fine, back, 0, 3);
    expect(back.data).toEqual(x.data);
  });
});
