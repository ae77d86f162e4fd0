import { EXR_MEDIA_TYPE, JSON_MEDIA_TYPE } from '../http/exr-body.js';

/** A JSON schema, or another object of OpenAPI. */
export type Schema = Readonly<Record<string, unknown>>;

export const BINARY: Schema = { type: 'string', contentMediaType: EXR_MEDIA_TYPE };

export const DIGEST: Schema = {
  type: 'string',
  pattern: '^[0-9a-f]{64}$',
  description: 'SHA-256 of the bytes of a frame.',
};

/** An answer that is JSON. */
export function json(description: string, schema: Schema): Schema {
  return { description, content: { [JSON_MEDIA_TYPE]: { schema } } };
}
