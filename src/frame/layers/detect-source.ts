import { expected, QuietframeError } from '../../errors.js';
import type { Attribute } from '../../image/image.js';
import type { SourceName } from '../frame.js';
import { channelGroups } from './channel-groups.js';
import type { PartChannels } from './part-channels.js';
import type { RenderSource } from './render-source.js';
import { cycles } from './sources/cycles.js';
import { generic } from './sources/generic.js';
import { mitsuba } from './sources/mitsuba.js';
import { pbrt } from './sources/pbrt.js';

/** All renderers that are known, in the order in which they are recognised; `generic` is what remains. */
export const SOURCES: readonly RenderSource[] = [cycles, mitsuba, pbrt, generic];

/** The renderer that wrote a file, by its attributes and channel names; names of parts are names of layers, too. */
export function detectSource(parts: readonly PartChannels[]): RenderSource {
  const attributes = parts.flatMap((part) =>
    [...part.attributes].flatMap(([name, attribute]) => [name, `${name}=${textOf(attribute) ?? ''}`]),
  );
  const channels = [
    ...parts.flatMap((part) => part.channels.map((channel) => channel.name)),
    ...channelGroups(parts).flatMap(({ layer, channels }) =>
      layer === '' ? [] : [...channels.keys()].map((suffix) => `${layer}.${suffix}`),
    ),
  ];
  const isSeen = (source: RenderSource): boolean =>
    source.detect.attributes.some((pattern) => attributes.some((text) => pattern.test(text))) ||
    source.detect.channels.some((pattern) => channels.some((name) => pattern.test(name)));
  return SOURCES.find(isSeen) ?? generic;
}

/**
 * The renderer that a request names, or that wrote the file.
 * @throws QuietframeError `invalid-argument`.
 */
export function sourceOf(parts: readonly PartChannels[], name: SourceName | 'auto'): RenderSource {
  if (name === 'auto') return detectSource(parts);
  const source = SOURCES.find((candidate) => candidate.name === name);
  if (source !== undefined) return source;
  const range = `auto or one of ${SOURCES.map((candidate) => candidate.name).join(', ')}`;
  throw new QuietframeError('invalid-argument', expected(range, 'source', name), { parameter: 'source' });
}

function textOf(attribute: Attribute): string | undefined {
  return attribute.type === 'string' ? new TextDecoder().decode(attribute.value) : undefined;
}
