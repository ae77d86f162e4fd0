import { expected, QuietframeError } from '../../errors.js';
import { FILE_ROLES, type FileRole } from '../../image/joined-parts.js';
import { MAX_WINDOW } from '../../limits.js';
import { AOV_NAMES, type AovFiles, checkAovs, type Upload } from '../http/upload.js';
import type { Metrics } from '../observability/metrics.js';
import { isDigest, parseDigest } from './frame-name.js';
import type { OwnedFrames } from './owned-frames.js';
import { missingFrames, type SourceFile, type SourceFiles } from './source-files.js';

/** A request that names its files by digest. */
export interface StoredFrames {
  /** In time order. */
  readonly frames: readonly string[];
  readonly halves: readonly [string, string] | undefined;
  /** A map of the slope of the loss. */
  readonly lambda?: string;
  /** Layers in files of their own: one for each frame. */
  readonly aovs?: AovFiles<string>;
  /** Everything else in the body: what the query could have had. */
  readonly parameters: Readonly<Record<string, string>>;
}

/**
 * Reads the JSON body of a request that names its files by digest.
 * @throws QuietframeError `malformed-body`; `invalid-argument` for a digest that is none.
 */
export function parseStoredFrames(body: Uint8Array): StoredFrames {
  const { frames = [], halves, ...rest } = parseObject(body);
  const range = `at most ${MAX_WINDOW} digests in frames, two or none in halves, and not nothing`;
  const isWindow = Array.isArray(frames) && frames.length <= MAX_WINDOW;
  const isPair = halves === undefined || (Array.isArray(halves) && halves.length === 2);
  if (!isWindow || !isPair || (frames.length === 0 && halves === undefined)) {
    throw new QuietframeError('malformed-body', expected(range, 'the request body', 'something else'));
  }
  const [halfA, halfB] = halves ?? [];
  const { aovs, others } = aovsOf(rest);
  checkAovs(aovs, frames.length);
  return {
    frames: frames.map(parseDigest),
    halves: halves === undefined ? undefined : [parseDigest(halfA), parseDigest(halfB)],
    ...(aovs.size > 0 && { aovs }),
    ...lambdaOf(others),
  };
}

/**
 * Digests of layers in files of their own, each alone or in a list, and the other fields.
 * @throws QuietframeError `invalid-argument` for a digest that is none.
 */
export function aovsOf(fields: Readonly<Record<string, unknown>>): {
  readonly aovs: AovFiles<string>;
  readonly others: Readonly<Record<string, unknown>>;
} {
  const others = { ...fields };
  const aovs = new Map<FileRole, readonly string[]>();
  for (const role of FILE_ROLES) {
    const name = AOV_NAMES[role];
    const value = others[name];
    delete others[name];
    if (value !== undefined) aovs.set(role, (Array.isArray(value) ? value : [value]).map(parseDigest));
  }
  return { aovs, others };
}

/** Fields of a body as parameters, without a `lambda` that is a digest: it names a map. */
export function lambdaOf(
  fields: Readonly<Record<string, unknown>>,
): Pick<StoredFrames, 'lambda' | 'parameters'> {
  const { lambda, ...rest } = fields;
  if (typeof lambda !== 'string' || !isDigest(lambda)) return { parameters: parametersOf(fields) };
  return { lambda, parameters: parametersOf(rest) };
}

/**
 * A request for one frame, whose parameter `guide` names a file.
 * @throws QuietframeError `invalid-argument` for a digest that is none.
 */
export function withGuide<Body extends StoredFrames>(body: Body): Body & { readonly guide?: string } {
  const { guide, ...parameters } = body.parameters;
  return { ...body, parameters, ...(guide !== undefined && { guide: parseDigest(guide) }) };
}

/**
 * Fields of a body as parameters of a query.
 * @throws QuietframeError `invalid-argument`.
 */
export function parametersOf(fields: Readonly<Record<string, unknown>>): Record<string, string> {
  const parameters = Object.entries(fields).map(([name, value]): [string, string] => {
    const values: unknown[] = Array.isArray(value) ? value : [value];
    if (values.every((each) => typeof each === 'string' || typeof each === 'number'))
      return [name, values.join(',')];
    const parameter = name.slice(0, 80);
    throw new QuietframeError(
      'invalid-argument',
      expected('a text or a number', parameter, 'something else'),
      {
        parameter,
      },
    );
  });
  return Object.fromEntries(parameters);
}

/** Files of a request by digest. */
export interface StoredNames {
  readonly frames: readonly string[];
  readonly halves?: readonly string[] | undefined;
  readonly lambda?: string;
  readonly guide?: string;
  readonly aovs?: AovFiles<string>;
}

/**
 * The files of the digests. They are not read: that belongs into the turn of the request.
 * @throws QuietframeError `missing-frames`, with all digests that have to be sent.
 */
export function findStored(
  { frames: window, halves = [], lambda, guide, aovs }: StoredNames,
  files: SourceFiles,
  frames: OwnedFrames,
  metrics: Metrics,
): Upload<SourceFile> {
  const found = new Map<string, SourceFile>();
  const missing: string[] = [];
  for (const digest of new Set([
    ...window,
    ...halves,
    lambda,
    guide,
    ...[...(aovs?.values() ?? [])].flat(),
  ])) {
    if (digest === undefined) continue;
    const isKept = frames.has(digest);
    metrics.lookup(isKept);
    if (isKept) found.set(digest, files.stored(digest, frames));
    else missing.push(digest);
  }
  if (missing.length > 0) throw missingFrames(missing);
  const file = (digest: string): SourceFile => found.get(digest) as SourceFile;
  const [halfA, halfB] = halves;
  return {
    frames: window.map(file),
    halves: halfA === undefined || halfB === undefined ? undefined : [file(halfA), file(halfB)],
    ...(lambda !== undefined && { lambda: file(lambda) }),
    ...(guide !== undefined && { guide: file(guide) }),
    ...(aovs && { aovs: new Map([...aovs].map(([role, digests]) => [role, digests.map(file)])) }),
  };
}

/**
 * A body of JSON that is an object.
 * @throws QuietframeError `malformed-body`.
 */
export function parseObject(body: Uint8Array): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // What is no JSON is answered like JSON that is no object.
  }
  throw new QuietframeError(
    'malformed-body',
    expected('a JSON object', 'the request body', 'something else'),
  );
}
