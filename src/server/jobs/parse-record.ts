import { FILE_ROLES } from '../../image/joined-parts.js';
import { isDigest } from '../frames/frame-name.js';
import { type FrameEnd, Job, type JobFrame, type JobSpec } from './job.js';

/**
 * A job that was written down, or nothing where the text is no record of it. Whoever can write to the folder can write anything:
 * ids and digests become paths, and are checked as if a client had sent them.
 * @param id that its file is named by.
 */
export function parseRecord(text: string, id: string): Job | undefined {
  const [first, ...lines] = text.split('\n');
  const spec = parseLine(first);
  if (!isSpec(spec) || spec.id !== id) return undefined;
  const ends = new Map<number, FrameEnd>();
  /** Times that the work has begun since a frame ended, or since it was stopped in order. */
  let starts = 0;
  for (const line of lines) {
    const entry = parseLine(line);
    if (!isObject(entry)) continue;
    if (entry.event === 'started') starts++;
    else if (entry.event === 'stopped') starts = 0;
    if (!isEnd(entry.end)) continue;
    const { index } = entry;
    if (typeof index !== 'number' || !Number.isInteger(index)) continue;
    if (index < 0 || index >= spec.frames.length) continue;
    ends.set(index, entry.end);
    starts = 0;
  }
  return new Job(spec, ends, starts);
}

function isSpec(value: unknown): value is JobSpec {
  if (!isObject(value)) return false;
  const { id, owner, created, urgency, traceparent, parameters, frames, webhook, progressive, idempotency } =
    value;
  return (
    [id, owner, created].every((each) => typeof each === 'string') &&
    typeof urgency === 'number' &&
    Number.isFinite(urgency) &&
    [traceparent, webhook].every((each) => each === undefined || typeof each === 'string') &&
    (progressive === undefined || progressive === true) &&
    isObject(parameters) &&
    Object.values(parameters).every((each) => typeof each === 'string') &&
    Array.isArray(frames) &&
    frames.length > 0 &&
    frames.every(isFrame) &&
    (idempotency === undefined ||
      (isObject(idempotency) &&
        typeof idempotency.key === 'string' &&
        typeof idempotency.fingerprint === 'string'))
  );
}

function isFrame(value: unknown): value is JobFrame {
  if (!isObject(value)) return false;
  const { frames, halves, lambda, guide, aovs = {}, center } = value;
  return (
    isObject(aovs) &&
    Object.entries(aovs).every(
      ([role, files]) => FILE_ROLES.some((each) => each === role) && isDigests(files),
    ) &&
    isDigests(frames) &&
    (halves === undefined || (isDigests(halves) && halves.length === 2)) &&
    [lambda, guide].every((each) => each === undefined || isDigests([each])) &&
    (center === undefined || Number.isInteger(center))
  );
}

function isEnd(value: unknown): value is FrameEnd {
  if (!isObject(value)) return false;
  if (isObject(value.error))
    return typeof value.error.type === 'string' && typeof value.error.status === 'number';
  const { result } = value;
  return (
    isObject(result) &&
    isDigests([result.digest]) &&
    typeof result.bytes === 'number' &&
    isObject(result.report)
  );
}

function isDigests(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string' && isDigest(each));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Nothing where a line was not written whole. */
function parseLine(line: string | undefined): unknown {
  try {
    return line ? JSON.parse(line) : undefined;
  } catch {
    return undefined;
  }
}
