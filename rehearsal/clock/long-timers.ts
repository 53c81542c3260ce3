/** The longest span that Node's timers can do: a longer one fires after a millisecond. */
export const longestSpan = 2 ** 31 - 1;

type Timer = ReturnType<typeof setTimeout>;

/**
 * Makes the (already virtual) global timers take any span: one of a year is
 * made of several, where Node's own would fire at once with a warning. Spans
 * are whole milliseconds and at least one, as Node's are, so that whoever waits
 * again and again without a time still lets time pass.
 *
 * @returns puts the timers back
 */
export const takeLongSpans = (): (() => void) => {
  const { setTimeout: setShort, clearTimeout: clearShort } = globalThis;
  /** The part that is under way, by the timer that its caller knows. */
  const parts = new WeakMap<object, Timer>();

  const setLong = (
    action: (...args: unknown[]) => void,
    span: unknown = 1,
    ...args: unknown[]
  ): Timer => {
    const wanted = Number.isNaN(Number(span)) ? 1 : Math.max(1, Math.ceil(Number(span)));
    if (wanted <= longestSpan) return setShort(action, wanted, ...args);
    const due = Date.now() + wanted;
    const goOn = (): Timer => {
      const rest = due - Date.now();
      return rest > longestSpan
        ? setShort(() => void parts.set(first, goOn()), longestSpan)
        : setShort(action, rest, ...args);
    };
    const first = goOn();
    return first;
  };

  globalThis.setTimeout = Object.assign(setLong, setShort);
  globalThis.clearTimeout = (timer) => {
    const part = typeof timer === "object" ? parts.get(timer) : undefined;
    clearShort(part ?? timer);
  };
  return () => {
    globalThis.setTimeout = setShort;
    globalThis.clearTimeout = clearShort;
  };
};
