// What work costs: wall time, CPU seconds of the client processes and of the servers, peak memory of one process.
import { readdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';

/** Kernel ticks per second in /proc: USER_HZ, 100 on every Linux that Node.js runs on. */
const TICKS = 100;

/**
 * CPU seconds of a process: its own and those of its ended, waited-for children. Fields of /proc/PID/stat are counted
 * after the program's name, which may hold spaces (man 5 proc).
 */
function cpuOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [utime, stime, cutime, cstime] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 15)
      .map(Number);
    return { own: (utime + stime) / TICKS, children: (cutime + cstime) / TICKS };
  } catch {
    return { own: 0, children: 0 };
  }
}

function parentOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return 0;
  }
}

/** CPU seconds of the servers: each postmaster with the backends that have ended, and the backends that live. */
function cpuOfServers(postmasters) {
  const roots = new Set(postmasters);
  const live = readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => roots.has(pid) || roots.has(parentOf(pid)));
  return live.reduce((total, pid) => {
    const { own, children } = cpuOf(pid);
    return total + own + children;
  }, 0);
}

/** CPU seconds that the whole machine was busy since it started: everything but idle, waiting for I/O, and stolen. */
function cpuOfMachine() {
  const [user, nice, system, , , irq, softirq] = readFileSync('/proc/stat', 'utf8')
    .split('\n', 1)[0]
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softirq) / TICKS;
}

/**
 * Measures `work`. Client processes must be children of this process that end and are waited for within `work`.
 *
 * @param {number[]} postmasters process ids of the servers that take part
 * @returns {Promise<{wall: number, client: number, server: number, others: number, result: unknown}>} seconds;
 *   `others` is the CPU that the rest of the machine used meanwhile, as a share of all its cores
 */
export async function measured(postmasters, work) {
  const before = { servers: cpuOfServers(postmasters), machine: cpuOfMachine(), me: cpuOf(process.pid) };
  const start = process.hrtime.bigint();
  const result = await work();
  const wall = Number(process.hrtime.bigint() - start) / 1e9;
  const me = cpuOf(process.pid);
  const client = me.children - before.me.children;
  const server = cpuOfServers(postmasters) - before.servers;
  const mine = me.own - before.me.own;
  const others = cpuOfMachine() - before.machine - client - server - mine;
  return { wall, client, server, others: Math.max(0, others) / (wall * cpus().length), result };
}
