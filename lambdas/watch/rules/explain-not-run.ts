import { about, type Finding, type NotRun } from "../findings.ts";

/** The parts of the doctor, each a function of its own. */
export type Part = "groups" | "nomad" | "consul";

const titles: Readonly<Record<Part, string>> = {
  groups: "the groups",
  nomad: "Nomad",
  consul: "Consul",
};

/** What Lambda says of an error that a function threw; other causes are plain text. */
const messageOf = ({ Error: name, Cause }: NotRun): string => {
  try {
    const { errorMessage } = JSON.parse(Cause) as { errorMessage?: unknown };
    if (typeof errorMessage === "string") return `${name}: ${errorMessage}`;
  } catch {
    // Step Functions' own words.
  }
  return Cause === "" ? name : `${name}: ${Cause.slice(0, 500)}`;
};

const isTimeout = ({ Error: name, Cause }: NotRun): boolean =>
  /Timeout|Timedout/i.test(name) || /Task timed out/i.test(Cause);

const isDenied = ({ Error: name, Cause }: NotRun): boolean =>
  /not authorized|AccessDenied/i.test(`${name} ${Cause}`);

/** What could not be looked at is an error of its own: what would have been found is unknown. */
export const explainUnseen = (title: string, answer: NotRun): Finding => {
  const { error } = about("checks", title);
  const what = `${title} could not be checked: ${messageOf(answer)}`;
  if (isTimeout(answer)) {
    return error(
      what,
      "look into the log of the function; it gets no answer where its subnets have no way to AWS's own services (a NAT gateway, or an interface endpoint for Secrets Manager)",
    );
  }
  if (isDenied(answer)) {
    return error(
      what,
      "something takes away what the function's role allows: a service control policy, a permissions boundary, an endpoint's or a key's policy",
    );
  }
  return error(what, "look into the log of the function, and run the doctor again");
};

/** The same for one of the parts as a whole. */
export const explainNotRun = (part: Part, answer: NotRun): Finding =>
  explainUnseen(titles[part], answer);
