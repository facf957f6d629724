import { measured } from './usage.mjs';

/** Above this share of the machine's CPU used by other programs, a measurement is repeated. */
const NOISE = 0.1;
const ATTEMPTS = 3;

/**
 * Measures candidates in turn, `rounds` times, each round starting with another one, so that whatever changes
 * meanwhile meets all of them. A measurement under which something else kept the machine busy is repeated, at most
 * ATTEMPTS times; then the quietest counts.
 *
 * @param {{name: string, before?: () => Promise<void>, run: () => Promise<object | void>, check?: () => Promise<void>}[]} candidates
 *   `before` and `check` are not measured; what `run` returns is kept as `detail`. One that is `optional` and fails
 *   is left out from there on; the others' failures are thrown.
 */
export async function alternate(candidates, { rounds, postmasters, say }) {
  const samples = new Map(candidates.map(({ name }) => [name, []]));
  const failed = new Set();
  for (let round = 0; round < rounds; round += 1) {
    for (let index = 0; index < candidates.length; index += 1) {
      const candidate = candidates[(index + round) % candidates.length];
      const { name } = candidate;
      if (failed.has(name)) continue;
      try {
        const quietest = await sample(candidate, postmasters);
        samples.get(name).push(quietest);
        say(`  ${name}: ${quietest.wall.toFixed(2)} s, others ${(quietest.others * 100).toFixed(0)} %`);
      } catch (error) {
        if (!candidate.optional) throw error;
        failed.add(name);
        say(`  ${name} is left out: ${error.message}`);
      }
    }
  }
  return candidates.flatMap(({ name }) => (failed.has(name) ? [] : { name, ...summary(samples.get(name)) }));
}

async function sample({ before, run, check }, postmasters) {
  let quietest;
  for (let attempt = 0; attempt < ATTEMPTS && !(quietest?.others <= NOISE); attempt += 1) {
    await before?.();
    const { result, ...cost } = await measured(postmasters, run);
    await check?.();
    if (quietest === undefined || cost.others < quietest.others) quietest = { ...cost, detail: result ?? {} };
  }
  return quietest;
}

export function median(values) {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function summary(samples) {
  const of = (value) => median(samples.map(value));
  const walls = samples.map(({ wall }) => wall);
  return {
    wall: of(({ wall }) => wall),
    fastest: Math.min(...walls),
    slowest: Math.max(...walls),
    client: of(({ client }) => client),
    server: of(({ server }) => server),
    others: Math.max(...samples.map(({ others }) => others)),
    samples,
  };
}
