import {
  allTasks,
  type DoctorTask,
  doctorTasks,
  type DroverTask,
  droverTasks,
  type PublishTask,
  publishTasks,
  type ReconcileTask,
  reconcileTasks,
  type RetireTask,
  retireTasks,
  type Task,
} from "../stepfunctions/tasks.ts";

const isTask = (name: string): name is Task => Object.hasOwn(allTasks, name);
const isRetireTask = (name: string): name is RetireTask => Object.hasOwn(retireTasks, name);
const isDoctorTask = (name: string): name is DoctorTask => Object.hasOwn(doctorTasks, name);

const isReconcileTask = (name: string): name is ReconcileTask =>
  Object.hasOwn(reconcileTasks, name);

/** All tasks: each has a handler and a function. */
export const taskNames: readonly Task[] = Object.keys(allTasks).filter(isTask);

/** The tasks of `retire-node`. */
export const retireTaskNames: readonly RetireTask[] = Object.keys(retireTasks).filter(isRetireTask);

/** The tasks of `doctor`. */
export const doctorTaskNames: readonly DoctorTask[] = Object.keys(doctorTasks).filter(isDoctorTask);

/** The tasks of `reconcile`. */
export const reconcileTaskNames: readonly ReconcileTask[] =
  Object.keys(reconcileTasks).filter(isReconcileTask);

const isPublishTask = (name: string): name is PublishTask => Object.hasOwn(publishTasks, name);
const isDroverTask = (name: string): name is DroverTask => Object.hasOwn(droverTasks, name);

/** The tasks of a Drover. */
export const droverTaskNames: readonly DroverTask[] = Object.keys(droverTasks).filter(isDroverTask);

/** The tasks of `publish-bundle`. */
export const publishTaskNames: readonly PublishTask[] =
  Object.keys(publishTasks).filter(isPublishTask);
