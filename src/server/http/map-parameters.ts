import { expected, QuietframeError } from '../../errors.js';
import { ERROR_METRICS, type MapsRequest, OUTPUTS, type Output } from '../../files/denoise-file/maps.js';
import { parsePixels } from '../../files/denoise-file/parse-pixels.js';
import { parseDecimal } from '../../numbers.js';

/** Parameters about the error map and the sample map, by name; ranges that depend on others are checked by `checkMaps`. */
export const MAP_PARAMETERS: ReadonlyMap<string, (value: string) => MapsRequest> = new Map<
  string,
  (value: string) => MapsRequest
>([
  ['outputs', (value) => ({ outputs: outputsOf(value) })],
  ['pixels', (value) => ({ pixels: parsePixels(value) })],
  ['budget', (value) => ({ budgetSpp: numberOf('budget', value) })],
  ['target-smape', (value) => ({ targetSmape: numberOf('target-smape', value) })],
  ['spp', (value) => ({ renderedSpp: positive('spp', value) })],
  ['min', (value) => ({ minSpp: numberOf('min', value) })],
  ['max', (value) => ({ maxSpp: numberOf('max', value) })],
  ['tile', (value) => ({ tile: numberOf('tile', value) })],
  ['metric', (value) => ({ metric: oneOf(ERROR_METRICS, 'metric', value) })],
]);

/** Outputs of `POST /v1/sample-map`, which has no parameter for them. */
export const SAMPLE_MAP_OUTPUTS: readonly Output[] = ['error', 'samples'];

function outputsOf(value: string): Output[] {
  return [...new Set(value.split(',').map((output) => oneOf(OUTPUTS, 'outputs', output)))];
}

function positive(parameter: string, value: string): number {
  const number = numberOf(parameter, value);
  if (number > 0) return number;
  throw invalid('a number above 0', parameter, value);
}

function numberOf(parameter: string, value: string): number {
  const number = parseDecimal(value);
  if (number >= 0) return number;
  throw invalid('a decimal number of at least 0', parameter, value);
}

function oneOf<T extends string>(choices: readonly T[], parameter: string, value: string): T {
  const choice = choices.find((candidate) => candidate === value);
  if (choice === undefined) throw invalid(choices.join(', '), parameter, value);
  return choice;
}

function invalid(range: string, parameter: string, value: string): QuietframeError {
  return new QuietframeError('invalid-argument', expected(range, parameter, value), { parameter });
}
