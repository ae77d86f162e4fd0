import { describe, expect, it } from 'vitest';
import { ProgressBar } from '../../src/demo/progress-bar.js';

function shown(isTTY: boolean, fractions: readonly number[]): string {
  let text = '';
  const line = new ProgressBar('Work', {
    isTTY,
    write: (part: string | Uint8Array): boolean => {
      text += String(part);
      return true;
    },
  });
  for (const fraction of fractions) line.show(fraction);
  line.end();
  return text;
}

describe('ProgressBar', () => {
  it('draws over itself in a terminal', () => {
    const lines = shown(true, [0, 0.5, 1]).split('\r');
    expect(lines.at(1)).toBe(`Work [${'.'.repeat(30)}]   0 %`);
    expect(lines.at(2)).toBe(`Work [${'#'.repeat(15)}${'.'.repeat(15)}]  50 %`);
    expect(lines.at(3)).toBe(`Work [${'#'.repeat(30)}] 100 %\n`);
  });

  it('writes a line for each quarter elsewhere, so that logs stay short', () => {
    const text = shown(false, [0, 0.1, 0.26, 0.3, 0.9, 0.95, 1]);
    expect(text).toBe('Work: 0 %\nWork: 26 %\nWork: 90 %\nWork: 100 %\n');
  });
});
