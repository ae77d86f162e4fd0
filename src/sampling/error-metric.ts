/** Errors that are predicted, in the order of the planes of the network's output. */
export const ERROR_METRICS = ['smape', 'dssim'] as const;
export type ErrorMetric = (typeof ERROR_METRICS)[number];

/**
 * The guiding metrics of Vogels et al. 2018, figure 9. A network predicts `smape` and `dssim`; `relative-mse` and `ms-dssim` are
 * derived from these two, and `relative-variance` knows of no denoiser. `guidingError` has the equations.
 */
export const GUIDING_METRICS = [...ERROR_METRICS, 'relative-mse', 'relative-variance', 'ms-dssim'] as const;
export type GuidingMetric = (typeof GUIDING_METRICS)[number];

/**
 * What density is proportional to: the error that another sample takes away (`reducible`), or the predicted error itself, as in
 * Vogels et al. 2018, section 5 (`error`).
 */
export const WEIGHTINGS = ['reducible', 'error'] as const;
export type Weighting = (typeof WEIGHTINGS)[number];
