import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";

/** A DNS server that gives one address for every name of type A. */
export interface NameServer {
  readonly port: number;
  readonly asked: string[];
  /** Whether it hears and says nothing, as one whose machine is gone. */
  silent: boolean;
  readonly close: () => Promise<void>;
}

/** An address of the loopback interface that most likely nobody else listens on. */
export const chooseLoopback = (): string => `127.53.${randomInt(256)}.${randomInt(1, 255)}`;

/** The name and the end of the question that begins at byte 12. */
const readQuestion = (message: Buffer): { readonly name: string; readonly end: number } => {
  const labels: string[] = [];
  let at = 12;
  for (let length = message.readUInt8(at); length > 0; length = message.readUInt8(at)) {
    labels.push(message.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join(".").toLowerCase(), end: at + 5 };
};

const answerTo = (query: Buffer, end: number, address: string): Buffer => {
  const isA = query.readUInt16BE(end - 4) === 1;
  const header = Buffer.from(query.subarray(0, 12));
  // An authoritative answer without errors, to a question that wanted recursion.
  header.writeUInt16BE(0x8580, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(isA ? 1 : 0, 6);
  header.writeUInt32BE(0, 8);
  const record = Buffer.from([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
  const parts = [header, query.subarray(12, end)];
  return Buffer.concat(
    isA ? [...parts, record, Buffer.from(address.split(".").map(Number))] : parts,
  );
};

export const startNameServer = async (address: string): Promise<NameServer> => {
  const socket = createSocket("udp4");
  const asked: string[] = [];
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  let open = true;
  const server: NameServer = {
    port: socket.address().port,
    asked,
    silent: false,
    close: async () => {
      if (!open) return;
      open = false;
      socket.close();
      await once(socket, "close");
    },
  };
  socket.on("message", (query, { port, address: from }) => {
    const { name, end } = readQuestion(query);
    if (server.silent) return;
    asked.push(name);
    socket.send(answerTo(query, end, address), port, from);
  });
  return server;
};
