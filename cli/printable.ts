// What moves the cursor, hides or recolours, and what turns the direction of writing.
const obeyed = /(?![\n\t])[\p{Cc}\p{Bidi_Control}]/gu;

/**
 * A text as a terminal may show it. Machines write their own reports, and files of bundles hold
 * anything: none of that is to act on the terminal of whoever reads it.
 *
 * @returns with `\u001b` and the like in place of characters that a terminal obeys, which in JSON
 *   stand for the same characters
 */
export const printable = (text: string): string =>
  text.replace(
    obeyed,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
