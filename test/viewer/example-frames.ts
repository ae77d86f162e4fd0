import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readExr } from '../../src/exr/read-exr.js';
import { writeExr } from '../../src/exr/write-exr.js';
import type { Plane } from '../../src/image/image.js';
import { path } from './support.js';

/** Frames 3 to 5 of the example and the half buffers of frame 4: 160 x 90 pixels of each. */
export class ExampleFrames {
  readonly #folder = mkdtempSync(join(tmpdir(), 'quietframe-frames-'));

  constructor() {
    for (const number of [3, 4, 5]) this.#cut(`frame.000${number}.exr`);
    for (const letter of ['a', 'b']) this.#cut(`half_${letter}.0004.exr`);
  }

  frame(number: number): string {
    return join(this.#folder, `frame.000${number}.exr`);
  }

  half(letter: string): string {
    return join(this.#folder, `half_${letter}.0004.exr`);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }

  /** The middle of a file: all that is tested is the same, and takes a ninth. */
  #cut(name: string): void {
    const parts = readExr(readFileSync(path(`examples/window/${name}`))).parts.map((part) => {
      const { xMin, xMax } = part.dataWindow;
      const window = { xMin: 160, yMin: 90, xMax: 319, yMax: 179 };
      const planes = [...part.planes].map(([channel, plane]): [string, Plane] => {
        const data = Float32Array.from({ length: 160 * 90 }, (_, i) => {
          const [x, y] = [window.xMin + (i % 160), window.yMin + Math.floor(i / 160)];
          return plane.data[y * (xMax - xMin + 1) + x] ?? Number.NaN;
        });
        return [channel, { ...plane, data }];
      });
      const box = { xMin: 0, yMin: 0, xMax: 159, yMax: 89 };
      return { ...part, dataWindow: box, displayWindow: box, planes: new Map(planes) };
    });
    writeFileSync(join(this.#folder, name), writeExr({ parts }));
  }
}
