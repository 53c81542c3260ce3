import { describe, it } from "node:test";

/** Something that is believed of a service. */
export interface ServiceCase<Target> {
  readonly title: string;
  /** Where AWS says so. */
  readonly source: string;
  /** What ministack does instead. */
  readonly ministack?: string;
  readonly run: (target: Target) => Promise<void>;
}

/** Holds a target to what is believed of it. */
export const holdTo = <Target>(
  name: string,
  contract: readonly ServiceCase<Target>[],
  target: () => Target,
): void => {
  void describe(name, () => {
    for (const { title, run } of contract) void it(title, () => run(target()));
  });
};
