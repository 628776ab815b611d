// Options of Mosquitto and of this broker that may stand on several lines, each of which counts.

export const repeatable: ReadonlySet<string> = new Set([
  'log_dest',
  'log_type',
  'plugin',
  'global_plugin',
  'plugin_load',
  'plugin_use',
  'connection',
  'topic',
  'websockets_origin',
  'audit_exclude',
  'certificate_group',
  'certificate_role',
  'client_limit',
  'role_limit',
  'jwt_key_file',
  'jwt_secret_file',
  'ldap_group_role',
  'metrics_host',
])
