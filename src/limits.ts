/** Most frames of a temporal window, the frame that is denoised included. */
export const MAX_WINDOW = 7;

/** Least and most slope of the asymmetric loss (Vogels et al. 2018, section 4.3). */
export const LAMBDA_RANGE = [1, 10] as const;
