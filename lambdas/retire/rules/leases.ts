/**
 * How long a slot is kept without being renewed. Each round of *await drain*
 * (ten minutes at most, `roundSeconds`) renews it, and a task may be retried for
 * some minutes in between. A dead execution blocks its slot for this long.
 */
export const leaseMilliseconds = 20 * 60_000;
