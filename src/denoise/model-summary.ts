import type { PknBundle } from '../pkn/bundle.js';
import type { ModelSummary } from './types.js';

export function summaryOf({ name, version, description, license, training, heads }: PknBundle): ModelSummary {
  const architecture = { filters: [...heads.keys()] };
  return { name, version, description, license, architecture, sources: [], training, device: 'cpu' };
}
