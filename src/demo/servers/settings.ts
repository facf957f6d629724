export type Settings = Readonly<Record<string, string | number | boolean>>;

/**
 * Settings of a throw-away server. Without `durable`, the operating system's crash may lose everything, the
 * server's own crash loses nothing: commits are still written before they are answered.
 */
export function defaultSettings({
  durable = false,
  citus = false,
}: {
  durable?: boolean;
  citus?: boolean;
}): Settings {
  return {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    // The process's output is the log: no collector, and messages in English.
    logging_collector: 'off',
    lc_messages: 'C',
    timezone: 'UTC',
    max_connections: 100,
    wal_level: 'logical',
    max_wal_senders: 10,
    max_replication_slots: 20,
    // /dev/shm is 64 MB in a container unless told otherwise, too small for parallel index builds.
    dynamic_shared_memory_type: 'mmap',
    fsync: durable,
    full_page_writes: durable,
    max_wal_size: '4GB',
    // Where nothing is measured: a query on catalogs that is planned as dear is compiled for a second, by each backend.
    jit: durable,
    ...(citus ? CITUS : {}),
  };
}

const CITUS: Settings = {
  shared_preload_libraries: 'citus',
  max_prepared_transactions: 200,
  // One maintenance daemon for each database with the extension.
  max_worker_processes: 64,
  'citus.local_hostname': '127.0.0.1',
  'citus.node_conninfo': 'sslmode=disable',
  'citus.enable_statistics_collection': false,
};
