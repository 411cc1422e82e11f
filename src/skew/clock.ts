/** Clock ids of clock_gettime(2). Work in progress: replaced as a whole. */
export type ClockName = `CLOCK_${string}`;
