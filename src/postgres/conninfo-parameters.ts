/**
 * How a libpq parameter is taken: `used`; `ignored`, because it changes nothing that the user relies on here; or
 * only with one of the listed values, because another would promise what this client does not do.
 */
export type ParameterUse = 'used' | 'ignored' | readonly string[];

interface Parameter {
  readonly env?: string;
  readonly use: ParameterUse;
}

/** Every keyword of libpq up to PostgreSQL 18 (libpq-connect, "Parameter Key Words") with its environment variable. */
export const PARAMETERS: Readonly<Record<string, Parameter>> = {
  service: { env: 'PGSERVICE', use: 'used' },
  servicefile: { env: 'PGSERVICEFILE', use: 'used' },
  host: { env: 'PGHOST', use: 'used' },
  hostaddr: { env: 'PGHOSTADDR', use: 'used' },
  port: { env: 'PGPORT', use: 'used' },
  dbname: { env: 'PGDATABASE', use: 'used' },
  user: { env: 'PGUSER', use: 'used' },
  password: { env: 'PGPASSWORD', use: 'used' },
  passfile: { env: 'PGPASSFILE', use: 'used' },
  connect_timeout: { env: 'PGCONNECT_TIMEOUT', use: 'used' },
  application_name: { env: 'PGAPPNAME', use: 'used' },
  fallback_application_name: { use: 'used' },
  options: { env: 'PGOPTIONS', use: 'used' },
  keepalives: { use: 'used' },
  keepalives_idle: { use: 'used' },
  target_session_attrs: {
    env: 'PGTARGETSESSIONATTRS',
    use: ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'],
  },
  sslmode: {
    env: 'PGSSLMODE',
    use: ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'],
  },
  sslnegotiation: { env: 'PGSSLNEGOTIATION', use: ['postgres', 'direct'] },
  sslrootcert: { env: 'PGSSLROOTCERT', use: 'used' },
  sslcert: { env: 'PGSSLCERT', use: 'used' },
  sslkey: { env: 'PGSSLKEY', use: 'used' },
  sslpassword: { use: 'used' },
  sslcrl: { env: 'PGSSLCRL', use: 'used' },
  ssl_min_protocol_version: {
    env: 'PGSSLMINPROTOCOLVERSION',
    use: ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'],
  },
  ssl_max_protocol_version: {
    env: 'PGSSLMAXPROTOCOLVERSION',
    use: ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'],
  },

  channel_binding: { env: 'PGCHANNELBINDING', use: ['disable', 'prefer'] },
  gssencmode: { env: 'PGGSSENCMODE', use: ['disable', 'prefer'] },
  sslcertmode: { env: 'PGSSLCERTMODE', use: ['allow'] },
  sslcrldir: { env: 'PGSSLCRLDIR', use: [] },
  requirepeer: { env: 'PGREQUIREPEER', use: [] },
  require_auth: { env: 'PGREQUIREAUTH', use: [] },
  replication: { use: ['false', 'off', 'no', '0'] },
  scram_client_key: { use: [] },
  scram_server_key: { use: [] },
  oauth_issuer: { use: [] },
  oauth_client_id: { use: [] },
  oauth_client_secret: { use: [] },
  oauth_scope: { use: [] },

  client_encoding: { env: 'PGCLIENTENCODING', use: 'ignored' },
  keepalives_interval: { use: 'ignored' },
  keepalives_count: { use: 'ignored' },
  tcp_user_timeout: { use: 'ignored' },
  sslcompression: { env: 'PGSSLCOMPRESSION', use: 'ignored' },
  sslsni: { env: 'PGSSLSNI', use: 'ignored' },
  sslkeylogfile: { use: 'ignored' },
  krbsrvname: { env: 'PGKRBSRVNAME', use: 'ignored' },
  gsslib: { env: 'PGGSSLIB', use: 'ignored' },
  gssdelegation: { env: 'PGGSSDELEGATION', use: 'ignored' },
  load_balance_hosts: { env: 'PGLOADBALANCEHOSTS', use: 'ignored' },
  min_protocol_version: { env: 'PGMINPROTOCOLVERSION', use: 'ignored' },
  max_protocol_version: { env: 'PGMAXPROTOCOLVERSION', use: 'ignored' },
};
