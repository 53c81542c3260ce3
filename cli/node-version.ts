/** From this version on, Node.js runs TypeScript as it is. */
const oldest = [22, 18] as const;

/**
 * What to tell somebody whose Node.js is too old; undefined when it is not.
 * In a clone `start.mjs` says it, since an older one cannot read this file.
 */
export const complainAboutNode = (version: string): string | undefined => {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > oldest[0] || (major === oldest[0] && minor >= oldest[1])) return undefined;
  return `drover: this is Node.js ${version}, and Drover needs ${oldest.join(".")} or later: install a newer one\n`;
};
