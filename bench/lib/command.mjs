import { spawn } from 'node:child_process';

/**
 * Runs a program, or a line of the shell, to its end. Throws with the end of its output when it fails.
 *
 * @param {string | string[]} command an array names a program and its arguments, a string is for `sh -c`
 * @returns {Promise<string>} what it wrote to stdout
 */
export function run(command, { env = {}, timeoutSeconds = 900, codes = [0] } = {}) {
  const [program, ...args] = Array.isArray(command) ? command : ['/bin/sh', '-c', command];
  const child = spawn(program, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutSeconds * 1000,
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr = (stderr + text).slice(-4000);
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (codes.includes(code)) return resolve(stdout);
      const output = `${stdout.slice(-2000)}${stderr}`.trim();
      reject(new Error(`${program} ended with ${code ?? signal}: ${output}`));
    });
  });
}

/** Where a program is, or undefined. */
export async function which(program) {
  try {
    return (await run(`command -v ${program}`)).trim();
  } catch {
    return undefined;
  }
}
