import type { Execution } from "../emulators/step-functions.ts";
import type { Random } from "../random.ts";
import type { World } from "../world.ts";
import type { Mishap } from "./people.ts";

/** Something that goes wrong once while bundles are published: plain data. */
export interface PublishOccurrence {
  readonly fault: string;
  /** Milliseconds after the beginning. */
  readonly at: number;
  readonly lasts?: number;
  /** Which part of all calls, from 0 to 1. */
  readonly share?: number;
  /** Which call of a publisher, the first is 1. */
  readonly call?: number;
  readonly how?: string;
}

/** Comes between everybody and S3 or KMS. @returns an answer in their place, or undefined */
export type Disturbance = (service: string) => Promise<Response | undefined>;

/** Where the faults of a publishing strike. */
export interface PublishScene {
  readonly world: World;
  readonly pool: string;
  readonly bucket: string;
  /** Of this occurrence alone. */
  readonly random: Random;
  /** Enters into the report that it has struck. */
  readonly struck: (what?: string) => void;
  /** @returns takes it away */
  readonly disturb: (disturbance: Disturbance) => () => void;
  /** Has something happen to the publisher who begins next. */
  readonly strikePublisher: (mishap: Mishap) => void;
  /** Has somebody publish another bundle at the moment when the next publisher does. */
  readonly addRival: () => void;
  /** Writes an object as somebody who may write anything and is no publisher. */
  readonly intrude: (key: string, content: string | Uint8Array) => void;
  /** Starts `publish-bundle` by hand. */
  readonly order: (input: Readonly<Record<string, unknown>>) => Promise<Execution>;
}

export interface PublishFault {
  readonly name: string;
  /** In a person's words. */
  readonly what: string;
  readonly draw: (random: Random) => Omit<PublishOccurrence, "fault">;
  readonly strike: (scene: PublishScene, occurrence: PublishOccurrence) => void | Promise<void>;
}
