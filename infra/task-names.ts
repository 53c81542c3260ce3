import { allTasks, type RetireTask, retireTasks, type Task } from "../stepfunctions/tasks.ts";

const isTask = (name: string): name is Task => Object.hasOwn(allTasks, name);
const isRetireTask = (name: string): name is RetireTask => Object.hasOwn(retireTasks, name);

/** All tasks: each has a handler and a function. */
export const taskNames: readonly Task[] = Object.keys(allTasks).filter(isTask);

/** The tasks of `retire-node`. */
export const retireTaskNames: readonly RetireTask[] = Object.keys(retireTasks).filter(isRetireTask);
