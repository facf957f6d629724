import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GATES } from '../../src/cutover/gates/check.js';
import type { MoveDirection } from '../../src/cutover/move.js';
import { failpointOf, STEPS, type StepName } from '../../src/cutover/steps.js';
import { type Document, runMigrate } from './migrate.js';

const CHILD = fileURLToPath(new URL('./run-move.mjs', import.meta.url));
/** No move takes so long, whatever the machine does besides. */
const ENDS_WITHIN_MS = 90_000;

/** What is moved: everything that the target owns afterwards, in per cent, or named namespaces. */
export interface Aim {
  readonly direction: MoveDirection;
  readonly share?: number;
  readonly namespaces?: readonly string[];
}

export interface MoveOptions extends Aim {
  readonly source: string;
  readonly target: string;
  /** Where plan and configuration are. */
  readonly folder: string;
  readonly maxPauseMs: number;
  /** Configuration file in the folder. */
  readonly config?: string;
  /** Passages of the point count from this one on. */
  readonly after?: string;
  /** Where something happens. */
  readonly point?: string;
  /** What happens while the process waits there; absent: it is killed. */
  readonly meanwhile?: () => Promise<void>;
}

export interface EndedMove {
  readonly code: number | null;
  readonly signal: string | null;
  /** Whether the failpoint was passed. */
  readonly hit: boolean;
  /** The result document; undefined of a process that was killed. */
  readonly document: Document | undefined;
  readonly stderr: string;
  /** From the last word to the end of the process: above a moment, something was left open. */
  readonly lingeredMs: number;
}

/** Points that a move comes to only as long as guards and capture are not there. */
export const INSTALLS = ['guards: after one table', 'shim: after one table'];

/** Every point at which a move in this direction is to be broken: behind each step, and within the decision. */
export function pointsOf(direction: MoveDirection): string[] {
  const within: Partial<Record<StepName, string[]>> = {
    guards: [INSTALLS[0]!],
    'capture-back': [INSTALLS[1]!],
    block: ['owners: after the block of one node'],
    'last-pass':
      direction === 'forward'
        ? ['sync: after the commit of one node', 'sync: after all commits, before the log is told']
        : ['sync back: before the commit', 'sync back: after the commit, before the logs are told'],
    give: ['owners: before the decision', 'owners: after the decision'],
    take: ['owners: before the coordinator takes'],
  };
  return STEPS.filter(({ directions }) => directions.includes(direction)).flatMap((step) => [
    ...(within[step.name] ?? []),
    failpointOf(direction, step),
  ]);
}

let runs = 0;

/** The command as its user gives it; every gate is accepted, for servers are down on purpose. */
export function commandLine({ direction, share, namespaces, ...options }: MoveOptions): string[] {
  return [
    direction === 'forward' ? 'cutover' : 'rollback',
    ...(share === undefined ? [] : ['--share', String(share)]),
    ...(namespaces === undefined ? [] : ['--namespaces', namespaces.join(',')]),
    ...['--source', options.source, '--target', options.target, '--max-pause', `${options.maxPauseMs}ms`],
    ...['--accept', GATES.map(({ gate }) => gate).join(','), '--reason', 'servers fail on purpose'],
    ...(options.config === undefined ? [] : ['--config', options.config]),
    ...['--json', '--no-progress'],
  ];
}

/** Runs it in a process of its own, to its end or to its failpoint. */
export async function runMove(options: MoveOptions): Promise<EndedMove> {
  const { folder, after, point, meanwhile } = options;
  const marker = join(folder, `move-${process.pid}-${++runs}`);
  const task = { argv: commandLine(options), after, point, kill: meanwhile === undefined, marker };
  const child = spawn(process.execPath, [CHILD, JSON.stringify(task)], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let [stdout, stderr, hit, endedAt] = ['', '', false, 0];
  let acting: Promise<void> = Promise.resolve();
  child.stdout!.on('data', (data) => (stdout += data));
  child.stderr!.on('data', (data) => (stderr += data));
  child.on('message', (message: { at?: string; ended?: true }) => {
    if (message.ended) endedAt = Date.now();
    if (message.at === undefined) return;
    hit = true;
    acting = meanwhile!().finally(() => child.connected && child.send('go'));
    acting.catch(() => {});
  });
  const hung = setTimeout(() => child.kill('SIGKILL'), ENDS_WITHIN_MS);
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) =>
    child.on('close', (...ended) => resolve(ended)),
  );
  clearTimeout(hung);
  await acting;
  return {
    code,
    signal,
    hit: hit || existsSync(marker),
    document: stdout === '' ? undefined : JSON.parse(stdout),
    stderr,
    lingeredMs: endedAt === 0 ? 0 : Date.now() - endedAt,
  };
}

/** Attempts of an operator whom the command tells to repeat it. */
const MOST_ATTEMPTS = 5;

/** Runs it in this process; its result document. */
export async function moveHere(options: MoveOptions): Promise<Document> {
  const { code, stdout, stderr } = await runMigrate(commandLine(options), { cwd: options.folder });
  const document = JSON.parse(stdout) as Document;
  if (document.exit !== code || stderr !== '')
    document.said = `the document says exit ${document.exit}, the process ${code}: ${stderr}`;
  return document;
}

/** Runs it until it is done, as long as it says that it can be repeated; returns how often. */
export async function completeMove(options: MoveOptions): Promise<number> {
  const said: string[] = [];
  for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt += 1) {
    const { exit, error, said: besides } = await moveHere(options);
    if (exit === 0) return attempt;
    said.push(`${exit} ${error?.code}: ${error?.message} ${besides ?? ''}`);
    if (exit !== 3) break;
  }
  throw new Error(`The command was not done: ${said.join('; ')}`);
}
