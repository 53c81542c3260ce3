import { extname } from "node:path";
import type { Surroundings } from "../../lambdas/runtime/surroundings.ts";
import type { TaskHandler } from "../../lambdas/runtime/task.ts";

export interface HandlerModule {
  readonly createHandler: (surroundings: Surroundings) => TaskHandler;
}

export type Handlers = (task: string) => HandlerModule;

/**
 * Imports the handlers of tasks, before the time of a world begins: importing
 * reads files.
 *
 * @throws for a task whose module has no `createHandler`
 */
export const loadHandlers = async (tasks: Iterable<string>): Promise<Handlers> => {
  const modules = new Map<string, HandlerModule>();
  const extension = extname(import.meta.filename);
  for (const task of new Set(tasks)) {
    const module = (await import(
      new URL(`../../lambdas/${task}${extension}`, import.meta.url).href
    )) as Partial<HandlerModule>;
    if (typeof module.createHandler !== "function")
      throw new Error(`lambdas/${task} exports no createHandler`);
    modules.set(task, { createHandler: module.createHandler });
  }
  return (task) => {
    const module = modules.get(task);
    if (module === undefined) throw new Error(`the handler of ${task} was not loaded`);
    return module;
  };
};
