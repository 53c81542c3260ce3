import { type LogItem, Logger } from "@aws-lambda-powertools/logger";

/** Powertools' logger, writing where the surroundings say. */
class LineLogger extends Logger {
  readonly #write: (line: string) => void;

  constructor(cluster: string, write: (line: string) => void) {
    super({ serviceName: `drover-${cluster}` });
    this.#write = write;
  }

  protected override printLog(_level: number, item: LogItem): void {
    item.prepareForPrint();
    this.#write(JSON.stringify(item.getAttributes(), this.getJsonReplacer()));
  }
}

export type Log = Pick<Logger, "info" | "warn" | "error" | "debug">;

export const lineLogger = (cluster: string, write: (line: string) => void): Logger =>
  new LineLogger(cluster, write);
