import { expected, QuietframeError } from '../../errors.js';
import type { Attribute } from '../../image/image.js';
import type { SourceName } from '../source-names.js';
import { channelGroups } from './channel-groups.js';
import type { PartChannels } from './part-channels.js';
import type { RenderSource, SourceMarks } from './render-source.js';
import { SOURCES } from './source-list.js';
import { generic } from './sources/generic.js';

/**
 * The renderer that wrote a file, by its attributes and channel names; names of parts are names of layers, too. It is the one
 * with the most marks, the first by name among equals.
 */
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
  const marks = (wanted: SourceMarks | undefined): number =>
    count(wanted?.attributes, attributes) + count(wanted?.channels, channels);
  return most((source) => marks(source.detect)) ?? most((source) => marks(source.detectHost)) ?? generic;
}

/** The source with the highest score above 0. */
function most(score: (source: RenderSource) => number): RenderSource | undefined {
  let best: { source: RenderSource; marks: number } | undefined;
  for (const source of SOURCES) {
    const marks = score(source);
    if (marks > (best?.marks ?? 0)) best = { source, marks };
  }
  return best?.source;
}

/** How many of the patterns fit any of the texts. */
function count(patterns: readonly RegExp[] = [], texts: readonly string[]): number {
  return patterns.filter((pattern) => texts.some((text) => pattern.test(text))).length;
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
