import type { Random } from './random.js';
import type { RowEncoder } from './row-encoder.js';
import { words } from './words.js';

/** What the rows of a table are made from. */
export interface Scene {
  readonly random: Random;
  /** A namespace's name, drawn by Zipf's law. */
  namespace(): string;
  /** All namespaces, the most frequent first. */
  readonly namespaces: readonly string[];
  readonly out: RowEncoder;
  /** Number of graph nodes: edges join them. */
  readonly nodes: number;
}

export interface GeneratedTable {
  readonly name: string;
  /** Without `id`: the table's sequence numbers the rows as they come. */
  readonly columns: readonly string[];
  /** Its rows for so many memory entries. */
  rows(memoryEntries: number, namespaces: number): number;
  /** Writes the row's values; `index` counts from 0. */
  write(scene: Scene, index: number): void;
}

export const DIMENSIONS = 384;
const EMBEDDING = new Float32Array(DIMENSIONS);

/** 2024-01-01 00:00 in microseconds since 2000-01-01, and one year. */
const START = 757_382_400_000_000;
const YEAR = 31_536_000_000_000;

function embedding({ random, out }: Scene, missing = 0): void {
  if (missing > 0 && random.chance(missing)) {
    out.null();
    return;
  }
  for (let index = 0; index < DIMENSIONS; index += 1)
    EMBEDDING[index] = (random.bits() >>> 8) / 0x80_0000 - 1;
  out.vector(EMBEDDING);
}

/** Rounded to a thousandth: a number that people store, not one that only a computer makes. */
function share({ random }: Scene): number {
  return random.below(1001) / 1000;
}

function moments({ random, out }: Scene, count: number): void {
  let at = START + random.below(YEAR);
  for (let index = 0; index < count; index += 1) {
    out.timestamp(at);
    at += random.below(YEAR / 12);
  }
}

function properties({ random }: Scene, size: number): string {
  const object: Record<string, unknown> = {
    source: random.pick(['chat', 'tool', 'import']),
    weight: random.below(100) / 4,
  };
  if (random.chance(0.3)) object.note = words(random, size);
  if (random.chance(0.1)) object.parent = null;
  return JSON.stringify(object);
}

const MEMORY_ENTRIES: GeneratedTable = {
  name: 'memory_entries',
  columns: [
    'namespace',
    'key',
    'value',
    'embedding',
    'metadata',
    'tags',
    'created_at',
    'updated_at',
    'expires_at',
  ],
  rows: (count) => count,
  write(scene, index) {
    const { random, out } = scene;
    const expires = random.chance(0.3);
    out.row(9);
    out.text(scene.namespace());
    out.text(`${random.pick(['fact', 'note', 'task', 'pref'])}:${index}`);
    if (random.chance(0.01)) out.null();
    else out.text(random.chance(0.01) ? '' : words(random, 3 + random.below(40)));
    embedding(scene, 0.02);
    out.jsonb(properties(scene, 6));
    if (random.chance(0.1)) out.null();
    else out.textArray(Array.from({ length: random.below(5) }, () => words(random, 1)));
    moments(scene, expires ? 3 : 2);
    if (!expires) out.null();
  },
};

const PATTERNS: GeneratedTable = {
  name: 'patterns',
  columns: [
    'namespace',
    'pattern_type',
    'pattern_data',
    'embedding',
    'confidence',
    'success_count',
    'failure_count',
    'created_at',
    'updated_at',
  ],
  rows: (count) => Math.ceil(count / 10),
  write(scene) {
    const { random, out } = scene;
    out.row(9);
    out.text(scene.namespace());
    out.text(random.pick(['retrieval', 'planning', 'repair', 'routing']));
    out.jsonb(properties(scene, 20));
    embedding(scene);
    out.float8(share(scene));
    out.int4(random.below(1000));
    out.int4(random.below(100));
    moments(scene, 2);
  },
};

const TRAJECTORIES: GeneratedTable = {
  name: 'trajectories',
  columns: ['task_description', 'steps', 'verdict', 'quality_score', 'embedding', 'created_at'],
  rows: (count) => Math.ceil(count / 20),
  write(scene) {
    const { random, out } = scene;
    const steps = Array.from({ length: 1 + random.below(8) }, (_, step) => ({
      step,
      action: words(random, 5),
    }));
    out.row(6);
    out.text(words(random, 12));
    out.jsonb(JSON.stringify(steps));
    if (random.chance(0.05)) out.null();
    else out.text(random.pick(['success', 'failure', 'partial']));
    out.float8(share(scene));
    embedding(scene);
    moments(scene, 1);
  },
};

