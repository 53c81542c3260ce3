import { formatLine, orNone } from "../../lambdas/config/lines.ts";
import type { Report } from "../../lambdas/config/report.ts";

/** What may stand in a line: as `node/lib/report.sh` has it. */
const speakable = (text: string): string =>
  text
    .replaceAll(/[\n\t]/g, " ")
    .replaceAll("\\", "/")
    .trim();

/** A report as a machine writes it. */
export const formatReport = (report: Report): string =>
  [
    formatLine("drover-report", 1),
    formatLine("pool", report.pool),
    formatLine("time", report.time),
    formatLine("state", report.state),
    formatLine("bundle", orNone(report.bundle)),
    formatLine("serial", orNone(report.serial?.toString())),
    formatLine("seconds", report.seconds),
    formatLine("step", speakable(report.step)),
    formatLine("reason", report.reason === undefined ? "-" : speakable(report.reason)),
    ...report.services.map(({ name, health }) => formatLine("service", name, health)),
  ].join("");
