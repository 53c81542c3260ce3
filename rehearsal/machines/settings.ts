/** What a machine knows from its user data, and never from the bucket. */
export interface MachineSettings {
  readonly pool: string;
  readonly bucket: string;
  readonly region: string;
  readonly roleId: string;
  /** The lowest serial of a channel that it takes. */
  readonly serialFloor: number;
  /** Whether a machine without the tag takes the current bundle, or waits for its tag. */
  readonly assignment: "current" | "wait";
  /** Seconds for which what may pass is tried again. */
  readonly bootSeconds: number;
  /** PEM; a signature by any of them is believed. */
  readonly publicKeys: readonly string[];
}

const hereDocument = (script: string, file: string): string | undefined =>
  new RegExp(`^cat >${file} <<'END'\\n(.*?)^END$`, "ms").exec(script)?.[1];

const keyPattern = /-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----/gs;

/**
 * Reads what a script of user data writes to `/etc/drover`.
 *
 * @returns undefined if it is none of Drover's
 */
export const parseUserData = (script: string): MachineSettings | undefined => {
  const lines = hereDocument(script, "/etc/drover/settings");
  if (lines === undefined) return undefined;
  const values = new Map(
    lines.split("\n").map((line) => {
      const [name = "", ...rest] = line.split("=");
      return [name, rest.join("=")];
    }),
  );
  const valueOf = (name: string): string => {
    const value = values.get(`DROVER_${name}`);
    if (value === undefined) throw new Error(`the user data does not say DROVER_${name}`);
    return value;
  };
  return {
    pool: valueOf("POOL"),
    bucket: valueOf("BUCKET"),
    region: valueOf("REGION"),
    roleId: valueOf("ROLE_ID"),
    serialFloor: Number(valueOf("SERIAL_FLOOR")),
    assignment: valueOf("ASSIGNMENT") === "wait" ? "wait" : "current",
    bootSeconds: Number(valueOf("BOOT_SECONDS")),
    publicKeys: hereDocument(script, "/etc/drover/key.pem")?.match(keyPattern) ?? [],
  };
};
