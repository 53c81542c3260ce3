import { LineCounter, parseAllDocuments, type YAMLParseError } from "yaml";
import { renderPlaceholders, sampleOf } from "./placeholders.ts";

export interface SyntaxFault {
  readonly line?: number | undefined;
  readonly message: string;
}

/** Without the place, which a fault has, and without the text there, which may hold anything. */
const inShort = ({ code, message }: YAMLParseError): string =>
  code === "MULTIPLE_DOCS"
    ? "there are several documents: leave one"
    : (message.split("\n", 1)[0] ?? "").replace(/ at line \d+, column \d+:?$/, "");

/** What a parser says of YAML: the first only, for the others mostly follow from it. */
export const yamlFaults = (errors: readonly YAMLParseError[], lines: LineCounter): SyntaxFault[] =>
  errors.slice(0, 1).map((error) => ({
    line: lines.linePos(error.pos[0]).line,
    message: `no valid YAML: ${inShort(error)}`,
  }));

const checkYaml = (text: string): SyntaxFault[] => {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines });
  if (!Array.isArray(documents)) return [];
  return yamlFaults(
    documents.flatMap(({ errors }) => errors),
    lines,
  );
};

const checkJson = (text: string): SyntaxFault[] => {
  try {
    JSON.parse(text);
    return [];
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    const position = Number(/at position (\d+)/.exec(said)?.[1] ?? text.length);
    const line = text.slice(0, position).split("\n").length;
    // Its message can quote the text, which may hold anything.
    return [{ line, message: `no valid JSON: ${said.replace(/,? *\.{0,3}".*$/s, "")}` }];
  }
};

/**
 * The configuration of Nomad and Consul is read as HCL 1, which knows quoted
 * names of attributes and the same name twice. The parser is of HCL 2: each
 * such name becomes one of its own, on the same line.
 */
const asHcl2 = (text: string): string => {
  let count = 0;
  return text.replaceAll(/^(\s*)"[^"\n]*"(\s*=(?!=))/gm, (_, before: string, after: string) => {
    count += 1;
    return `${before}quoted_${count}${after}`;
  });
};

/** Named apart from its import: the declarations of the package would bring those of browsers along. */
const hclParser: string = "@cdktn/hcl2json";
interface HclParser {
  readonly parse: (filename: string, contents: string) => Promise<Record<string, unknown>>;
}

const checkHcl = async (text: string): Promise<SyntaxFault[]> => {
  // Four megabytes of WebAssembly, for those who have HCL.
  const { parse } = (await import(hclParser)) as HclParser;
  try {
    await parse("x.hcl", asHcl2(text));
    return [];
  } catch (error) {
    const said = String(error instanceof Error ? error.message : error);
    const [, line, why] = /x\.hcl:(\d+)[^:]*: ([^\n]*)/.exec(said) ?? [];
    return [
      {
        line: line === undefined ? undefined : Number(line),
        message: `no valid HCL: ${(why ?? said).replace(/\]$/, "")}`,
      },
    ];
  }
};

const checks: readonly (readonly [
  RegExp,
  (text: string) => SyntaxFault[] | Promise<SyntaxFault[]>,
])[] = [
  [/\.ya?ml$/, checkYaml],
  [/\.json$/, checkJson],
  [/\.hcl$/, checkHcl],
];

/** Whether the name of a file says that it has a syntax which is checked. */
export const hasSyntax = (path: string): boolean => checks.some(([name]) => name.test(path));

/** Tells what a parser says of a file, after it was rendered with sample values. */
export const checkSyntax = async (path: string, text: string): Promise<readonly SyntaxFault[]> => {
  const check = checks.find(([name]) => name.test(path))?.[1];
  return check ? check(renderPlaceholders(text, sampleOf)) : [];
};
