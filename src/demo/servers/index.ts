export {
  type Cluster,
  type ClusterAddress,
  type ClusterOptions,
  createClusterDatabase,
  dropClusterDatabase,
  startCluster,
} from './cluster.js';
export { createDatabase, dropDatabase, type ServerAddress, withSession } from './databases.js';
export { closeServers } from './home.js';
export { findLocalPostgres, findPostgres, type PostgresInstall } from './install.js';
export { openSession } from './open-session.js';
export { type Server, type StartOptions, type StopMode, startServer } from './server.js';
export type { Settings } from './settings.js';
