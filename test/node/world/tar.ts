/** An entry of a tar, also one that no publisher would write. */
export interface Entry {
  readonly name: string;
  /** `0` a file, `1` a hard link, `2` a symbolic link, `3` and `4` devices, `5` a folder, `6` a pipe. */
  readonly type?: string;
  readonly content?: string | Buffer;
  readonly target?: string;
  readonly mode?: number;
}

const header = ({ name, type = "0", target = "", mode }: Entry, size: number): Buffer => {
  const block = Buffer.alloc(512);
  const bytes = Buffer.from(name);
  const slash = bytes.length <= 100 ? -1 : bytes.indexOf("/", bytes.length - 101);
  bytes.subarray(slash + 1).copy(block, 0);
  if (slash > 0) bytes.copy(block, 345, 0, slash);
  const usual = type === "0" ? 0o644 : type === "2" ? 0o777 : 0o755;
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, "0")}\0`;
  block.write(octal(mode ?? usual, 7), 100);
  block.write(octal(0, 7), 108);
  block.write(octal(0, 7), 116);
  block.write(octal(size, 11), 124);
  block.write(octal(0, 11), 136);
  block.write(" ".repeat(8), 148);
  block.write(type, 156);
  block.write(target, 157);
  block.write("ustar\x0000", 257);
  if (type === "3" || type === "4") {
    block.write(octal(1, 7), 329);
    block.write(octal(3, 7), 337);
  }
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
};

/** A tar of these entries, in their order. */
export const makeTar = (entries: readonly Entry[]): Buffer =>
  Buffer.concat([
    ...entries.flatMap((entry) => {
      const content = Buffer.from(entry.content ?? "");
      return [
        header(entry, content.length),
        content,
        Buffer.alloc((512 - (content.length % 512)) % 512),
      ];
    }),
    Buffer.alloc(1024),
  ]);
