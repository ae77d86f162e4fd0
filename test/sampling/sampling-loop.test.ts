import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type LoopStart,
  type LoopState,
  type LoopStep,
  loopSpp,
  loopStep,
  loopText,
  parseLoop,
} from '../../src/sampling/sampling-loop.js';

/** All steps of a client that adds the samples of each and posts its state, as text. */
function steps(start: LoopStart, width: number, height: number): LoopStep[] {
  const taken: LoopStep[] = [];
  let loop: LoopStart | LoopState | undefined = parseLoop(loopText(start));
  while (loop !== undefined && taken.length < 100) {
    const step = loopStep(loop, width, height);
    taken.push(step);
    loop = step.state && parseLoop(loopText(step.state));
  }
  return taken;
}

describe('the loop of an adaptive render', () => {
  it('has 16 samples per pixel, then doubles them until the budget', () => {
    const taken = steps({ version: 1, budgetSpp: 100 }, 3, 2);
    expect(taken.map(({ totalSamples }) => totalSamples)).toEqual([96, 192, 384, 600]);
    expect(taken.map(({ addSamples }) => addSamples)).toEqual([96, 192, 216, 0]);
    expect(taken.map(({ round, rounds }) => [round, rounds])).toEqual([
      [1, 4],
      [2, 4],
      [3, 4],
      [4, 4],
    ]);
  });

  it('ends with the first round where the budget is no larger', () => {
    expect(steps({ version: 1, budgetSpp: 8 }, 3, 2)).toEqual([
      { round: 1, rounds: 1, totalSamples: 48, addSamples: 0 },
    ]);
  });

  it('spends the budget exactly, whatever it is', () => {
    const spp = fc.double({ min: 1e-3, max: 1e4, noNaN: true });
    const side = fc.integer({ min: 1, max: 300 });
    fc.assert(
      fc.property(spp, spp, side, side, (budgetSpp, firstSpp, width, height) => {
        const taken = steps({ version: 1, budgetSpp, firstSpp }, width, height);
        const first = taken[0]?.totalSamples ?? 0;
        const added = taken.reduce((sum, { addSamples }) => sum + addSamples, first);
        expect(added).toBe(Math.max(1, Math.round(budgetSpp * width * height)));
        expect(taken.slice(0, -1).every(({ addSamples }) => addSamples > 0)).toBe(true);
      }),
    );
  });

  it('knows the samples per pixel', () => {
    expect(loopSpp({ version: 1, budgetSpp: 100 })).toBe(16);
    expect(loopSpp({ version: 1, budgetSpp: 8 })).toBe(8);
    const state = loopStep({ version: 1, budgetSpp: 100 }, 3, 2).state as LoopState;
    expect(loopSpp(state)).toBe(32);
  });

  const STATE = { version: 1, budgetSpp: 64, firstSpp: 16, width: 3, height: 2, totalSamples: 192 };

  it.each<[string, string]>([
    ['', 'for loop but received ""'],
    ['{"version":1', 'Expected a JSON object with version and budgetSpp'],
    ['[1]', 'Expected a JSON object'],
    ['null', 'Expected a JSON object'],
    ['{"budgetSpp":64}', 'Expected the version 1 for loop.version but received "none"'],
    [JSON.stringify({ ...STATE, version: 2 }), 'Expected the version 1 for loop.version but received 2'],
    ['{"version":1}', 'Expected a number for loop.budgetSpp but received "none"'],
    ['{"version":1,"budgetSpp":"64"}', 'for loop.budgetSpp but received'],
    ['{"version":1,"budgetSpp":1e400}', 'for loop.budgetSpp'],
    ['{"version":1,"budgetSpp":64,"firstSpp":0}', 'for loop.firstSpp but received 0'],
    ['{"version":1,"budgetSpp":64,"spp":3}', 'for the fields of loop but received "spp"'],
    ['{"version":1,"budgetSpp":64,"__proto__":{"width":3}}', 'received "__proto__"'],
    [JSON.stringify({ ...STATE, width: undefined }), 'for loop.width but received "none"'],
    [JSON.stringify({ ...STATE, width: 2.5 }), 'Expected a whole number in [1, 16777216] for loop.width'],
    [JSON.stringify({ ...STATE, height: -2 }), 'for loop.height but received -2'],
    [JSON.stringify({ ...STATE, totalSamples: 191 }), 'Expected one of 96, 192, 384 for loop.totalSamples'],
    [JSON.stringify({ ...STATE, budgetSpp: 20 }), 'Expected one of 96, 120 for loop.totalSamples'],
    [JSON.stringify({ ...STATE, width: 30 }), 'for loop.totalSamples but received 192'],
    [JSON.stringify({ ...STATE, note: 'x' }), 'for the fields of loop but received "note"'],
    [`{"version":1,"budgetSpp":64${' '.repeat(1024)}}`, 'Expected at most 1024 characters for loop'],
  ])('refuses the state %s', (text, message) => {
    expect(() => parseLoop(text)).toThrow(
      expect.objectContaining({ code: 'invalid-argument', message: expect.stringContaining(message) }),
    );
  });

  it('refuses the state of another frame', () => {
    const message =
      'Expected 2 x 3, the size of the frame, for loop.width and loop.height but received "3 x 2"';
    expect(() => loopStep(parseLoop(JSON.stringify(STATE)), 2, 3)).toThrow(message);
  });
});
