import { renderXml } from "../aws-query.ts";

/** Writes fields as S3's XML: a list repeats its own element, undefined is left out. */
const renderFields = (fields: Readonly<Record<string, unknown>>): string =>
  Object.entries(fields)
    .flatMap(([name, value]) =>
      (Array.isArray(value) ? (value as unknown[]) : [value])
        .filter((each) => each !== undefined)
        .map((each) => `<${name}>${renderValue(each)}</${name}>`),
    )
    .join("");

const renderValue = (value: unknown): string =>
  typeof value === "object" && value !== null && !(value instanceof Date)
    ? renderFields(value as Readonly<Record<string, unknown>>)
    : renderXml(value);

const declaration = '<?xml version="1.0" encoding="UTF-8"?>\n';

/** An answer of S3's. */
export const renderAnswer = (name: string, fields: Readonly<Record<string, unknown>>): string =>
  `${declaration}<${name} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${renderFields(fields)}</${name}>`;

/** An error of S3's, which has no namespace. */
export const renderError = (fields: Readonly<Record<string, unknown>>): string =>
  `${declaration}<Error>${renderFields(fields)}</Error>`;

const entities: Readonly<Record<string, string>> = {
  "&amp;": "&",
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&apos;": "'",
};

const unescape = (text: string): string =>
  text
    .replaceAll(/&#(x?)([0-9a-f]+);/gi, (_, hex: string, digits: string) =>
      String.fromCodePoint(Number.parseInt(digits, hex === "" ? 10 : 16)),
    )
    .replaceAll(/&(?:amp|lt|gt|quot|apos);/g, (entity) => entities[entity] ?? entity);

/** The texts of all elements of a name, in a document whose elements have no attributes. */
export const textsOf = (xml: string, name: string): readonly string[] =>
  [...xml.matchAll(new RegExp(`<${name}>([\\s\\S]*?)</${name}>`, "g"))].map(
    ([, text = ""]) => text,
  );

/** The text of the only element of a name. */
export const textOf = (xml: string, name: string): string | undefined => {
  const [text] = textsOf(xml, name);
  return text === undefined ? undefined : unescape(text);
};
