import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TokenBucket } from '../../src/core/token-bucket.js';
import { ControlFile } from '../../src/load/control.js';
import { Throttle } from '../../src/load/throttle.js';
import { noopContext, noopLog } from '../../src/observe/noop.js';

let folder: string;
let path: string;
let warnings: string[];
const log = { ...noopLog, warn: (line: string) => void warnings.push(line) };
const write = (text: string): void => writeFileSync(path, text);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'control-'));
  path = join(folder, 'control.yaml');
  warnings = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('the control file', () => {
  it('is taken when it has stayed the same for two looks, and told once', async () => {
    const file = new ControlFile(path, log);
    expect(await file.changed()).toBeUndefined();
    write('pause: true\n');
    expect(await file.changed()).toBeUndefined();
    expect(await file.changed()).toEqual({ pause: true });
    expect(await file.changed()).toBeUndefined();
    // An editor that empties the file before it writes is not an order to go on.
    write('');
    expect(await file.changed()).toBeUndefined();
    write('pause: true\njobs: 3\n');
    expect(await file.changed()).toBeUndefined();
    expect(await file.changed()).toEqual({ pause: true, jobs: 3 });
    rmSync(path);
    expect([await file.changed(), await file.changed()]).toEqual([undefined, {}]);
    expect(warnings).toEqual([]);
  });

  it('that is wrong or cannot be read is a warning, once, and changes nothing', async () => {
    const file = new ControlFile(path, log);
    write('jobs: 3\n');
    expect(await file.changed(true)).toEqual({ jobs: 3 });
    write('jobs: [\n');
    for (let look = 0; look < 4; look += 1) expect(await file.changed()).toBeUndefined();
    expect(warnings).toEqual([expect.stringContaining('What held before goes on')]);
    write('jobs: 4\n');
    await file.changed();
    expect(await file.changed()).toEqual({ jobs: 4 });
    const directory = new ControlFile(folder, log);
    for (let look = 0; look < 3; look += 1) expect(await directory.changed()).toBeUndefined();
    expect(warnings.slice(1)).toEqual([expect.stringMatching(/cannot be read \(EISDIR\)/)]);
  });
});

describe('work under a control file', () => {
  it('pauses, goes on, and hears of jobs and of the rate, with what it was started with as the rest', async () => {
    write('pause: true\nmaxRate: 1MB\n');
    const options = { limits: {}, maxRate: 64 * 1024, jobs: 2, control: path };
    const throttle = await Throttle.start(options, noopContext({ log }));
    const bucket = new TokenBucket(throttle.bucket, Date.now);
    expect(bucket.rate).toBe(1024 * 1024);
    const jobs: number[] = [];
    const deaf = throttle.onJobs((wished) => jobs.push(wished));
    let ready = false;
    const waiting = throttle.ready(new AbortController().signal).then(() => {
      ready = true;
    });
    write('pause: true\njobs: 5\nmaxRate: 1MB\n');
    await expect.poll(() => jobs, { timeout: 10_000 }).toEqual([5]);
    expect(ready).toBe(false);
    write('');
    await waiting;
    expect({ jobs, rate: bucket.rate }).toEqual({ jobs: [5, 2], rate: 64 * 1024 });
    expect(throttle.totals).toMatchObject({ pauses: 1, byReason: { control: { pauses: 1 } } });
    deaf();
    await throttle.close();
  });

  it('is stopped at once by a signal while it pauses', async () => {
    write('pause: true\n');
    const options = { limits: {}, maxRate: 0, jobs: 2, control: path };
    const throttle = await Throttle.start(options, noopContext({ log }));
    const controller = new AbortController();
    const waiting = throttle.ready(controller.signal);
    controller.abort(new Error('stopped'));
    await expect(waiting).rejects.toThrow('stopped');
    await throttle.close();
  });
});
