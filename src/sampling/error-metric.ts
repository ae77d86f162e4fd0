/** Errors that are predicted, in the order of the planes of an error map. */
export const ERROR_METRICS = ['smape', 'dssim'] as const;
export type ErrorMetric = (typeof ERROR_METRICS)[number];
