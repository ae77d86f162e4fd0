import { parentPort } from 'node:worker_threads';
import { QuietframeError } from '../errors.js';
import type { FromThread, JobTypes, ToThread } from './job-messages.js';
import { ownedBuffers } from './owned-buffers.js';
import { packError } from './transfer-error.js';

/** What a job can ask and say while it runs. */
export interface JobContext {
  /** Aborts when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  /** Says how much is done, from 0 to 1. */
  readonly progress: (fraction: number) => void;
  /** For jobs that do not yield, which learn nothing from the signal. @throws QuietframeError `cancelled`. */
  readonly check: () => void;
}

/** What does the jobs of a worker. */
export type JobHandlers<Jobs extends JobTypes<Jobs>> = {
  readonly [Name in keyof Jobs]: (
    given: Jobs[Name]['given'],
    context: JobContext,
  ) => Jobs[Name]['answer'] | Promise<Jobs[Name]['answer']>;
};

export interface ServeOptions {
  /** Whether the arrays of answers move to the pool's thread. They are copied by default, so that the worker may keep them. */
  readonly moves?: boolean;
  /** Runs before the thread ends on request, when its jobs have been told to end. */
  readonly close?: () => Promise<void>;
}

/** Does the jobs of a `ThreadPool` in the thread that this runs in. */
export function serveJobs<Jobs extends JobTypes<Jobs>>(
  handlers: JobHandlers<Jobs>,
  { moves = false, close }: ServeOptions = {},
): void {
  const running = new Map<number, { readonly controller: AbortController; readonly ended: Promise<void> }>();
  const send = (message: FromThread): void =>
    parentPort?.postMessage(message, moves && 'value' in message ? ownedBuffers(message.value) : []);

  const run = async (
    id: number,
    name: keyof Jobs,
    given: Jobs[keyof Jobs]['given'],
    context: JobContext,
  ): Promise<void> => {
    try {
      send({ id, value: await handlers[name](given, context) });
    } catch (error) {
      send({ id, error: packError(error) });
    }
    running.delete(id);
  };

  const end = async (): Promise<never> => {
    for (const { controller } of running.values()) controller.abort();
    await close?.();
    await Promise.all([...running.values()].map(({ ended }) => ended));
    process.exit();
  };

  parentPort?.on('message', (message: ToThread) => {
    if ('close' in message) return void end();
    const { id } = message;
    if ('abort' in message) return running.get(id)?.controller.abort();
    const controller = new AbortController();
    const context: JobContext = {
      signal: controller.signal,
      progress: (progress) => send({ id, progress }),
      check: () => {
        if (message.cancelled === undefined || Atomics.load(message.cancelled, 0) === 0) return;
        throw new QuietframeError('cancelled', 'The work was cancelled');
      },
    };
    const ended = run(id, message.name as keyof Jobs, message.given, context);
    running.set(id, { controller, ended });
  });
}