const GRAPH_NODES: GeneratedTable = {
  name: 'graph_nodes',
  columns: ['namespace', 'node_id', 'node_type', 'properties', 'embedding', 'created_at'],
  rows: (count) => Math.ceil(count / 5),
  write(scene, index) {
    scene.out.row(6);
    scene.out.text(scene.namespace());
    scene.out.text(`node-${index}`);
    scene.out.text(scene.random.pick(['person', 'file', 'concept', 'event']));
    scene.out.jsonb(properties(scene, 4));
    embedding(scene, 0.1);
    moments(scene, 1);
  },
};

const GRAPH_EDGES: GeneratedTable = {
  name: 'graph_edges',
  columns: ['namespace', 'from_node', 'to_node', 'edge_type', 'properties', 'weight', 'created_at'],
  rows: (count) => Math.ceil(count / 2),
  write(scene) {
    const { random, out } = scene;
    out.row(7);
    out.text(scene.namespace());
    out.text(`node-${random.below(scene.nodes)}`);
    out.text(`node-${random.below(scene.nodes)}`);
    out.text(random.pick(['mentions', 'causes', 'precedes', 'part_of']));
    out.jsonb(properties(scene, 3));
    out.float8(random.unit());
    moments(scene, 1);
  },
};

const HYPERBOLIC_EMBEDDINGS: GeneratedTable = {
  name: 'hyperbolic_embeddings',
  columns: ['namespace', 'entity_id', 'embedding', 'radius', 'metadata', 'created_at'],
  rows: (count) => Math.ceil(count / 20),
  write(scene, index) {
    scene.out.row(6);
    scene.out.text(scene.namespace());
    scene.out.text(`entity-${index}`);
    embedding(scene);
    scene.out.float8(scene.random.unit());
    scene.out.jsonb(properties(scene, 4));
    moments(scene, 1);
  },
};

const INDEXED = ['memory_entries', 'patterns', 'graph_nodes'];

const VECTOR_INDEXES: GeneratedTable = {
  name: 'vector_indexes',
  columns: ['namespace', 'index_name', 'table_name', 'dimensions', 'distance', 'options', 'created_at'],
  rows: (_count, namespaces) => Math.min(namespaces, 100) * INDEXED.length,
  write(scene, index) {
    const table = INDEXED[index % INDEXED.length]!;
    scene.out.row(7);
    scene.out.text(scene.namespaces[Math.floor(index / INDEXED.length)]!);
    scene.out.text(`${table}_hnsw`);
    scene.out.text(table);
    scene.out.int4(DIMENSIONS);
    scene.out.text('cosine');
    scene.out.jsonb('{"m": 16, "ef_construction": 200}');
    moments(scene, 1);
  },
};

const SESSIONS: GeneratedTable = {
  name: 'sessions',
  columns: ['session_id', 'data', 'created_at', 'updated_at', 'expires_at'],
  rows: (count) => Math.min(Math.ceil(count / 100), 1000),
  write(scene, index) {
    scene.out.row(5);
    scene.out.text(`session-${index}-${scene.random.bits().toString(16)}`);
    scene.out.jsonb(properties(scene, 10));
    moments(scene, 3);
  },
};

const METADATA: GeneratedTable = {
  name: 'metadata',
  columns: ['key', 'value', 'updated_at'],
  rows: () => 10,
  write(scene, index) {
    scene.out.row(3);
    scene.out.text(`setting-${index}`);
    if (index === 0) scene.out.null();
    else scene.out.text(words(scene.random, index));
    moments(scene, 1);
  },
};

export const TABLES: readonly GeneratedTable[] = [
  MEMORY_ENTRIES,
  PATTERNS,
  TRAJECTORIES,
  GRAPH_NODES,
  GRAPH_EDGES,
  HYPERBOLIC_EMBEDDINGS,
  VECTOR_INDEXES,
  SESSIONS,
  METADATA,
];
