import { EXR_MEDIA_TYPE } from '../http/exr-body.js';
import { GUARDED, problems, QUEUED } from './problems.js';
import { BINARY, DIGEST, type Schema } from './schema.js';

/** The paths of `/v1/frames`. */
export const FRAME_PATHS = {
  '/v1/frames/{digest}': {
    parameters: [{ name: 'digest', in: 'path', required: true, schema: DIGEST }],
    put: {
      operationId: 'putFrame',
      summary: 'Keep a frame for requests that name it by digest',
      description: 'Frames are kept in a bounded cache: the least recently used ones go first.',
      requestBody: { required: true, content: { [EXR_MEDIA_TYPE]: { schema: BINARY } } },
      responses: {
        201: { description: 'The frame is kept.' },
        204: { description: 'The frame was kept already.' },
        ...problems(
          'invalid-argument',
          'empty-body',
          'digest-mismatch',
          'malformed-exr',
          'unsupported-exr',
          'too-large',
          'unsupported-media-type',
          'method-not-allowed',
          'file-system',
          ...QUEUED,
        ),
      },
    },
    head: {
      operationId: 'hasFrame',
      summary: 'Whether a frame is kept',
      responses: {
        200: { description: 'It is.' },
        ...problems('invalid-argument', 'not-found', ...GUARDED),
      },
    },
    delete: {
      operationId: 'deleteFrame',
      summary: 'Let go of a frame',
      responses: {
        204: { description: 'It is gone.' },
        ...problems('invalid-argument', 'not-found', 'in-use', 'file-system', ...GUARDED),
      },
    },
  },
} as const satisfies Schema;
