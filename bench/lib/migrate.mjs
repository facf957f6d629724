import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './command.mjs';

const LAUNCHER = fileURLToPath(new URL('../../bin/migrate.js', import.meta.url));
const RECORDER = new URL('./record-usage.mjs', import.meta.url).href;

/** The command line of this checkout against one source and one target, with a working directory of its own. */
export class Migrate {
  #home = mkdtempSync(join(tmpdir(), 'citus-migrate-bench-'));

  constructor({ source, target, config = '' }) {
    this.config = join(this.#home, 'migrate.config.yaml');
    this.plan = join(this.#home, 'migrate.plan.json');
    this.dump = join(this.#home, 'dump');
    this.env = { MIGRATE_SOURCE_URL: source, MIGRATE_TARGET_URL: target };
    writeFileSync(this.config, config);
  }

  /** Runs a command; returns its result document with the process's own account: {document, peakMiB, cpu}. */
  run(...args) {
    return this.answer([0], ...args);
  }

  /** The same for a command whose answer may be another exit code. */
  async answer(codes, ...args) {
    const usage = join(this.#home, 'usage.json');
    const common = ['--config', this.config, '--plan', this.plan, '--json', '--no-progress', '--yes'];
    const output = await run([process.execPath, '--import', RECORDER, LAUNCHER, ...args, ...common], {
      env: { ...this.env, BENCH_USAGE_FILE: usage },
      codes,
    });
    return { document: JSON.parse(output), ...JSON.parse(readFileSync(usage, 'utf8')) };
  }

  forgetDump() {
    rmSync(this.dump, { recursive: true, force: true });
  }

  remove() {
    rmSync(this.#home, { recursive: true, force: true });
  }
}
