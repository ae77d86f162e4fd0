import { QuietframeError } from '../errors.js';
import type { Attribute } from '../image/image.js';
import { type FileRole, joinedName, joinedPart, ONLY_PART_NAME } from '../image/joined-parts.js';
import { stringAttribute } from './attribute.js';
import { assembleFile, type EncodedPart, intAttribute } from './container.js';
import { readHeader } from './header.js';
import type { ExrHeader, ExrPart } from './layout.js';
import type { ExrLimits } from './limits.js';

/** Attributes that only parts among several need. What the file's only part had of them is kept under other names. */
const OF_SEVERAL = ['name', 'type', 'chunkCount'] as const;
const kept = (name: string): string => `${ONLY_PART_NAME}.${name}`;

/**
 * One file with the parts of the first and those of the others, by what they are for. Chunks are copied as they are.
 * @throws QuietframeError as `readHeader`, naming the other file by its role.
 */
export function joinFiles(
  main: Uint8Array,
  others: ReadonlyMap<FileRole, Uint8Array>,
  limits: Partial<ExrLimits> = {},
): Uint8Array {
  const { parts, multiPart } = readHeader(main, limits);
  const own = parts.map((part) =>
    multiPart ? copyPart(main, part) : amongSeveral(main, part, ONLY_PART_NAME, true),
  );
  const joined = [...others].flatMap(([role, bytes]) => {
    const header = headerOf(role, bytes, limits);
    return header.parts.map((part) =>
      amongSeveral(
        bytes,
        part,
        joinedName(role, header.multiPart ? part.name : undefined),
        !header.multiPart,
      ),
    );
  });
  return assembleFile([...own, ...joined], true);
}

function headerOf(role: FileRole, bytes: Uint8Array, limits: Partial<ExrLimits>): ExrHeader {
  try {
    return readHeader(bytes, limits);
  } catch (error) {
    if (!(error instanceof QuietframeError)) throw error;
    throw new QuietframeError(error.code, error.message, { frame: role, ...error.details }, { cause: error });
  }
}

/** A part with its chunks as they are in the file. */
export function copyPart(bytes: Uint8Array, part: ExrPart): EncodedPart {
  return {
    attributes: part.attributes,
    isTiled: part.tiles !== undefined,
    chunks: part.chunks.map(({ offset, length, headerBytes }) => ({
      bytes: [bytes.subarray(offset - headerBytes, offset + length)],
      order: offset,
    })),
  };
}

function amongSeveral(bytes: Uint8Array, part: ExrPart, name: string, isOnly: boolean): EncodedPart {
  const copy = copyPart(bytes, part);
  const attributes = new Map(copy.attributes);
  for (const attribute of OF_SEVERAL) {
    const had = attributes.get(attribute);
    if (had !== undefined && name === ONLY_PART_NAME) attributes.set(kept(attribute), had);
  }
  attributes.set('name', stringAttribute(name));
  // The version flags decide in a file of one part, whatever its `type`.
  if (isOnly) attributes.set('type', stringAttribute(copy.isTiled ? 'tiledimage' : 'scanlineimage'));
  attributes.set('chunkCount', intAttribute(copy.chunks.length));
  return { ...copy, attributes };
}

/** The parts of the frame's own file, of which those of others are none. */
export function partsOfFrame({ parts }: ExrHeader): readonly ExrPart[] {
  return parts.filter(({ name }) => joinedPart(name) === undefined);
}

/** Whether a file had one part before others were joined to it. */
export function hadOnePart(parts: readonly ExrPart[]): boolean {
  return parts.length === 1 && parts[0]?.name === ONLY_PART_NAME;
}

/** Attributes of the only part of a file as they were. */
export function asOnlyPart(attributes: ReadonlyMap<string, Attribute>): Map<string, Attribute> {
  const own = new Map(attributes);
  for (const name of OF_SEVERAL) {
    const had = own.get(kept(name));
    own.delete(kept(name));
    if (had === undefined) own.delete(name);
    else own.set(name, had);
  }
  return own;
}
