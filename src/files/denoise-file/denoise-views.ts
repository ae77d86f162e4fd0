import { expected, QuietframeError } from '../../errors.js';
import type { InputWarning } from '../../frame/frame.js';
import type { FullReport } from '../report.js';
import type { DenoisedExr, DenoiseExrOptions } from './types.js';

/** How one view of several is denoised. */
export interface ViewPass {
  readonly view: string;
  /** The file with the views that are done, which gets this one, too. */
  readonly onto: Uint8Array | undefined;
  readonly onProgress?: (fraction: number) => void;
}

/**
 * Denoises every stereo view of a file with its own guides, one after the other, into one file.
 * @param pass denoises one view.
 * @throws QuietframeError `invalid-argument` for outputs that are pictures of one view; as `pass`.
 */
export async function denoiseViews(
  options: DenoiseExrOptions,
  views: readonly string[],
  pass: (view: ViewPass) => Promise<DenoisedExr>,
): Promise<DenoisedExr> {
  checkOutputs(options);
  const results: DenoisedExr[] = [];
  for (const [i, view] of views.entries()) {
    const { onProgress } = options;
    const progress =
      onProgress && ((fraction: number): void => onProgress((i + Math.min(1, fraction)) / views.length));
    results.push(await pass({ view, onto: results.at(-1)?.exr, ...(progress && { onProgress: progress }) }));
  }
  const [first] = results as [DenoisedExr, ...DenoisedExr[]];
  const { exr } = results.at(-1) as DenoisedExr;
  return {
    ...first,
    exr,
    report: joined(results.map(({ report }) => report) as [FullReport, ...FullReport[]], views),
  };
}

function checkOutputs({ region, finish, mapsOnly, maps }: DenoiseExrOptions): void {
  const upscaled = (finish?.upscale ?? 1) !== 1;
  const mapped = maps?.outputs?.some((output) => output !== 'color') || maps?.targetSmape !== undefined;
  if (region === undefined && !upscaled && !mapsOnly && !mapped) return;
  const range = 'the name of one view with region, upscale and outputs beside color';
  throw new QuietframeError('invalid-argument', expected(range, 'view', 'all'), { parameter: 'view' });
}

/** The report of the first view, with what differs from view to view joined. */
function joined(reports: readonly [FullReport, ...FullReport[]], views: readonly string[]): FullReport {
  const [first] = reports;
  const sum = (value: (report: FullReport) => number): number =>
    reports.reduce((total, report) => total + value(report), 0);
  const sums = (value: (report: FullReport) => Readonly<Record<string, number>>): Record<string, number> => {
    const names = new Set(reports.flatMap((report) => Object.keys(value(report))));
    return Object.fromEntries([...names].map((name) => [name, sum((report) => value(report)[name] ?? 0)]));
  };
  const roles = new Set(reports.flatMap(({ sanitized }) => Object.keys(sanitized)));
  const channels = reports.flatMap(({ input }) => input.channels);
  return {
    ...first,
    input: { ...first.input, views, channels },
    windowUsed: Math.min(...reports.map(({ windowUsed }) => windowUsed)),
    ...(first.fireflies !== undefined && { fireflies: sum(({ fireflies }) => fireflies ?? 0) }),
    tiles: sum(({ tiles }) => tiles),
    seconds: sum(({ seconds }) => seconds),
    stages: sums(({ stages }) => stages),
    decoded: {
      hits: sum(({ decoded }) => decoded.hits),
      misses: sum(({ decoded }) => decoded.misses),
      bytes: reports.at(-1)?.decoded.bytes ?? 0,
    },
    aovs: [...new Set(reports.flatMap(({ aovs }) => aovs))],
    sanitized: Object.fromEntries(
      [...roles].map((role) => [
        role,
        {
          notFinite: sum(({ sanitized }) => sanitized[role]?.notFinite ?? 0),
          negative: sum(({ sanitized }) => sanitized[role]?.negative ?? 0),
        },
      ]),
    ),
    warnings: warningsOf(reports, views),
  };
}

/** Warnings of all views once, those of some with their names. */
function warningsOf(reports: readonly FullReport[], views: readonly string[]): InputWarning[] {
  const found = new Map<string, { warning: InputWarning; of: string[] }>();
  for (const [i, { warnings }] of reports.entries()) {
    for (const warning of warnings) {
      const key = JSON.stringify([warning.code, warning.message, warning.layer, warning.frame]);
      const known = found.get(key) ?? { warning, of: [] };
      known.of.push(views[i] as string);
      found.set(key, known);
    }
  }
  return [...found.values()].map(({ warning, of }) =>
    of.length === reports.length
      ? warning
      : { ...warning, message: `${warning.message} (view ${of.join(', ')})` },
  );
}
