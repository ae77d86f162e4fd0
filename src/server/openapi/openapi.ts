import { REPORT } from '../../files/report.js';
import { DENOISE, REQUEST_BODY, SAMPLE_MAP } from './denoise.js';
import { FILTER } from './filter.js';
import { FRAME_PATHS } from './frames.js';
import { JOB_SCHEMA, jobPaths } from './openapi-jobs.js';
import { GUARDED, PROBLEM, problems, REFUSALS } from './problems.js';
import { BINARY, DIGEST } from './schema.js';
import { SERVICE_PATHS, SERVICE_SCHEMAS } from './service.js';

/** OpenAPI 3.1 description of the HTTP interface. */
export const OPENAPI = {
  openapi: '3.1.0',
  info: {
    title: 'quietframe',
    version: '1',
    description:
      'Denoises Monte Carlo renders. All errors are problem documents (RFC 9457) whose `type` is `urn:quietframe:problem:` and a stable code.',
    license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
  },
  paths: {
    '/v1/denoise': { post: DENOISE },
    '/v1/sample-map': { post: SAMPLE_MAP },
    '/v1/filter': { post: FILTER },
    ...jobPaths({
      requestBody: REQUEST_BODY,
      digest: DIGEST,
      binary: BINARY,
      problems: (...more) => problems(...more, 'not-found', 'method-not-allowed', ...GUARDED),
      refusals: problems(...REFUSALS, 'idempotency-conflict'),
    }),
    ...FRAME_PATHS,
    ...SERVICE_PATHS,
  },
  components: {
    schemas: { Problem: PROBLEM, Job: JOB_SCHEMA, ...SERVICE_SCHEMAS, Report: REPORT },
  },
};
