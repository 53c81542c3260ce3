import type { Agenda } from "../../agenda.ts";
import type { Random } from "../../random.ts";
import { between, uuid } from "../../random.ts";
import type { EventPattern } from "./patterns.ts";
import { compilePattern } from "./patterns.ts";

/** An event as it travels over a bus. */
export interface BusEvent {
  readonly version: string;
  readonly id: string;
  readonly "detail-type": string;
  readonly source: string;
  readonly account: string;
  /** ISO 8601 in whole seconds. */
  readonly time: string;
  readonly region: string;
  readonly resources: readonly string[];
  readonly detail: unknown;
}

/** What a rule gives its events to. It fails by throwing. */
export interface Target {
  readonly id: string;
  /** A constant that the target is given in the place of the event. */
  readonly input?: unknown;
  /** @param given - the event, or the constant */
  readonly deliver: (given: BusEvent) => void | Promise<void>;
  /** Attempts after the first (at most 185, as on AWS, which is the default). */
  readonly maximumRetryAttempts?: number;
  /** How old an event may become before it is given up (at most 24 hours, the default). */
  readonly maximumEventAgeSeconds?: number;
  /** Takes events that could not be delivered. Without it they are lost (and recorded). */
  readonly deadLetter?: (event: BusEvent, error: unknown) => void;
}

export interface Rule {
  readonly name: string;
  /** Absent for a rule that is called by its schedule alone. */
  readonly pattern?: EventPattern | undefined;
  /** Minutes from one call to the next, the first of them a while after the rule was made. */
  readonly everyMinutes?: number | undefined;
  readonly targets: readonly Target[];
}

/** One attempt to give one event to one target. Times in milliseconds since the epoch. */
export interface Delivery {
  readonly event: BusEvent;
  readonly rule: string;
  readonly target: string;
  readonly attempt: number;
  readonly at: number;
  readonly outcome: "delivered" | "failed" | "given up";
}

/** What goes wrong on the way. Spans in milliseconds, probabilities from 0 to 1. */
export interface BusFaults {
  readonly latency: readonly [number, number];
  /** That an event is delivered to a target once more. */
  readonly duplicates: number;
  /** That an event, which services emit on a best-effort basis, never comes. */
  readonly losses: number;
}

export interface Bus {
  addRule(rule: Rule): void;
  removeRule(name: string): void;
  /** Accepts an event; it is delivered later, at least once unless it is lost. */
  readonly publish: (event: BusEvent) => void;
  /** Changes what goes wrong from now on. */
  setFaults(faults: Partial<BusFaults>): void;
  /** Every event that was published, in order, also those that are lost. */
  readonly published: readonly BusEvent[];
  readonly deliveries: readonly Delivery[];
  /** Events on their way, counted by target. */
  underWay(): number;
}

/** The rule may not hand anything to its target: EventBridge does not try again. */
export class NotPermitted extends Error {
  override readonly name = "NO_PERMISSIONS";
}

/** Back-off between attempts in milliseconds: doubles from one second to five minutes. */
const backOff = (attempt: number, random: Random): number =>
  Math.min(300_000, 1000 * 2 ** Math.min(attempt - 1, 20)) * (0.5 + random() / 2);

/**
 * An event bus: rules, targets, retries, dead letters.
 *
 * Source: Amazon EventBridge User Guide, "How EventBridge retries delivering
 * events" (exponential back-off and jitter, by default 24 hours and 185
 * retries, then the dead-letter queue or the event is dropped).
 */
export const createBus = ({
  agenda,
  now,
  random,
  faults: initialFaults = {},
  region = "eu-west-1",
  account = "123456789012",
}: {
  readonly agenda: Agenda;
  readonly now: () => number;
  readonly random: Random;
  readonly faults?: Partial<BusFaults>;
  readonly region?: string;
  readonly account?: string;
}): Bus => {
  const rules = new Map<string, { rule: Rule; match: (event: unknown) => boolean }>();
  const published: BusEvent[] = [];
  const deliveries: Delivery[] = [];
  let faults: BusFaults = { latency: [50, 1500], duplicates: 0, losses: 0, ...initialFaults };
  let underWay = 0;

  const attempt = async (
    event: BusEvent,
    rule: Rule,
    target: Target,
    number: number,
    first: number,
  ) => {
    const record = (outcome: Delivery["outcome"]) =>
      deliveries.push({
        event,
        rule: rule.name,
        target: target.id,
        attempt: number,
        at: now(),
        outcome,
      });
    try {
      await target.deliver(
        target.input === undefined ? event : (structuredClone(target.input) as BusEvent),
      );
      record("delivered");
      underWay -= 1;
    } catch (error) {
      const wait = backOff(number, random);
      const lastMoment = first + (target.maximumEventAgeSeconds ?? 86_400) * 1000;
      const isOver = number > (target.maximumRetryAttempts ?? 185) || now() + wait > lastMoment;
      if (isOver || error instanceof NotPermitted) {
        record("given up");
        underWay -= 1;
        target.deadLetter?.(event, error);
        return;
      }
      record("failed");
      agenda.after(wait, () => void attempt(event, rule, target, number + 1, first));
    }
  };

  const send = (event: BusEvent, rule: Rule, target: Target) => {
    underWay += 1;
    const first = now();
    agenda.after(
      between(random, faults.latency),
      () => void attempt(event, rule, target, 1, first),
    );
  };

  /**
   * Source: Amazon EventBridge User Guide, "Creating a rule that runs on a
   * schedule": the event is of aws.events, and names the rule; schedules are kept
   * to within a minute.
   */
  const schedule = (rule: Rule, everyMinutes: number) => {
    agenda.after(everyMinutes * 60_000, () => {
      if (rules.get(rule.name)?.rule !== rule) return;
      schedule(rule, everyMinutes);
      const event = {
        version: "0",
        id: uuid(random),
        "detail-type": "Scheduled Event",
        source: "aws.events",
        account,
        time: new Date(now()).toISOString().replace(/\.\d+Z$/, "Z"),
        region,
        resources: [`arn:aws:events:${region}:${account}:rule/${rule.name}`],
        detail: {},
      };
      for (const target of rule.targets) {
        send(event, rule, target);
        if (random() < faults.duplicates) send(structuredClone(event), rule, target);
      }
    });
  };

  return {
    published,
    deliveries,
    underWay: () => underWay,
    addRule: (rule) => {
      const match = rule.pattern === undefined ? () => false : compilePattern(rule.pattern);
      rules.set(rule.name, { rule, match });
      if (rule.everyMinutes !== undefined) schedule(rule, rule.everyMinutes);
    },
    removeRule: (name) => void rules.delete(name),
    setFaults: (changed) => {
      faults = { ...faults, ...changed };
    },
    publish: (event) => {
      // What was published stays as it was, whatever a target does with its copy.
      const sent = structuredClone(event);
      published.push(sent);
      if (random() < faults.losses) return;
      for (const { rule, match } of rules.values()) {
        if (!match(sent)) continue;
        for (const target of rule.targets) {
          send(structuredClone(sent), rule, target);
          if (random() < faults.duplicates) send(structuredClone(sent), rule, target);
        }
      }
    },
  };
};
