import { invalidArgument } from '../errors.js';
import { MAX_SPP, totalSamples } from './allocate-samples.js';
import { FIRST_ROUND_SPP, samplingRounds } from './schedule.js';

/** The version of loop states that this code reads and writes. */
export const LOOP_VERSION = 1;
const MAX_SIDE = 2 ** 24;
const MAX_TEXT = 1024;

/** What a client posts after the first round. */
export interface LoopStart {
  readonly version: typeof LOOP_VERSION;
  /** Mean samples per pixel of the whole loop. */
  readonly budgetSpp: number;
  /** Samples per pixel of the first round, which is even; 16 by default. */
  readonly firstSpp?: number;
}

/** What a client posts after every further round, as it was given. */
export interface LoopState extends Required<LoopStart> {
  readonly width: number;
  readonly height: number;
  /** Samples of all pixels together, after the samples of the map that came with the state. */
  readonly totalSamples: number;
}

/** A round of the loop. */
export interface LoopStep {
  /** Rounds that the frame has, from 1, and all of them. */
  readonly round: number;
  readonly rounds: number;
  /** Samples of all pixels together that the frame has. */
  readonly totalSamples: number;
  /** Samples of all pixels together to add; 0 where the budget is spent. */
  readonly addSamples: number;
  /** What to post after that; none where the budget is spent. */
  readonly state?: LoopState;
}

const NUMBERS: Readonly<Record<string, { readonly whole: boolean; readonly most: number }>> = {
  budgetSpp: { whole: false, most: MAX_SPP },
  firstSpp: { whole: false, most: MAX_SPP },
  width: { whole: true, most: MAX_SIDE },
  height: { whole: true, most: MAX_SIDE },
  totalSamples: { whole: true, most: Number.MAX_SAFE_INTEGER },
};
const OF_START = ['version', 'budgetSpp', 'firstSpp'];
const OF_STATE = [...OF_START, 'width', 'height', 'totalSamples'];

/**
 * Reads a loop state. Whether its total is one of its schedule depends on its size and is checked here, too; whether its
 * size is the frame's, by {@link loopStep}.
 * @param text JSON of a {@link LoopStart} or a {@link LoopState}.
 * @param name of the parameter.
 * @throws QuietframeError `invalid-argument`, naming the field.
 */
export function parseLoop(text: string, name = 'loop'): LoopStart | LoopState {
  const fields = objectOf(text, name);
  const names = Object.keys(fields);
  if (fields.version !== LOOP_VERSION) {
    throw invalidArgument(`the version ${LOOP_VERSION}`, `${name}.version`, shown(fields.version));
  }
  const isStart = !['width', 'height', 'totalSamples'].some((field) => names.includes(field));
  const known = isStart ? OF_START : OF_STATE;
  const strange = names.find((field) => !known.includes(field));
  if (strange !== undefined) throw invalidArgument(known.join(', '), `the fields of ${name}`, strange);
  const missing = known.find((field) => !names.includes(field) && !(isStart && field === 'firstSpp'));
  if (missing !== undefined) throw invalidArgument('a number', `${name}.${missing}`, 'none');
  const number = (field: string): number => checkedNumber(fields[field], `${name}.${field}`, field);
  const budgetSpp = number('budgetSpp');
  const firstSpp = names.includes('firstSpp') ? number('firstSpp') : FIRST_ROUND_SPP;
  const start = { version: LOOP_VERSION, budgetSpp, firstSpp } as const;
  if (isStart) return start;
  const state = {
    ...start,
    ...{ width: number('width'), height: number('height'), totalSamples: number('totalSamples') },
  };
  roundOf(state, name);
  return state;
}

/** The JSON that {@link parseLoop} reads. */
export function loopText(loop: LoopStart | LoopState): string {
  return JSON.stringify(loop);
}

/** Mean samples per pixel that the frame of a loop has. */
export function loopSpp(loop: LoopStart | LoopState): number {
  return 'totalSamples' in loop
    ? loop.totalSamples / (loop.width * loop.height)
    : Math.min(loop.firstSpp ?? FIRST_ROUND_SPP, loop.budgetSpp);
}

/**
 * Where a loop stands: 16 samples per pixel evenly, then as many samples as there are, until the budget is spent (Vogels et
 * al. 2018, section 5).
 * @param width of the frame.
 * @throws QuietframeError `invalid-argument` for the state of a frame of another size, or of another schedule.
 */
export function loopStep(loop: LoopStart | LoopState, width: number, height: number): LoopStep {
  const { budgetSpp, firstSpp = FIRST_ROUND_SPP } = loop;
  const size = { version: LOOP_VERSION, budgetSpp, firstSpp, width, height } as const;
  if ('width' in loop && (loop.width !== width || loop.height !== height)) {
    throw invalidArgument(
      `${width} x ${height}, the size of the frame,`,
      'loop.width and loop.height',
      `${loop.width} x ${loop.height}`,
    );
  }
  const totals = loopTotals(size);
  const round = 'totalSamples' in loop ? roundOf(loop, 'loop') : 1;
  const total = totals[round - 1] as number;
  const next = totals[round];
  const step = { round, rounds: totals.length, totalSamples: total };
  if (next === undefined) return { ...step, addSamples: 0 };
  return { ...step, addSamples: next - total, state: { ...size, totalSamples: next } };
}

/** Samples of all pixels together after each round, growing; a first round of less than a sample has one. */
function loopTotals({ budgetSpp, firstSpp, width, height }: Omit<LoopState, 'totalSamples'>): number[] {
  const pixels = width * height;
  const totals = samplingRounds(budgetSpp, firstSpp).map((spp) => Math.max(1, totalSamples(spp, pixels)));
  return totals.filter((total, i) => total > (totals[i - 1] ?? 0));
}

/** The rounds that a state has, from 1. */
function roundOf(state: LoopState, name: string): number {
  const totals = loopTotals(state);
  const round = totals.indexOf(state.totalSamples) + 1;
  if (round > 0) return round;
  throw invalidArgument(`one of ${totals.join(', ')}`, `${name}.totalSamples`, state.totalSamples);
}

function objectOf(text: string, name: string): Readonly<Record<string, unknown>> {
  const range = 'a JSON object with version and budgetSpp, or the state of a report';
  if (text.length > MAX_TEXT) throw invalidArgument(`at most ${MAX_TEXT} characters`, name, text);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalidArgument(range, name, text);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidArgument(range, name, text);
  }
  return { ...value };
}

function checkedNumber(value: unknown, name: string, field: string): number {
  const { whole, most } = NUMBERS[field] as { whole: boolean; most: number };
  if (typeof value === 'number' && value > 0 && value <= most && (!whole || Number.isInteger(value)))
    return value;
  throw invalidArgument(
    whole ? `a whole number in [1, ${most}]` : `a number in (0, ${most}]`,
    name,
    shown(value),
  );
}

function shown(value: unknown): unknown {
  return typeof value === 'number' ? value : (JSON.stringify(value) ?? 'none');
}
