/** Stands for standard output in the place of a file. */
export const STANDARD_OUTPUT = '-';
