import { createHook } from "node:async_hooks";
import * as zlib from "node:zlib";

/** Sees what this process waits for outside of JavaScript: files, names, sockets, threads. */
export interface RealWork {
  /** The kinds of what is in flight; empty when everything waits for virtual time alone. */
  inFlight(): string[];
  /** Stops looking. */
  close(): void;
}

/**
 * Requests that Node lists while they are under way. An `Immediate` is a turn
 * of the loop that somebody else has asked for.
 */
const listedRequests = new Set([
  "CloseReq",
  "FSReqCallback",
  "FSReqPromise",
  "GetAddrInfoReqWrap",
  "GetNameInfoReqWrap",
  "Immediate",
  "PipeConnectWrap",
  "QueryReqWrap",
  "ShutdownWrap",
  "TCPConnectWrap",
  "UDPSendWrap",
]);

/** Handles that may bring an answer. Those that were open at the start are not waited for. */
const listedHandles = new Set(["ProcessWrap", "TCPSocketWrap", "Worker"]);

/** Jobs of the thread pool, such as `PBKDF2REQUEST`, which no list of Node's shows. */
const isPoolJob = (type: string): boolean => type.endsWith("REQUEST") && !type.startsWith("HTTP");

interface PoolJob {
  /** Gives what it has done, if it works in the call; nothing, or a promise, if it works in the pool. */
  run?: (this: PoolJob, ...parameters: unknown[]) => unknown;
}

interface ZlibHandle {
  getAsyncId(): number;
  write: (this: ZlibHandle, ...parameters: unknown[]) => unknown;
}

/** The native classes behind the streams of zlib; each has a `write` that works in the pool. */
const zlibPrototypes = (): ZlibHandle[] => {
  const makers = [
    zlib.createGzip,
    zlib.createBrotliCompress,
    zlib.createBrotliDecompress,
    zlib.createZstdCompress,
    zlib.createZstdDecompress,
  ];
  const found = new Set<ZlibHandle>();
  for (const make of makers) {
    const stream = make();
    const handle = (stream as unknown as Readonly<Record<string, ZlibHandle | undefined>>)[
      "_handle"
    ];
    const prototype = handle && (Object.getPrototypeOf(handle) as ZlibHandle);
    if (typeof prototype?.write !== "function")
      throw new Error("this version of Node hides zlib's work: virtual time could not see it");
    found.add(prototype);
    stream.close();
  }
  return [...found];
};

/**
 * Watches for real work. Node lists most of it itself; jobs of the thread pool
 * are seen by their async ids, and zlib, whose streams live longer than their
 * work, at each write.
 */
export const watchRealWork = (): RealWork => {
  const jobs = new Map<number, string>();
  /**
   * Synchronous calls (`randomUUID()` fills its store by one) are jobs like any
   * others. Nothing else says that they are over before they are collected as
   * garbage, and virtual time would turn in place until then.
   */
  const noteCall = (id: number, answer: unknown): unknown => {
    if (answer !== undefined && !(answer instanceof Promise)) jobs.delete(id);
    return answer;
  };
  const hook = createHook({
    // Promises are many, and nothing here asks for them.
    trackPromises: false,
    init: (id, type, _trigger, job: PoolJob) => {
      if (!isPoolJob(type)) return;
      jobs.set(id, type);
      const { run } = job;
      if (run) job.run = (...parameters) => noteCall(id, run.apply(job, parameters));
    },
    // The answer has come. What it sets off at once is entered anew.
    before: (id) => void jobs.delete(id),
    destroy: (id) => void jobs.delete(id),
  });
  hook.enable();

  const undo = zlibPrototypes().map((prototype) => {
    const { write } = prototype;
    prototype.write = function (this: ZlibHandle, ...parameters) {
      jobs.set(this.getAsyncId(), "ZLIB");
      return write.apply(this, parameters);
    };
    return () => {
      prototype.write = write;
    };
  });

  const openHandles = () =>
    process.getActiveResourcesInfo().filter((kind) => listedHandles.has(kind));
  const before = new Map<string, number>();
  for (const kind of openHandles()) before.set(kind, (before.get(kind) ?? 0) + 1);

  return {
    inFlight: () => {
      const known = new Map(before);
      const found = [...jobs.values()];
      for (const kind of process.getActiveResourcesInfo()) {
        if (listedRequests.has(kind)) found.push(kind);
        if (!listedHandles.has(kind)) continue;
        const left = known.get(kind) ?? 0;
        if (left > 0) known.set(kind, left - 1);
        else found.push(kind);
      }
      return found;
    },
    close: () => {
      hook.disable();
      for (const each of undo) each();
    },
  };
};
