import { below, type Random, type Scenario } from './histories.js';

const IDS = 12;
const id = (random: Random): number => 1 + below(random, IDS);
const namespace = (random: Random): string => `'ns${below(random, 5)}'`;
const uuid = (n: number): string => `md5('${n}')::uuid`;
const word = (random: Random): string => `'w${below(random, 1000)}'`;

type Claim = (what: string) => boolean;
type Build = (random: Random, claim: Claim) => readonly string[] | undefined;

/**
 * Statements on the schema of follow-schema.ts as it is on the cluster. Nothing keeps ids apart there between
 * namespaces, as applications do: a row comes into one once it is gone from the others, and nobody else brings a row
 * of the same id before the transaction has ended.
 */
const BRINGING: readonly (readonly [weight: number, build: Build])[] = [
  [
    8,
    (r, claim) => {
      const [n, ns] = [id(r), namespace(r)];
      if (!claim(`account ${n}`)) return undefined;
      return [
        `DELETE FROM account WHERE id = ${n} AND namespace <> ${ns}`,
        `INSERT INTO account (id, namespace, name) VALUES (${n}, ${ns}, ${word(r)}) ON CONFLICT (namespace, id) DO UPDATE SET name = excluded.name`,
      ];
    },
  ],
  [
    2,
    (r, claim) => {
      const [from, to] = [id(r), id(r)];
      if (!claim(`account ${to}`)) return undefined;
      return [`DELETE FROM account WHERE id = ${to}`, `UPDATE account SET id = ${to} WHERE id = ${from}`];
    },
  ],
  [
    8,
    (r, claim) => {
      const n = id(r);
      if (!claim(`item ${n}`)) return undefined;
      return [
        `DELETE FROM item WHERE id = ${n}`,
        `INSERT INTO item (namespace, id, account_id, kind_id, note) SELECT namespace, ${n}, id, ${1 + below(r, 3)}, ${word(r)} FROM account WHERE id = ${id(r)}`,
      ];
    },
  ],
  [
    8,
    (r, claim) => {
      const n = id(r);
      if (!claim(`part ${n}`)) return undefined;
      return [
        `DELETE FROM part WHERE id = ${uuid(n)}`,
        `INSERT INTO part (namespace, id, item_id, note) SELECT namespace, ${uuid(n)}, id, ${word(r)} FROM item WHERE id = ${id(r)}`,
      ];
    },
  ],
];

const EVENTS: readonly (readonly [weight: number, build: Build])[] = [
  [
    6,
    (r, claim) => {
      const n = id(r);
      if (!claim(`event ${n}`)) return undefined;
      return [
        `DELETE FROM event WHERE id = ${n}`,
        `INSERT INTO event (id, day, namespace, what) VALUES (${n}, ${1 + below(r, 2)}, ${namespace(r)}, ${word(r)})`,
      ];
    },
  ],
  [
    2,
    (r, claim) =>
      claim('event many')
        ? [
            'DELETE FROM event WHERE id >= 100',
            `INSERT INTO event (id, day, namespace, what) SELECT g, 1 + g % 2, 'ns' || g % ${1 + below(r, 5)}, 'many' FROM generate_series(100, 240) g`,
          ]
        : undefined,
  ],
];

const CHANGING: readonly (readonly [weight: number, build: Build])[] = [
  [3, (r) => [`UPDATE account SET name = name || 'x' WHERE id % 3 = ${below(r, 3)}`]],
  [3, (r) => [`DELETE FROM account WHERE id = ${id(r)}`]],
  [2, (r) => [`DELETE FROM account WHERE namespace = ${namespace(r)} AND id % 3 = 0`]],
  [
    2,
    (r) => {
      const ns = namespace(r);
      return [
        `UPDATE account SET name = 'swap' WHERE namespace = ${ns} AND id = ${id(r)}`,
        `UPDATE account SET name = 'swapped' WHERE namespace = ${ns} AND name = 'swap'`,
      ];
    },
  ],
  [3, (r) => [`UPDATE item SET note = ${word(r)} WHERE id = ${id(r)}`]],
  [2, (r) => [`UPDATE item SET account_id = ${id(r)} WHERE namespace = ${namespace(r)} AND id = ${id(r)}`]],
  [3, (r) => [`DELETE FROM item WHERE id = ${id(r)}`]],
  [3, (r) => [`UPDATE part SET note = ${word(r)} WHERE namespace = ${namespace(r)}`]],
  [2, (r) => [`DELETE FROM part WHERE item_id = ${id(r)}`]],
  [2, (r) => [`UPDATE kind SET label = ${word(r)} WHERE id = ${1 + below(r, 3)}`]],
  [1, () => ['TRUNCATE part']],
  [0.5, () => ['TRUNCATE account CASCADE']],
  [0.5, () => ['TRUNCATE event']],
];

const CHANGING_EVENTS: readonly (readonly [weight: number, build: Build])[] = [
  [3, (r) => [`UPDATE event SET day = 3 - day WHERE id = ${id(r)}`]],
  [2, (r) => [`UPDATE event_${1 + below(r, 2)} SET what = ${word(r)} WHERE id = ${id(r)}`]],
  [2, (r) => [`DELETE FROM event_${1 + below(r, 2)} WHERE id % 4 = ${below(r, 4)}`]],
  [1, (r) => [`UPDATE event SET what = what || 'x' WHERE namespace = ${namespace(r)}`]],
  [1, (r) => [`TRUNCATE event_${1 + below(r, 2)}`]],
];

/** Writers on a cluster, through whatever node. */
export const CLUSTER: Scenario = {
  step: (random, { whole, repeatable, claim }) => {
    const builds = [
      ...(repeatable || whole ? [] : BRINGING),
      // A snapshot that is older than another's commit would bring a row that is there.
      ...(repeatable ? [] : EVENTS),
      ...(whole ? [] : CHANGING),
      ...CHANGING_EVENTS,
    ];
    for (;;) {
      let left = random() * builds.reduce((sum, [weight]) => sum + weight, 0);
      const [, build] = builds.find(([weight]) => {
        left -= weight;
        return left < 0;
      })!;
      const texts = build(random, claim);
      if (texts !== undefined) return texts;
    }
  },
  replica: [
    "SET LOCAL citus.propagate_set_commands = 'local'",
    'SET LOCAL session_replication_role = replica',
  ],
};
