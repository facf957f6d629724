import { VALUES } from '../file-schema.js';
import { define } from './spec.js';

/** How much work burdens the servers, before it starts and while it runs. */
export const PACE = define({
  throttle: {
    flag: 'throttle',
    key: 'throttle',
    kind: 'texts',
    value: VALUES.throttle,
    placeholder: 'LIMIT',
    describe:
      'Pause above a limit: lag=10s or lag=64MB (standbys), active=50 (connections of others), "query=SELECT …" or "source-query=SELECT …" (true, or above 0); may be repeated',
  },
  maxRate: {
    flag: 'max-rate',
    key: 'maxRate',
    kind: 'text',
    value: VALUES.maxRate,
    placeholder: 'SIZE',
    describe: 'Bytes per second of all streams together, e.g. 50MB',
    shownDefault: 'no limit',
  },
  control: {
    flag: 'control',
    key: 'control',
    kind: 'text',
    value: VALUES.file,
    placeholder: 'FILE',
    describe: 'File with pause, jobs, maxRate and throttle, read again while the command runs',
  },
  connectionReserve: {
    flag: 'connection-reserve',
    key: 'connectionReserve',
    kind: 'number',
    value: VALUES.connectionReserve,
    placeholder: 'N',
    describe: 'Connections that stay free for others on every node',
    shownDefault: '5',
  },
});
