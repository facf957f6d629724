import type { Clock } from '../core/context.js';

export const systemClock: Clock = { now: () => Date.now() };
