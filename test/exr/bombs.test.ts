import { describe, expect, it } from 'vitest';
import { decodeDwa } from '../../src/exr/codecs/dwa.js';
import { readHeader, readLayout } from '../../src/exr/header.js';
import { writeExr } from '../../src/exr/write-exr.js';
import { channelGroups } from '../../src/frame/layers/channel-groups.js';
import type { Attribute } from '../../src/image/image.js';

function fileWith(attributes: ReadonlyMap<string, Attribute>, text: object = {}): Uint8Array {
  const window = { xMin: 0, yMin: 0, xMax: 0, yMax: 0 };
  const plane = { name: 'R', type: 'float', data: Float32Array.of(1) } as const;
  const part = { name: '', view: undefined, dataWindow: window, displayWindow: window };
  return writeExr({ parts: [{ ...part, attributes, planes: new Map([['R', plane]]), ...text }] });
}

/** A list of names, each with its length before it. */
function names(count: number): Attribute {
  const value = new Uint8Array(5 * count);
  const view = new DataView(value.buffer);
  for (let i = 0; i < count; i++) {
    view.setUint32(5 * i, 1, true);
    value[5 * i + 4] = 97;
  }
  return { type: 'stringvector', value };
}

describe('what a reader would do for each channel is bounded', () => {
  const text = 'a'.repeat(70_000);

  it.each([
    ['multiView', fileWith(new Map([['multiView', names(20_000)]]))],
    ['name', fileWith(new Map(), { name: text })],
    ['view', fileWith(new Map(), { name: 'a', view: text })],
  ])('the bytes of %s', (_name, bytes) => {
    for (const read of [readHeader, readLayout]) {
      expect(() => read(bytes)).toThrow(expect.objectContaining({ code: 'too-large' }));
    }
  });

  it('the names of views', () => {
    const { parts } = readLayout(fileWith(new Map([['multiView', names(1000)]])));
    expect(channelGroups(parts)).toHaveLength(1);
  });

  it('the attributes of all parts together', () => {
    const bytes = fileWith(new Map([['comments', { type: 'string', value: new Uint8Array(70_000) }]]));
    expect(readLayout(bytes).parts[0]?.attributes.get('comments')?.value).toHaveLength(70_000);
    expect(() => readLayout(bytes, { maxHeaderBytes: 60_000 })).toThrow(
      expect.objectContaining({ code: 'too-large' }),
    );
  });

  it('the rules of DWA', () => {
    const chunk = (rules: number): Uint8Array => {
      const bytes = new Uint8Array(88 + 2 + 4 * rules);
      const view = new DataView(bytes.buffer);
      view.setBigUint64(0, 2n, true);
      view.setUint16(88, 2 + 4 * rules, true);
      for (let i = 0; i < rules; i++) bytes.set([97 + (i % 26), 0, 8, 1], 90 + 4 * i);
      return bytes;
    };
    const channel = { name: 'x', type: 'half', linear: false, xSampling: 1, ySampling: 1 } as const;
    const block = { width: 0, height: 0, channels: [channel] };
    const decode = (rules: number) => decodeDwa(chunk(rules), { ...block, y: 0 } as never);
    expect(() => decode(10_000)).toThrow(/at most 256 channel rules of DWA/);
    expect(() => decode(200)).not.toThrow(/channel rules/);
  });
});
