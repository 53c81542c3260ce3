/**
 * What is wrong with properties, gathered so that one message tells all of it:
 * each with the property, its value, and what to do.
 */
export class Problems {
  readonly #lines: string[] = [];

  /**
   * @param value - shown as JSON; leave out what may be a secret
   * @param remedy - a sentence: what is wrong with it and what to write instead
   */
  add(property: string, value: unknown, remedy: string): void {
    const shown = JSON.stringify(value);
    this.#lines.push(
      shown === undefined ? `${property}: ${remedy}` : `${property}: ${shown}: ${remedy}`,
    );
  }

  /** @throws Error with all that was added, if anything was */
  throwIfAny(subject: string): void {
    const lines = this.#lines;
    if (lines.length === 0) return;
    throw new Error([`${subject} is not right:`, ...lines.map((line) => `  - ${line}`)].join("\n"));
  }
}
