/**
 * An emulated service: one fetch-style function over plain state. The same
 * function serves in-process (as the request handler of SDK clients) and over
 * HTTP on loopback.
 */
export type Service = (request: Request) => Promise<Response>;
