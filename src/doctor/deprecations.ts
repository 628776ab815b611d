// What Mosquitto deprecates and its old spellings, each with what is written today. Those that D31 is about are left out.

/** By the option's name as it is written. */
export const deprecations: ReadonlyMap<string, string> = new Map([
  ['port', 'listener PORT'],
  ['bind_address', 'listener PORT ADDRESS'],
  ['clientid_prefixes', 'remove the line; password_file or require_certificate say who clients are'],
  ['allow_duplicate_messages', 'remove the line'],
  ['auto_id_prefix', 'listener_auto_id_prefix, below each listener'],
  ['message_size_limit', 'max_packet_size'],
  ['retry_interval', 'remove the line: it has no effect'],
  ['dhparamfile', 'remove the line: it has no effect'],
  ['auth_plugin', 'plugin'],
  ['retained_persistence', 'persistence'],
  ['maximum_qos', 'max_qos'],
  ['websockets_headers_size', 'packet_buffer_size'],
  ['addresses', 'address'],
  ['clientid', 'remote_clientid'],
  ['username', 'remote_username'],
  ['password', 'remote_password'],
])
