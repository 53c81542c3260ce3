/**
 * How long a slot is kept without being renewed. Each round of a drain (13
 * minutes at most, `roundSeconds`) renews it; a round whose call dies at its end
 * takes twice that, and a bit. What a dead execution holds the reconciler gives
 * back before.
 */
export const leaseMilliseconds = 30 * 60_000;
