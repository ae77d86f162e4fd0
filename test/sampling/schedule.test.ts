import { describe, expect, it } from 'vitest';
import { samplesForTarget } from '../../src/sampling/quality-target.js';
import { samplingRounds } from '../../src/sampling/schedule.js';

describe('samplingRounds', () => {
  it('begins with 16 and doubles the total until the budget', () => {
    expect(samplingRounds(256)).toEqual([16, 32, 64, 128, 256]);
    expect(samplingRounds(100)).toEqual([16, 32, 64, 100]);
    expect(samplingRounds(64, 4)).toEqual([4, 8, 16, 32, 64]);
    expect(samplingRounds(7.5)).toEqual([7.5]);
  });

  it('refuses budgets that are none', () => {
    for (const budget of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => samplingRounds(budget)).toThrow('for budget');
    }
    expect(() => samplingRounds(64, 0)).toThrow('for first');
  });
});

describe('samplesForTarget', () => {
  it('follows the power law', () => {
    // Half the error at a decay of 1/2 takes four times the samples.
    expect(samplesForTarget(0.08, 0.04, 0.5, 16)).toEqual({
      targetSmape: 0.04,
      reached: false,
      sampleFactor: expect.closeTo(4, 10),
      additionalSpp: expect.closeTo(48, 8),
    });
  });

  it('says that a target is reached', () => {
    const target = { targetSmape: 0.04, reached: true, sampleFactor: 1, additionalSpp: 0 };
    expect(samplesForTarget(0.04, 0.04, 0.3)).toEqual(target);
  });

  it('does not guess samples that it does not know or cannot reach', () => {
    expect(samplesForTarget(0.08, 0.04, 0.5).additionalSpp).toBeNull();
    expect(samplesForTarget(0.9, 0.0001, 0.3, 16)).toEqual({
      targetSmape: 0.0001,
      reached: false,
      sampleFactor: null,
      additionalSpp: null,
    });
  });

  it('refuses targets that are none', () => {
    for (const target of [0, 1, -1, Number.NaN]) {
      expect(() => samplesForTarget(0.1, target, 0.3)).toThrow(
        'Expected a number in (0, 1) for target-smape',
      );
    }
  });
});
